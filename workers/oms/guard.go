package oms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/internal/resilience"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// GuardConfig bounds what one order system can cost us, and we can cost it.
// Its time limit and its further tries are those of look-ups: writes are tried
// again by their stream.
type GuardConfig struct {
	resilience.Config `koanf:",squash"`
	WriteTimeout      time.Duration `koanf:"write_timeout" help:"time for one attempt to write to an order system"`
}

// GuardDefaults leaves a system alone after five failures in a row.
func GuardDefaults() GuardConfig {
	return GuardConfig{WriteTimeout: 15 * time.Second, Config: resilience.Config{
		Timeout: 5 * time.Second, Retries: 2, RetryDelay: 100 * time.Millisecond,
		MaxConcurrent: 32, MaxWait: 250 * time.Millisecond, Failures: 5, Cooldown: 10 * time.Second,
	}}
}

// Validate names every key that is wrong.
func (c GuardConfig) Validate() error {
	err := c.Config.Validate()
	if c.WriteTimeout < time.Millisecond || c.WriteTimeout > 5*time.Minute {
		err = errors.Join(err, fmt.Errorf("write_timeout: %v is not in %v..%v", c.WriteTimeout, time.Millisecond, 5*time.Minute))
	}
	return err
}

// guard is an order system that fails fast and in few ways: an attempt has a
// time limit, a turn to wait for and a breaker before it; a look-up is tried
// again while its time lasts. It is a System itself.
type guard struct {
	name    string
	system  System
	cfg     GuardConfig
	metrics *guardMetrics
	read    *resilience.Guard
	write   *resilience.Guard
}

var _ System = (*guard)(nil)

func newGuard(name string, system System, cfg GuardConfig, log *slog.Logger, m *metrics) *guard {
	g := &guard{name: name, system: system, cfg: cfg, metrics: m.guard(name)}
	g.read = resilience.New(cfg.Config, resilience.Hooks{
		Unwell: unwell,
		Again:  func(err error) bool { return errors.Is(err, store.ErrUnavailable) },
		Changed: func(s resilience.State) {
			if g.metrics.state(s); s == resilience.Open {
				log.Error("order system is left alone", "system", name, "for", cfg.Cooldown)
				return
			}
			log.Info("order system's breaker", "system", name, "state", s.String())
		},
		Retried:  g.metrics.retries.Inc,
		Turn:     func(delta int) { g.metrics.inUse.Add(float64(delta)) },
		Panicked: func(stack []byte) { log.Error("connector panicked", "system", name, "stack", string(stack)) },
	})
	g.write = g.read.Once(cfg.WriteTimeout)
	return g
}

// unwell says whether an error tells of a system that should be left alone:
// it is away or hangs, or what it sends is not understood. What it knows not,
// or cannot do, it says in good health.
func unwell(err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, store.ErrInvalid) &&
		!errors.Is(err, context.Canceled)
}

// run does one thing under a guard, and counts how it ended.
func run[T any](ctx context.Context, g *guard, op operation, under *resilience.Guard, fn func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	// Each attempt has its own place: one that was given up may still write.
	var last *T
	err := under.Do(ctx, func(ctx context.Context) error {
		v, err := fn(ctx)
		if err == nil {
			last = &v
		}
		return err
	})
	result, err := g.outcome(ctx, err)
	g.metrics.calls.WithLabelValues(g.name, string(op), result).Inc()
	g.metrics.seconds.WithLabelValues(g.name, string(op)).Observe(time.Since(began).Seconds())
	if err != nil || last == nil {
		return *new(T), err
	}
	return *last, nil
}

// outcome names how a call ended, and makes of the guard's own errors what the
// interface promises.
func (g *guard) outcome(ctx context.Context, err error) (string, error) {
	switch {
	case err == nil:
		return resultOK, nil
	case errors.Is(err, resilience.ErrLeftAlone):
		return resultOpen, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case errors.Is(err, resilience.ErrBusy):
		return resultFull, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case errors.Is(err, resilience.ErrTimeout), ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return resultTimeout, fmt.Errorf("%w: no answer in time", store.ErrUnavailable)
	case errors.Is(err, context.DeadlineExceeded):
		return resultTimeout, err
	case errors.Is(err, context.Canceled):
		return resultCanceled, err
	case errors.Is(err, ErrNotFound):
		return resultNone, err
	case errors.Is(err, ErrUnsupported):
		return resultUnsupported, err
	case errors.Is(err, store.ErrInvalid):
		return resultInvalid, err
	case errors.Is(err, store.ErrUnavailable):
		return resultUnavailable, err
	}
	return resultError, err
}

// FindOrders implements System.
func (g *guard) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	return run(ctx, g, opFind, g.read, func(ctx context.Context) (schemas.OrdersFound, error) { return g.system.FindOrders(ctx, q) })
}

// Order implements System.
func (g *guard) Order(ctx context.Context, number string) (schemas.Order, error) {
	return run(ctx, g, opOrder, g.read, func(ctx context.Context) (schemas.Order, error) { return g.system.Order(ctx, number) })
}

// Trace implements System.
func (g *guard) Trace(ctx context.Context, q schemas.TraceFind) (schemas.Trace, error) {
	return run(ctx, g, opTrace, g.read, func(ctx context.Context) (schemas.Trace, error) { return g.system.Trace(ctx, q) })
}

// RefundProgress implements System.
func (g *guard) RefundProgress(ctx context.Context, number string) ([]schemas.Refund, error) {
	return run(ctx, g, opRefunds, g.read, func(ctx context.Context) ([]schemas.Refund, error) { return g.system.RefundProgress(ctx, number) })
}

// CreateReturn implements System.
func (g *guard) CreateReturn(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreated, error) {
	return run(ctx, g, opReturn, g.write, func(ctx context.Context) (schemas.ReturnCreated, error) { return g.system.CreateReturn(ctx, r) })
}

// Cancel implements System.
func (g *guard) Cancel(ctx context.Context, c schemas.OrderCancel) (schemas.OrderCancelled, error) {
	return run(ctx, g, opCancel, g.write, func(ctx context.Context) (schemas.OrderCancelled, error) { return g.system.Cancel(ctx, c) })
}

// Intercept implements System.
func (g *guard) Intercept(ctx context.Context, i schemas.ParcelIntercept) (schemas.ParcelIntercepted, error) {
	return run(ctx, g, opIntercept, g.write, func(ctx context.Context) (schemas.ParcelIntercepted, error) { return g.system.Intercept(ctx, i) })
}

// Ready implements System: it asks the system itself, whatever the breaker
// thinks of it.
func (g *guard) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	return g.system.Ready(ctx)
}
