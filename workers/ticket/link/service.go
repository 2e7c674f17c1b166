package link

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/resilience"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// Durable begins the name of each tenant's consumer; all workers share them.
const Durable = "ticket-link-"

// Links is where copies are known.
type Links interface {
	ClaimLink(ctx context.Context, ticketID string, until time.Time) (store.Claim, error)
	ReviveDelivery(ctx context.Context, ticketID string, n int64) error
	ReleaseLink(ctx context.Context, c store.Claim, why string) error
	FinishDelivery(ctx context.Context, c store.Claim, n int64, link store.Link) (string, error)
	CountFailure(ctx context.Context, c store.Claim, n int64) error
	GiveUpDelivery(ctx context.Context, c store.Claim, n int64) error
	Events
	Outbox
}

// Events takes what other systems tell.
type Events interface {
	ApplyLinkEvent(ctx context.Context, e store.LinkEvent) (store.LinkOutcome, []string, error)
	ForgetLinkEvents(ctx context.Context, before time.Time) error
	LinkCursor(ctx context.Context, tenant string) (time.Time, error)
	MoveLinkCursor(ctx context.Context, tenant string, since time.Time) error
	LinksUnsettled(ctx context.Context, tenant string) (bool, error)
}

// Outbox holds facts that are committed and not yet published.
type Outbox interface {
	OutboxPending(ctx context.Context, id string) (store.OutboxMessage, bool, error)
	MarkOutboxSent(ctx context.Context, id string) error
}

// Point names a place between two steps of a delivery, for fault tests.
type Point string

// The places where a worker can be made to die.
const (
	PointReceived  Point = "received"  // the work is here
	PointWritten   Point = "written"   // the system was told, nobody knows
	PointCommitted Point = "committed" // we know, the fact is not out
	PointPublished Point = "published" // the fact is out, nothing acknowledged
)

// Deps are what the service works with. Systems are by tenant. Reached, when
// set, is called at each Point of each delivery.
type Deps struct {
	Bus      *bus.Bus
	Links    Links
	Systems  map[string]ticket.System
	Log      *slog.Logger
	Registry prometheus.Registerer
	Now      func() time.Time
	Reached  func(Point)
}

// Service keeps copies. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	links   Links
	systems map[string]*guarded
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	reached func(Point)
	life    *lifecycle.Worker
}

// guarded is one tenant's system behind its guard.
type guarded struct {
	ticket.System
	tenant string
	guard  *resilience.Guard
}

func (g *guarded) do(ctx context.Context, fn func(context.Context) error) error {
	return g.guard.Do(ctx, fn)
}

// New checks the configuration; nothing runs yet. Without systems the service
// has nothing to do, which is no error.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Links == nil {
		return nil, errors.New("ticket links: Bus and Links are needed")
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, links: deps.Links, log: deps.Log, now: deps.Now, reached: deps.Reached, systems: map[string]*guarded{},
		metrics: newMetrics(deps.Registry, slices.Sorted(maps.Keys(deps.Systems))),
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
	for tenant, system := range deps.Systems {
		s.systems[tenant] = &guarded{System: system, tenant: tenant, guard: s.guard(tenant)}
	}
	s.life = lifecycle.NewWorker("ticket links", s.bus, s.log)
	return s, nil
}

func (s *Service) guard(tenant string) *resilience.Guard {
	t := label(tenant)
	return resilience.New(s.cfg.Guard, resilience.Hooks{
		Unwell: func(err error) bool { return errors.Is(err, store.ErrUnavailable) || errors.Is(err, ticket.ErrGarbled) },
		Changed: func(state resilience.State) {
			switch state {
			case resilience.Open:
				s.metrics.open.WithLabelValues(t).Set(1)
				s.log.Error("ticket system is left alone", "tenant", t, "for", s.cfg.Guard.Cooldown)
			case resilience.Closed:
				s.metrics.open.WithLabelValues(t).Set(0)
				s.log.Info("ticket system is well again", "tenant", t)
			}
		},
		Panicked: func(stack []byte) { s.log.Error("connector panicked", "tenant", t, "stack", string(stack)) },
		Retried:  func() { s.metrics.retries.WithLabelValues(t).Inc() },
		Turn:     func(delta int) { s.metrics.inUse.WithLabelValues(t).Add(float64(delta)) },
	})
}

// Start delivers, listens and asks until Drain or Stop.
func (s *Service) Start(ctx context.Context) error {
	if err := s.life.Start(ctx, func() error { return s.begin(ctx) }); err != nil {
		return err
	}
	s.log.Info("ticket links started", "systems", len(s.systems), "listen", s.Addr())
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	if err := s.bus.EnsureStreams(ctx); err != nil {
		return err
	}
	receives := false
	for _, tenant := range slices.Sorted(maps.Keys(s.systems)) {
		g := s.systems[tenant]
		if _, ok := g.System.(ticket.Receiver); ok {
			receives = true
		}
		err := s.life.Consume(ctx, bus.ConsumerConfig{
			Stream: schemas.StreamWork, Durable: Durable + label(tenant), FilterSubjects: []string{schemas.SubjectTicketDeliver(tenant)},
			AckWait: s.cfg.AckWait, Backoff: bus.Backoff(s.cfg.RetryFirst, s.cfg.RetryMax), MaxInFlight: s.cfg.MaxInFlight,
			MaxAttempts: -1, // the handler counts: an absence is no attempt
		}, func(ctx context.Context, m bus.Message) error { return s.handle(ctx, g, m) })
		if err != nil {
			return err
		}
		s.life.Loop(func(ctx context.Context) { s.pollLoop(ctx, g) })
	}
	if !receives {
		return nil
	}
	return s.life.Serve(s.cfg.Listen, s.handler())
}

// Addr is where ticket systems send what changed; "" when none does.
func (s *Service) Addr() string { return s.life.Addr() }

// Drain takes no more work and finishes what is in hand.
func (s *Service) Drain(ctx context.Context) error { return s.life.Drain(ctx) }

// Stop leaves what is in hand to be delivered again.
func (s *Service) Stop(ctx context.Context) error { return s.life.Stop(ctx) }

// Ready is nil while work can be done. A ticket system that is away does not
// count: its tickets wait.
func (s *Service) Ready() error { return s.life.Ready(nil) }

// published reaches its point between a fact's publication and its mark.
type published struct {
	outbox.Messages
	reached func(Point)
}

func (p published) MarkOutboxSent(ctx context.Context, id string) error {
	p.reached(PointPublished)
	return p.Messages.MarkOutboxSent(ctx, id)
}

// publish sends a fact that was committed. What fails is left to the sweeper.
func (s *Service) publish(ctx context.Context, id string) {
	if id == "" {
		return
	}
	if err := outbox.Publish(ctx, s.bus, published{s.links, s.reached}, id); err != nil {
		s.log.Warn("fact is left to the sweeper", "error", err)
	}
}
