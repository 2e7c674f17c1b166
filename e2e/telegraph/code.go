package telegraph

import (
	"math"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// A sentence is sent as its number, over and over for as long as it would
// take to say it: a mark, three digits of base 16 and a check digit, each a
// tone. A digit is sent as its distance from the tone before, so that no two
// tones that follow each other are the same.
const (
	base    = 16
	digits  = 3
	sums    = 1
	tones   = base + 1 // of the digits
	mark    = tones    // begins a number
	lowest  = 500.0    // Hz
	spacing = 150.0    // Hz: the mark is at 3050, in the telephone band
	level   = 0.3      // of full scale

	toneTime = 80 * time.Millisecond // a lost packet of the line leaves enough of it
	edgeTime = 5 * time.Millisecond  // of a tone's beginning and end
	codeTime = (1 + digits + sums) * toneTime

	window  = 20 * time.Millisecond // of a measure
	quiet   = -40.0                 // dBFS that is no tone
	pure    = 0.5                   // share of the sound that a tone has to be
	lasting = 2                     // measures that a tone takes at least
)

// Book knows the sentences that were spoken, by their numbers. Whoever speaks
// and whoever listens share one.
type Book struct {
	mu      sync.Mutex
	numbers map[string]int
	texts   []string
}

// NewBook has no sentences yet.
func NewBook() *Book { return &Book{numbers: map[string]int{}} }

// number gives a sentence its number; false: the book is full.
func (b *Book) number(text string) (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.numbers[text]; ok {
		return n, true
	}
	n := len(b.texts)
	if n == base*base*base {
		return 0, false
	}
	b.numbers[text], b.texts = n, append(b.texts, text)
	return n, true
}

func (b *Book) text(n int) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n >= len(b.texts) {
		return "", false
	}
	return b.texts[n], true
}

// split gives the digits of a number with their check digit.
func split(n int) [digits + sums]int {
	d := [digits + sums]int{n / base / base, n / base % base, n % base}
	d[digits] = check(d[0], d[1], d[2])
	return d
}

// check weighs the digits, so that two that changed places show.
func check(a, b, c int) int { return (a + 3*b + 5*c + 7) % base }

// send is the sound of a number, so many times.
func send(n, times, rate int) []int16 {
	var pcm []int16
	for range times {
		pcm = appendTone(pcm, mark, rate)
		last := 0
		for _, d := range split(n) {
			last = (last + 1 + d) % tones
			pcm = appendTone(pcm, last, rate)
		}
	}
	return pcm
}

func hertz(tone int) float64 { return lowest + spacing*float64(tone) }

func appendTone(pcm []int16, tone, rate int) []int16 {
	sound := audio.Tone(hertz(tone), toneTime, rate, level)
	edge := audio.Samples(edgeTime, rate)
	for i := range edge {
		gain := 0.5 - 0.5*math.Cos(math.Pi*float64(i)/float64(edge))
		sound[i] = int16(gain * float64(sound[i]))
		sound[len(sound)-1-i] = int16(gain * float64(sound[len(sound)-1-i]))
	}
	return append(pcm, sound...)
}

// receive finds the numbers in a sound. One that comes again at once is the
// same sentence still.
func receive(pcm []int16, rate int) []int {
	var numbers []int
	heard := tonesOf(pcm, rate)
	for i := 0; i+digits+sums < len(heard); i++ {
		if heard[i] != mark {
			continue
		}
		n, ok := join(heard[i+1 : i+1+digits+sums])
		if ok && (len(numbers) == 0 || numbers[len(numbers)-1] != n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// join is split's inverse, from tones; false: those are no number.
func join(heard []int) (int, bool) {
	var d [digits + sums]int
	last := 0
	for i, tone := range heard {
		if tone < 0 || tone == mark {
			return 0, false
		}
		d[i] = (tone - last - 1 + 2*tones) % tones
		if d[i] >= base {
			return 0, false
		}
		last = tone
	}
	return (d[0]*base+d[1])*base + d[2], d[digits] == check(d[0], d[1], d[2])
}

// tonesOf measures a sound and lists its tones, -1 for a pause.
func tonesOf(pcm []int16, rate int) []int {
	var out []int
	size := audio.Samples(window, rate)
	present, run := -2, 0
	for at := 0; at+size <= len(pcm); at += size {
		tone := toneOf(pcm[at:at+size], rate)
		if tone != present {
			present, run = tone, 0
		}
		// A measure across two tones is of neither, or of one of them: it
		// neither ends one nor begins another.
		if run++; run == lasting && (len(out) == 0 || out[len(out)-1] != tone) {
			out = append(out, tone)
		}
	}
	return out
}

func toneOf(pcm []int16, rate int) int {
	if audio.DBFS(pcm) < quiet {
		return -1
	}
	rms := audio.RMS(pcm)
	best, power := -1, pure*rms*rms/2
	for tone := range tones + 1 {
		if p := audio.Power(pcm, hertz(tone), rate); p > power {
			best, power = tone, p
		}
	}
	return best
}
