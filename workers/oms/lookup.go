package oms

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// endpoint makes a handler of a kind of question. It runs on the endpoint's
// goroutine: it refuses what is wrong, and hands the look-up on. A worker
// that is full says so at once: the asker's time is better spent talking.
func endpoint[Q any](s *Service, read func(*Q) (question, error)) func(bus.Message) {
	return func(m bus.Message) {
		data, ok := m.Data.(*Q)
		if !ok {
			s.metrics.lookups.WithLabelValues(byNothing, resultInvalid).Inc()
			s.refuse(m, CodeInvalid, "data is of another type than the subject's")
			return
		}
		q, err := read(data)
		if err != nil {
			s.metrics.lookups.WithLabelValues(q.by, resultInvalid).Inc()
			s.refuse(m, CodeInvalid, err.Error())
			return
		}
		s.take(m, s.shopOf(q.tenant), q)
	}
}

func (s *Service) take(m bus.Message, sh *shop, q question) {
	ctx, done, ok := s.life.Begin()
	if !ok {
		s.refuse(m, CodeUnavailable, "worker is stopping")
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		defer done()
		s.metrics.lookups.WithLabelValues(q.by, resultOverloaded).Inc()
		s.refuse(m, CodeUnavailable, "worker is full")
		return
	}
	s.metrics.inFlight.Inc()
	go func() {
		defer func() {
			<-s.slots
			s.metrics.inFlight.Dec()
			done()
		}()
		s.answer(ctx, m, sh, q)
	}()
}

func (s *Service) answer(ctx context.Context, m bus.Message, sh *shop, q question) {
	ctx, cancel := context.WithTimeout(ctx, s.budget(q))
	defer cancel()
	start := time.Now()
	a, err := sh.ask(ctx, q)
	s.metrics.seconds.Observe(time.Since(start).Seconds())
	if err != nil {
		code, result, text := classify(err)
		s.metrics.lookups.WithLabelValues(q.by, result).Inc()
		if result == resultOverBudget || result == resultNone {
			s.log.Info("order look-up without an answer yet", "call_id", q.callID, "system", sh.name, "by", q.by, "code", code)
		} else {
			s.log.Warn("order look-up failed", "call_id", q.callID, "system", sh.name, "by", q.by, "code", code, "error", err)
		}
		s.refuse(m, code, text)
		return
	}
	result := resultFound
	if found, ok := a.data.(*schemas.OrdersFound); ok && len(found.Orders) == 0 {
		result = resultNone
	}
	s.metrics.lookups.WithLabelValues(q.by, result).Inc()
	if err := m.Respond(a.data, callOption(q.callID)...); err != nil {
		s.log.Warn("answer could not be sent", "call_id", q.callID, "error", err)
	}
}

func callOption(callID string) []schemas.Option {
	if callID == "" {
		return nil
	}
	return []schemas.Option{schemas.ForCall(callID)}
}

func (s *Service) budget(q question) time.Duration {
	if q.budgetMS <= 0 {
		return s.cfg.Budget
	}
	if q.budgetMS > s.cfg.MaxBudget.Milliseconds() {
		return s.cfg.MaxBudget
	}
	return time.Duration(q.budgetMS) * time.Millisecond
}

func (s *Service) refuse(m bus.Message, code int, text string) {
	if err := m.RespondError(code, text); err != nil {
		s.log.Warn("answer could not be sent", "code", code, "error", err)
	}
}

// classify says what to answer; the text quotes nothing of the question, nor
// of what a system sent.
func classify(err error) (code int, result, text string) {
	switch {
	case errors.Is(err, errOverBudget):
		return CodeOverBudget, resultOverBudget, errOverBudget.Error()
	case errors.Is(err, ErrNotFound):
		return CodeNotFound, resultNone, "there is no such order or parcel"
	case errors.Is(err, ErrUnsupported):
		return CodeUnsupported, resultUnsupported, ErrUnsupported.Error()
	case errors.Is(err, store.ErrInvalid):
		return CodeInvalid, resultInvalid, "the order system can never answer that"
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return CodeUnavailable, resultUnavailable, "the order system is away"
	}
	return CodeInternal, resultError, "the look-up failed"
}

// takeInfo tells how a tenant's order system is.
func (s *Service) takeInfo(m bus.Message) {
	ask, ok := m.Data.(*schemas.OrderSystemAsk)
	if !ok {
		s.refuse(m, CodeInvalid, "data is of another type than the subject's")
		return
	}
	sh := s.shopOf(ask.Tenant)
	ctx, done, ok := s.life.Begin()
	if !ok {
		s.refuse(m, CodeUnavailable, "worker is stopping")
		return
	}
	go func() {
		defer done()
		ctx, cancel := context.WithTimeout(ctx, s.cfg.Budget)
		defer cancel()
		info := sh.info(ctx)
		info.Writes = s.writes != nil
		if err := m.Respond(&info); err != nil {
			s.log.Warn("answer could not be sent", "error", err)
		}
	}()
}

func (s *shop) info(ctx context.Context) schemas.OrderSystemInfo {
	info := schemas.OrderSystemInfo{
		System: s.name, Ready: true, Breaker: s.guard.read.State().String(), MaxConcurrent: s.guard.cfg.MaxConcurrent,
		RetryInMS: max(0, s.guard.read.RetryIn().Milliseconds()), CachedAnswers: s.answers.EstimatedSize(),
	}
	if err := s.guard.Ready(ctx); err != nil {
		_, _, text := classify(err)
		info.Ready, info.Reason = false, text
	}
	return info
}
