package notify

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
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Durables of the consumers; all workers share them. DurableSend begins the
// name of each tenant's.
const (
	DurableFacts = "notify"
	DurableSend  = "notify-send-"
)

// Notifications is where notifications are kept. Errors that pass by
// themselves are store.ErrUnavailable.
type Notifications interface {
	PlanNotifications(ctx context.Context, list []store.Notification) ([]string, error)
	ReviveNotification(ctx context.Context, id string) error
	ClaimNotification(ctx context.Context, id string, until time.Time) (store.NotifyClaim, error)
	BeginNotification(ctx context.Context, c store.NotifyClaim, phone string) error
	ReleaseNotification(ctx context.Context, c store.NotifyClaim, notSent bool, why string, at time.Time) error
	EndNotification(ctx context.Context, c store.NotifyClaim, end store.NotifyEnd) error
	DueNotifications(ctx context.Context, limit int) ([]store.Notification, error)
	WakeNotification(ctx context.Context, id string) error
}

// Records is where tickets, returns and opt-outs are looked up.
type Records interface {
	Ticket(ctx context.Context, id string) (store.Ticket, error)
	TicketByNumber(ctx context.Context, number string) (store.Ticket, error)
	OMSWriteByKey(ctx context.Context, key string) (store.OMSWrite, error)
	ReturnByNumber(ctx context.Context, tenant, number string) (store.OMSWrite, error)
	ApplyOptReply(ctx context.Context, r store.OptReply) (store.OptOutcome, error)
	ForgetLinkEvents(ctx context.Context, before time.Time) error
}

// Point names a place between two steps of a notification, for fault tests.
type Point string

// The places where a worker can be made to die.
const (
	PointPlanned Point = "planned"
	PointBegun   Point = "begun"
	PointSent    Point = "sent"
	PointNoted   Point = "noted"
)

// Deps are what the service works with. Connections are by tenant; "" is
// calls without one. Reached, when set, is called at each Point; an error
// makes the worker behave as if it had died there.
type Deps struct {
	Bus           *bus.Bus
	Notifications Notifications
	Records       Records
	Outbox        outbox.Messages
	Connections   map[string]*Connection
	Log           *slog.Logger
	Registry      prometheus.Registerer
	Now           func() time.Time
	Reached       func(Point) error
}

// Service tells callers. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	notes   Notifications
	records Records
	outbox  outbox.Messages
	tenants map[string]*tenant
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	reached func(Point) error
	life    *lifecycle.Worker
}

// tenant is one tenant's connection behind its guards, one for each channel.
type tenant struct {
	*Connection
	name   string
	guards map[string]*resilience.Guard
}

// New checks the configuration; nothing runs yet. Without connections the
// service has nothing to do, which is no error.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Notifications == nil || deps.Records == nil || deps.Outbox == nil {
		return nil, errors.New("notify: Bus, Notifications, Records and Outbox are needed")
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, notes: deps.Notifications, records: deps.Records, outbox: deps.Outbox, log: deps.Log, now: deps.Now, reached: deps.Reached,
		tenants: map[string]*tenant{}, metrics: newMetrics(deps.Registry, slices.Sorted(maps.Keys(deps.Connections))),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.reached == nil {
		s.reached = func(Point) error { return nil }
	}
	for name, c := range deps.Connections {
		t := &tenant{Connection: c, name: name, guards: map[string]*resilience.Guard{}}
		for channel := range c.Spec.Gateways {
			t.guards[channel] = s.guard(name, channel)
		}
		s.tenants[name] = t
	}
	s.life = lifecycle.NewWorker("notify", s.bus, s.log)
	return s, nil
}

func (s *Service) guard(name, channel string) *resilience.Guard {
	t := label(name)
	return resilience.New(s.cfg.Guard, resilience.Hooks{
		Unwell: func(err error) bool {
			return errors.Is(err, restcall.ErrUnavailable) || errors.Is(err, restcall.ErrGarbled)
		},
		Changed: func(state resilience.State) {
			switch state {
			case resilience.Open:
				s.metrics.open.WithLabelValues(t, channel).Set(1)
				s.log.Error("gateway is left alone", "tenant", t, "channel", channel, "for", s.cfg.Guard.Cooldown)
			case resilience.Closed:
				s.metrics.open.WithLabelValues(t, channel).Set(0)
				s.log.Info("gateway is well again", "tenant", t, "channel", channel)
			}
		},
		Turn: func(delta int) { s.metrics.inUse.WithLabelValues(t, channel).Add(float64(delta)) },
	})
}

