package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/funasr"
)

// funasrStream is one call's recognition. Its callers write the journal; its
// own goroutine sends what stands there, reads the answers, and connects
// anew when it has to.
type funasrStream struct {
	*journal
	engine   *funasrEngine
	spokenIn string // language that the server is told
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	events   chan Event
	doomed   chan int
	finished chan struct{}
	readers  sync.WaitGroup

	// Of the stream's goroutine only.
	link      *funasrLink // nil: none
	dialing   chan funasrDialled
	at        cursor
	spoken    map[int]*funasrUtterance // what has been begun on the link
	tries     int                      // connections lost by the oldest utterance
	fault     error                    // why the oldest utterance cannot be recognised
	resampler *audio.Resampler
	pcm       []int16
}

// funasrUtterance is what is known of an utterance that was begun.
type funasrUtterance struct {
	text   funasr.Transcript
	ended  time.Time // when its end was sent
	settle time.Time // when it counts as answered
}

// funasrDialled is the outcome of a connection attempt.
type funasrDialled struct {
	conn   *funasr.Conn
	server *funasrServer
	err    error
}

func (s *funasrStream) SpeechStart(n int) error      { return s.start(n) }
func (s *funasrStream) Audio(pcm []int16) error      { return s.audio(pcm) }
func (s *funasrStream) SpeechEnd(n int) error        { return s.end(n) }
func (s *funasrStream) Hints(phrases []string) error { return s.hint(phrases) }
func (s *funasrStream) Events() <-chan Event         { return s.events }

// Doomed gives the number of an utterance, still under way, that will end
// with an error.
func (s *funasrStream) Doomed() <-chan int { return s.doomed }

func (s *funasrStream) Close() error {
	s.journal.close()
	s.cancel()
	<-s.finished
	return nil
}

func (s *funasrStream) run() {
	defer close(s.finished)
	defer close(s.events)
	defer s.release()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.due())
		var answers <-chan funasrAnswer
		if s.link != nil {
			answers = s.link.answers
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case a := <-answers:
			s.answer(a)
		case d := <-s.dialing:
			s.dialled(d)
		case <-timer.C:
			s.late()
		}
		s.pump()
	}
}

// release ends everything that the stream holds.
func (s *funasrStream) release() {
	s.journal.close()
	s.cancel()
	if s.dialing != nil {
		if d := <-s.dialing; d.conn != nil {
			d.conn.Abort()
		}
	}
	s.leave()
	s.readers.Wait()
}

// pump sends what the journal holds, on the connection that there has to be
// for it.
func (s *funasrStream) pump() {
	for s.advance() {
	}
}

// advance does the next thing that can be done; false when that is nothing.
func (s *funasrStream) advance() bool {
	n, ended, waiting := s.oldest()
	switch {
	case s.fault != nil && waiting && ended:
		s.finish(n, Event{Kind: EventError, Err: s.fault})
		return true
	case s.fault != nil:
		return false
	case s.link == nil && waiting, s.link != nil && s.stale():
		s.dial()
		return false
	case s.link == nil:
		return false
	}
	next := s.next(&s.at)
	if next.kind == stepNone {
		return false
	}
	if err := s.send(next); err != nil {
		s.lost(err, reconnectLost)
	}
	return true
}

// stale says whether the connection cannot take the hot words that are
// wanted. One that is owed answers is used on.
func (s *funasrStream) stale() bool {
	return s.link.fixed && len(s.spoken) == 0 && !s.words().Equal(s.link.words)
}

func (s *funasrStream) words() funasr.Hotwords {
	phrases, _ := s.expected()
	return funasr.NewHotwords(phrases, s.engine.cfg.HotwordWeight)
}

func (s *funasrStream) send(next entry) error {
	conn := s.link.conn
	switch next.kind {
	case stepStart:
		s.spoken[next.n] = &funasrUtterance{}
		s.resampler.Reset()
		return s.link.begin(next.n, s.words())
	case stepAudio:
		s.pcm = s.resampler.Process(s.pcm[:0], next.pcm)
		return conn.Audio(s.pcm)
	default:
		s.spoken[next.n].ended = time.Now()
		if err := conn.Audio(s.resampler.Flush(s.pcm[:0])); err != nil {
			return err
		}
		return conn.End()
	}
}

// dial looks for another connection in the background.
func (s *funasrStream) dial() {
	if s.dialing != nil {
		return
	}
	out := make(chan funasrDialled, 1)
	s.dialing = out
	go func() {
		conn, server, err := s.engine.connect(s.ctx, s.spokenIn)
		out <- funasrDialled{conn, server, err}
	}()
}

func (s *funasrStream) dialled(d funasrDialled) {
	s.dialing = nil
	switch {
	case d.err == nil && s.link == nil:
		s.join(d.conn, d.server)
	case d.err == nil && !s.stale():
		d.conn.Abort() // the words before are wanted again, and the connection is in use
	case d.err == nil:
		s.engine.metrics.reconnects.WithLabelValues(reconnectHotwords).Inc()
		s.leave()
		s.join(d.conn, d.server)
	case s.link != nil:
		s.log.Warn("no connection for other hot words: those before stay", "error", d.err)
		s.link.words = s.words()
	default:
		s.doom(d.err)
	}
}

