package asr

import (
	"math"
	"slices"
	"time"
)

// noiseFloor measures how loud a call is where nobody speaks: the level that
// a tenth of its recent frames lie under. A bridge sends the moment before
// speech begins too, and people pause between words, so there is such sound
// even in what is recognised only.
type noiseFloor struct {
	frame   int // samples of one
	sum     float64
	n       int
	levels  [noiseFrames]float64 // dBFS, the newest at next-1
	next    int
	filled  int
	ordered [noiseFrames]float64
}

// noiseFrames of 20 ms are remembered: 5 s of sound, from earlier utterances
// too.
const noiseFrames = 250

// silentLevel in dBFS: the floor of 16-bit sound.
const silentLevel = -96

func newNoiseFloor(rate int) *noiseFloor {
	return &noiseFloor{frame: rate / int(time.Second/noiseFrame)}
}

const noiseFrame = 20 * time.Millisecond

// add takes sound of -1 to 1.
func (f *noiseFloor) add(pcm []float32) {
	for _, x := range pcm {
		f.sum += float64(x) * float64(x)
		if f.n++; f.n == f.frame {
			level := max(silentLevel, 10*math.Log10(f.sum/float64(f.n)+1e-12))
			f.levels[f.next] = level
			f.next = (f.next + 1) % noiseFrames
			f.filled = min(f.filled+1, noiseFrames)
			f.sum, f.n = 0, 0
		}
	}
}

// level is the floor in dBFS; ok is false before anything was measured.
func (f *noiseFloor) level() (dbfs float64, ok bool) {
	if f.filled == 0 {
		return 0, false
	}
	ordered := f.ordered[:f.filled]
	copy(ordered, f.levels[:f.filled])
	slices.Sort(ordered)
	return ordered[f.filled/10], true
}
