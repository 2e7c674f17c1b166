//go:build cgo

package sherpa

import (
	"fmt"

	lib "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx"
)

// segmenterSeconds of sound are kept for segments that are not taken yet;
// each is taken as soon as it ends.
const segmenterSeconds = 60

// Segmenter cuts sound into the stretches of speech in it; it is not safe
// for concurrent use.
type Segmenter struct{ impl *lib.VoiceActivityDetector }

// NewSegmenter loads a Silero model.
func NewSegmenter(c SegmenterConfig) (*Segmenter, error) {
	if err := needed(map[string]string{"model": c.Model}); err != nil {
		return nil, err
	}
	impl := lib.NewVoiceActivityDetector(&lib.VadModelConfig{
		SileroVad: lib.SileroVadModelConfig{
			Model: c.Model, Threshold: c.Threshold, WindowSize: vadWindow,
			MinSilenceDuration: float32(c.MinSilence.Seconds()), MinSpeechDuration: float32(c.MinSpeech.Seconds()),
			MaxSpeechDuration: float32(c.MaxSpeech.Seconds()),
		},
		SampleRate: Rate, NumThreads: 1, Provider: "cpu",
	}, segmenterSeconds)
	if impl == nil {
		return nil, fmt.Errorf("%w: %s", ErrModel, c.Model)
	}
	return &Segmenter{impl}, nil
}

// Cut gives the stretches of speech in a whole piece of sound at Rate, -1 to
// 1, in their order.
func (s *Segmenter) Cut(pcm []float32) []Segment {
	s.impl.Reset()
	var out []Segment
	take := func() {
		for ; !s.impl.IsEmpty(); s.impl.Pop() {
			front := s.impl.Front()
			out = append(out, Segment{Start: front.Start, PCM: front.Samples})
		}
	}
	for len(pcm) > 0 {
		n := min(vadWindow, len(pcm))
		s.impl.AcceptWaveform(pcm[:n])
		pcm = pcm[n:]
		take()
	}
	s.impl.Flush()
	take()
	return out
}

// Close frees the model; it may be called again.
func (s *Segmenter) Close() {
	if s.impl != nil {
		lib.DeleteVoiceActivityDetector(s.impl)
		s.impl = nil
	}
}
