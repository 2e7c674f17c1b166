package speech

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Failover is why an engine of a chain was passed over.
type Failover string

// The reasons.
const (
	FailoverUnsupported Failover = "unsupported" // it cannot do what was asked
	FailoverOverloaded  Failover = "overloaded"  // it is full
	FailoverSlow        Failover = "slow"        // it did not begin or answer in time
	FailoverFailed      Failover = "failed"      // it gave an error
	FailoverLost        Failover = "lost"        // it ended in the middle of its work
	FailoverResting     Failover = "resting"     // it failed a short while ago
)

var failovers = []Failover{FailoverUnsupported, FailoverOverloaded, FailoverSlow, FailoverFailed, FailoverLost, FailoverResting}

// ErrSlow: an engine did not begin or answer in time.
var ErrSlow = errors.New("engine took too long")

// Reason classifies an engine's error.
func Reason(err error) Failover {
	switch {
	case errors.Is(err, ErrUnsupported):
		return FailoverUnsupported
	case errors.Is(err, ErrOverloaded):
		return FailoverOverloaded
	case errors.Is(err, ErrSlow), errors.Is(err, context.DeadlineExceeded):
		return FailoverSlow
	default:
		return FailoverFailed
	}
}

// EngineMetrics tell how the engines of a worker share its work. The label
// values are the engines of the configuration.
type EngineMetrics struct {
	served    *prometheus.CounterVec
	failovers *prometheus.CounterVec
	resting   *prometheus.GaugeVec
	inUse     *prometheus.GaugeVec
	limits    *prometheus.GaugeVec
	refusals  *prometheus.CounterVec
}

// NewEngineMetrics registers them, every value set to 0; reg may be nil.
func NewEngineMetrics(reg prometheus.Registerer, kind Kind, engines []string) *EngineMetrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	name := func(s string) string { return "tidegate_" + string(kind) + "_engine_" + s }
	counter := func(n, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(n), Help: help}, labels)
	}
	gauge := func(n, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name(n), Help: help}, []string{"engine"})
	}
	m := &EngineMetrics{
		served:    counter("served_total", "Utterances recognised or sentences spoken, by the engine of the chain that did it.", "engine"),
		failovers: counter("failovers_total", "Times that an engine of the chain was passed over, by reason.", "engine", "reason"),
		resting:   gauge("resting", "1 while an engine of the chain is not asked because it failed."),
		inUse:     gauge("in_use", "Room taken of an engine with a limit."),
		limits:    gauge("limit", "Room that an engine with a limit has."),
		refusals:  counter("refusals_total", "Times that an engine with a limit was full.", "engine"),
	}
	for _, e := range engines {
		m.served.WithLabelValues(e)
		m.resting.WithLabelValues(e)
		m.inUse.WithLabelValues(e)
		m.refusals.WithLabelValues(e)
		for _, r := range failovers {
			m.failovers.WithLabelValues(e, string(r))
		}
	}
	reg.MustRegister(m.served, m.failovers, m.resting, m.inUse, m.limits, m.refusals)
	return m
}

// Served counts work that an engine has done.
func (m *EngineMetrics) Served(engine string) { m.served.WithLabelValues(engine).Inc() }

// Failover counts an engine that was passed over.
func (m *EngineMetrics) Failover(engine string, r Failover) {
	m.failovers.WithLabelValues(engine, string(r)).Inc()
}

// Resting says that an engine is not asked for a while, or again.
func (m *EngineMetrics) Resting(engine string, resting bool) {
	v := 0.0
	if resting {
		v = 1
	}
	m.resting.WithLabelValues(engine).Set(v)
}

// CheckChain reports what is wrong with a list of engines that stand in for
// the first one; key is the list's.
func CheckChain(key, first string, rest, known []string) error {
	var errs []error
	seen := []string{first}
	for _, name := range rest {
		switch {
		case !slices.Contains(known, name):
			errs = append(errs, fmt.Errorf("%s: %.40q is unknown; this build has %s", key, name, strings.Join(known, ", ")))
		case slices.Contains(seen, name):
			errs = append(errs, fmt.Errorf("%s: %s is named twice", key, name))
		}
		seen = append(seen, name)
	}
	return errors.Join(errs...)
}

// CheckFallback reports the time limits of a chain that cannot work.
func CheckFallback(start, cooldown time.Duration) error {
	var errs []error
	if start < 50*time.Millisecond || start > time.Minute {
		errs = append(errs, fmt.Errorf("fallback.start_timeout: must be 50ms to 1m, is %s", start))
	}
	if cooldown < 100*time.Millisecond || cooldown > time.Hour {
		errs = append(errs, fmt.Errorf("fallback.cooldown: must be 100ms to 1h, is %s", cooldown))
	}
	return errors.Join(errs...)
}