// factSubjects are what notifications are made of.
func factSubjects() []string {
	return []string{
		schemas.SubjectTicketFact("*", "opened"), schemas.SubjectTicketFact("*", "changed"), schemas.SubjectOMSFact("*", "return_created"),
	}
}

// Start plans, sends, listens and sweeps until Drain or Stop.
func (s *Service) Start(ctx context.Context) error {
	if err := s.life.Start(ctx, func() error { return s.begin(ctx) }); err != nil {
		return err
	}
	s.log.Info("notifications started", "tenants", len(s.tenants), "listen", s.Addr())
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	if err := s.bus.EnsureStreams(ctx); err != nil || len(s.tenants) == 0 {
		return err
	}
	common := bus.ConsumerConfig{
		AckWait: s.cfg.AckWait, Backoff: bus.Backoff(s.cfg.RetryFirst, s.cfg.RetryMax), MaxInFlight: s.cfg.MaxInFlight,
		MaxAttempts: -1, // the handler counts: not every attempt makes a request
	}
	for _, name := range slices.Sorted(maps.Keys(s.tenants)) {
		t, work := s.tenants[name], common
		work.Stream, work.Durable, work.FilterSubjects = schemas.StreamWork, DurableSend+label(name), []string{schemas.SubjectNotifySend(name)}
		if err := s.life.Consume(ctx, work, func(ctx context.Context, m bus.Message) error { return s.handle(ctx, t, m) }); err != nil {
			return err
		}
	}
	facts := common
	facts.Stream, facts.Durable, facts.FilterSubjects = schemas.StreamFacts, DurableFacts, factSubjects()
	facts.New = true // nobody is told of what was before there were notifications
	if err := s.life.Consume(ctx, facts, s.plan); err != nil {
		return err
	}
	if s.receives() {
		if err := s.life.Serve(s.cfg.Listen, s.handler()); err != nil {
			return err
		}
	}
	if s.receives() {
		s.life.Every(forgetInterval, func(ctx context.Context) error { return s.records.ForgetLinkEvents(ctx, s.now().Add(-replyMemory)) }, func(err error) {
			s.log.Warn("replies of long ago could not be forgotten", "error", err)
		})
	}
	s.life.Every(s.cfg.SweepInterval, s.sweep, func(err error) {
		s.metrics.sweepErrors.Inc()
		s.log.Warn("put-off notifications could not be looked for", "error", err)
	})
	return nil
}

// replyMemory is how long replies' ids are kept, as the ticket link keeps those
// of its messages in the same table.
const (
	replyMemory    = 7 * 24 * time.Hour
	forgetInterval = time.Hour
)

func (s *Service) receives() bool {
	for _, t := range s.tenants {
		if t.Spec.Replies != nil || t.Spec.Codes != nil {
			return true
		}
	}
	return false
}

// Addr is where gateways send replies and shops pick-up codes; "" when none
// does.
func (s *Service) Addr() string { return s.life.Addr() }

// Drain takes no more work and finishes what is in hand.
func (s *Service) Drain(ctx context.Context) error { return s.life.Drain(ctx) }

// Stop leaves what is in hand to be done again.
func (s *Service) Stop(ctx context.Context) error { return s.life.Stop(ctx) }

// Ready is nil while work can be done. A gateway that is away does not count:
// its notifications wait.
func (s *Service) Ready() error { return s.life.Ready(nil) }

func eventLabel(event string) string {
	if slices.Contains(eventLabels, event) {
		return event
	}
	return eventStatus
}

func (s *Service) count(t *tenant, channel, event, result string) {
	s.metrics.notifications.WithLabelValues(label(t.name), channel, eventLabel(event), result).Inc()
}
