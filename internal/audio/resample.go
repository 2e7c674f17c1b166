package audio

import "math"

// Resampler changes the rate of a stream: a windowed-sinc filter in
// polyphase form, band-limited to the lower of both rates. It delays by half
// the filter; Flush gives the rest at the end. Not safe for concurrent use.
type Resampler struct {
	from, to    int // both divided by their greatest common divisor
	half        int // filter taps on each side
	phases      [][]float64
	history     []float64 // input; history[0] is sample number base
	base        int
	in, out     int // samples taken and given
	exhausted   bool
	passthrough bool
}

// zeroCrossings on each side of the filter's middle: 24 keep the stop band
// under -70 dB with a transition of about a tenth of the band.
const zeroCrossings = 24

// NewResampler makes one for a pair of rates in Hz; rates that are not
// positive panic, as they are a mistake in the program.
func NewResampler(from, to int) *Resampler {
	if from <= 0 || to <= 0 {
		panic("audio: sample rates must be positive")
	}
	g := gcd(from, to)
	r := &Resampler{from: from / g, to: to / g}
	if r.from == r.to {
		r.passthrough = true
		return r
	}
	cutoff := 0.94 * min(1, float64(to)/float64(from))
	r.half = int(math.Ceil(zeroCrossings / cutoff))
	r.phases = make([][]float64, r.to)
	for p := range r.phases {
		r.phases[p] = sincPhase(r.half, cutoff, float64(p)/float64(r.to))
	}
	r.Reset()
	return r
}

// sincPhase is the filter for an output that lies frac of a sample after the
// input at index half-1.
func sincPhase(half int, cutoff, frac float64) []float64 {
	taps := make([]float64, 2*half)
	var sum float64
	for k := range taps {
		t := float64(k-half+1) - frac
		w := 0.42 + 0.5*math.Cos(math.Pi*t/float64(half)) + 0.08*math.Cos(2*math.Pi*t/float64(half)) // Blackman
		taps[k] = w * sinc(cutoff*t)
		sum += taps[k]
	}
	for k := range taps {
		taps[k] /= sum
	}
	return taps
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// Reset forgets all that was heard, for the next stream.
func (r *Resampler) Reset() {
	r.in, r.out, r.exhausted = 0, 0, false
	r.history = append(r.history[:0], make([]float64, max(0, r.half-1))...)
	r.base = -len(r.history)
}

// Process takes src and appends what is ready at the new rate to dst.
func (r *Resampler) Process(dst, src []int16) []int16 {
	if r.passthrough {
		return append(dst, src...)
	}
	for _, s := range src {
		r.history = append(r.history, float64(s))
	}
	r.in += len(src)
	dst = r.emit(dst, math.MaxInt)
	// What no later output needs goes, so that a stream keeps its size.
	if drop := r.position() - r.half + 1 - r.base; drop > 4*r.half {
		drop = min(drop, len(r.history))
		r.history = r.history[:copy(r.history, r.history[drop:])]
		r.base += drop
	}
	return dst
}

// Flush appends the end of the stream, so that it has as long a sound as
// what went in. Only Reset makes the resampler usable again.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.passthrough || r.exhausted {
		return dst
	}
	r.exhausted = true
	r.history = append(r.history, make([]float64, r.half+1)...)
	return r.emit(dst, (r.in*r.to+r.from-1)/r.from)
}

// position is the input sample at or before the next output.
func (r *Resampler) position() int { return r.out * r.from / r.to }

func (r *Resampler) emit(dst []int16, limit int) []int16 {
	for r.out < limit {
		i := r.position()
		if i+r.half >= r.base+len(r.history) {
			break
		}
		window := r.history[i-r.half+1-r.base:]
		var sum float64
		for k, c := range r.phases[r.out*r.from%r.to] {
			sum += c * window[k]
		}
		dst = append(dst, clip(sum))
		r.out++
	}
	return dst
}

// Resample gives a whole utterance at another rate.
func Resample(pcm []int16, from, to int) []int16 {
	r := NewResampler(from, to)
	out := make([]int16, 0, len(pcm)*to/from+1)
	return r.Flush(r.Process(out, pcm))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
