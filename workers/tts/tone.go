package tts

import (
	"context"
	"math"
	"time"
	"unicode"

	"github.com/tidegate/tidegate/internal/audio"
)

// EngineTone is the name of the tone engine.
const EngineTone = "tone"

// Lengths of the tone engine's speech at rate 1: a Mandarin syllable in
// unhurried telephone speech, and the pauses of punctuation.
const (
	toneSyllable   = 220 * time.Millisecond
	tonePauseComma = 150 * time.Millisecond
	tonePauseStop  = 300 * time.Millisecond
)

// tone is the engine of machines without a synthesiser: for each syllable a
// vowel-like sound of the right length, for punctuation a pause. Nobody
// understands it, but voice detection, echo, loudness and timing see speech.
// The same request always gives the same samples.
type tone struct{}

func (tone) Name() string { return EngineTone }

func (tone) Capabilities() Capabilities { return Capabilities{SampleRates: []int{8000, 16000}} }

func (tone) Close() error { return nil }

func (tone) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	if err := checkRequest(r, tone{}.Capabilities()); err != nil {
		return Result{}, err
	}
	var res Result
	for _, sentence := range sentences(r.Text) {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		pcm := equalise(toneSentence(sentence, r), r.SampleRate)
		if len(pcm) == 0 {
			continue
		}
		if err := emit(pcm); err != nil {
			return res, err
		}
		res.Samples += len(pcm)
	}
	return res, nil
}

// toneSentence is the sound of one sentence; without a syllable there is
// none.
func toneSentence(sentence string, r Request) []int16 {
	var pcm []int16
	spoken := false
	vowelBefore := false
	for _, c := range sentence {
		pause := time.Duration(0)
		switch {
		case isSyllable(c, vowelBefore):
			pcm = appendVowel(pcm, c, scaled(toneSyllable, r.Rate), r.SampleRate)
			spoken = true
		case isStop(c):
			pause = tonePauseStop
		case isPause(c):
			pause = tonePauseComma
		}
		vowelBefore = isLatinVowel(c)
		if pause > 0 && spoken {
			pcm = append(pcm, audio.Silence(scaled(pause, r.Rate), r.SampleRate)...)
		}
	}
	if !spoken {
		return nil
	}
	return pcm
}

// isSyllable says whether a character is spoken as a syllable of its own:
// Han characters, digits, capitals (spelled), and of other Latin letters the
// vowels that begin a group.
func isSyllable(c rune, vowelBefore bool) bool {
	switch {
	case unicode.Is(unicode.Han, c), unicode.IsDigit(c):
		return true
	case unicode.IsUpper(c):
		return true
	default:
		return isLatinVowel(c) && !vowelBefore
	}
}

func isLatinVowel(c rune) bool {
	switch c {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	default:
		return false
	}
}

func scaled(d time.Duration, rate float64) time.Duration { return time.Duration(float64(d) / rate) }

// First and second formants in Hz of a, o, e, i, u (male averages).
var formants = [...][2]float64{{800, 1300}, {500, 900}, {480, 1500}, {300, 2300}, {320, 750}}

// Edges of a syllable, and the telephone band that its harmonics keep to.
const (
	toneAttack  = 15 * time.Millisecond
	toneRelease = 45 * time.Millisecond
	toneBandTop = 3400.0
)

// appendVowel adds one syllable: harmonics of a gliding pitch, shaped by two
// formants; which vowel, pitch and glide is the character's own.
func appendVowel(dst []int16, c rune, d time.Duration, rate int) []int16 {
	h := uint32(c) * 2654435761 // Knuth's multiplicative hash
	f := formants[h%uint32(len(formants))]
	pitch := 120 + float64(h>>8%60)
	glide := (float64(h>>16%5) - 2) * 12 // Hz over the syllable: level, rising, falling
	n := audio.Samples(d, rate)
	attack, release := audio.Samples(toneAttack, rate), audio.Samples(toneRelease, rate)
	var weights [24]float64
	count := harmonics(&weights, pitch, f)
	phase := 0.0
	for i := range n {
		phase += (pitch + glide*float64(i)/float64(n)) / float64(rate)
		phase -= math.Floor(phase)
		var v float64
		for k := range count {
			v += weights[k] * sine(phase*float64(k+1))
		}
		v *= min(1, float64(i+1)/float64(attack+1), float64(n-i)/float64(release+1))
		dst = append(dst, int16(v*6000))
	}
	return dst
}

// harmonics weighs the harmonics of a pitch by their distance to the formants
// and gives their number.
func harmonics(weights *[24]float64, pitch float64, f [2]float64) int {
	count := 0
	for k := range weights {
		hz := pitch * float64(k+1)
		if hz > toneBandTop {
			break
		}
		near := func(formant, width float64) float64 {
			x := (hz - formant) / width
			return 1 / (1 + x*x)
		}
		weights[k] = near(f[0], 120) + 0.5*near(f[1], 160) + 0.05
		count++
	}
	return count
}

const sineSteps = 1024

var sineTable = func() (t [sineSteps]float64) {
	for i := range t {
		t[i] = math.Sin(2 * math.Pi * float64(i) / sineSteps)
	}
	return t
}()

// sine is the sine of a phase in turns.
func sine(turns float64) float64 { return sineTable[int(turns*sineSteps)&(sineSteps-1)] }
