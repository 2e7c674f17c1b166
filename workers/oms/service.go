// Package oms answers questions about orders: a NATS micro service before
// whatever order system the shop has. Several workers share the questions.
package oms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Name, version and queue group of the micro service.
const (
	ServiceName    = "tidegate-oms"
	ServiceVersion = "1.0.0"
	queueGroup     = "oms"
)

// Codes of the service's error answers.
const (
	CodeInvalid     = 400 // the question is wrong
	CodeInternal    = 500
	CodeUnavailable = 503 // the order system is away, or the worker is full
	CodeOverBudget  = 504 // the asker's time was spent
)

// Orders is an order system. FindOrders returns within ctx; its errors are
// store.ErrInvalid for a question that can never be answered and
// store.ErrUnavailable for a system that is away.
type Orders interface {
	FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error)
	Ready(ctx context.Context) error
}

// Deps are what the service works with.
type Deps struct {
	Bus      *bus.Bus
	Orders   Orders
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Service is the worker. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	orders  Orders
	log     *slog.Logger
	metrics *metrics
	slots   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	svc     *bus.Service
	stopped bool
	work    sync.WaitGroup
}

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Orders == nil {
		return nil, errors.New("oms: Bus and Orders are needed")
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, orders: deps.Orders, log: deps.Log,
		metrics: newMetrics(deps.Registry), slots: make(chan struct{}, cfg.MaxInFlight),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start subscribes; questions are answered when it returns.
func (s *Service) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.svc != nil || s.stopped {
		return errors.New("oms: started before")
	}
	svc, err := s.bus.Service(bus.ServiceConfig{
		Name: ServiceName, Version: ServiceVersion, Queue: queueGroup,
		Description: "Orders by telephone number, number or last digits, newest first.",
		Endpoints:   []bus.Endpoint{{Name: "find", Subject: schemas.SubjectOrdersFind, Handle: s.take}},
	})
	if err != nil {
		return fmt.Errorf("oms: %w", err)
	}
	s.svc = svc
	s.log.Info("order worker started", "max_in_flight", s.cfg.MaxInFlight)
	return nil
}

// Drain takes no more questions and waits for those in hand.
func (s *Service) Drain(ctx context.Context) error {
	err := s.unsubscribe()
	done := make(chan struct{})
	go func() { s.work.Wait(); close(done) }()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		s.cancel()
		<-done
		return errors.Join(err, ctx.Err())
	}
}

// Stop cancels what is in hand and waits for it.
func (s *Service) Stop(context.Context) error {
	err := s.unsubscribe()
	s.cancel()
	s.work.Wait()
	return err
}

func (s *Service) unsubscribe() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	svc := s.svc
	s.svc, s.stopped = nil, true
	if svc == nil {
		return nil
	}
	return svc.Stop()
}

// Ready is nil while questions can be answered.
func (s *Service) Ready() error {
	s.mu.Lock()
	running := s.svc != nil
	s.mu.Unlock()
	if !running {
		return errors.New("oms: not running")
	}
	if err := s.bus.Ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	return s.orders.Ready(ctx)
}

// take runs on the endpoint's goroutine: it refuses what is wrong, and hands
// the look-up on. A worker that is full says so at once: the asker's time is
// better spent talking.
func (s *Service) take(m bus.Message) {
	q, ok := m.Data.(*schemas.OrdersFind)
	if !ok {
		s.metrics.lookups.WithLabelValues(byNothing, resultInvalid).Inc()
		s.refuse(m, CodeInvalid, "data is no orders.find")
		return
	}
	by, err := check(q)
	if err != nil {
		s.metrics.lookups.WithLabelValues(by, resultInvalid).Inc()
		s.refuse(m, CodeInvalid, err.Error())
		return
	}
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.work.Add(1)
	}
	s.mu.Unlock()
	if stopped {
		s.refuse(m, CodeUnavailable, "worker is stopping")
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		defer s.work.Done()
		s.metrics.lookups.WithLabelValues(by, resultOverloaded).Inc()
		s.refuse(m, CodeUnavailable, "worker is full")
		return
	}
	s.metrics.inFlight.Inc()
	go func() {
		defer func() {
			<-s.slots
			s.metrics.inFlight.Dec()
			s.work.Done()
		}()
		s.answer(m, q, by)
	}()
}

func (s *Service) answer(m bus.Message, q *schemas.OrdersFind, by string) {
	ctx, cancel := context.WithTimeout(s.ctx, s.budget(q))
	defer cancel()
	start := time.Now()
	found, err := s.orders.FindOrders(ctx, *q)
	s.metrics.seconds.Observe(time.Since(start).Seconds())
	if err != nil {
		code, result, text := classify(ctx, err)
		s.metrics.lookups.WithLabelValues(by, result).Inc()
		s.log.Warn("order look-up failed", "call_id", q.CallID, "by", by, "code", code, "error", err)
		s.refuse(m, code, text)
		return
	}
	result := resultFound
	if len(found.Orders) == 0 {
		found.Orders, result = []schemas.Order{}, resultNone
	}
	s.metrics.lookups.WithLabelValues(by, result).Inc()
	if err := m.Respond(&found, callOption(q)...); err != nil {
		s.log.Warn("answer could not be sent", "call_id", q.CallID, "error", err)
	}
}

func callOption(q *schemas.OrdersFind) []schemas.Option {
	if q.CallID == "" {
		return nil
	}
	return []schemas.Option{schemas.ForCall(q.CallID)}
}

func (s *Service) budget(q *schemas.OrdersFind) time.Duration {
	if q.BudgetMS <= 0 {
		return s.cfg.Budget
	}
	if q.BudgetMS > s.cfg.MaxBudget.Milliseconds() {
		return s.cfg.MaxBudget
	}
	return time.Duration(q.BudgetMS) * time.Millisecond
}

func (s *Service) refuse(m bus.Message, code int, text string) {
	if err := m.RespondError(code, text); err != nil {
		s.log.Warn("answer could not be sent", "code", code, "error", err)
	}
}

// classify says what to answer; the text quotes nothing of the question.
func classify(ctx context.Context, err error) (code int, result, text string) {
	switch {
	case errors.Is(err, store.ErrInvalid):
		return CodeInvalid, resultInvalid, err.Error()
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return CodeOverBudget, resultOverBudget, "the time for the look-up is spent"
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.Canceled):
		return CodeUnavailable, resultUnavailable, "the order system is away"
	}
	return CodeInternal, resultError, "the look-up failed"
}
