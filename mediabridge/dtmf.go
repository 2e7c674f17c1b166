package mediabridge

import (
	"math"

	"github.com/tidegate/tidegate/internal/audio"
)

// Limits of the keypad tone detector: frequencies and signal levels of ITU-T
// Q.23, twist and times of Q.24 annex A in their widest administrations.
const (
	dtmfMinLevel     = 0.00025              // of each tone: -36 dB under a full-scale sine
	dtmfTwistHigh    = 2.512                // columns up to 4 dB over rows
	dtmfTwistLow     = 6.310                // rows up to 8 dB over columns
	dtmfDominance    = 4.0                  // a tone over the next one of its group: 6 dB
	dtmfPurity       = 0.70                 // part of all power that the two tones make
	dtmfMinHits      = 2                    // windows, 10 ms apart: 40 ms always count, 20 ms never
	dtmfEndMisses    = 3                    // windows: a gap of 10 ms is none, one of 40 ms is
	dtmfHop          = 10                   // ms between windows of 20 ms
	dtmfWindowFactor = 1000 / (2 * dtmfHop) // windows a second without overlap
)

// digit is a key that was pressed and released.
type digit struct {
	key        byte
	durationMS int
}

// dtmf finds keypad tones in the sound itself, by Goertzel filters on windows
// of 20 ms that overlap by half. Each half is filtered once and serves two
// windows, and only when one of them is loud enough to hold a key. It is pure:
// frames in, digits out.
type dtmf struct {
	filters *[8]filter // rows, then columns
	half    int        // samples
	last    half       // of the frame before
	kept    []int16    // its samples

	key    byte // of the present tone, 0 none
	hits   int
	misses int
}

// filter is one tone's constants: of its filter, of taking the spectrum's
// line out of the filter's state, and of moving that by half a window.
type filter struct {
	coeff, cos, sin, turnCos, turnSin float64
}

// half is half a window. Rows and columns are filtered when they are asked for.
type half struct {
	pcm           []int16
	power         float64 // the sum of squares
	rows, columns lines
}

// lines are four lines of a spectrum; a full-scale sine over n samples has
// n * 32768 / 2.
type lines struct {
	done   bool
	re, im [4]float64
}

func newDTMF(rate int) dtmf {
	d := dtmf{half: rate / dtmfWindowFactor / 2, filters: dtmfFilters[rate]}
	d.kept = make([]int16, d.half)
	d.last.pcm = d.kept
	return d
}

// dtmfFilters are those of the rates of a fork.
var dtmfFilters = map[int]*[8]filter{8000: newFilters(8000), 16000: newFilters(16000)}

func newFilters(rate int) *[8]filter {
	filters := &[8]filter{}
	half := rate / dtmfWindowFactor / 2
	for i := range filters {
		hz := audio.DTMFRows[i%4]
		if i >= 4 {
			hz = audio.DTMFColumns[i%4]
		}
		w := 2 * math.Pi * hz / float64(rate)
		f := &filters[i]
		f.coeff, f.cos, f.sin = 2*math.Cos(w), math.Cos(w), math.Sin(w)
		f.turnCos, f.turnSin = math.Cos(w*float64(half)), math.Sin(w*float64(half))
	}
	return filters
}

// frame takes 20 ms of sound. Tone says whether a keypad tone is sounding;
// a digit is reported once, when its tone is over.
func (d *dtmf) frame(pcm []int16) (done digit, ok, tone bool) {
	first, second := newHalf(pcm[:d.half]), newHalf(pcm[d.half:])
	for _, key := range [2]byte{d.detect(&d.last, &first), d.detect(&first, &second)} {
		if got, end := d.step(key); end {
			done, ok = got, true
		}
	}
	copy(d.kept, second.pcm)
	d.last = second
	d.last.pcm = d.kept
	return done, ok, d.hits > 0
}

func newHalf(pcm []int16) half {
	var power int64
	for _, s := range pcm {
		power += int64(s) * int64(s)
	}
	return half{pcm: pcm, power: float64(power)}
}

// step takes the key of one window, 0 for none.
func (d *dtmf) step(key byte) (digit, bool) {
	switch {
	case key != 0 && (d.hits == 0 || key == d.key):
		d.key, d.misses = key, 0
		d.hits++
		return digit{}, false
	case d.hits == 0:
		return digit{}, false
	case d.hits < dtmfMinHits:
		d.hits, d.misses = 0, 0 // speech for a moment like a tone
		return digit{}, false
	}
	if d.misses++; d.misses < dtmfEndMisses {
		return digit{}, false
	}
	// n windows cover n+1 hops, of which the ends are partly silent.
	done := digit{d.key, (d.hits + 1) * dtmfHop}
	d.hits, d.misses = 0, 0
	return done, true
}

// detect finds the key that sounds in a window, 0 for none.
func (d *dtmf) detect(a, b *half) byte {
	n := float64(2 * d.half)
	total := (a.power + b.power) / (n * 32768 * 32768) // mean square; a full-scale sine has 0.5
	if total < dtmfMinLevel {
		return 0
	}
	rows := d.group(d.filters[:4], &a.rows, &b.rows, a.pcm, b.pcm)
	row, ok := strongest(rows[:])
	if low := rows[row]; !ok || low < dtmfMinLevel {
		return 0
	}
	columns := d.group(d.filters[4:], &a.columns, &b.columns, a.pcm, b.pcm)
	col, ok := strongest(columns[:])
	low, high := rows[row], columns[col]
	switch {
	case !ok, high < dtmfMinLevel,
		high > low*dtmfTwistHigh || low > high*dtmfTwistLow,
		(low+high)/2 < dtmfPurity*total:
		return 0
	}
	return audio.DTMFKeys[row*4+col]
}

// group is the power of four tones in a window, as audio.Power has it.
func (d *dtmf) group(f []filter, a, b *lines, first, second []int16) (power [4]float64) {
	a.fill(f, first)
	b.fill(f, second)
	scale := float64(d.half) * 32768 // of a window: two halves
	for i := range power {
		re := f[i].turnCos*a.re[i] - f[i].turnSin*a.im[i] + b.re[i]
		im := f[i].turnCos*a.im[i] + f[i].turnSin*a.re[i] + b.im[i]
		power[i] = (re*re + im*im) / (scale * scale)
	}
	return power
}

// fill runs four filters side by side: each one alone would spend its time
// waiting for its own last result.
func (l *lines) fill(f []filter, pcm []int16) {
	if l.done {
		return
	}
	l.done = true
	c0, c1, c2, c3 := f[0].coeff, f[1].coeff, f[2].coeff, f[3].coeff
	var a0, a1, a2, a3, b0, b1, b2, b3 float64
	for _, s := range pcm {
		x := float64(s)
		a0, b0 = (x-b0)+c0*a0, a0
		a1, b1 = (x-b1)+c1*a1, a1
		a2, b2 = (x-b2)+c2*a2, a2
		a3, b3 = (x-b3)+c3*a3, a3
	}
	now, before := [4]float64{a0, a1, a2, a3}, [4]float64{b0, b1, b2, b3}
	for i := range f {
		l.re[i], l.im[i] = now[i]-f[i].cos*before[i], f[i].sin*before[i]
	}
}

// strongest tone of a group, and whether it stands clear of the others.
func strongest(group []float64) (int, bool) {
	best := 0
	for i, p := range group {
		if p > group[best] {
			best = i
		}
	}
	for i, p := range group {
		if i != best && p*dtmfDominance > group[best] {
			return best, false
		}
	}
	return best, true
}
