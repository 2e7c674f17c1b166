// Package oms answers questions about orders and writes to order systems: a
// NATS micro service for look-ups, and work of a stream for writes, before
// whatever order system each tenant has. Several workers share both.
package oms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Name, version and queue group of the micro service.
const (
	ServiceName    = "tidegate-oms"
	ServiceVersion = "1.1.0"
	queueGroup     = "oms"
)

// Codes of the service's error answers.
const (
	CodeInvalid     = 400 // the question is wrong
	CodeNotFound    = 404 // there is no such order or parcel
	CodeInternal    = 500
	CodeUnsupported = 501 // the tenant's system cannot tell that
	CodeUnavailable = 503 // the order system is away, or the worker is full
	CodeOverBudget  = 504 // the asker's time is spent; the look-up goes on
)

// Orders is the least that an order system does. One that does no more
// answers the rest with ErrUnsupported.
type Orders interface {
	FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error)
	Ready(ctx context.Context) error
}

// Deps are what the service works with.
type Deps struct {
	Bus *bus.Bus
	// Orders is the built-in system, of tenants that have no other; usually a
	// System.
	Orders Orders
	// Tenants are the systems of tenants that have their own, by name.
	Tenants map[string]System
	// Writes keeps what is written to order systems; nil writes nothing.
	Writes   Writes
	Log      *slog.Logger
	Registry prometheus.Registerer
	Now      func() time.Time
	// Reached, when set, is called at each Point of each write, for fault tests.
	Reached func(Point)
}

// Service is the worker. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	shops   map[string]*shop
	writes  Writes
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	reached func(Point)
	slots   chan struct{}
	life    *lifecycle.Worker
}

var errStopping = fmt.Errorf("%w: worker is stopping", store.ErrUnavailable)

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Orders == nil {
		return nil, errors.New("oms: Bus and Orders are needed")
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, shops: map[string]*shop{}, writes: deps.Writes, log: deps.Log, now: deps.Now, reached: deps.Reached,
		metrics: newMetrics(deps.Registry), slots: make(chan struct{}, cfg.MaxInFlight),
	}
	if !cfg.Writes.Enabled {
		s.writes = nil
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.reached == nil {
		s.reached = func(Point) {}
	}
	s.life = lifecycle.NewWorker("oms", s.bus, s.log)
	systems := map[string]System{Builtin: systemOf(deps.Orders)}
	for name, system := range deps.Tenants {
		systems[name] = system
	}
	for name, system := range systems {
		sh := newShop(name, system, cfg, s.log, s.metrics)
		sh.begin = s.life.Begin
		s.shops[name] = sh
	}
	return s, nil
}

// Start subscribes; questions are answered when it returns.
func (s *Service) Start(ctx context.Context) error {
	if err := s.life.Start(ctx, func() error { return s.subscribe(ctx) }); err != nil {
		return err
	}
	s.log.Info("order worker started", "systems", len(s.shops), "max_in_flight", s.cfg.MaxInFlight, "writes", s.writes != nil)
	return nil
}

func (s *Service) subscribe(ctx context.Context) error {
	for _, sh := range s.shops {
		if err := sh.open(); err != nil {
			return err
		}
	}
	svc, err := s.bus.Service(bus.ServiceConfig{
		Name: ServiceName, Version: ServiceVersion, Queue: queueGroup,
		Description: "Orders, parcels and refunds, from each tenant's order system.",
		Endpoints: []bus.Endpoint{
			{Name: "find", Subject: schemas.SubjectOrdersFind, Handle: endpoint(s, ordersQuestion)},
			{Name: "order", Subject: schemas.SubjectOrderGet, Handle: endpoint(s, orderQuestion)},
			{Name: "trace", Subject: schemas.SubjectTraceFind, Handle: endpoint(s, traceQuestion)},
			{Name: "refund", Subject: schemas.SubjectRefunds, Handle: endpoint(s, refundsQuestion)},
			{Name: "info", Subject: schemas.SubjectOrderSystem, Handle: s.takeInfo},
		},
	})
	if err != nil {
		return err
	}
	s.life.Hear(svc.Stop)
	return s.startWrites(ctx)
}

// Drain takes no more questions and waits for those in hand.
func (s *Service) Drain(ctx context.Context) error {
	defer s.closeShops()
	return s.life.Drain(ctx)
}

// Stop cancels what is in hand and waits for it. Writes that it ends in the
// middle are delivered again.
func (s *Service) Stop(ctx context.Context) error {
	defer s.closeShops()
	return s.life.Stop(ctx)
}

func (s *Service) closeShops() {
	for _, sh := range s.shops {
		sh.close()
	}
}

// Ready is nil while questions can be answered. It asks the built-in system
// only: the worker goes on for the tenants whose systems are there when one's
// is away.
func (s *Service) Ready() error { return s.life.Ready(s.shops[Builtin].guard.Ready) }
