package sherpa

import (
	"fmt"
	"time"
)

// The kinds of models that recognise a whole piece of sound at once. One of
// them has the name of a streaming kind, and other files.
const (
	SenseVoice          = "sense-voice"
	OfflineParaformer   = "paraformer"
	FireRedASR          = "fire-red-asr"
	FireRedASRCTC       = "fire-red-asr-ctc"
	DolphinCTC          = "dolphin-ctc"
	TeleSpeechCTC       = "telespeech-ctc"
	Whisper             = "whisper"
	WeNetCTC            = "wenet-ctc"
	OfflineZipformerCTC = "zipformer-ctc"
)

// OfflineConfig names the files of an offline model. Which files a model has
// depends on its kind.
type OfflineConfig struct {
	Kind                    string
	Encoder, Decoder, Model string
	Tokens                  string
	Language                string // of SenseVoice and Whisper: zh, en, ...; empty lets the model judge
	WrittenNumbers          bool   // SenseVoice writes punctuation, and numbers in digits
	Threads                 int    // of one recognition; 0 is 1
}

// check refuses what would make the library end the process.
func (c OfflineConfig) check() error {
	need := map[string]string{"tokens": c.Tokens}
	switch c.Kind {
	case SenseVoice, OfflineParaformer, FireRedASRCTC, DolphinCTC, TeleSpeechCTC, WeNetCTC, OfflineZipformerCTC:
		need["model"] = c.Model
	case FireRedASR, Whisper:
		need["encoder"], need["decoder"] = c.Encoder, c.Decoder
	default:
		return fmt.Errorf("%w: no offline model is of kind %.40q", ErrModel, c.Kind)
	}
	return needed(need)
}

// LongestOffline is the sound that every offline model takes at once: Whisper
// passes over what comes after 30 s.
const LongestOffline = 29 * time.Second

// shortestOffline in samples: of less than a window of features the library
// makes none, and then has no shape to work with. Shorter sound gets silence
// behind it.
const shortestOffline = Rate / 2

// lengthened is pcm with as much silence behind it as the models need.
func lengthened(pcm []float32) []float32 {
	if len(pcm) >= shortestOffline {
		return pcm
	}
	return append(pcm[:len(pcm):len(pcm)], make([]float32, shortestOffline-len(pcm))...)
}
