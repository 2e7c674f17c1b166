package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/workers/speech"
)

// fallbackStream is one call's recognition by a chain of engines. Its
// callers write the journal; its own goroutine passes it on to the engine of
// the moment, and from the beginning of what is not answered to the next one.
type fallbackStream struct {
	*journal
	chain    *fallback
	options  Options
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	events   chan Event
	finished chan struct{}
	can      Capabilities

	// Of the stream's goroutine only.
	now      *running // nil: none
	starting chan fallbackStarted
	at       cursor
	tried    []*link   // engines that did not recognise the oldest utterance
	ended    time.Time // when the end of the oldest utterance was passed on
	fault    error     // why the oldest utterance cannot be recognised
}

type fallbackStarted struct {
	r   *running
	err error
}

func (s *fallbackStream) SpeechStart(n int) error      { return s.start(n) }
func (s *fallbackStream) Audio(pcm []int16) error      { return s.audio(pcm) }
func (s *fallbackStream) SpeechEnd(n int) error        { return s.end(n) }
func (s *fallbackStream) Hints(phrases []string) error { return s.hint(phrases) }
func (s *fallbackStream) Events() <-chan Event         { return s.events }
func (s *fallbackStream) Capabilities() Capabilities   { return s.can }

func (s *fallbackStream) Close() error {
	s.journal.close()
	s.cancel()
	<-s.finished
	return nil
}

func (s *fallbackStream) run() {
	defer close(s.finished)
	defer close(s.events)
	defer s.release()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.due())
		var events <-chan Event
		var doomed <-chan int
		if s.now != nil {
			events, doomed = s.now.Events(), doomedOf(s.now.Stream)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case ev, ok := <-events:
			s.event(ev, ok)
		case n := <-doomed:
			s.doomed(n)
		case r := <-s.starting:
			s.started(r)
		case <-timer.C:
			s.late()
		}
		s.pump()
	}
}

// release ends everything that the stream holds.
func (s *fallbackStream) release() {
	s.journal.close()
	s.cancel()
	if s.starting != nil {
		if r := <-s.starting; r.err == nil {
			s.chain.leave(r.r)
		}
	}
	if s.now != nil {
		s.chain.leave(s.now)
	}
}

// pump passes on what the journal holds.
func (s *fallbackStream) pump() {
	for s.fault != nil {
		n, ended, ok := s.oldest()
		if !ok || !ended {
			return
		}
		s.finish(Event{Kind: EventError, Utterance: n, Err: s.fault})
	}
	if s.now == nil {
		if _, _, waiting := s.oldest(); waiting && s.starting == nil {
			s.begin()
		}
		return
	}
	if phrases, hints := s.expected(); hints != s.now.hints {
		s.now.hints = hints
		if err := s.now.Hints(phrases); err != nil {
			s.log.Warn("recognition engine does not take hints", "engine", s.now.link.name, "error", err)
		}
	}
	for s.now != nil {
		next := s.next(&s.at)
		if next.kind == stepNone {
			return
		}
		if err := s.pass(next); err != nil {
			r := s.now
			s.drain()
			if s.now == r {
				s.failed(speech.Reason(err), err, false)
			}
		}
	}
	s.signal() // for the next engine
}

// drain takes what the engine has said already: it may be the answer to an
// utterance before the one that it refuses.
func (s *fallbackStream) drain() {
	for r := s.now; s.now == r; {
		select {
		case ev, ok := <-r.Events():
			if !ok {
				return
			}
			s.event(ev, true)
		default:
			return
		}
	}
}

func (s *fallbackStream) pass(next entry) error {
	switch next.kind {
	case stepStart:
		return s.now.SpeechStart(next.n)
	case stepAudio:
		return s.now.Audio(next.pcm)
	default:
		if n, _, _ := s.oldest(); n == next.n {
			s.ended = time.Now()
		}
		return s.now.SpeechEnd(next.n)
	}
}

// begin looks for an engine in the background.
func (s *fallbackStream) begin() {
	out := make(chan fallbackStarted, 1)
	s.starting = out
	o, tried := s.options, s.tried
	var hints int
	o.Phrases, hints = s.expected()
	go func() {
		r, err := s.chain.begin(s.ctx, o, tried)
		if err == nil {
			r.hints = hints
		}
		out <- fallbackStarted{r, err}
	}()
}

