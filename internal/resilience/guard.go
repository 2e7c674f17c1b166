// Package resilience bounds what a system outside can cost us, and we can
// cost it: a time limit, a turn to wait for, a breaker, and further tries with
// jitter. It is the only importer of failsafe-go.
package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
)

// What a guard says by itself.
var (
	ErrTimeout = errors.New("took longer than allowed")
	// ErrLeftAlone: the breaker is open; nothing was tried.
	ErrLeftAlone = errors.New("left alone after failures")
	// ErrBusy: no turn came in time; nothing was tried.
	ErrBusy = errors.New("too many calls at the same time")
)

// Config is how patient a guard is.
type Config struct {
	Timeout       time.Duration `koanf:"timeout" help:"time for one attempt to reach a ticket system"`
	Retries       int           `koanf:"retries" help:"more attempts at once when it is away; after them the work waits in its stream"`
	RetryDelay    time.Duration `koanf:"retry_delay" help:"pause before the first of them; it doubles, give or take a quarter"`
	MaxConcurrent int           `koanf:"max_concurrent" help:"attempts at the same time at one ticket system, from this worker"`
	MaxWait       time.Duration `koanf:"max_wait" help:"how long an attempt waits for its turn"`
	Failures      int           `koanf:"failures" help:"failures in a row after which a system is left alone"`
	Cooldown      time.Duration `koanf:"cooldown" help:"for how long; then one attempt tells whether it is well again"`
}

// Defaults leaves a system alone for ten seconds after five failures in a row.
func Defaults() Config {
	return Config{
		Timeout: 10 * time.Second, Retries: 1, RetryDelay: 200 * time.Millisecond,
		MaxConcurrent: 8, MaxWait: time.Second, Failures: 5, Cooldown: 10 * time.Second,
	}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		key            string
		is, least, top time.Duration
	}{
		{"timeout", c.Timeout, time.Millisecond, time.Minute},
		{"retry_delay", c.RetryDelay, time.Millisecond, 10 * time.Second},
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

// Hooks tell a guard what errors mean, and are told what it does. Unwell says
// which errors tell of a system that should be left alone; only those are
// tried again. The others may be nil.
type Hooks struct {
	Unwell  func(error) bool
	Changed func(open bool)
	Retried func()
	Turn    func(delta int)
}

// Guard stands before one system. Safe for concurrent use.
type Guard struct {
	breaker  circuitbreaker.CircuitBreaker[any]
	policies []failsafe.Policy[any]
}

// New makes a guard whose breaker is closed.
func New(cfg Config, h Hooks) *Guard {
	unwell := func(_ any, err error) bool {
		return errors.Is(err, timeout.ErrExceeded) || err != nil && h.Unwell(err)
	}
	g := &Guard{}
	g.breaker = circuitbreaker.NewBuilder[any]().HandleIf(unwell).
		WithFailureThreshold(uint(cfg.Failures)).WithSuccessThreshold(1).WithDelay(cfg.Cooldown).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			if h.Changed != nil && e.NewState != circuitbreaker.HalfOpenState {
				h.Changed(e.NewState == circuitbreaker.OpenState)
			}
		}).Build()
	turn := func(delta int) func(failsafe.ExecutionEvent[any]) {
		return func(failsafe.ExecutionEvent[any]) {
			if h.Turn != nil {
				h.Turn(delta)
			}
		}
	}
	// Outermost first. The breaker stands inside the bulkhead, so that what
	// found no turn tells nothing of the system's health.
	g.policies = []failsafe.Policy[any]{
		bulkhead.NewBuilder[any](uint(cfg.MaxConcurrent)).WithMaxWaitTime(cfg.MaxWait).OnAcquired(turn(1)).OnReleased(turn(-1)).Build(),
		g.breaker, timeout.New[any](cfg.Timeout),
	}
	if cfg.Retries > 0 {
		again := retrypolicy.NewBuilder[any]().HandleIf(unwell).
			WithMaxRetries(cfg.Retries).WithBackoff(cfg.RetryDelay, 20*cfg.RetryDelay).WithJitterFactor(.25).ReturnLastFailure().
			OnRetry(func(failsafe.ExecutionEvent[any]) {
				if h.Retried != nil {
					h.Retried()
				}
			}).Build()
		g.policies = append([]failsafe.Policy[any]{again}, g.policies...)
	}
	return g
}

// Open says whether the system is left alone now.
func (g *Guard) Open() bool { return g.breaker.IsOpen() }

// Do runs fn under the guard. fn has to end when its context does.
func (g *Guard) Do(ctx context.Context, fn func(context.Context) error) error {
	err := failsafe.With(g.policies...).WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error {
		return fn(e.Context())
	})
	switch {
	case errors.Is(err, timeout.ErrExceeded):
		return ErrTimeout
	case errors.Is(err, circuitbreaker.ErrOpen):
		return ErrLeftAlone
	case errors.Is(err, bulkhead.ErrFull):
		return ErrBusy
	}
	return err
}
