package telegraph

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

// Name of both engines.
const Name = "telegraph"

const (
	syllable = 110 * time.Millisecond
	pause    = 120 * time.Millisecond // behind a sentence
	leastly  = 3                      // times that a number is sent
)

var rates = []int{8000, 16000}

// stops finds sentences, each with what ends it.
var stops = regexp.MustCompile(`[^。！？!?\n]+[。！？!?\n]*`)

// Voice is an engine that sends what it is to say.
type Voice struct{ book *Book }

// NewVoice writes into a book.
func NewVoice(b *Book) *Voice { return &Voice{b} }

// Name is part of tts.Engine.
func (*Voice) Name() string { return Name }

// Capabilities is part of tts.Engine.
func (*Voice) Capabilities() tts.Capabilities { return tts.Capabilities{SampleRates: rates} }

// Close is part of tts.Engine.
func (*Voice) Close() error { return nil }

// Synthesize is part of tts.Engine.
func (v *Voice) Synthesize(ctx context.Context, r tts.Request, emit tts.Emit) (tts.Result, error) {
	var res tts.Result
	if !slices.Contains(rates, r.SampleRate) || len(r.Text) > tts.MaxTextBytes {
		return res, fmt.Errorf("%w: %d Hz, %d bytes", tts.ErrUnsupported, r.SampleRate, len(r.Text))
	}
	speed := r.Rate
	if speed == 0 {
		speed = 1
	}
	for _, sentence := range sentences(r.Text) {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		n, ok := v.book.number(sentence)
		if !ok {
			return res, fmt.Errorf("%w: the code book is full", tts.ErrUnsupported)
		}
		length := float64(utf8.RuneCountInString(sentence)) * float64(syllable) / speed
		pcm := send(n, max(leastly, int(length/float64(codeTime))+2), r.SampleRate)
		if err := emit(append(pcm, audio.Silence(pause, r.SampleRate)...)); err != nil {
			return res, err
		}
		res.Samples += len(pcm) + audio.Samples(pause, r.SampleRate)
	}
	return res, nil
}

// sentences cuts a text behind its stops, and leaves out what is not spoken.
func sentences(text string) []string {
	var out []string
	for _, s := range stops.FindAllString(text, -1) {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}
