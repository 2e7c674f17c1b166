// Package resilience bounds what a system outside can cost us, and we can
// cost it: a time limit, a turn to wait for, a breaker, and further tries with
// jitter. It is the only importer of failsafe-go.
package resilience

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
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
	// ErrPanicked: the call itself is broken, not the system.
	ErrPanicked = errors.New("the connector panicked")
)

// Config is how patient a guard is.
type Config struct {
	Timeout       time.Duration `koanf:"timeout" help:"time for one attempt to reach the system"`
	Retries       int           `koanf:"retries" help:"more attempts at once when it is away; what is written waits in its stream after them"`
	RetryDelay    time.Duration `koanf:"retry_delay" help:"pause before the first of them; it doubles, give or take a quarter"`
	MaxConcurrent int           `koanf:"max_concurrent" help:"attempts at the same time at one system, from this worker"`
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

// State is where a guard's breaker stands.
type State int

// Closed lets everything through, Open nothing; HalfOpen lets one attempt
// tell whether the system is well again.
const (
	Unknown State = iota
	Closed
	Open
	HalfOpen
)

// States lists them.
var States = []State{Closed, Open, HalfOpen}

// String is the state's name in metrics.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half_open"
	}
	return "unknown"
}

func stateOf(s circuitbreaker.State) State {
	switch s {
	case circuitbreaker.ClosedState:
		return Closed
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	}
	return Unknown
}

// Hooks tell a guard what errors mean, and are told what it does. Unwell says
// which errors tell of a system that should be left alone, Again which are
// worth another try at once (those of Unwell when it is nil); an attempt that
// took too long is both. The others may be nil.
type Hooks struct {
	Unwell   func(error) bool
	Again    func(error) bool
	Changed  func(State)
	Retried  func()
	Turn     func(delta int)
	Panicked func(stack []byte)
}

// Guard stands before one system. Safe for concurrent use.
type Guard struct {
	hooks    Hooks
	breaker  circuitbreaker.CircuitBreaker[any]
	turn     bulkhead.Bulkhead[any]
	policies []failsafe.Policy[any] // before the breaker
	limited  failsafe.Executor[any] // behind it
}

// New makes a guard whose breaker is closed.
func New(cfg Config, h Hooks) *Guard {
	if h.Again == nil {
		h.Again = h.Unwell
	}
	which := func(is func(error) bool) func(any, error) bool {
		return func(_ any, err error) bool { return errors.Is(err, timeout.ErrExceeded) || err != nil && is(err) }
	}
	g := &Guard{hooks: h}
	g.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(uint(cfg.Failures)).WithSuccessThreshold(1).WithDelay(cfg.Cooldown).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			if h.Changed != nil {
				h.Changed(stateOf(e.NewState))
			}
		}).Build()
	moved := func(delta int) func(failsafe.ExecutionEvent[any]) {
		return func(failsafe.ExecutionEvent[any]) {
			if h.Turn != nil {
				h.Turn(delta)
			}
		}
	}
	g.turn = bulkhead.NewBuilder[any](uint(cfg.MaxConcurrent)).WithMaxWaitTime(cfg.MaxWait).OnAcquired(moved(1)).OnReleased(moved(-1)).Build()
	g.policies, g.limited = []failsafe.Policy[any]{g.turn}, limited(cfg.Timeout)
	if cfg.Retries > 0 {
		// A full bulkhead or an open breaker says no at once, and would again.
		again := retrypolicy.NewBuilder[any]().HandleIf(which(h.Again)).
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

func limited(limit time.Duration) failsafe.Executor[any] {
	return failsafe.With(timeout.New[any](limit))
}

// Once is a guard before the same system, with its turns and its breaker, that
// makes one attempt of another length: for what must not be asked twice.
func (g *Guard) Once(limit time.Duration) *Guard {
	other := *g
	other.policies, other.limited = []failsafe.Policy[any]{g.turn}, limited(limit)
	return &other
}

// State is where the breaker stands now.
func (g *Guard) State() State { return stateOf(g.breaker.State()) }

// RetryIn is how long an open breaker stays so at the least.
func (g *Guard) RetryIn() time.Duration { return max(0, g.breaker.RemainingDelay()) }

// Open says whether the system is left alone now.
func (g *Guard) Open() bool { return g.breaker.IsOpen() }

// Do runs fn under the guard. fn has to end when its context does. A panic of
// fn is ErrPanicked: one answer that nobody foresaw must not end a worker.
func (g *Guard) Do(ctx context.Context, fn func(context.Context) error) error {
	err := failsafe.With(g.policies...).WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error {
		return g.attempt(e.Context(), fn)
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

// attempt asks the breaker and tells it how an attempt ended. The breaker
// stands inside the bulkhead, so that what found no turn tells nothing of the
// system's health. It is no policy of failsafe's own, for which all that is no
// failure is a success: who gave up learned nothing, and must not close it.
func (g *Guard) attempt(ctx context.Context, fn func(context.Context) error) error {
	if !g.breaker.TryAcquirePermit() {
		return circuitbreaker.ErrOpen
	}
	err := g.limited.WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error {
		return g.sound(e.Context(), fn)
	})
	switch {
	case errors.Is(err, timeout.ErrExceeded), err != nil && g.hooks.Unwell(err):
		g.breaker.RecordFailure()
	case err == nil || ctx.Err() == nil:
		g.breaker.RecordSuccess()
	case g.breaker.IsHalfOpen():
		g.breaker.RecordFailure() // its one attempt has to end, or there is never another
	}
	return err
}

func (g *Guard) sound(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if recover() != nil {
			if err = ErrPanicked; g.hooks.Panicked != nil {
				g.hooks.Panicked(debug.Stack())
			}
		}
	}()
	return fn(ctx)
}