func (s *fallbackStream) started(r fallbackStarted) {
	s.starting = nil
	if r.err != nil {
		s.fault = fmt.Errorf("no engine left: %w", r.err)
		return
	}
	s.now, s.at = r.r, cursor{}
	context.AfterFunc(s.ctx, r.r.cancel)
	s.log.Info("recognition goes on with another engine", "engine", r.r.link.name)
}

func (s *fallbackStream) event(ev Event, ok bool) {
	n, _, waiting := s.oldest()
	switch {
	case !ok:
		s.failed(speech.FailoverLost, errLost, false)
	case !waiting || ev.Utterance < n:
		// Of an utterance that has ended without it.
	case ev.Kind == EventPartial && ev.Utterance == n:
		select {
		case s.events <- ev:
		default: // the next one supersedes it
		}
	case ev.Kind == EventFinal && ev.Utterance == n:
		s.chain.metrics.Served(s.now.link.name)
		s.now.link.breaker.Report(nil)
		s.finish(ev)
	case ev.Kind == EventError && ev.Utterance == n:
		s.failed(speech.Reason(ev.Err), ev.Err, true)
	case ev.Kind != EventPartial:
		s.failed(speech.FailoverFailed, fmt.Errorf("%w: end of %d before that of %d", ErrOrder, ev.Utterance, n), false)
	}
}

// Why an engine was left, when it said nothing itself.
var (
	errLost   = errors.New("stream ended by itself")
	errDoomed = errors.New("utterance will not be recognised")
)

// doomed leaves an engine before its error has come, if there is another.
func (s *fallbackStream) doomed(n int) {
	if oldest, _, ok := s.oldest(); ok && oldest == n && s.left() {
		s.failed(speech.FailoverFailed, errDoomed, true)
	}
}

// left says whether there is an engine that the oldest utterance was not
// said to.
func (s *fallbackStream) left() bool {
	return len(s.tried) < len(s.chain.links)-1
}

// failed goes on to the next engine. Without one the utterance fails; the
// stream stays where it is when that is still alive.
func (s *fallbackStream) failed(reason speech.Failover, err error, alive bool) {
	if s.ctx.Err() != nil {
		return // the call ended it
	}
	r := s.now
	r.link.breaker.Report(err)
	n, ended, waiting := s.oldest()
	if waiting || !alive {
		s.chain.passed(r.link, reason, err, s.options.CallID)
	}
	if alive && !s.left() {
		if waiting && ended {
			s.finish(Event{Kind: EventError, Utterance: n, Err: err})
		}
		return
	}
	more := s.left()
	s.chain.leave(r)
	s.now, s.at, s.ended = nil, cursor{}, time.Time{}
	if !waiting {
		return // nothing was owed; every engine may be asked again
	}
	s.tried = append(s.tried, r.link)
	if !more {
		s.fault = err
	}
}

// finish ends the oldest utterance.
func (s *fallbackStream) finish(ev Event) {
	s.tried, s.fault, s.ended = nil, nil, time.Time{}
	s.answered()
	if n, _, ok := s.oldest(); ok && (s.at.n > n || s.at.n == n && s.at.ended) {
		s.ended = time.Now() // the next one's end has been passed on already
	}
	select {
	case s.events <- ev:
	case <-s.ctx.Done():
	}
}

// due is how long the oldest utterance may wait for its text.
func (s *fallbackStream) due() time.Duration {
	if s.ended.IsZero() || s.now == nil || s.chain.cfg.FinalTimeout <= 0 {
		return time.Hour
	}
	return max(0, time.Until(s.ended.Add(s.chain.cfg.FinalTimeout)))
}

// late leaves an engine that has not answered in time.
func (s *fallbackStream) late() {
	if s.due() > 0 {
		return
	}
	s.ended = time.Time{}
	s.failed(speech.FailoverSlow, fmt.Errorf("%w: no text after %s", speech.ErrSlow, s.chain.cfg.FinalTimeout), true)
}
