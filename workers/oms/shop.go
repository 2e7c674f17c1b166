package oms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/tidegate/tidegate/schemas"
)

// CacheConfig says how long answers are good. A caller's question comes
// several times in a call: at its start, when a number is given, when a
// colleague takes the call over.
type CacheConfig struct {
	TTL     time.Duration `koanf:"ttl" help:"how long an order system's answer is good; 0: not kept"`
	Missing time.Duration `koanf:"missing" help:"how long it is good that there is no such order; at most ttl"`
	Size    int           `koanf:"size" help:"answers kept of each order system"`
}

// CacheDefaults fits what callers bear not to know: the newest 20 seconds.
func CacheDefaults() CacheConfig {
	return CacheConfig{TTL: 20 * time.Second, Missing: 3 * time.Second, Size: 10000}
}

// Validate names every key that is wrong.
func (c CacheConfig) Validate() error {
	var errs []error
	if c.TTL < 0 || c.TTL > 10*time.Minute {
		errs = append(errs, fmt.Errorf("ttl: %v is not in 0s..10m", c.TTL))
	}
	if c.Missing < 0 || c.Missing > c.TTL {
		errs = append(errs, fmt.Errorf("missing: %v is not in 0s..ttl", c.Missing))
	}
	if c.Size < 1 || c.Size > 1_000_000 {
		errs = append(errs, fmt.Errorf("size: %d is not in 1..1000000", c.Size))
	}
	return errors.Join(errs...)
}

// answer is what a system said: data is a reply message, shared by whoever
// asked and not to be changed; or err is ErrNotFound.
type answer struct {
	data   any
	err    error
	orders []string // the orders that it tells of, or that were asked for
	began  time.Time
}

// shop is one tenant's order system with what is remembered of it.
type shop struct {
	name     string
	guard    *guard
	patience time.Duration
	cacheCfg CacheConfig
	metrics  *metrics
	// begin lets a look-up run beside those who wait for it; false when the
	// worker is stopping.
	begin func() (context.Context, func(), bool)

	flights singleflight.Group
	answers *otter.Cache[string, answer]
	// written is when an order was last written to: what was asked before
	// that is no longer true.
	written *otter.Cache[string, time.Time]
}

func newShop(name string, system System, cfg Config, log *slog.Logger, m *metrics) *shop {
	return &shop{name: name, guard: newGuard(name, system, cfg.System, log, m), patience: cfg.Patience, cacheCfg: cfg.Cache, metrics: m}
}

// open makes the caches, which forget by themselves: what customers bought
// does not stay in memory longer than it is good. close ends that.
func (s *shop) open() (err error) {
	s.answers, err = otter.New(&otter.Options[string, answer]{
		MaximumSize: s.cacheCfg.Size,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, answer]) time.Duration {
			return max(s.goodFor(e.Value), time.Nanosecond)
		}),
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	// A look-up begun before a write can end as late as patience allows, and
	// is good for ttl then.
	s.written, err = otter.New(&otter.Options[string, time.Time]{
		MaximumSize: s.cacheCfg.Size, ExpiryCalculator: otter.ExpiryWriting[string, time.Time](s.patience + s.cacheCfg.TTL + time.Second),
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

func (s *shop) close() {
	if s.answers != nil {
		s.answers.StopAllGoroutines()
	}
	if s.written != nil {
		s.written.StopAllGoroutines()
	}
}

// goodFor is how long an answer is worth keeping.
func (s *shop) goodFor(a answer) time.Duration {
	if found, ok := a.data.(*schemas.OrdersFound); a.err != nil || ok && len(found.Orders) == 0 {
		return s.cacheCfg.Missing
	}
	return s.cacheCfg.TTL
}

// fresh says whether nothing that the answer tells of was written to since it
// was asked for.
func (s *shop) fresh(a answer) bool {
	for _, number := range a.orders {
		if at, ok := s.written.GetIfPresent(number); ok && !at.Before(a.began) {
			return false
		}
	}
	return true
}

// wrote notes that an order is no longer what was read.
func (s *shop) wrote(number string) { s.written.Set(number, time.Now()) }

// errOverBudget: the asker's time is spent; the look-up goes on, and who asks
// again has its answer.
var errOverBudget = errors.New("the time for the look-up is spent")

// ask answers from what is known, from a look-up of the same question that is
// on its way, or from the system. A look-up does not end with its asker's
// time: whoever asks again, a second later in the same call, has the answer.
func (s *shop) ask(ctx context.Context, q question) (answer, error) {
	if a, ok := s.answers.GetIfPresent(q.key); ok && s.fresh(a) {
		s.metrics.answers.WithLabelValues(s.name, fromCache).Inc()
		return a, a.err
	}
	a, err := s.fly(ctx, q)
	if err == nil && !s.fresh(a) {
		// It was on its way when its order was written to.
		a, err = s.fly(ctx, q)
	}
	if err == nil {
		err = a.err
	}
	return a, err
}

func (s *shop) fly(ctx context.Context, q question) (answer, error) {
	flown := s.flights.DoChan(q.key, func() (any, error) { return s.look(q) })
	select {
	case r := <-flown:
		from := fromSystem
		if r.Shared {
			from = fromFlight
		}
		s.metrics.answers.WithLabelValues(s.name, from).Inc()
		a, _ := r.Val.(answer)
		return a, r.Err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return answer{}, errOverBudget
		}
		return answer{}, ctx.Err()
	}
}

// look asks the system, and keeps what it says.
func (s *shop) look(q question) (answer, error) {
	ctx, done, ok := s.begin()
	if !ok {
		return answer{}, errStopping
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	a := answer{orders: q.orders, began: time.Now()}
	data, err := q.ask(ctx, s.guard)
	switch {
	case errors.Is(err, ErrNotFound):
		a.err = err
	case err != nil:
		return answer{}, err
	default:
		a.data, a.orders = data, append(numbersOf(data), q.orders...)
	}
	if s.goodFor(a) > 0 {
		s.answers.Set(q.key, a)
		s.metrics.entries.WithLabelValues(s.name).Set(float64(s.answers.EstimatedSize()))
	}
	return a, nil
}

// numbersOf lists the orders that an answer tells of.
func numbersOf(data any) []string {
	var out []string
	switch d := data.(type) {
	case *schemas.OrdersFound:
		for _, o := range d.Orders {
			out = append(out, o.Number)
		}
	case *schemas.OrderGot:
		out = append(out, d.Order.Number)
	case *schemas.Trace:
		for _, p := range d.Parcels {
			if p.OrderNumber != "" {
				out = append(out, p.OrderNumber)
			}
		}
	}
	return out
}
