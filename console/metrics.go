package console

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	routeCalls    = "calls"
	routeCall     = "call"
	routeTickets  = "tickets"
	routeDocument = "document"
	routePage     = "page"
	routeOther    = "other"

	resultRecorded = "recorded"
	resultIgnored  = "ignored"
	resultRetry    = "retry"
	resultDead     = "dead"
)

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	facts    *prometheus.CounterVec
	lag      prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_console_requests_total", Help: "HTTP requests by route and class of status.",
		}, []string{"route", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidegate_console_request_seconds", Help: "Time to answer an HTTP request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
		facts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_console_facts_total", Help: "Facts taken from the stream, by kind and what became of them.",
		}, []string{"fact", "result"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_console_record_lag_seconds", Help: "Time from a fact's envelope to its record.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300},
		}),
	}
	reg.MustRegister(m.requests, m.seconds, m.facts, m.lag)
	for _, route := range []string{routeCalls, routeCall, routeTickets, routeDocument, routePage, routeOther} {
		m.seconds.WithLabelValues(route)
		for _, class := range classes {
			m.requests.WithLabelValues(route, class)
		}
	}
	for _, fact := range factNames {
		for _, result := range []string{resultRecorded, resultIgnored, resultRetry, resultDead} {
			m.facts.WithLabelValues(fact, result)
		}
	}
	return m
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (m *metrics) measured(route string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start, sw := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h(sw, r)
		m.seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
		m.requests.WithLabelValues(route, classes[min(max(sw.status/100, 1), 5)-1]).Inc()
	}
}
