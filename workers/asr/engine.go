package asr

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/workers/speech"
)

// Options are what an engine is told of a session before it starts.
type Options struct {
	CallID     string
	Language   string // BCP 47; empty is the engine's first language
	Dialect    string // a dialect of it that the caller is likely to speak; empty is unknown
	SampleRate int    // Hz of the sound that will come
	Phrases    []string
	Scenario   string // only the scripted engine reads it
}

// Capabilities say what an engine can do; the service refuses a session that
// asks for more before the engine sees it.
type Capabilities struct {
	Languages   []string // BCP 47 primary languages; empty is any
	Dialects    []string // dialects that it knows, as docs/dialects.md names them
	Synthetic   bool     // understands synthetic voices only
	SampleRates []int    // Hz
	Partials    bool     // gives transcripts while the caller speaks
	Hints       bool     // words to expect change what it hears
}

// Speaks says whether a language is among those of the engine; only the
// primary part counts, and an empty language is always spoken.
func (c Capabilities) Speaks(language string) bool {
	if language == "" || len(c.Languages) == 0 {
		return true
	}
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	return slices.ContainsFunc(c.Languages, func(l string) bool {
		l, _, _ = strings.Cut(strings.ToLower(l), "-")
		return l == primary
	})
}

// Engine makes recognition streams. Its methods are safe for concurrent use.
type Engine interface {
	Name() string
	Capabilities() Capabilities
	// Start begins a stream; ctx bounds its whole life, and when it ends the
	// stream ends as if closed.
	Start(ctx context.Context, o Options) (Stream, error)
	Close() error
}

// Stream is the recognition of one call. Its methods, Events aside, are
// called by one goroutine.
//
// The contract, held by package asrtest: each SpeechEnd(n) yields exactly one
// event that ends utterance n (a final or an error), in the order of the
// ends; partials of n come after SpeechStart(n) and before that event. Calls
// never wait for recognition. Events must be read; it is closed after Close,
// or after ctx has ended.
type Stream interface {
	// SpeechStart begins utterance n. Numbers grow but need not be without
	// gaps: a session that replaces a lost one goes on with the call's count.
	SpeechStart(n int) error
	// Audio takes sound of the current utterance; pcm belongs to the caller
	// again when it returns.
	Audio(pcm []int16) error
	SpeechEnd(n int) error
	// Hints replaces the words to expect.
	Hints(phrases []string) error
	Events() <-chan Event
	// Close ends the stream; it may be called again.
	Close() error
}

// Particular is a stream whose capabilities are not its engine's, as that of
// a call that another model serves.
type Particular interface{ Capabilities() Capabilities }

// EventKind says what an Event is.
type EventKind int

// The kinds of events.
const (
	EventUnknown EventKind = iota
	EventPartial
	EventFinal
	EventError
)

func (k EventKind) String() string {
	switch k {
	case EventPartial:
		return "partial"
	case EventFinal:
		return "final"
	case EventError:
		return "error"
	default:
		return "unknown"
	}
}

// Event is a transcript, or the failure of an utterance. Confidence is 0 to
// 1; a final with empty text and confidence 0 means that nothing was
// understood.
type Event struct {
	Kind       EventKind
	Utterance  int
	Text       string
	Confidence float64
	Language   string // BCP 47, where the engine says which was spoken
	Dialect    string // likewise
	Err        error  // of EventError
}

// Errors of engines; errors.Is finds them under what an engine wraps around.
var (
	// ErrUnsupported: the engine cannot do what was asked, now or later.
	ErrUnsupported = speech.ErrUnsupported
	// ErrOverloaded: the engine has no room now; another worker may have.
	ErrOverloaded = speech.ErrOverloaded
	// ErrOrder: speech began or ended out of order.
	ErrOrder = errors.New("speech marks out of order")
	// ErrClosed: the stream has ended.
	ErrClosed = errors.New("stream is closed")
)
