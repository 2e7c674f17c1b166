package asr

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
)

// sherpaStream is one call's place in the engine. The caller's goroutine puts
// sound into it, the decoder that holds its ticket takes it out.
type sherpaStream struct {
	engine *sherpaEngine
	model  *recogniser
	rate   int
	events chan Event
	ticket ticket[*sherpaStream]
	detach func() bool // from the context

	mu            sync.Mutex
	current, last int
	hotwords      []string
	utterances    []*utterance // that are not decoded to their end, the oldest first
	waiting       int          // samples in them
	full          bool         // the log was told of dropped sound
	unanswered    int          // ended utterances whose last event is still to come
	closed        bool

	decoding
}

// utterance is what a stream has got of one.
type utterance struct {
	n        int
	hotwords []string
	pcm      []int16 // not decoded yet
	begun    bool    // a decoder has seen it
	ended    bool
}

// decoding is the state of the utterance under way; it belongs to the decoder
// that holds the ticket.
type decoding struct {
	front   *frontEnd
	helping helping
	online  *sherpa.OnlineStream
	pcm     []float32 // ready for the model; an offline one gets all of it at the end
	err     error
	heard   int    // samples at the call's rate since the last look for a partial
	shown   string // last partial
}

// helping is what a decoder takes from a stream at once.
type helping struct {
	n            int
	hotwords     []string
	pcm          []int16
	begins, ends bool
}

// helpingSize of sound: a decoder that has this much of one call looks after
// the others again.
const helpingSize = 400 * time.Millisecond

func newSherpaStream(e *sherpaEngine, model *recogniser, o Options) *sherpaStream {
	s := &sherpaStream{engine: e, model: model, rate: o.SampleRate, events: make(chan Event, 2*eventQueue)}
	s.ticket = ticket[*sherpaStream]{value: s, kind: model, alone: model.offline != nil}
	s.front = newFrontEnd(o.SampleRate, e.denoisers, e.log)
	s.hotwords = s.words(o.Phrases)
	return s
}

// words are the hot words for phrases, besides those of every call.
func (s *sherpaStream) words(phrases []string) []string {
	if !s.model.hotwords {
		return nil
	}
	return s.model.words.hotwords(slices.Concat(phrases, s.engine.cfg.Hotwords)...)
}

// Capabilities are those of the model that the call got.
func (s *sherpaStream) Capabilities() Capabilities { return s.model.capabilities() }

func (s *sherpaStream) Events() <-chan Event { return s.events }

func (s *sherpaStream) SpeechStart(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.current != 0 || n <= s.last:
		return fmt.Errorf("%w: start of %d after %d", ErrOrder, n, s.last)
	}
	s.current, s.last = n, n
	s.utterances = append(s.utterances, &utterance{n: n, hotwords: s.hotwords})
	s.engine.queue.ready(&s.ticket)
	return nil
}

// Audio keeps sound for the decoders. Where they are so far behind that there
// is no room for it, it is dropped and counted: the rest of the utterance is
// still recognised.
func (s *sherpaStream) Audio(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.current == 0:
		return fmt.Errorf("%w: sound outside an utterance", ErrOrder)
	case len(pcm) == 0:
		return nil
	case audio.Duration(s.waiting+len(pcm), s.rate) > s.engine.cfg.Buffer:
		s.engine.metrics.dropped.WithLabelValues(dropQueue).Inc()
		if !s.full {
			s.full = true
			s.engine.log.Warn("decoding is behind: sound of a call is dropped", "waiting", audio.Duration(s.waiting, s.rate))
		}
		return nil
	}
	u := s.utterances[len(s.utterances)-1]
	u.pcm = append(u.pcm, pcm...)
	s.waiting += len(pcm)
	s.engine.wait(len(pcm), s.rate)
	s.engine.queue.ready(&s.ticket)
	return nil
}

func (s *sherpaStream) SpeechEnd(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.current == 0 || n != s.current:
		return fmt.Errorf("%w: end of %d in %d", ErrOrder, n, s.current)
	}
	s.current = 0
	if s.unanswered+len(s.events) >= cap(s.events) {
		s.forget(s.utterances[len(s.utterances)-1])
		return fmt.Errorf("%w: %d transcripts wait", ErrOverloaded, s.unanswered+len(s.events))
	}
	s.unanswered++
	s.utterances[len(s.utterances)-1].ended = true
	s.engine.queue.ready(&s.ticket)
	return nil
}

// forget takes back an utterance that gets no transcript.
func (s *sherpaStream) forget(u *utterance) {
	s.waiting -= len(u.pcm)
	s.engine.wait(-len(u.pcm), s.rate)
	s.utterances = slices.DeleteFunc(s.utterances, func(x *utterance) bool { return x == u })
}

func (s *sherpaStream) Hints(phrases []string) error {
	words := s.words(phrases)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.hotwords = words // of the next utterance: a search has its words from its beginning
	return nil
}

func (s *sherpaStream) Close() error {
	s.detach()
	s.end()
	return nil
}

// end closes the events; a decoder frees what it holds.
func (s *sherpaStream) end() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.events)
	s.engine.wait(-s.waiting, s.rate)
	s.utterances, s.waiting = nil, 0
	s.mu.Unlock()
	s.engine.left(s)
	s.engine.queue.ready(&s.ticket)
}

// emit hands out an event. There is always room for the last one of an
// utterance: SpeechEnd keeps it. A partial that finds none is superseded by
// the next one.
func (s *sherpaStream) emit(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if ev.Kind == EventPartial {
		if s.unanswered+len(s.events) < eventQueue {
			s.events <- ev
		}
		return
	}
	s.unanswered--
	s.events <- ev
}

// take fills the helping with the oldest sound that waits. ok is false when
// there is nothing to do; more, when nothing is left after it.
func (s *sherpaStream) take() (ok, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.utterances) == 0 {
		return false, false
	}
	u := s.utterances[0]
	n := min(len(u.pcm), audio.Samples(helpingSize, s.rate))
	s.helping = helping{n: u.n, hotwords: u.hotwords, pcm: append(s.helping.pcm[:0], u.pcm[:n]...), begins: !u.begun}
	u.begun = true
	u.pcm = u.pcm[:copy(u.pcm, u.pcm[n:])]
	s.waiting -= n
	s.engine.wait(-n, s.rate)
	if u.ended && len(u.pcm) == 0 {
		s.helping.ends = true
		s.utterances = s.utterances[1:]
	}
	if len(s.utterances) > 0 {
		next := s.utterances[0]
		more = !next.begun || next.ended || len(next.pcm) > 0
	}
	return n > 0 || s.helping.begins || s.helping.ends, more
}
