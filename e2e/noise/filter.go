package noise

import "math"

// biquad is a filter of second order in transposed direct form II, with the
// coefficients of the Audio EQ Cookbook (R. Bristow-Johnson).
type biquad struct{ b0, b1, b2, a1, a2, s1, s2 float64 }

func (f *biquad) next(x float64) float64 {
	y := f.b0*x + f.s1
	f.s1 = f.b1*x - f.a1*y + f.s2
	f.s2 = f.b2*x - f.a2*y
	return y
}

func lowPass(hz, rate float64) *biquad {
	cos, alpha := angles(hz, rate, math.Sqrt2/2)
	return scaled((1-cos)/2, 1-cos, (1-cos)/2, cos, alpha)
}

func highPass(hz, rate float64) *biquad {
	cos, alpha := angles(hz, rate, math.Sqrt2/2)
	return scaled((1+cos)/2, -(1 + cos), (1+cos)/2, cos, alpha)
}

// bandPass has a peak of 0 dB at hz; the higher q, the narrower it is.
func bandPass(hz, q, rate float64) *biquad {
	cos, alpha := angles(hz, rate, q)
	return scaled(alpha, 0, -alpha, cos, alpha)
}

func angles(hz, rate, q float64) (cos, alpha float64) {
	w := 2 * math.Pi * hz / rate
	return math.Cos(w), math.Sin(w) / (2 * q)
}

func scaled(b0, b1, b2, cos, alpha float64) *biquad {
	a0 := 1 + alpha
	return &biquad{b0: b0 / a0, b1: b1 / a0, b2: b2 / a0, a1: -2 * cos / a0, a2: (1 - alpha) / a0}
}

// through sends sound through filters, one after the other, in place.
func through(x []float64, filters ...*biquad) {
	for _, f := range filters {
		for i := range x {
			x[i] = f.next(x[i])
		}
	}
}
