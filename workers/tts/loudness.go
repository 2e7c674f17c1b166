package tts

import (
	"math"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// Loudness of all speech, whatever the engine: the level of its voiced parts,
// and the peak that no amplification passes. -20 dBFS is a usual level for
// telephone prompts (ITU-T P.56 active speech level, with room to the G.711
// overload point).
const (
	speechLevel = -20.0 // dBFS
	speechPeak  = 0.89  // -1 dBFS
	gateBelow   = 30.0  // dB under the loudest window: pause
	maxGain     = 20.0  // dB
)

const levelWindow = 20 * time.Millisecond

// equalise brings speech to the common loudness, in place.
func equalise(pcm []int16, rate int) []int16 {
	level, ok := activeLevel(pcm, rate)
	if !ok {
		return pcm
	}
	gain := math.Pow(10, min(speechLevel-level, maxGain)/20)
	if peak := peakOf(pcm); peak*gain > speechPeak {
		gain = speechPeak / peak
	}
	for i, s := range pcm {
		pcm[i] = int16(math.Round(float64(s) * gain))
	}
	return pcm
}

// activeLevel is the level in dBFS of the windows that hold speech.
func activeLevel(pcm []int16, rate int) (float64, bool) {
	n := max(1, audio.Samples(levelWindow, rate))
	var loudest float64
	for i := 0; i < len(pcm); i += n {
		loudest = max(loudest, audio.RMS(pcm[i:min(i+n, len(pcm))]))
	}
	if loudest == 0 {
		return 0, false
	}
	gate := loudest * math.Pow(10, -gateBelow/20)
	var sum float64
	var windows int
	for i := 0; i < len(pcm); i += n {
		if r := audio.RMS(pcm[i:min(i+n, len(pcm))]); r > gate {
			sum += r * r
			windows++
		}
	}
	return 10 * math.Log10(sum/float64(windows)), true
}

// peakOf is the largest sample as a part of full scale.
func peakOf(pcm []int16) float64 {
	var peak float64
	for _, s := range pcm {
		peak = max(peak, math.Abs(float64(s)))
	}
	return peak / 32768
}
