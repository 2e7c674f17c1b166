package oms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// GuardConfig bounds what one order system can cost us, and we can cost it.
type GuardConfig struct {
	Timeout       time.Duration `koanf:"timeout" help:"time for one attempt to read from an order system"`
	WriteTimeout  time.Duration `koanf:"write_timeout" help:"time for one attempt to write to an order system"`
	Retries       int           `koanf:"retries" help:"more attempts at a look-up whose system is away; writes are tried again by their stream"`
	RetryDelay    time.Duration `koanf:"retry_delay" help:"pause before the first of them; it doubles, give or take a quarter"`
	MaxConcurrent int           `koanf:"max_concurrent" help:"attempts at the same time at one order system, from this worker"`
	MaxWait       time.Duration `koanf:"max_wait" help:"how long an attempt waits for its turn"`
	Failures      int           `koanf:"failures" help:"failures in a row after which a system is left alone"`
	Cooldown      time.Duration `koanf:"cooldown" help:"for how long; then one attempt tells whether it is well again"`
}

// GuardDefaults leaves a system alone after five failures in a row.
func GuardDefaults() GuardConfig {
	return GuardConfig{
		Timeout: 5 * time.Second, WriteTimeout: 15 * time.Second, Retries: 2, RetryDelay: 100 * time.Millisecond,
		MaxConcurrent: 32, MaxWait: 250 * time.Millisecond, Failures: 5, Cooldown: 10 * time.Second,
	}
}

// Validate names every key that is wrong.
func (c GuardConfig) Validate() error {
	var errs []error
	for _, d := range []struct {
		key            string
		is, least, top time.Duration
	}{
		{"timeout", c.Timeout, time.Millisecond, time.Minute},
		{"write_timeout", c.WriteTimeout, time.Millisecond, 5 * time.Minute},
		{"retry_delay", c.RetryDelay, time.Millisecond, time.Minute},
		{"max_wait", c.MaxWait, 0, time.Minute},
		{"cooldown", c.Cooldown, time.Millisecond, time.Hour},
	} {
		if d.is < d.least || d.is > d.top {
			errs = append(errs, fmt.Errorf("%s: %v is not in %v..%v", d.key, d.is, d.least, d.top))
		}
	}
	for _, n := range []struct {
		key            string
		is, least, top int
	}{{"retries", c.Retries, 0, 10}, {"max_concurrent", c.MaxConcurrent, 1, 10000}, {"failures", c.Failures, 1, 10000}} {
		if n.is < n.least || n.is > n.top {
			errs = append(errs, fmt.Errorf("%s: %d is not in %d..%d", n.key, n.is, n.least, n.top))
		}
	}
	return errors.Join(errs...)
}

// guard is an order system that fails fast and in few ways: an attempt has a
// time limit, a turn to wait for and a breaker before it; a look-up is tried
// again while its time lasts. It is a System itself.
type guard struct {
	name    string
	system  System
	cfg     GuardConfig
	log     *slog.Logger
	metrics *guardMetrics
	breaker circuitbreaker.CircuitBreaker[any]
	read    []failsafe.Policy[any]
	write   []failsafe.Policy[any]
}

var _ System = (*guard)(nil)

func newGuard(name string, system System, cfg GuardConfig, log *slog.Logger, m *metrics) *guard {
	g := &guard{name: name, system: system, cfg: cfg, log: log, metrics: m.guard(name)}
	g.breaker = circuitbreaker.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return unwell(err) }).
		WithFailureThreshold(uint(cfg.Failures)).WithSuccessThreshold(1).WithDelay(cfg.Cooldown).
		OnStateChanged(g.changed).Build()
	turn := bulkhead.NewBuilder[any](uint(cfg.MaxConcurrent)).WithMaxWaitTime(cfg.MaxWait).
		OnAcquired(func(failsafe.ExecutionEvent[any]) { g.metrics.inUse.Inc() }).
		OnReleased(func(failsafe.ExecutionEvent[any]) { g.metrics.inUse.Dec() }).Build()
	// A full bulkhead or an open breaker says no at once, and would again.
	again := retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool {
			return errors.Is(err, timeout.ErrExceeded) || errors.Is(err, store.ErrUnavailable)
		}).
		WithMaxRetries(cfg.Retries).WithBackoff(cfg.RetryDelay, 20*cfg.RetryDelay).WithJitterFactor(.25).ReturnLastFailure().
		OnRetry(func(failsafe.ExecutionEvent[any]) { g.metrics.retries.Inc() }).Build()
	// Outermost first. The breaker stands inside the bulkhead, so that what
	// found no turn tells nothing of the system's health.
	g.write = []failsafe.Policy[any]{turn, g.breaker, timeout.New[any](cfg.WriteTimeout)}
	g.read = []failsafe.Policy[any]{turn, g.breaker, timeout.New[any](cfg.Timeout)}
	if cfg.Retries > 0 {
		g.read = append([]failsafe.Policy[any]{again}, g.read...)
	}
	return g
}

// unwell says whether an error tells of a system that should be left alone:
// it is away or hangs, or what it sends is not understood. What it knows not,
// or cannot do, it says in good health.
func unwell(err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, store.ErrInvalid) &&
		!errors.Is(err, context.Canceled)
}

func (g *guard) changed(e circuitbreaker.StateChangedEvent) {
	g.metrics.state(e.NewState)
	if e.NewState == circuitbreaker.OpenState {
		g.log.Error("order system is left alone", "system", g.name, "for", g.cfg.Cooldown)
		return
	}
	g.log.Info("order system's breaker", "system", g.name, "state", e.NewState.String())
}

// run does one thing under the policies, and counts how it ended.
func run[T any](ctx context.Context, g *guard, op operation, policies []failsafe.Policy[any], fn func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	v, err := failsafe.With(policies...).WithContext(ctx).GetWithExecution(func(e failsafe.Execution[any]) (any, error) {
		return sound(g, op, func() (T, error) { return fn(e.Context()) })
	})
	result, err := g.outcome(ctx, err)
	g.metrics.calls.WithLabelValues(g.name, string(op), result).Inc()
	g.metrics.seconds.WithLabelValues(g.name, string(op)).Observe(time.Since(began).Seconds())
	out, _ := v.(T)
	return out, err
}

// sound makes a connector's panic an error: one answer that nobody foresaw
// must not end the worker.
func sound[T any](g *guard, op operation, fn func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			g.log.Error("connector panicked", "system", g.name, "operation", string(op), "stack", string(debug.Stack()))
			err = errors.New("the connector panicked")
		}
	}()
	return fn()
}

// outcome names how a call ended, and makes of the policies' own errors what
// the interface promises.
func (g *guard) outcome(ctx context.Context, err error) (string, error) {
	switch {
	case err == nil:
		return resultOK, nil
	case errors.Is(err, circuitbreaker.ErrOpen):
		return resultOpen, fmt.Errorf("%w: left alone after failures", store.ErrUnavailable)
	case errors.Is(err, bulkhead.ErrFull):
		return resultFull, fmt.Errorf("%w: too much is asked of it", store.ErrUnavailable)
	case errors.Is(err, timeout.ErrExceeded), ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
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
