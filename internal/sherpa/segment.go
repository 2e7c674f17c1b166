package sherpa

import "time"

// SegmenterConfig names a Silero VAD model and how it cuts sound.
type SegmenterConfig struct {
	Model      string
	Threshold  float32       // probability of speech, 0 to 1
	MinSilence time.Duration // that ends a segment
	MinSpeech  time.Duration // shorter sounds are none
	MaxSpeech  time.Duration // a longer segment is cut where it can
}

// Segment is a stretch of speech.
type Segment struct {
	Start int // sample where it begins
	PCM   []float32
}
