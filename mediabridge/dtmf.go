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
// of 20 ms that overlap by half. It is pure: frames in, digits out.
type dtmf struct {
	coeff  [8]float64
	window []int16 // the last half frame, then the present frame
	half   int

	key    byte // of the present tone, 0 none
	hits   int
	misses int
}

func newDTMF(rate int) dtmf {
	d := dtmf{half: rate / dtmfWindowFactor / 2}
	d.window = make([]int16, 3*d.half)
	for i := range 4 {
		d.coeff[i] = 2 * math.Cos(2*math.Pi*audio.DTMFRows[i]/float64(rate))
		d.coeff[4+i] = 2 * math.Cos(2*math.Pi*audio.DTMFColumns[i]/float64(rate))
	}
	return d
}

// frame takes 20 ms of sound. Tone says whether a keypad tone is sounding;
// a digit is reported once, when its tone is over.
func (d *dtmf) frame(pcm []int16) (done digit, ok, tone bool) {
	copy(d.window, d.window[2*d.half:])
	copy(d.window[d.half:], pcm)
	for i := range 2 {
		if got, end := d.step(d.detect(d.window[i*d.half : (i+2)*d.half])); end {
			done, ok = got, true
		}
	}
	return done, ok, d.hits > 0
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

func (d *dtmf) detect(pcm []int16) byte {
	var total float64
	for _, s := range pcm {
		total += float64(s) * float64(s)
	}
	n := float64(len(pcm))
	scale := n * 32768 / 2
	total /= n * 32768 * 32768 // mean square; a full-scale sine has 0.5
	if total < dtmfMinLevel {
		return 0
	}
	var power [8]float64
	goertzel4(pcm, d.coeff[:4], power[:4], scale)
	goertzel4(pcm, d.coeff[4:], power[4:], scale)
	row, rowOK := strongest(power[:4])
	col, colOK := strongest(power[4:])
	low, high := power[row], power[4+col]
	switch {
	case !rowOK || !colOK, low < dtmfMinLevel || high < dtmfMinLevel,
		high > low*dtmfTwistHigh || low > high*dtmfTwistLow,
		(low+high)/2 < dtmfPurity*total:
		return 0
	}
	return audio.DTMFKeys[row*4+col]
}

// goertzel4 runs four filters side by side: each one alone would spend its
// time waiting for its own last result.
func goertzel4(pcm []int16, c, power []float64, scale float64) {
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	var a0, a1, a2, a3, b0, b1, b2, b3 float64
	for _, s := range pcm {
		x := float64(s)
		a0, b0 = (x-b0)+c0*a0, a0
		a1, b1 = (x-b1)+c1*a1, a1
		a2, b2 = (x-b2)+c2*a2, a2
		a3, b3 = (x-b3)+c3*a3, a3
	}
	norm := 1 / (scale * scale)
	power[0] = (a0*a0 + b0*b0 - c0*a0*b0) * norm
	power[1] = (a1*a1 + b1*b1 - c1*a1*b1) * norm
	power[2] = (a2*a2 + b2*b2 - c2*a2*b2) * norm
	power[3] = (a3*a3 + b3*b3 - c3*a3*b3) * norm
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
