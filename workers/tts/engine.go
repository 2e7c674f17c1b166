package tts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// Request is one thing to say.
type Request struct {
	Text       string
	Language   string  // BCP 47; empty is the engine's first language
	Voice      string  // one of the engine's voices; empty is its own choice
	Style      string  // how to say it, by a name that ParseStyle knows; engines that cannot ignore it
	Rate       float64 // speaking rate; 0 means 1, bounds are MinRate and MaxRate
	SampleRate int     // Hz of the sound asked for
	// Fixed texts are the same for every caller, so that their sound may be
	// kept on disk. Whatever holds a name or a number of somebody is not.
	Fixed bool
}

// Bounds of a request.
const (
	MinRate = 0.25
	MaxRate = 4
	// MaxTextBytes bounds the text of one request, as the speech protocol
	// does (4,000 characters).
	MaxTextBytes = 4000 * utf8.UTFMax
)

// normalised fills in what was left out and bounds the rate, so that equal
// requests have equal keys.
func (r Request) normalised() Request {
	r.Text = strings.TrimSpace(r.Text)
	if r.Rate == 0 {
		r.Rate = 1
	}
	r.Rate = max(MinRate, min(MaxRate, r.Rate))
	r.Style = string(r.style())
	return r
}

// style is the request's style, neutral when it is unknown.
func (r Request) style() schemas.Style {
	s, _ := ParseStyle(r.Style)
	return s
}

// Result is what is known of a request when its last sound has been given.
type Result struct {
	Samples int
	Cached  bool // nothing was synthesised for it
	// Substitute: another engine than the one that was asked spoke, in its
	// own voice. Such sound is not kept.
	Substitute bool
}

// Emit takes sound as it comes. pcm must not be changed afterwards by either
// side; an error ends the synthesis and is returned from it.
type Emit func(pcm []int16) error

// Capabilities say what an engine can do.
type Capabilities struct {
	Languages   []string // BCP 47 primary languages; empty is any
	SampleRates []int    // Hz
	Voices      []string // names that requests may use; empty: voices have no names
	Parallel    int      // sentences that it makes at once; 0: as many as there are cores
}

// Speaks says whether a language is among those of the engine; only the
// primary part counts, and an empty language is always spoken.
func (c Capabilities) Speaks(language string) bool {
	return language == "" || len(c.Languages) == 0 || slices.Contains(c.Languages, primary(language))
}

// HasVoice says whether a request may name the voice.
func (c Capabilities) HasVoice(voice string) bool {
	return voice == "" || slices.Contains(c.Voices, voice)
}

func primary(language string) string {
	p, _, _ := strings.Cut(strings.ToLower(language), "-")
	return p
}

// Engine makes speech. Its methods are safe for concurrent use.
type Engine interface {
	// Name tells engines apart in caches and metrics; engines that sound
	// different have different names.
	Name() string
	Capabilities() Capabilities
	// Synthesize speaks a request: sentence by sentence, first sentence
	// first, each given to emit as soon as it is there. It returns when all
	// has been given, on the first error of emit, or when ctx ends. Text
	// without anything to speak gives no sound and no error.
	Synthesize(ctx context.Context, r Request, emit Emit) (Result, error)
	Close() error
}

// Identity says how an engine sounds: its name, and whatever else makes
// another sound of the same request, such as the version of its model. Kept
// sound belongs to it. Engines whose name does not say it all have a method
// Identity; a decorator's is made of those of the engines that it holds.
func Identity(e Engine) string {
	if i, ok := e.(interface{ Identity() string }); ok {
		return i.Identity()
	}
	return e.Name()
}

// Errors of engines; errors.Is finds them under what an engine wraps around.
var (
	// ErrUnsupported: the engine cannot do what was asked, now or later.
	ErrUnsupported = speech.ErrUnsupported
	// ErrOverloaded: the engine has no room now; another worker may have.
	ErrOverloaded = speech.ErrOverloaded
	// ErrClosed: the engine has been closed.
	ErrClosed = errors.New("engine is closed")
)

// Speak gives the whole sound of a request at once.
func Speak(ctx context.Context, e Engine, r Request) ([]int16, error) {
	var pcm []int16
	_, err := e.Synthesize(ctx, r, func(p []int16) error {
		pcm = append(pcm, p...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pcm, nil
}
