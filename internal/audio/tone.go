package audio

import (
	"math"
	"strings"
	"time"
)

// fullScale is the amplitude that counts as 1.
const fullScale = 32768

// Samples is how many samples a duration has at a rate.
func Samples(d time.Duration, rate int) int {
	return int(d * time.Duration(rate) / time.Second)
}

// Duration is how long n samples last at a rate.
func Duration(n, rate int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(rate)
}

// Silence is d of zeros.
func Silence(d time.Duration, rate int) []int16 { return make([]int16, Samples(d, rate)) }

// Tone is a sine of hz; amplitude is a part of full scale, 0 to 1.
func Tone(hz float64, d time.Duration, rate int, amplitude float64) []int16 {
	pcm := Silence(d, rate)
	mix(pcm, hz, rate, amplitude)
	return pcm
}

// The keypad's frequencies, ITU-T Q.23.
var (
	DTMFRows    = [4]float64{697, 770, 852, 941}
	DTMFColumns = [4]float64{1209, 1336, 1477, 1633}
)

// DTMFKeys are the keys in rows and columns, read line by line.
const DTMFKeys = "123A456B789C*0#D"

// DTMFTone is the tone pair of a key, each at about -9 dBFS; nil when no
// such key exists.
func DTMFTone(digit rune, d time.Duration, rate int) []int16 {
	i := strings.IndexRune(DTMFKeys, digit)
	if i < 0 {
		return nil
	}
	pcm := Silence(d, rate)
	mix(pcm, DTMFRows[i/4], rate, 0.35)
	mix(pcm, DTMFColumns[i%4], rate, 0.35)
	return pcm
}

func mix(pcm []int16, hz float64, rate int, amplitude float64) {
	step := 2 * math.Pi * hz / float64(rate)
	for i := range pcm {
		pcm[i] = clip(float64(pcm[i]) + amplitude*(fullScale-1)*math.Sin(step*float64(i)))
	}
}

func clip(v float64) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Round(v))))
}
