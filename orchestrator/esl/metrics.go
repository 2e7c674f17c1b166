package esl

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a command.
const (
	resultOK      = "ok"
	resultRefused = "refused" // -ERR or -USAGE
	resultTimeout = "timeout"
	resultClosed  = "closed"
	resultQueued  = "not_sent" // the caller gave up waiting for its turn
	resultInvalid = "invalid"  // arguments that are never sent
)

// Reasons for which a connection from a switch is refused.
const (
	refusedSecret    = "secret"
	refusedDraining  = "draining"
	refusedCapacity  = "capacity"
	refusedHandshake = "handshake"
)

type metrics struct {
	events      *prometheus.CounterVec
	commands    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	reordered   prometheus.Counter
	duplicates  prometheus.Counter
	late        prometheus.Counter
	malformed   prometheus.Counter
	overflows   prometheus.Counter
	refused     *prometheus.CounterVec
	channels    prometheus.Gauge
	accepted    prometheus.Counter
	nodeUp      *prometheus.GaugeVec
	reconnects  *prometheus.CounterVec
	restarts    *prometheus.CounterVec
	nodeRead    *prometheus.GaugeVec
	nodeDropped *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string) prometheus.Counter {
		return register(reg, prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help}))
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels))
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, labels))
	}
	m := &metrics{
		events:     counters("events_total", "Events read from switches, by event name or subclass.", "event"),
		commands:   counters("commands_total", "Commands to switches by kind and result.", "command", "result"),
		reordered:  counter("events_reordered_total", "Events that came after one with a higher Event-Sequence."),
		duplicates: counter("events_duplicate_total", "Events that came twice and were dropped."),
		late:       counter("events_after_end_total", "Events that came after the end of their call and were dropped."),
		malformed:  counter("malformed_messages_total", "Event socket messages refused as malformed or oversized."),
		overflows:  counter("channel_overflows_total", "Channels closed because their events were not taken."),
		refused:    counters("refused_connections_total", "Connections of calls refused, by reason.", "reason"),
		channels:   register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "channels", Help: "Calls under control now."})),
		accepted:   counter("accepted_connections_total", "Connections of calls accepted."),
		nodeUp:     gauges("node_link_up", "1 while both connections to the node stand.", "node"),
		reconnects: counters("node_reconnects_total", "Attempts to link to the node after the first.", "node"),
		restarts:   counters("node_restarts_total", "New Core-UUIDs seen on a node.", "node"),
		nodeRead: gauges("node_last_read_timestamp_seconds",
			"When the node's event connection was last read; alert when it falls behind.", "node"),
		nodeDropped: counters("node_events_dropped_total", "Node events dropped because they were not taken.", "node"),
		latency: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "command_seconds", Help: "From asking for a command to its reply, the wait for its turn included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"command"})),
	}
	for _, k := range eventKinds {
		m.events.WithLabelValues(k)
	}
	for k := range kindEnd {
		for _, r := range []string{resultOK, resultRefused, resultTimeout, resultClosed, resultQueued, resultInvalid} {
			m.commands.WithLabelValues(k.String(), r)
		}
		m.latency.WithLabelValues(k.String())
	}
	for _, r := range []string{refusedSecret, refusedDraining, refusedCapacity, refusedHandshake} {
		m.refused.WithLabelValues(r)
	}
	return m
}

const prefix = "tidegate_orchestrator_esl_"

// register tolerates a second user of the registry: a listener and several node links share these metrics.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var there prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}

// node pre-sets the series of a node; its name comes from the configuration.
func (m *metrics) node(name string) {
	m.nodeUp.WithLabelValues(name).Set(0)
	m.reconnects.WithLabelValues(name)
	m.restarts.WithLabelValues(name)
	m.nodeRead.WithLabelValues(name)
	m.nodeDropped.WithLabelValues(name)
}

func (m *metrics) command(k kind, result string, took time.Duration) {
	m.commands.WithLabelValues(k.String(), result).Inc()
	if took > 0 {
		m.latency.WithLabelValues(k.String()).Observe(took.Seconds())
	}
}
