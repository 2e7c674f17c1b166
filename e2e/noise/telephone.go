package noise

import (
	"math"
	"slices"

	"github.com/tidegate/tidegate/internal/audio"
)

// Telephone is what a fixed line makes of sound: G.711 A-law and back.
func Telephone(pcm []int16) []int16 {
	return audio.DecodeALaw(nil, audio.EncodeALaw(nil, pcm))
}

// active frames are those of speech, not the pauses in it: no quieter than
// the loudest by so much.
const (
	activeDB    = 30
	activeFrame = Rate / 50
)

// Mix puts noise behind speech, so many decibels under its level while it
// lasts. The noise is cut to a telephone's band before its level is taken, as
// what a telephone does not carry disturbs nobody; it starts again when it is
// too short.
func Mix(speech []int16, noise []float64, snrDB float64) []int16 {
	noise = slices.Clone(noise)
	through(noise, highPass(250, Rate), highPass(250, Rate), lowPass(3400, Rate))
	level := rms(noise)
	if level == 0 || len(noise) == 0 {
		return slices.Clone(speech)
	}
	gain := activeLevel(speech) / level * math.Pow(10, -snrDB/20)
	out := make([]int16, len(speech))
	for i, s := range speech {
		out[i] = clip(float64(s) + gain*noise[i%len(noise)])
	}
	return out
}

// Sound is noise by itself at a level.
func Sound(noise []float64, dbfs float64) []int16 {
	gain := 32768 * math.Pow(10, dbfs/20) / max(rms(noise), 1e-9)
	out := make([]int16, len(noise))
	for i, v := range noise {
		out[i] = clip(gain * v)
	}
	return out
}

func rms(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(max(1, len(x))))
}

// activeLevel is the level of speech in sample units.
func activeLevel(pcm []int16) float64 {
	var levels []float64
	for at := 0; at+activeFrame <= len(pcm); at += activeFrame {
		levels = append(levels, audio.RMS(pcm[at:at+activeFrame]))
	}
	if len(levels) == 0 {
		return 32768 * audio.RMS(pcm)
	}
	limit := slices.Max(levels) * math.Pow(10, -activeDB/20.0)
	sum, n := 0.0, 0
	for _, l := range levels {
		if l >= limit {
			sum += l * l
			n++
		}
	}
	return 32768 * math.Sqrt(sum/float64(n))
}

func clip(v float64) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Round(v))))
}
