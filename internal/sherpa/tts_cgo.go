//go:build cgo

package sherpa

import (
	"context"
	"fmt"
	"strings"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// What the models' documentation names as usual; the binding's zero values
// are not theirs.
const (
	vitsNoise     = 0.667
	vitsNoiseW    = 0.8
	featScale     = 0.1
	timeShift     = 0.5
	targetRMS     = 0.1
	guidanceScale = 1
)

// TTS is a loaded synthesis model; it is not safe for concurrent use.
type TTS struct {
	impl           *lib.OfflineTts
	rate, speakers int
}

// NewTTS loads a model.
func NewTTS(c TTSConfig) (*TTS, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	cfg := lib.OfflineTtsConfig{RuleFsts: strings.Join(c.Rules, ","), MaxNumSentences: 1, SilenceScale: 1}
	m, lexicon := &cfg.Model, strings.Join(c.Lexicon, ",")
	m.NumThreads, m.Provider = max(1, c.Threads), "cpu"
	switch c.Kind {
	case TTSVits:
		m.Vits = lib.OfflineTtsVitsModelConfig{
			Model: c.Model, Lexicon: lexicon, Tokens: c.Tokens, DataDir: c.DataDir,
			NoiseScale: vitsNoise, NoiseScaleW: vitsNoiseW, LengthScale: 1,
		}
	case TTSMatcha:
		m.Matcha = lib.OfflineTtsMatchaModelConfig{
			AcousticModel: c.Model, Vocoder: c.Vocoder, Lexicon: lexicon, Tokens: c.Tokens, DataDir: c.DataDir,
			NoiseScale: vitsNoise, LengthScale: 1,
		}
	case TTSKokoro:
		m.Kokoro = lib.OfflineTtsKokoroModelConfig{
			Model: c.Model, Voices: c.Voices, Tokens: c.Tokens, DataDir: c.DataDir, Lexicon: lexicon, LengthScale: 1,
		}
	case TTSZipVoice:
		m.Zipvoice = lib.OfflineTtsZipvoiceModelConfig{
			Encoder: c.Encoder, Decoder: c.Decoder, Vocoder: c.Vocoder, Tokens: c.Tokens, DataDir: c.DataDir, Lexicon: lexicon,
			FeatScale: featScale, TShift: timeShift, TargetRms: targetRMS, GuidanceScale: guidanceScale,
		}
	}
	impl := lib.NewOfflineTts(&cfg)
	if impl == nil {
		return nil, fmt.Errorf("%w: %s", ErrModel, c.Model+c.Encoder)
	}
	return &TTS{impl: impl, rate: impl.SampleRate(), speakers: impl.NumSpeakers()}, nil
}

// SampleRate is that of the sound, in Hz.
func (t *TTS) SampleRate() int { return t.rate }

// Speakers is how many there are; a model that knows none has one.
func (t *TTS) Speakers() int { return max(1, t.speakers) }

// Generate speaks text and gives the sound to emit, clause by clause as the
// model makes it. It ends early, in the midst of the text, when ctx ends or
// emit fails, and returns that error; after it has returned, emit is not
// called. Text that the model has no sound for gives none, and no error.
func (t *TTS) Generate(ctx context.Context, text string, v Voice, emit func([]float32) error) error {
	if v.Speaker < 0 || v.Speaker >= t.Speakers() {
		return fmt.Errorf("%w: %d of %d", ErrSpeaker, v.Speaker, t.Speakers())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	text = strings.ReplaceAll(text, "\x00", "") // would be the text's end
	taken := take{ctx: ctx, emit: emit}
	t.impl.GenerateWithConfig(text, &lib.GenerationConfig{
		Speed: float32(v.Speed), Sid: v.Speaker, SilenceScale: 1, NumSteps: v.Steps,
		ReferenceAudio: v.Reference, ReferenceSampleRate: v.ReferenceRate, ReferenceText: v.ReferenceText,
	}, func(pcm []float32, _ float32) bool { return taken.more(pcm) })
	return taken.err
}

// Close frees the model; it may be called again.
func (t *TTS) Close() {
	if t.impl != nil {
		lib.DeleteOfflineTts(t.impl)
		t.impl = nil
	}
}
