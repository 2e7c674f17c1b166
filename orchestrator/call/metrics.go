package call

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/schemas"
)

// Metrics counts what calls do. Make it once per process.
type Metrics struct {
	active    prometheus.Gauge
	started   prometheus.Counter
	takeovers prometheus.Counter
	ended     *prometheus.CounterVec
	turns     *prometheus.CounterVec
	ignored   *prometheus.CounterVec
	failed    *prometheus.CounterVec
	snapshots *prometheus.CounterVec
	handoffs  *prometheus.CounterVec
	dialects  *prometheus.CounterVec
	dropped   prometheus.Counter
	latency   prometheus.Histogram
	lookup    prometheus.Histogram
	duration  prometheus.Histogram
}

// NewMetrics registers the metrics of calls; a nil registry keeps them to
// themselves.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "tidegate_call_" + name, Help: help})
	}
	vec := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tidegate_call_" + name, Help: help}, []string{label})
		for _, x := range values {
			v.WithLabelValues(x)
		}
		return v
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tidegate_call_" + name, Help: help, Buckets: buckets})
	}
	kinds := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		kinds = append(kinds, string(k))
	}
	m := &Metrics{
		active:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "tidegate_call_active", Help: "Calls in progress here."}),
		started:   counter("started_total", "Calls that arrived."),
		takeovers: counter("takeovers_total", "Calls taken over from another orchestrator."),
		ended: vec("ended_total", "Calls that ended here, by outcome.", "outcome",
			string(schemas.OutcomeTicketOpened), string(schemas.OutcomeResolved), string(schemas.OutcomeHandedOff),
			string(schemas.OutcomeUnfinished), string(schemas.OutcomeAbandoned), string(schemas.OutcomeNoInput), string(schemas.OutcomeFailed)),
		turns:   vec("turns_total", "Turns, by who spoke.", "role", string(schemas.RoleCaller), string(schemas.RoleAgent)),
		ignored: vec("events_ignored_total", "Events that the call's phase does not expect.", "kind", kinds...),
		failed: vec("effects_failed_total", "Effects that could not be carried out.", "effect",
			"Answer", "StartFork", "StopFork", "PlayFile", "ConnectHuman", "HangUp", "SendMedia", "other"),
		snapshots: vec("snapshots_total", "Snapshots written, by result.", "result", "ok", "error", "superseded"),
		handoffs:  vec("handoffs_total", "Calls that people took, by kind of target.", "kind", TargetSIP, TargetLocalQueue),
		dialects:  vec("dialects_total", "Dialects of calls, by what they come from.", "source", DialectSources()...),
		dropped:   counter("events_dropped_total", "Events and commands dropped because a queue was full."),
		latency: histogram("turn_latency_seconds", "From the end of the caller's speech to the first audio of the answer.",
			.1, .2, .3, .4, .5, .6, .8, 1, 1.2, 1.5, 2, 3, 5),
		lookup:   histogram("lookup_seconds", "Order look-ups as the call sees them.", .002, .005, .01, .02, .05, .1, .2, .4, .8, 1.6, 3),
		duration: histogram("duration_seconds", "Length of calls.", 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800),
	}
	reg.MustRegister(m.active, m.started, m.takeovers, m.ended, m.turns, m.ignored, m.failed, m.snapshots, m.handoffs,
		m.dialects, m.dropped, m.latency, m.lookup, m.duration)
	return m
}

func (m *Metrics) observe(f Fact) {
	switch d := f.Data.(type) {
	case schemas.CallStarted:
		m.started.Inc()
	case schemas.CallTakenOver:
		m.takeovers.Inc()
	case schemas.CallTurn:
		m.turns.WithLabelValues(string(d.Role)).Inc()
		if d.Role == schemas.RoleAgent && d.LatencyMS > 0 && d.PromptID != fillerPrompt {
			m.latency.Observe(float64(d.LatencyMS) / 1000)
		}
	case schemas.CallHandedOff:
		m.handoffs.WithLabelValues(d.Kind).Inc()
	case schemas.CallEnded:
		m.ended.WithLabelValues(string(d.Outcome)).Inc()
		m.duration.Observe(float64(d.DurationMS) / 1000)
	}
}
