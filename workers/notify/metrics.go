package notify

import (
	"github.com/prometheus/client_golang/prometheus"
)

// What became of a notification, or of an attempt at one.
const (
	resultSent     = "sent"
	resultRetry    = "retry"
	resultDeferred = "deferred"
	resultRefused  = "refused"
	resultUnknown  = "unknown"
	resultFailed   = "failed" // attempts or time spent, or no request could be made
	resultOptedOut = "opted_out"
	resultLandline = "landline"
	resultForeign  = "foreign"
	resultHidden   = "hidden"
	resultGone     = "gone" // nothing is said of it any more, or its ticket is deleted
	resultRepeated = "repeated"
)

var results = []string{
	resultSent, resultRetry, resultDeferred, resultRefused, resultUnknown, resultFailed, resultOptedOut, resultLandline, resultForeign, resultHidden,
	resultGone, resultRepeated,
}

// What became of a fact.
const (
	factPlanned = "planned"
	factNothing = "nothing" // the file says nothing of it
	factLate    = "late"
	factRetry   = "retry"
)

// What became of a message that came in.
const (
	inOptedOut = "opted_out"
	inOptedIn  = "opted_in"
	inRepeated = "repeated" // a reply that was taken before
	inOlder    = "older"    // an opt-in from before the newest opt-out
	inOther    = "other"    // a reply that asks for neither
	inCode     = "code"
	inUnknown  = "unknown" // a code of no return that we know
	inRefused  = "refused"
	inFailed   = "failed"
)

type metrics struct {
	notifications *prometheus.CounterVec
	segments      *prometheus.CounterVec
	facts         *prometheus.CounterVec
	incoming      *prometheus.CounterVec
	seconds       *prometheus.HistogramVec
	latency       *prometheus.HistogramVec
	open          *prometheus.GaugeVec
	inUse         *prometheus.GaugeVec
	sweepErrors   prometheus.Counter
}

// eventLabels folds the statuses of a ticket into one.
var eventLabels = []string{EventOpened, EventReturn, EventPickup, eventStatus}

// newMetrics presets every label: tenants are those of the configuration.
func newMetrics(reg prometheus.Registerer, tenants []string) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"tenant"}, labels...))
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		buckets := []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 43200}
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"tenant", "channel"})
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"tenant", "channel"})
	}
	m := &metrics{
		notifications: counter("tidegate_notify_notifications_total", "Attempts at notifications, by channel, event and how they ended.", "channel", "event", "result"),
		segments:      counter("tidegate_notify_sms_segments_total", "SMS that accepted texts take."),
		facts:         counter("tidegate_notify_facts_total", "Facts that may be told of, by what became of them.", "result"),
		incoming:      counter("tidegate_notify_incoming_total", "Replies and pick-up codes that came in, by what became of them.", "result"),
		seconds:       histogram("tidegate_notify_send_seconds", "Time of one request to a gateway."),
		latency:       histogram("tidegate_notify_latency_seconds", "Time from a notification's plan until a gateway had it."),
		open:          gauge("tidegate_notify_breaker_open", "1 while a gateway is left alone after failures."),
		inUse:         gauge("tidegate_notify_calls", "Requests to a gateway in progress."),
		sweepErrors:   prometheus.NewCounter(prometheus.CounterOpts{Name: "tidegate_notify_sweep_errors_total", Help: "Times that put-off notifications could not be looked for."}),
	}
	reg.MustRegister(m.notifications, m.segments, m.facts, m.incoming, m.seconds, m.latency, m.open, m.inUse, m.sweepErrors)
	for _, tenant := range tenants {
		t := label(tenant)
		for _, channel := range channels {
			for _, event := range eventLabels {
				for _, result := range results {
					m.notifications.WithLabelValues(t, channel, event, result)
				}
			}
			m.seconds.WithLabelValues(t, channel)
			m.latency.WithLabelValues(t, channel)
			m.open.WithLabelValues(t, channel)
			m.inUse.WithLabelValues(t, channel)
		}
		m.segments.WithLabelValues(t)
		for _, result := range []string{factPlanned, factNothing, factLate, factRetry} {
			m.facts.WithLabelValues(t, result)
		}
		for _, result := range []string{inOptedOut, inOptedIn, inRepeated, inOlder, inOther, inCode, inUnknown, inRefused, inFailed} {
			m.incoming.WithLabelValues(t, result)
		}
	}
	return m
}
