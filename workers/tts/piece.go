package tts

import (
	"strings"
	"time"
	"unicode"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/zhtext"
)

// soundVersion is raised when the same request sounds otherwise although no
// engine has changed: other readings, silences or loudness. Sound that was
// kept by an older version is not used.
const soundVersion = 1

// reading is a sentence as an engine shall speak it: in Chinese, with every
// number written as it is read out.
func reading(sentence, language string) string {
	if primary(language) == "en" {
		return sentence
	}
	return zhtext.ReadOut(sentence)
}

// speakable says whether there is anything in a text to be spoken.
func speakable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// finish makes of a piece of speech, in place, what every engine gives:
// silence shortened, the rate asked for, the common loudness, and what the
// style adds to it.
func (l *leveller) finish(pcm []int16, rate int, r Request) []int16 {
	pcm = audio.Resample(trimSilence(pcm, rate), rate, r.SampleRate)
	return amplify(l.equalise(pcm, r.SampleRate), manners[r.style()].gain)
}

// What is left of the silence around a piece: the first word must not wait,
// and the next sentence needs a pause before it.
const (
	leadSilence = 10 * time.Millisecond
	tailSilence = 200 * time.Millisecond
	silentBelow = 64 // of 32768
)

// trimSilence shortens the silence before and after a piece.
func trimSilence(pcm []int16, rate int) []int16 {
	loud := func(s int16) bool { return s > silentBelow || s < -silentBelow }
	first, last := 0, len(pcm)
	for first < last && !loud(pcm[first]) {
		first++
	}
	for last > first && !loud(pcm[last-1]) {
		last--
	}
	if first == last {
		return nil
	}
	first = max(0, first-audio.Samples(leadSilence, rate))
	last = min(len(pcm), last+audio.Samples(tailSilence, rate))
	return pcm[first:last]
}

// fromFloat and toFloat convert to and from samples of -1 to 1.
func fromFloat(sound []float32) []int16 {
	pcm := make([]int16, len(sound))
	for i, v := range sound {
		pcm[i] = int16(max(-32768, min(32767, v*32768)))
	}
	return pcm
}

func toFloat(pcm []int16) []float32 {
	sound := make([]float32, len(pcm))
	for i, v := range pcm {
		sound[i] = float32(v) / 32768
	}
	return sound
}
