package audio

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// FloorDBFS is the level of digital silence: no measure goes below it.
const FloorDBFS = -96

// RMS is the root mean square of the samples as a part of full scale, 0 to 1.
func RMS(pcm []int16) float64 {
	if len(pcm) == 0 {
		return 0
	}
	var sum int64 // of at most 2^30 each
	for _, s := range pcm {
		sum += int64(s) * int64(s)
	}
	return math.Sqrt(float64(sum)/float64(len(pcm))) / fullScale
}

// DBFS is RMS in decibels below full scale, never below FloorDBFS. A sine of
// full scale has -3 dBFS.
func DBFS(pcm []int16) float64 {
	r := RMS(pcm)
	if r == 0 {
		return FloorDBFS
	}
	return max(FloorDBFS, 20*math.Log10(r))
}

// Power is the power of one frequency (Goertzel), where 1 is a sine of full
// scale of exactly this frequency. Twice its value relates to RMS squared as
// the part of the sound that this frequency makes.
func Power(pcm []int16, hz float64, rate int) float64 {
	if len(pcm) == 0 {
		return 0
	}
	coeff := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var s1, s2 float64
	for _, s := range pcm {
		s1, s2 = float64(s)+coeff*s1-s2, s1
	}
	magnitude2 := s1*s1 + s2*s2 - coeff*s1*s2
	n := float64(len(pcm)) * fullScale / 2
	return magnitude2 / (n * n)
}

// Bin is one line of a spectrum; Power as in the function Power.
type Bin struct{ Hz, Power float64 }

// Spectrum is the FFT of the whole piece under a Hann window, from 0 Hz to
// half the rate.
func Spectrum(pcm []int16, rate int) []Bin {
	n := len(pcm)
	if n < 2 {
		return nil
	}
	x := make([]float64, n)
	for i, s := range pcm {
		x[i] = float64(s) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n)))
	}
	coeffs := fourier.NewFFT(n).Coefficients(nil, x)
	bins := make([]Bin, len(coeffs))
	norm := float64(n) * fullScale / 4 // the window halves a line's height
	for i, c := range coeffs {
		re, im := real(c)/norm, imag(c)/norm
		bins[i] = Bin{Hz: float64(i) * float64(rate) / float64(n), Power: re*re + im*im}
	}
	return bins
}

// Peak is the strongest line of a spectrum.
func Peak(bins []Bin) Bin {
	var best Bin
	for _, b := range bins {
		if b.Power > best.Power {
			best = b
		}
	}
	return best
}
