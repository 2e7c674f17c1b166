package noise

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// Cough is a fit of one to three coughs: each bursts open, hisses, and closes
// with some voice in it.
func Cough(seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 'c'))
	var x []float64
	for i := range 1 + r.IntN(3) {
		if i > 0 {
			x = append(x, make([]float64, audio.Samples(time.Duration(120+r.IntN(200))*time.Millisecond, Rate))...)
		}
		x = append(x, cough(r)...)
	}
	return x
}

func cough(r *rand.Rand) []float64 {
	burst := audio.Samples(time.Duration(40+r.IntN(40))*time.Millisecond, Rate)
	hiss := audio.Samples(time.Duration(100+r.IntN(120))*time.Millisecond, Rate)
	voice := audio.Samples(time.Duration(r.IntN(90))*time.Millisecond, Rate)
	x := white(r, burst+hiss+voice)
	through(x, bandPass(700+600*r.Float64(), 0.5, Rate))
	mouth := white(r, len(x))
	through(mouth, bandPass(1800+800*r.Float64(), 1.5, Rate))
	add(x, mouth, 0.7, 0)
	phase, hz := 0.0, 140+80*r.Float64()
	for i := range x {
		t := float64(i) / Rate
		gain := min(1, float64(i)/40) // opens within 5 ms
		switch {
		case i >= burst+hiss:
			phase += hz / Rate
			phase -= math.Floor(phase)
			x[i] = (0.4*x[i] + 0.5*(1-2*phase)) * (1 - float64(i-burst-hiss)/float64(voice))
			gain = 0.5
		case i >= burst:
			gain = 0.6 * math.Exp(-(t-float64(burst)/Rate)*5)
		}
		x[i] *= gain
	}
	return x
}
