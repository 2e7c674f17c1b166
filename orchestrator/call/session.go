package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

const (
	inboxSize   = 256
	commandSize = 64
	portLimit   = 10 * time.Second
)

// Session runs one call. Its goroutine owns the State; everybody else posts
// events.
type Session struct {
	id      string
	machine *Machine
	state   State // only the session's goroutine touches it
	ports   Ports
	log     *slog.Logger
	metrics *Metrics
	now     func() time.Time

	inbox    chan Event
	commands chan Effect
	saves    chan save
	done     chan struct{}
	work     sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc
}

type save struct {
	snapshot []byte
	forget   bool
}

// NewSession makes the session of a call whose state was begun or restored.
func NewSession(m *Machine, s State, p Ports, log *slog.Logger, metrics *Metrics) *Session {
	ctx, cancel := context.WithCancel(context.Background())
	return &Session{
		id: s.ID, machine: m, state: s, ports: p, log: log.With("call", s.ID), metrics: metrics, now: time.Now,
		inbox: make(chan Event, inboxSize), commands: make(chan Effect, commandSize), saves: make(chan save, 1),
		done: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
}

// Post gives the session an event; false when it is over, or so far behind
// that its inbox is full (counted).
func (s *Session) Post(ev Event) bool {
	select {
	case <-s.done:
		return false
	default:
	}
	select {
	case s.inbox <- ev:
		return true
	default:
		s.metrics.dropped.Inc()
		s.log.Warn("event dropped, inbox is full", "kind", ev.Kind())
		return false
	}
}

// Run takes first in, then everything else until the call is over for this
// orchestrator, and returns the last state. Cancelling ctx leaves the call to
// the next action of its dialplan.
func (s *Session) Run(ctx context.Context, first Event) State {
	s.metrics.active.Inc()
	defer s.metrics.active.Dec()
	s.work.Go(s.command)
	s.work.Go(s.save)
	s.loop(ctx, first)
	close(s.done)
	close(s.commands)
	close(s.saves)
	// The last commands (a hang-up, a close) still go out, within limits.
	timer := time.AfterFunc(portLimit, s.cancel)
	s.work.Wait()
	s.ports.Switch.Close()
	timer.Stop()
	s.cancel()
	return s.state
}

func (s *Session) loop(ctx context.Context, first Event) {
	s.take(first)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	events := s.ports.Switch.Events()
	for !s.state.Over() {
		name, at, armed := s.state.NextTimer()
		if armed {
			timer.Reset(time.Until(at))
		} else {
			timer.Reset(time.Hour)
		}
		select {
		case ev, ok := <-events:
			if !ok {
				events = nil
				ev = ControlLost{Reason: "channel closed"}
			}
			s.take(ev)
		case ev := <-s.inbox:
			s.take(ev)
		case <-timer.C:
			if armed {
				s.take(TimerFired{Timer: name})
			}
		case <-ctx.Done():
			s.take(ControlLost{Reason: "stopping"})
			return
		}
	}
}

func (s *Session) take(ev Event) {
	before := s.state.Phase
	next, effects := s.machine.Step(s.state, s.now(), ev)
	s.state = next
	if next.Phase != before {
		s.log.Info("call", "phase", next.Phase, "after", ev.Kind())
	}
	for _, e := range effects {
		s.carryOut(e)
	}
}

// carryOut starts an effect. What talks to the switch or the bridge keeps
// its order; what waits for a worker does not hold the rest up.
func (s *Session) carryOut(e Effect) {
	switch e := e.(type) {
	case Ignored:
		s.metrics.ignored.WithLabelValues(string(e.Kind)).Inc()
		s.log.Debug("event ignored", "phase", e.Phase, "kind", e.Kind)
	case Fact:
		s.metrics.observe(e)
		s.ports.Recorder.Record(s.id, e.Event, e.Data)
	case DialectChosen:
		s.metrics.dialects.WithLabelValues(e.Source).Inc()
		s.log.Info("dialect", "source", e.Source, "dialect", e.Dialect)
	case Save:
		s.queueSave(save{})
	case Forget:
		s.queueSave(save{forget: true})
	case FindOrders:
		s.work.Go(func() { s.findOrders(e) })
	case Consult:
		s.work.Go(func() { s.advise(e) })
	case OpenTicket:
		s.work.Go(func() { s.openTicket(e) })
	case SyncMedia:
		s.work.Go(func() { s.syncMedia(e) })
	default:
		select {
		case s.commands <- e:
		default:
			s.metrics.dropped.Inc()
			s.log.Error("command dropped, the switch does not take them", "effect", nameOfEffect(e))
			s.cancel()
		}
	}
}

// queueSave keeps only the newest snapshot waiting.
func (s *Session) queueSave(v save) {
	if !v.forget {
		b, err := s.state.MarshalSnapshot()
		if err != nil {
			s.log.Error("snapshot cannot be written", "error", err)
			return
		}
		v.snapshot = b
	}
	for {
		select {
		case s.saves <- v:
			return
		default:
		}
		select {
		case <-s.saves:
		default:
		}
	}
}

func (s *Session) save() {
	for v := range s.saves {
		ctx, cancel := context.WithTimeout(s.ctx, portLimit)
		var err error
		if v.forget {
			err = s.ports.Snapshots.Forget(ctx)
		} else {
			err = s.ports.Snapshots.Save(ctx, v.snapshot)
		}
		cancel()
		switch {
		case err == nil:
			s.metrics.snapshots.WithLabelValues("ok").Inc()
		case errors.Is(err, ErrSuperseded):
			s.metrics.snapshots.WithLabelValues("superseded").Inc()
			s.log.Warn("call was taken over by another orchestrator")
			s.Post(ControlLost{Reason: "superseded"})
		default:
			s.metrics.snapshots.WithLabelValues("error").Inc()
			s.log.Warn("snapshot not saved; a takeover would go on from an earlier turn", "error", err)
		}
	}
}

// command carries out what must keep its order.
func (s *Session) command() {
	for e := range s.commands {
		ctx, cancel := context.WithTimeout(s.ctx, portLimit)
		err := s.execute(ctx, e)
		cancel()
		if err != nil {
			name := nameOfEffect(e)
			s.metrics.failed.WithLabelValues(name).Inc()
			s.log.Warn("effect failed", "effect", name, "error", err)
			s.Post(CommandFailed{Effect: name, Reason: err.Error()})
		}
	}
}

func (s *Session) execute(ctx context.Context, e Effect) error {
	sw := s.ports.Switch
	switch e := e.(type) {
	case Answer:
		return sw.Answer(ctx)
	case StartFork:
		return sw.StartFork(ctx, e)
	case StopFork:
		return sw.StopFork(ctx)
	case PlayFile:
		return sw.PlayFile(ctx, e.Path)
	case ConnectHuman:
		return sw.ConnectHuman(ctx, e.Target, e.Headers, e.Limit)
	case HangUp:
		return sw.HangUp(ctx, e.Cause)
	case SendMedia:
		return s.ports.Media.Send(ctx, e.Data)
	}
	return fmt.Errorf("unknown effect %T", e)
}

func (s *Session) findOrders(e FindOrders) {
	ctx, cancel := context.WithTimeout(s.ctx, e.Budget)
	defer cancel()
	began := time.Now()
	orders, err := s.ports.Desk.FindOrders(ctx, s.id, e.Request)
	s.metrics.lookup.Observe(time.Since(began).Seconds())
	r := OrdersFound{RequestID: e.Request.RequestID, Orders: orders}
	if err != nil {
		r.Err = "unavailable"
		if errors.Is(err, context.DeadlineExceeded) {
			r.Err = "timeout"
		}
		s.log.Warn("order look-up failed", "error", err)
	}
	s.Post(r)
}

func (s *Session) openTicket(e OpenTicket) {
	ctx, cancel := context.WithTimeout(s.ctx, portLimit)
	defer cancel()
	kept, err := s.ports.Desk.OpenTicket(ctx, e.Request, e.Again)
	switch {
	case err != nil:
		s.log.Error("ticket request could not be kept", "error", err)
		s.Post(TicketFailed{Key: e.Request.IdempotencyKey, Reason: "not kept"})
	case !kept:
		s.log.Warn("ticket request waits on disk")
		s.Post(TicketFailed{Key: e.Request.IdempotencyKey, Reason: "waiting on disk", Pending: true})
	}
}

func (s *Session) syncMedia(e SyncMedia) {
	ctx, cancel := context.WithTimeout(s.ctx, portLimit)
	defer cancel()
	st, err := s.ports.Media.Sync(ctx, e.AfterSeq)
	s.Post(MediaState{State: st, Err: err})
}

// advise carries Consult out. Every question is answered, whatever happens.
func (s *Session) advise(e Consult) {
	id := e.Request.ID
	fail := func() { s.Post(Consulted{id, dialog.ConsultFailed{ID: id}}) }
	if s.ports.Adviser == nil {
		fail()
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	late := time.AfterFunc(e.Budget, cancel)
	defer late.Stop()
	var err error
	switch e.Request.Kind {
	case dialog.ConsultUnderstand:
		var answer dialog.Consulted
		if answer, err = s.ports.Adviser.Understand(ctx, e.Request); err == nil {
			answer.ID = id
			s.Post(Consulted{id, answer})
		}
	case dialog.ConsultWord:
		err = s.ports.Adviser.Word(ctx, e.Request, func(sentence string) {
			late.Reset(e.Budget)
			s.Post(Consulted{id, dialog.Worded{ID: id, Sentence: sentence}})
		})
		if err == nil {
			s.Post(Consulted{id, dialog.Worded{ID: id, Last: true}})
		}
	default:
		err = errUnknownConsult
	}
	if err != nil {
		s.log.Debug("language model not of use", "kind", e.Request.Kind, "error", err)
		fail()
	}
}

var errUnknownConsult = errors.New("unknown kind of question")

func nameOfEffect(e Effect) string {
	switch e.(type) {
	case Answer:
		return "Answer"
	case StartFork:
		return "StartFork"
	case StopFork:
		return "StopFork"
	case PlayFile:
		return "PlayFile"
	case ConnectHuman:
		return "ConnectHuman"
	case HangUp:
		return "HangUp"
	case SendMedia:
		return "SendMedia"
	}
	return "other"
}
