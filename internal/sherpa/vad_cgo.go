//go:build cgo

package sherpa

import (
	"fmt"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// vadWindow is how many samples at 16 kHz the Silero model judges at once.
const vadWindow = 512

// vadBuffer is how much sound in seconds a detector has room for without
// growing; its users start it afresh before a speech gets as long.
const vadBuffer = 10

// VAD is a voice activity detector of one stream; it is not safe for
// concurrent use.
type VAD struct{ impl *lib.VoiceActivityDetector }

// NewVAD loads a Silero model.
func NewVAD(c VADConfig) (*VAD, error) {
	if err := files(c.Model); err != nil {
		return nil, err
	}
	impl := lib.NewVoiceActivityDetector(&lib.VadModelConfig{
		SileroVad: lib.SileroVadModelConfig{
			Model: c.Model, Threshold: c.Threshold, WindowSize: vadWindow,
			MinSilenceDuration: float32(c.MinSilence.Seconds()), MinSpeechDuration: float32(c.MinSpeech.Seconds()),
			MaxSpeechDuration: 60,
		},
		SampleRate: 16000, NumThreads: 1, Provider: "cpu",
	}, vadBuffer)
	if impl == nil {
		return nil, fmt.Errorf("%w: %s", ErrModel, c.Model)
	}
	return &VAD{impl}, nil
}

// Accept takes sound at 16 kHz, in pieces of any size, and says whether the
// stream is in speech after it.
func (v *VAD) Accept(pcm []float32) bool {
	v.impl.AcceptWaveform(pcm)
	for !v.impl.IsEmpty() { // segments are kept until they are taken
		v.impl.Pop()
	}
	return v.impl.IsSpeech()
}

// Reset forgets what came before.
func (v *VAD) Reset() { v.impl.Reset() }

// Close frees the model; it may be called again.
func (v *VAD) Close() {
	if v.impl != nil {
		lib.DeleteVoiceActivityDetector(v.impl)
		v.impl = nil
	}
}
