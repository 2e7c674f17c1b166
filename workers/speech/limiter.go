package speech

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LimitConfig bounds what engines do at the same time.
type LimitConfig struct {
	Engines []string      `koanf:"engines" help:"limits as ENGINE=NUMBER: calls (recognition) or syntheses at the same time; engines without one have none"`
	Wait    time.Duration `koanf:"wait" help:"how long one more waits for room before the engine counts as full; 0 not at all"`
}

// maxLimit bounds a limit; a worker serves no more calls anyway.
const maxLimit = 100_000

// maxLimitWait: a caller hears the wait as silence.
const maxLimitWait = 10 * time.Second

// Limits reads the limits by engine.
func (c LimitConfig) Limits() (map[string]int, error) {
	limits := map[string]int{}
	var errs []error
	for _, entry := range c.Engines {
		name, number, ok := strings.Cut(entry, "=")
		name = strings.TrimSpace(name)
		n, err := strconv.Atoi(strings.TrimSpace(number))
		switch {
		case !ok || name == "" || err != nil || n < 1 || n > maxLimit:
			errs = append(errs, fmt.Errorf("limit.engines: %.60q is not ENGINE=NUMBER with a number of 1 to %d", entry, maxLimit))
		case limits[name] != 0:
			errs = append(errs, fmt.Errorf("limit.engines: %s is named twice", name))
		default:
			limits[name] = n
		}
	}
	return limits, errors.Join(errs...)
}

// Validate reports every field that cannot work; used are the engines that
// the worker runs.
func (c LimitConfig) Validate(used []string) error {
	limits, err := c.Limits()
	errs := []error{err}
	for name := range limits {
		if !slices.Contains(used, name) {
			errs = append(errs, fmt.Errorf("limit.engines: %.40q is not among the engines in use: %s", name, strings.Join(used, ", ")))
		}
	}
	if c.Wait < 0 || c.Wait > maxLimitWait {
		errs = append(errs, fmt.Errorf("limit.wait: must be 0 to %s, is %s", maxLimitWait, c.Wait))
	}
	return errors.Join(errs...)
}

// Limiter gives out room for so many at the same time.
type Limiter struct {
	room    chan struct{}
	wait    time.Duration
	engine  string
	metrics *EngineMetrics
}

// NewLimiter makes one with all its room free.
func NewLimiter(engine string, n int, wait time.Duration, m *EngineMetrics) *Limiter {
	m.limits.WithLabelValues(engine).Set(float64(n))
	return &Limiter{room: make(chan struct{}, n), wait: wait, engine: engine, metrics: m}
}

// Enter takes room, after a wait if need be; leave gives it back and may be
// called again. Without room it is ErrOverloaded.
func (l *Limiter) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case l.room <- struct{}{}:
		return l.entered(), nil
	default:
	}
	if l.wait > 0 {
		t := time.NewTimer(l.wait)
		defer t.Stop()
		select {
		case l.room <- struct{}{}:
			return l.entered(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-t.C:
		}
	}
	l.metrics.refusals.WithLabelValues(l.engine).Inc()
	return nil, fmt.Errorf("%w: %s does %d at once", ErrOverloaded, l.engine, cap(l.room))
}

func (l *Limiter) entered() (leave func()) {
	inUse := l.metrics.inUse.WithLabelValues(l.engine)
	inUse.Inc()
	left := make(chan struct{}, 1)
	return func() {
		select {
		case left <- struct{}{}:
			inUse.Dec()
			<-l.room
		default:
		}
	}
}
