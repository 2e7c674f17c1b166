package tts

import (
	"math"

	"github.com/tidegate/tidegate/schemas"
)

// ParseStyle reads a style by its English or Chinese name; what it does not
// know is neutral, and ok is false.
func ParseStyle(name string) (schemas.Style, bool) { return schemas.ParseStyle(name) }

// manner is what an engine that reads a text by rules makes of a style.
type manner struct {
	speed float64 // multiplies the rate
	pitch int     // espeak-ng's scale, added
	gain  float64 // dB against the common loudness
}

// manners are small on purpose: a prompt is understood before it is felt.
var manners = map[schemas.Style]manner{
	schemas.StyleNeutral:    {speed: 1},
	schemas.StyleCalm:       {speed: 0.92, pitch: -5, gain: -1.5},
	schemas.StyleSlow:       {speed: 0.8},
	schemas.StyleCheerful:   {speed: 1.06, pitch: 10, gain: 1},
	schemas.StyleApologetic: {speed: 0.9, pitch: -8, gain: -2},
}

// amplify changes the loudness by so many dB, in place, without clipping.
func amplify(pcm []int16, db float64) []int16 {
	if db == 0 || len(pcm) == 0 {
		return pcm
	}
	gain := math.Pow(10, db/20)
	if peak := peakOf(pcm); peak*gain > speechPeak {
		gain = speechPeak / peak
	}
	for i, s := range pcm {
		pcm[i] = int16(math.Round(float64(s) * gain))
	}
	return pcm
}
