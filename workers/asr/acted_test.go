package asr_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
)

// deed is what an acted engine does with an utterance.
type deed int

const (
	answers deed = iota
	failsAtEnd
	diesInSpeech
	diesAtEnd
	refusesStart
	refusesSound
	refusesEnd
	staysSilent
	answersLate
	deeds // how many there are
)

// lateness is how late a late answer is.
const lateness = 5 * time.Second

// acted is an engine that does what it is told. Its text of an utterance
// tells the sound that it heard.
type acted struct {
	name  string
	rates []int
	can   asr.Capabilities                       // beside the rates
	dumb  bool                                   // gives no partials
	start func(ctx context.Context, k int) error // the k-th start
	do    func(n int) deed

	mu      sync.Mutex
	starts  int
	streams int
}

func (e *acted) Name() string { return e.name }

func (e *acted) Capabilities() asr.Capabilities {
	rates := e.rates
	if rates == nil {
		rates = []int{8000, 16000}
	}
	c := e.can
	c.SampleRates, c.Partials, c.Hints = rates, !e.dumb, true
	return c
}

func (e *acted) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.streams != 0 {
		return fmt.Errorf("%d streams are open", e.streams)
	}
	return nil
}

func (e *acted) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.starts
}

func (e *acted) Start(ctx context.Context, _ asr.Options) (asr.Stream, error) {
	e.mu.Lock()
	e.starts++
	k := e.starts
	e.mu.Unlock()
	if e.start != nil {
		if err := e.start(ctx, k); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	e.streams++
	e.mu.Unlock()
	s := &actedStream{engine: e, events: make(chan asr.Event, 256), closing: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, s.die)
	return s, nil
}

type actedStream struct {
	engine  *acted
	stop    func() bool
	closing chan struct{}
	late    sync.WaitGroup

	mu     sync.Mutex
	dead   bool
	closed bool
	events chan asr.Event
	n      int
	last   int
	open   bool
	pcm    []int16
}

// heard is the text of an utterance.
func heard(pcm []int16) string {
	return fmt.Sprintf("%d samples %08x", len(pcm), crc32.ChecksumIEEE(audio.AppendL16(nil, pcm)))
}

var errActed = errors.New("as told")

func (s *actedStream) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead {
		s.dead = true
		close(s.events)
	}
}

func (s *actedStream) put(ev asr.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead {
		s.events <- ev
	}
}

func (s *actedStream) deed() deed {
	if s.engine.do == nil {
		return answers
	}
	return s.engine.do(s.n)
}

func (s *actedStream) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return asr.ErrClosed
	}
	return nil
}

func (s *actedStream) SpeechStart(n int) error {
	if s.open || n <= s.last {
		return asr.ErrOrder
	}
	s.n, s.last, s.open, s.pcm = n, n, true, nil
	if s.deed() == refusesStart {
		return errActed
	}
	return s.alive()
}

func (s *actedStream) Audio(pcm []int16) error {
	if !s.open {
		return asr.ErrOrder
	}
	s.pcm = append(s.pcm, pcm...)
	switch {
	case s.deed() == diesInSpeech:
		s.die()
		return nil
	case s.deed() == refusesSound:
		return errActed
	case len(s.pcm) > 1600:
		s.put(asr.Event{Kind: asr.EventPartial, Utterance: s.n, Text: "…"})
	}
	return s.alive()
}

func (s *actedStream) SpeechEnd(n int) error {
	if !s.open || n != s.n {
		return asr.ErrOrder
	}
	s.open = false
	final := asr.Event{Kind: asr.EventFinal, Utterance: n, Text: heard(s.pcm)}
	switch s.deed() {
	case answers:
		s.put(final)
	case failsAtEnd:
		s.put(asr.Event{Kind: asr.EventError, Utterance: n, Err: errActed})
	case diesAtEnd, diesInSpeech:
		s.die()
		return nil
	case refusesEnd, refusesSound:
		return errActed
	case answersLate:
		s.late.Go(func() {
			t := time.NewTimer(lateness)
			defer t.Stop()
			select {
			case <-t.C:
				s.put(final)
			case <-s.closing:
			}
		})
	}
	return s.alive()
}

func (s *actedStream) Hints([]string) error { return s.alive() }

func (s *actedStream) Events() <-chan asr.Event { return s.events }

func (s *actedStream) Close() error {
	s.stop()
	s.die()
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.closing)
		s.engine.mu.Lock()
		s.engine.streams--
		s.engine.mu.Unlock()
	}
	s.late.Wait()
	return nil
}
