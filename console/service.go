// Package console is where people look: an HTTP API over calls and tickets, a
// small page on top of it, and the consumer that writes the facts of the bus
// into the records.
package console

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/lifecycle"
	"github.com/tidegate/tidegate/internal/store"
)

// Records is where calls and tickets are kept, and who may see them. Errors
// are store.ErrInvalid, store.ErrNotFound and store.ErrUnavailable.
type Records interface {
	Facts
	Reports
	Access
	SearchIndex
	Ready(ctx context.Context) error
}

// Facts are written as they come over the bus, and read call by call and
// ticket by ticket.
type Facts interface {
	Record(ctx context.Context, fact any) error
	Calls(ctx context.Context, f store.CallFilter, limit int, after store.Cursor) ([]store.Call, store.Cursor, error)
	CallDetail(ctx context.Context, id string) (store.CallDetail, error)
	Tickets(ctx context.Context, f store.TicketFilter, limit int, after store.Cursor) ([]store.Ticket, store.Cursor, error)
	TicketLife(ctx context.Context, id string) (store.TicketLife, error)
}

// Reports read much at once.
type Reports interface {
	ExportTickets(ctx context.Context, f store.TicketFilter, limit time.Duration, fn func([]store.Ticket) error) error
	Statistics(ctx context.Context, f store.StatsFilter) (store.Stats, error)
}

// Access is who may ask, and who did.
type Access interface {
	APIKey(ctx context.Context, id string) (store.APIKey, error)
	TouchAPIKey(ctx context.Context, id string, at time.Time) error
	Audit(ctx context.Context, e store.AuditEntry) error
	AuditLog(ctx context.Context, f store.AuditFilter, limit int, after store.Cursor) ([]store.AuditEntry, store.Cursor, error)
}

// SearchIndex is what tickets are found by their text with.
type SearchIndex interface {
	IndexTicket(ctx context.Context, id string) error
	IndexMissing(ctx context.Context, after string, limit int) (string, error)
}

// Deps are what the service works with.
type Deps struct {
	Bus     *bus.Bus
	Records Records
	// Desk changes tickets; left out, the console only reads.
	Desk Desk
	// Rules are those that dispatch has. Left out, a ticket that is moved to
	// another group is nobody's there.
	Rules    store.Rules
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Now is the clock of limits and expiries; left out, the machine's.
	Now func() time.Time
}

// Service is the console. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	records Records
	desk    Desk
	rules   store.Rules
	log     *slog.Logger
	metrics *metrics
	page    *page
	now     func() time.Time
	life    *lifecycle.Worker

	byAddress *limits
	byKey     *limits
	readings  readings
	exports   chan struct{}
}

// maxAddresses bounds what the limits remember, some 200 bytes each.
const maxAddresses = 20000

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Records == nil {
		return nil, errors.New("console: Bus and Records are needed")
	}
	page, err := loadPage()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, bus: deps.Bus, records: deps.Records, desk: deps.Desk, rules: deps.Rules, log: deps.Log, metrics: newMetrics(deps.Registry), page: page, now: deps.Now}
	s.byAddress = newLimits(limitedAddress, cfg.RateAddress, cfg.BurstAddress, maxAddresses)
	s.byKey = newLimits(limitedKey, cfg.RateKey, cfg.BurstKey, maxAddresses)
	s.readings.seen = map[reading]time.Time{}
	s.exports = make(chan struct{}, cfg.MaxExports)
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.life = lifecycle.NewWorker("console", s.bus, s.log)
	return s, nil
}

// Start listens and consumes facts; both work when it returns.
func (s *Service) Start(ctx context.Context) error {
	if err := s.life.Start(ctx, func() error { return s.begin(ctx) }); err != nil {
		return err
	}
	s.log.Info("console started", "address", s.Addr(), "token", s.cfg.Token)
	return nil
}

func (s *Service) begin(ctx context.Context) error {
	if err := s.bus.EnsureStreams(ctx); err != nil {
		return err
	}
	if err := s.life.Serve(s.cfg.Listen, s.Handler()); err != nil {
		return err
	}
	if err := s.consume(ctx); err != nil {
		return err
	}
	s.life.Every(indexEvery, s.upkeepIndex, func(err error) {
		s.metrics.indexErr.Inc()
		s.log.Warn("search index not brought up to date", "error", err)
	})
	return nil
}

// Addr is where the page and the API are, HOST:PORT; empty before Start.
func (s *Service) Addr() string { return s.life.Addr() }

// Drain finishes the facts and requests in hand.
func (s *Service) Drain(ctx context.Context) error { return s.life.Drain(ctx) }

// Stop ends at once; facts in hand are delivered again.
func (s *Service) Stop(ctx context.Context) error { return s.life.Stop(ctx) }

// Ready is nil while facts are recorded and questions answered.
func (s *Service) Ready() error { return s.life.Ready(s.records.Ready) }
