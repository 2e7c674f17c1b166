package ticket

import "github.com/prometheus/client_golang/prometheus"

const (
	resultOpened   = "opened"
	resultExisting = "existing"
	resultRejected = "rejected"
	resultRetry    = "retry"
	resultDead     = "exhausted"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	latency  prometheus.Histogram
	pending  prometheus.Gauge
	swept    prometheus.Counter
	sweepErr prometheus.Counter
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
	}
	reg.MustRegister(m.requests, m.seconds, m.latency, m.pending, m.swept, m.sweepErr)
	for _, r := range []string{resultOpened, resultExisting, resultRejected, resultRetry, resultDead} {
		m.requests.WithLabelValues(r)
	}
	return m
}
