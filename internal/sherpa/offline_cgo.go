//go:build cgo

package sherpa

import (
	"fmt"
	"sync"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// Offline is a recogniser of whole pieces of sound: a loaded model. Its
// methods, Close aside, are safe for concurrent use.
type Offline struct {
	impl *lib.OfflineRecognizer
	// alone: Whisper's decoder is written to by each recognition.
	alone *sync.Mutex
}

// NewOffline loads an offline model.
func NewOffline(c OfflineConfig) (*Offline, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	impl := lib.NewOfflineRecognizer(c.library())
	if impl == nil {
		return nil, fmt.Errorf("%w: %s with %s", ErrModel, c.Kind, c.Tokens)
	}
	r := &Offline{impl: impl}
	if c.Kind == Whisper {
		r.alone = new(sync.Mutex)
	}
	return r, nil
}

func (c OfflineConfig) library() *lib.OfflineRecognizerConfig {
	m := lib.OfflineModelConfig{Tokens: c.Tokens, NumThreads: max(c.Threads, 1), Provider: "cpu"}
	switch c.Kind {
	case SenseVoice:
		m.SenseVoice = lib.OfflineSenseVoiceModelConfig{Model: c.Model, Language: c.Language}
		if c.WrittenNumbers {
			m.SenseVoice.UseInverseTextNormalization = 1
		}
	case OfflineParaformer:
		m.Paraformer = lib.OfflineParaformerModelConfig{Model: c.Model}
	case FireRedASR:
		m.FireRedAsr = lib.OfflineFireRedAsrModelConfig{Encoder: c.Encoder, Decoder: c.Decoder}
	case FireRedASRCTC:
		m.FireRedAsrCtc = lib.OfflineFireRedAsrCtcModelConfig{Model: c.Model}
	case DolphinCTC:
		m.Dolphin = lib.OfflineDolphinModelConfig{Model: c.Model}
	case TeleSpeechCTC: // the only one that the library tells by this field
		m.TeleSpeechCtc, m.ModelType = c.Model, "telespeech_ctc"
	case Whisper:
		m.Whisper = lib.OfflineWhisperModelConfig{Encoder: c.Encoder, Decoder: c.Decoder, Language: c.Language, Task: "transcribe"}
	case WeNetCTC:
		m.WenetCtc = lib.OfflineWenetCtcModelConfig{Model: c.Model}
	case OfflineZipformerCTC:
		m.ZipformerCtc = lib.OfflineZipformerCtcModelConfig{Model: c.Model}
	}
	return &lib.OfflineRecognizerConfig{
		FeatConfig: lib.FeatureConfig{SampleRate: Rate, FeatureDim: 80}, ModelConfig: m, DecodingMethod: GreedySearch,
	}
}

// Recognize gives what is said in sound at Rate, -1 to 1, of at most
// LongestOffline.
func (r *Offline) Recognize(pcm []float32) Result {
	stream := lib.NewOfflineStream(r.impl)
	defer lib.DeleteOfflineStream(stream)
	stream.AcceptWaveform(Rate, lengthened(pcm))
	if r.alone != nil {
		r.alone.Lock()
		defer r.alone.Unlock()
	}
	r.impl.Decode(stream)
	res := stream.GetResult()
	return Result{Text: res.Text, Tokens: res.Tokens, LogProbs: res.YsLogProbs, Language: res.Lang}
}

// Close frees the model; it may be called again.
func (r *Offline) Close() {
	if r.impl != nil {
		lib.DeleteOfflineRecognizer(r.impl)
		r.impl = nil
	}
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
