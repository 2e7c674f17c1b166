// Package ticket opens tickets: requests come as durable work, each becomes
// exactly one ticket, and the fact that tells of it goes out through an
// outbox that is committed with the ticket.
//
// A request is acknowledged after its ticket is committed and the fact is in
// its stream. Wherever a worker dies before that, the request comes again,
// finds the ticket by its idempotency key, and only the fact is repeated,
// under the same message id.
//
// Rules decide who works on a ticket and by when; what is late is escalated,
// once for each level.
package ticket

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Durable is the name of the worker's consumer; all workers share it.
const Durable = "ticket"

// Tickets is where tickets and the outbox are kept. Errors that pass by
// themselves are store.ErrUnavailable.
type Tickets interface {
	PlaceTicket(ctx context.Context, req schemas.TicketOpen, p store.Placement) (store.Ticket, bool, error)
	EscalateTickets(ctx context.Context, now time.Time, limit int, leads map[schemas.Group]string) ([]store.Escalation, error)
	CountOverdue(ctx context.Context, now time.Time) (map[schemas.Group]int64, error)
	OutboxPending(ctx context.Context, id string) (store.OutboxMessage, bool, error)
	PendingOutbox(ctx context.Context, before time.Time, limit int, without ...string) ([]store.OutboxMessage, error)
	CountPendingOutbox(ctx context.Context) (int64, error)
	MarkOutboxSent(ctx context.Context, id string) error
	Ready(ctx context.Context) error
}

// Point names a place between two steps of a request, for fault tests.
type Point string

// The places where a worker can be made to die.
const (
	PointReceived  Point = "received"
	PointCommitted Point = "committed"
	PointPublished Point = "published"
)

// Deps are what the service works with. Reached, when set, is called at each
// Point of each request.
type Deps struct {
	Bus      *bus.Bus
	Tickets  Tickets
	Log      *slog.Logger
	Registry prometheus.Registerer
	Now      func() time.Time
	Reached  func(Point)
	// Copied says whether a tenant's tickets are copied to a ticket system of
	// its own; nil is that none are.
	Copied func(tenant string) bool
}

// Service is the worker. New, Start, then Drain or Stop.
type Service struct {
	cfg      Config
	dispatch *Dispatch
	bus      *bus.Bus
	tickets  Tickets
	log      *slog.Logger
	metrics  *metrics
	now      func() time.Time
	reached  func(Point)
	copied   func(tenant string) bool
	life     *lifecycle.Worker
}

// New checks the configuration and loads the rules; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dispatch, err := NewDispatch(cfg, deps.Log)
	if err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Tickets == nil {
		return nil, errors.New("ticket: Bus and Tickets are needed")
	}
	s := &Service{
		cfg: cfg, dispatch: dispatch, bus: deps.Bus, tickets: deps.Tickets, log: deps.Log,
		metrics: newMetrics(deps.Registry), now: deps.Now, reached: deps.Reached, copied: deps.Copied,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.copied == nil {
		s.copied = func(string) bool { return false }
	}
	if s.reached == nil {
		s.reached = func(Point) {}
	}
	s.life = lifecycle.NewWorker("ticket", s.bus, s.log)
	return s, nil
}

// Start consumes requests, sweeps the outbox and escalates until Drain or Stop.
func (s *Service) Start(ctx context.Context) error {
	if err := s.life.Start(ctx, func() error { return s.begin(ctx) }); err != nil {
		return err
	}
	s.log.Info("ticket worker started", "max_in_flight", s.cfg.MaxInFlight, "rules", len(s.dispatch.Rules))
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	if err := s.bus.EnsureStreams(ctx); err != nil {
		return err
	}
	err := s.life.Consume(ctx, bus.ConsumerConfig{
		Stream: schemas.StreamWork, Durable: Durable, FilterSubjects: []string{schemas.SubjectTicketOpen},
		AckWait: s.cfg.AckWait, Backoff: bus.Backoff(s.cfg.RetryFirst, s.cfg.RetryMax), MaxInFlight: s.cfg.MaxInFlight,
		MaxAttempts: -1, // the handler counts: an absence is no attempt
		Recheck:     max(time.Second, s.cfg.SweepInterval),
		Refused:     s.refused,
	}, s.handle)
	if err != nil {
		return err
	}
	s.life.Every(s.cfg.SweepInterval, s.sweep, func(err error) {
		s.metrics.sweepErr.Inc()
		s.log.Warn("outbox sweep failed", "error", err)
	})
	s.life.Every(s.cfg.EscalateInterval, s.escalate, func(err error) {
		s.metrics.escalateErr.Inc()
		s.log.Warn("escalation failed", "error", err)
	})
	return nil
}

// Drain takes no more requests and finishes those in hand.
func (s *Service) Drain(ctx context.Context) error { return s.life.Drain(ctx) }

// Stop leaves what is in hand to be delivered again.
func (s *Service) Stop(ctx context.Context) error { return s.life.Stop(ctx) }

// Ready is nil while requests can become tickets.
func (s *Service) Ready() error { return s.life.Ready(s.tickets.Ready) }
