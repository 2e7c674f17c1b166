package telegraph

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tidegate/tidegate/workers/asr"
)

// backlog bounds the transcripts of a stream that nobody has read yet.
const backlog = 64

// Ears are an engine that hears what a Voice with the same book has sent.
type Ears struct{ book *Book }

// NewEars reads in a book.
func NewEars(b *Book) *Ears { return &Ears{b} }

// Name is part of asr.Engine.
func (*Ears) Name() string { return Name }

// Capabilities is part of asr.Engine.
func (*Ears) Capabilities() asr.Capabilities { return asr.Capabilities{SampleRates: rates} }

// Close is part of asr.Engine.
func (*Ears) Close() error { return nil }

// Start is part of asr.Engine.
func (e *Ears) Start(ctx context.Context, o asr.Options) (asr.Stream, error) {
	if !slices.Contains(rates, o.SampleRate) {
		return nil, fmt.Errorf("%w: %d Hz", asr.ErrUnsupported, o.SampleRate)
	}
	s := &stream{book: e.book, rate: o.SampleRate, events: make(chan asr.Event, backlog)}
	s.stop = context.AfterFunc(ctx, s.end)
	return s, nil
}

// stream reads an utterance when it has ended: that takes no time.
type stream struct {
	book *Book
	rate int
	stop func() bool

	mu            sync.Mutex
	events        chan asr.Event
	closed        bool
	current, last int
	pcm           []int16
}

func (s *stream) Events() <-chan asr.Event { return s.events }

func (s *stream) SpeechStart(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return asr.ErrClosed
	case s.current != 0 || n <= s.last:
		return fmt.Errorf("%w: start of %d after %d", asr.ErrOrder, n, s.last)
	}
	s.current, s.last, s.pcm = n, n, nil
	return nil
}

func (s *stream) Audio(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return asr.ErrClosed
	case s.current == 0:
		return fmt.Errorf("%w: sound outside an utterance", asr.ErrOrder)
	}
	s.pcm = append(s.pcm, pcm...)
	return nil
}

func (s *stream) SpeechEnd(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return asr.ErrClosed
	case s.current == 0 || n != s.current:
		return fmt.Errorf("%w: end of %d in %d", asr.ErrOrder, n, s.current)
	case len(s.events) == cap(s.events):
		return fmt.Errorf("%w: %d transcripts wait", asr.ErrOverloaded, backlog)
	}
	s.current = 0
	ev := asr.Event{Kind: asr.EventFinal, Utterance: n}
	var words strings.Builder
	for _, number := range receive(s.pcm, s.rate) {
		text, _ := s.book.text(number)
		words.WriteString(text)
	}
	if ev.Text = words.String(); ev.Text != "" {
		ev.Confidence = 0.95
	}
	s.events <- ev
	return nil
}

func (s *stream) Hints([]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return asr.ErrClosed
	}
	return nil
}

func (s *stream) Close() error {
	s.stop()
	s.end()
	return nil
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.events)
	}
}
