package ticket

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/schemas"
)

const (
	resultOpened   = "opened"
	resultExisting = "existing"
	resultRejected = "rejected"
	resultRetry    = "retry"
	resultDead     = "exhausted"
)

type metrics struct {
	requests    *prometheus.CounterVec
	seconds     prometheus.Histogram
	latency     prometheus.Histogram
	pending     prometheus.Gauge
	swept       prometheus.Counter
	sweepErr    prometheus.Counter
	dispatched  *prometheus.CounterVec
	escalations *prometheus.CounterVec
	escalateErr prometheus.Counter
	overdue     *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_ticket_requests_total", Help: "Attempts at requests for a ticket, by how they ended.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_ticket_attempt_seconds", Help: "Time of one attempt: database and publishing.", Buckets: buckets,
		}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_ticket_opened_latency_seconds", Help: "Time from the request's envelope to the published fact.", Buckets: buckets,
		}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_ticket_outbox_pending", Help: "Facts committed and not yet known to be published.",
		}),
		swept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_ticket_outbox_swept_total", Help: "Facts published by the sweeper, left by a crash or an absence.",
		}),
		sweepErr: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_ticket_outbox_sweep_errors_total", Help: "Sweeps that failed.",
		}),
		dispatched: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_ticket_dispatched_total", Help: "Tickets given to a group, and whether a person got them.",
		}, []string{"group", "assigned"}),
		escalations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_ticket_escalations_total", Help: "Tickets whose due time came near or was over.",
		}, []string{"level"}),
		escalateErr: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_ticket_escalation_errors_total", Help: "Searches for late tickets that failed.",
		}),
		overdue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_ticket_overdue", Help: "Tickets that are worked on and over their due time; the same at every worker.",
		}, []string{"group"}),
	}
	reg.MustRegister(m.requests, m.seconds, m.latency, m.pending, m.swept, m.sweepErr, m.dispatched, m.escalations, m.escalateErr, m.overdue)
	for _, r := range []string{resultOpened, resultExisting, resultRejected, resultRetry, resultDead} {
		m.requests.WithLabelValues(r)
	}
	for _, g := range schemas.Groups() {
		m.overdue.WithLabelValues(string(g))
		for _, assigned := range []string{"true", "false"} {
			m.dispatched.WithLabelValues(string(g), assigned)
		}
	}
	for _, l := range []schemas.EscalationLevel{schemas.EscalationNear, schemas.EscalationOverdue} {
		m.escalations.WithLabelValues(string(l))
	}
	return m
}
