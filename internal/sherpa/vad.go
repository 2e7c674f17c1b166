package sherpa

import "time"

// VADConfig names a Silero VAD model and how it judges.
type VADConfig struct {
	Model      string        // file
	Threshold  float32       // probability of speech, 0 to 1
	MinSilence time.Duration // shorter gaps are part of speech
	MinSpeech  time.Duration // shorter sounds are none
}
