package oms

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/resilience"
)

// What a look-up goes by, and how it ends: the labels' closed sets.
const (
	byPhone      = "phone"
	byNumber     = "number"
	byLastDigits = "last_digits"
	bySeveral    = "several"
	byNothing    = "nothing"
	byOrder      = "order"
	byTrace      = "trace"
	byRefunds    = "refunds"

	resultFound       = "found"
	resultNone        = "none"
	resultInvalid     = "invalid"
	resultUnavailable = "unavailable"
	resultOverBudget  = "over_budget"
	resultOverloaded  = "overloaded"
	resultUnsupported = "unsupported"
	resultError       = "error"

	// Of a system's calls besides.
	resultOK       = "ok"
	resultTimeout  = "timeout"
	resultOpen     = "breaker_open"
	resultFull     = "bulkhead_full"
	resultCanceled = "canceled"

	// Where an answer came from.
	fromSystem = "system"
	fromCache  = "cache"
	fromFlight = "flight"

	// How an attempt at a write ended besides.
	resultDone      = "done"
	resultRequested = "requested"
	resultHeld      = "held" // until somebody approves
	resultRefused   = "refused"
	resultRepeated  = "repeated"
	resultNotFound  = "not_found"
	resultRetry     = "retry"
	resultExhausted = "exhausted"
)

// operation is one thing that an order system does.
type operation string

const (
	opFind      operation = "find"
	opOrder     operation = "order"
	opTrace     operation = "trace"
	opRefunds   operation = "refunds"
	opReturn    operation = "return"
	opCancel    operation = "cancel"
	opIntercept operation = "intercept"
)

var (
	allBy      = []string{byPhone, byNumber, byLastDigits, bySeveral, byNothing, byOrder, byTrace, byRefunds}
	allLookups = []string{resultFound, resultNone, resultInvalid, resultUnavailable, resultOverBudget, resultOverloaded, resultUnsupported, resultError}
	allOps     = []operation{opFind, opOrder, opTrace, opRefunds, opReturn, opCancel, opIntercept}
	allCalls   = []string{resultOK, resultNone, resultInvalid, resultUnavailable, resultUnsupported, resultTimeout, resultOpen, resultFull, resultCanceled, resultError}
	allWrites  = []string{resultDone, resultRequested, resultRefused, resultRepeated, resultInvalid, resultNotFound, resultUnsupported, resultRetry, resultExhausted}
)

// metrics of the worker. The label system is a tenant that the configuration
// names, or builtin.
type metrics struct {
	lookups  *prometheus.CounterVec
	seconds  prometheus.Histogram
	inFlight prometheus.Gauge
	answers  *prometheus.CounterVec
	calls    *prometheus.CounterVec
	callTime *prometheus.HistogramVec
	retries  *prometheus.CounterVec
	breaker  *prometheus.GaugeVec
	inUse    *prometheus.GaugeVec
	entries  *prometheus.GaugeVec
	tickets  *prometheus.CounterVec
	writes   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, .8, 1.5, 3, 5, 10}
	m := &metrics{
		lookups: counter("tidegate_oms_lookups_total", "Look-ups by what they went by and how they ended.", "by", "result"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_oms_lookup_seconds", Help: "Time until a look-up was answered.", Buckets: buckets,
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_oms_lookups_in_flight", Help: "Look-ups being answered.",
		}),
		answers:  counter("tidegate_oms_answers_total", "Where look-ups' answers came from: the order system, the cache, or a look-up that was on its way.", "system", "from"),
		calls:    counter("tidegate_oms_system_calls_total", "What was asked of order systems, attempts together, by how it ended.", "system", "operation", "result"),
		callTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tidegate_oms_system_seconds", Help: "Time that order systems took, attempts and pauses together.", Buckets: buckets}, []string{"system", "operation"}),
		retries:  counter("tidegate_oms_system_retries_total", "Look-ups tried again at an order system.", "system"),
		breaker:  gauge("tidegate_oms_breaker_state", "1 for the state that an order system's breaker is in.", "system", "state"),
		inUse:    gauge("tidegate_oms_bulkhead_in_use", "Attempts under way at an order system.", "system"),
		entries:  gauge("tidegate_oms_cache_entries", "Answers kept of an order system.", "system"),
		tickets:  counter("tidegate_oms_tickets_total", "Opened tickets, by whether something was asked of an order system for them.", "result"),
		writes:   counter("tidegate_oms_writes_total", "Attempts at writing to order systems, by how they ended.", "kind", "result"),
	}
	reg.MustRegister(m.lookups, m.seconds, m.inFlight, m.answers, m.calls, m.callTime, m.retries, m.breaker, m.inUse, m.entries, m.tickets, m.writes)
	for _, by := range allBy {
		for _, r := range allLookups {
			m.lookups.WithLabelValues(by, r)
		}
	}
	for _, r := range []string{resultRequested, resultRepeated, resultHeld, resultNone, resultRetry} {
		m.tickets.WithLabelValues(r)
	}
	for _, op := range []operation{opReturn, opCancel, opIntercept} {
		for _, r := range allWrites {
			m.writes.WithLabelValues(string(op), r)
		}
	}
	return m
}

// guardMetrics are those of one system.
type guardMetrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	retries prometheus.Counter
	inUse   prometheus.Gauge
	state   func(resilience.State)
}

func (m *metrics) guard(system string) *guardMetrics {
	for _, op := range allOps {
		m.callTime.WithLabelValues(system, string(op))
		for _, r := range allCalls {
			m.calls.WithLabelValues(system, string(op), r)
		}
	}
	for _, from := range []string{fromSystem, fromCache, fromFlight} {
		m.answers.WithLabelValues(system, from)
	}
	m.entries.WithLabelValues(system)
	g := &guardMetrics{
		calls: m.calls, seconds: m.callTime, retries: m.retries.WithLabelValues(system), inUse: m.inUse.WithLabelValues(system),
		state: func(now resilience.State) {
			for _, s := range resilience.States {
				v := 0.
				if s == now {
					v = 1
				}
				m.breaker.WithLabelValues(system, s.String()).Set(v)
			}
		},
	}
	g.state(resilience.Closed)
	return g
}
