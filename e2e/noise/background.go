package noise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// Rate of all sound of this package, in Hz.
const Rate = 8000

// Kind is a place to call from.
type Kind string

// The places.
const (
	Street Kind = "street" // traffic, passing and at a distance
	Cafe   Kind = "café"   // many people talking, and crockery
	Car    Kind = "car"    // motor, tyres and wind
)

// Kinds are all of them.
var Kinds = []Kind{Street, Cafe, Car}

// Make computes so much of a place's noise. The same seed gives the same
// noise, at a level of its own; Mix sets it.
func Make(kind Kind, d time.Duration, seed uint64) ([]float64, error) {
	r := rand.New(rand.NewPCG(seed, uint64(len(kind))))
	n := audio.Samples(d, Rate)
	switch kind {
	case Street:
		return street(r, n), nil
	case Cafe:
		return cafe(r, n), nil
	case Car:
		return car(r, n), nil
	}
	return nil, fmt.Errorf("no noise of kind %q", kind)
}

func white(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// add adds y, so loud, from sample at on.
func add(x, y []float64, gain float64, at int) {
	for i := range y {
		if j := at + i; j >= 0 && j < len(x) {
			x[j] += gain * y[i]
		}
	}
}

// car is rumble that the body makes of the road, the motor's harmonics, whose
// speed wanders, and some wind.
func car(r *rand.Rand, n int) []float64 {
	x := white(r, n)
	through(x, lowPass(180, Rate), lowPass(400, Rate))
	wind := white(r, n)
	through(wind, bandPass(700, 0.6, Rate))
	add(x, wind, 0.12, 0)
	phase, speed := 0.0, 38.0 // Hz
	for i := range x {
		speed = min(60, max(28, speed+0.002*r.NormFloat64()))
		phase += 2 * math.Pi * speed / Rate
		for h := 1.0; h <= 8; h++ {
			x[i] += 0.12 / h * math.Sin(h*phase)
		}
	}
	return x
}

// street is distant traffic, and cars that come by.
func street(r *rand.Rand, n int) []float64 {
	x := white(r, n)
	through(x, lowPass(900, Rate), lowPass(2500, Rate))
	for i := range x {
		x[i] *= 0.5
	}
	for at := 0; at < n; at += audio.Samples(time.Duration(800+r.IntN(2200))*time.Millisecond, Rate) {
		add(x, passing(r), 0.5+r.Float64(), at-Rate)
	}
	return x
}

// passing is one car: two seconds that swell and fade.
func passing(r *rand.Rand) []float64 {
	x := white(r, 2*Rate)
	through(x, bandPass(400+500*r.Float64(), 0.5, Rate))
	for i := range x {
		t := (float64(i)/Rate - 1) / 0.35
		x[i] *= 2 * math.Exp(-t*t/2)
	}
	return x
}

// talkers is how many people a café has; of so many nobody is understood.
const talkers = 14

// cafe is people at tables, and cups that are put down.
func cafe(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for range talkers {
		add(x, babble(r, n), 0.3+0.7*r.Float64(), 0)
	}
	for at := 0; at < n; at += audio.Samples(time.Duration(300+r.IntN(1500))*time.Millisecond, Rate) {
		add(x, clink(r), 1.5*r.Float64(), at)
	}
	return x
}

// babble is one voice without words: a buzz and breath through two formants
// that move with every syllable.
func babble(r *rand.Rand, n int) []float64 {
	x := make([]float64, 0, n)
	pitch, phase := 100+130*r.Float64(), 0.0
	for len(x) < n {
		length := audio.Samples(time.Duration(120+r.IntN(160))*time.Millisecond, Rate)
		if r.IntN(6) == 0 { // breath
			x = append(x, make([]float64, length*2)...)
			continue
		}
		syllable := make([]float64, length)
		hz := pitch * (0.85 + 0.3*r.Float64())
		for i := range syllable {
			phase += hz / Rate
			phase -= math.Floor(phase)
			syllable[i] = 1 - 2*phase + 0.3*r.NormFloat64()
		}
		second := slices.Clone(syllable)
		through(syllable, bandPass(300+500*r.Float64(), 4, Rate))
		through(second, bandPass(1000+1400*r.Float64(), 6, Rate))
		add(syllable, second, 0.6, 0)
		for i := range syllable {
			syllable[i] *= math.Sin(math.Pi * float64(i) / float64(length))
		}
		x = append(x, syllable...)
	}
	return x[:n]
}

func clink(r *rand.Rand) []float64 {
	x := make([]float64, Rate/8)
	for range 4 {
		hz := 1500 + 2000*r.Float64()
		for i := range x {
			t := float64(i) / Rate
			x[i] += 0.5 * math.Exp(-t*40) * math.Sin(2*math.Pi*hz*t)
		}
	}
	return x
}