// lost ends the connection. What it owes answers to is said once more on
// another one; the oldest utterance gets one such chance.
func (s *funasrStream) lost(err error, reason string) {
	if s.ctx.Err() != nil {
		return // we ended it
	}
	s.engine.metrics.reconnects.WithLabelValues(reason).Inc()
	owed := len(s.spoken) > 0
	s.log.Warn("FunASR connection given up", "reason", reason, "in_utterance", owed, "error", err)
	if owed || reason == reconnectSilent {
		s.link.server.breaker.Report(err)
	}
	s.leave()
	if owed {
		s.tries++
	}
	if s.tries > 1 {
		s.doom(err)
	}
}

// doom gives the oldest utterance up.
func (s *funasrStream) doom(err error) {
	n, ended, ok := s.oldest()
	if !ok {
		return
	}
	s.fault = fmt.Errorf("funasr: %w", err)
	if !ended {
		select {
		case s.doomed <- n:
		default:
		}
	}
}

// finish ends utterance n, the oldest.
func (s *funasrStream) finish(n int, ev Event) {
	delete(s.spoken, n)
	s.tries, s.fault = 0, nil
	s.answered()
	ev.Utterance = n
	s.put(ev)
}

func (s *funasrStream) put(ev Event) {
	select {
	case s.events <- ev:
	case <-s.ctx.Done():
	}
}

// Why an utterance failed, when it was not the connection.
var (
	errNoAnswer = errors.New("no last answer in time")
	errServer   = errors.New("server reports an error")
)

// due is how long the oldest utterance may wait for its last answer.
func (s *funasrStream) due() time.Duration {
	n, _, ok := s.oldest()
	u := s.spoken[n]
	if !ok || u == nil || u.ended.IsZero() {
		return time.Hour
	}
	at := u.ended.Add(s.engine.cfg.FinalTimeout)
	if !u.settle.IsZero() && u.settle.Before(at) {
		at = u.settle
	}
	return max(0, time.Until(at))
}

// late ends the oldest utterance with what is known of it.
func (s *funasrStream) late() {
	if s.due() > 0 {
		return
	}
	n, _, _ := s.oldest()
	u := s.spoken[n]
	settled := !u.settle.IsZero() && time.Now().After(u.settle)
	if text := u.text.Text(); settled || text != "" {
		s.finish(n, u.event(EventFinal))
	} else {
		s.finish(n, Event{Kind: EventError, Err: fmt.Errorf("funasr: %w", errNoAnswer)})
	}
	if !settled {
		s.lost(errNoAnswer, reconnectSilent)
	}
}

func (u *funasrUtterance) event(kind EventKind) Event {
	heard := languageTags[u.text.Language]
	return Event{Kind: kind, Text: u.text.Text(), Language: heard.language, Dialect: heard.dialect}
}

// maxBadAnswers of one connection are passed over.
const maxBadAnswers = 8

func (s *funasrStream) answer(a funasrAnswer) {
	switch {
	case errors.Is(a.err, funasr.ErrAnswer):
		s.engine.metrics.badAnswers.Inc()
		if s.link.bad++; s.link.bad > maxBadAnswers {
			s.lost(a.err, reconnectLost)
		}
		return
	case a.err != nil:
		s.lost(a.err, reconnectLost)
		return
	}
	n, u := s.about(a.Name)
	if u == nil {
		return // of an utterance that has ended without it
	}
	if a.Error != "" {
		s.failed(n, u, a.Error)
		return
	}
	changed := u.text.Add(a.Answer)
	if !u.ended.IsZero() {
		switch a.ending {
		case funasr.EndingCertain:
			s.complete(n)
			return
		case funasr.EndingPossible:
			u.settle = time.Now().Add(s.engine.cfg.Settle)
		}
	}
	if oldest, _, _ := s.oldest(); changed && n == oldest && s.engine.cfg.Mode != funasr.ModeOffline {
		ev := u.event(EventPartial)
		ev.Utterance = n
		s.partial(ev)
	}
}

// about finds the utterance of an answer by its name; a server that leaves
// the name out means the oldest.
func (s *funasrStream) about(name string) (int, *funasrUtterance) {
	n, _, _ := s.oldest()
	if name != "" {
		n, _ = strconv.Atoi(name)
	}
	return n, s.spoken[n]
}

// partial tells a partial transcript; where there is no room for it, the
// next one supersedes it.
func (s *funasrStream) partial(ev Event) {
	select {
	case s.events <- ev:
	default:
	}
}

// failed ends an utterance that the server could not recognise; its words
// may hold anything and stay here.
func (s *funasrStream) failed(n int, u *funasrUtterance, said string) {
	s.log.Warn("FunASR server reports an error", "length", len(said))
	s.link.server.breaker.Report(errServer)
	if u.ended.IsZero() {
		s.leave() // the utterance is still open there
		s.doom(errServer)
		return
	}
	s.complete(n - 1)
	s.finish(n, Event{Kind: EventError, Err: fmt.Errorf("funasr: %w", errServer)})
}

// complete ends utterance n and those before it: the server answers in
// order, so theirs will not come.
func (s *funasrStream) complete(n int) {
	for {
		oldest, ended, ok := s.oldest()
		u := s.spoken[oldest]
		switch {
		case !ok || oldest > n || !ended || u == nil:
			return
		case oldest == n || u.text.Text() != "":
			s.link.server.breaker.Report(nil)
			s.finish(oldest, u.event(EventFinal))
		default:
			s.finish(oldest, Event{Kind: EventError, Err: fmt.Errorf("funasr: %w", errNoAnswer)})
		}
	}
}
