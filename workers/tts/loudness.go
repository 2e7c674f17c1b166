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

// leveller brings the pieces of one sentence to the common loudness as they
// come: each is amplified by what the pieces so far need, so that a soft end
// stays softer than its beginning.
type leveller struct {
	power   float64 // of the windows that hold speech
	windows int
}

// equalise brings a sentence to the common loudness, in place.
func equalise(pcm []int16, rate int) []int16 { return new(leveller).equalise(pcm, rate) }

// equalise amplifies the next piece, in place.
func (l *leveller) equalise(pcm []int16, rate int) []int16 {
	power, windows := activePower(pcm, rate)
	if windows == 0 {
		return pcm
	}
	l.power += power
	l.windows += windows
	level := 10 * math.Log10(l.power/float64(l.windows))
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
	power, windows := activePower(pcm, rate)
	if windows == 0 {
		return 0, false
	}
	return 10 * math.Log10(power/float64(windows)), true
}

// activePower adds up the windows that hold speech.
func activePower(pcm []int16, rate int) (power float64, windows int) {
	n := max(1, audio.Samples(levelWindow, rate))
	var loudest float64
	for i := 0; i < len(pcm); i += n {
		loudest = max(loudest, audio.RMS(pcm[i:min(i+n, len(pcm))]))
	}
	gate := loudest * math.Pow(10, -gateBelow/20)
	for i := 0; i < len(pcm); i += n {
		if r := audio.RMS(pcm[i:min(i+n, len(pcm))]); r > gate {
			power += r * r
			windows++
		}
	}
	return power, windows
}

// peakOf is the largest sample as a part of full scale.
func peakOf(pcm []int16) float64 {
	var peak float64
	for _, s := range pcm {
		peak = max(peak, math.Abs(float64(s)))
	}
	return peak / 32768
}
