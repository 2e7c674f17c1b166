package sherpa

import "time"

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

// LongestOffline is the sound that every offline model takes at once: Whisper
// passes over what comes after 30 s.
const LongestOffline = 29 * time.Second
