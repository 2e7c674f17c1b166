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
	routeTicket   = "ticket"
	routeWrite    = "ticket_write"
	routeExport   = "export"
	routeStats    = "statistics"
	routeAudit    = "audit"
	routeDocument = "document"
	routePage     = "page"
	routeOther    = "other"

	limitedAddress = "address"
	limitedKey     = "key"
	limitedExports = "exports"

	resultRecorded = "recorded"
	resultIgnored  = "ignored"
	resultRetry    = "retry"
	resultDead     = "dead"
)

var allRoutes = []string{
	routeCalls, routeCall, routeTickets, routeTicket, routeWrite, routeExport, routeStats, routeAudit, routeDocument, routePage, routeOther,
}

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	facts    *prometheus.CounterVec
	lag      prometheus.Histogram
	limited  *prometheus.CounterVec
	exported prometheus.Counter
	indexErr prometheus.Counter
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
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_console_limited_total", Help: "Requests refused with 429, by what was used up.",
	}, []string{"by"})
	m.exported = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tidegate_console_exported_tickets_total", Help: "Tickets sent in exports.",
	})
	m.indexErr = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tidegate_console_index_errors_total", Help: "Rounds of the search index's upkeep that failed.",
	})
	reg.MustRegister(m.requests, m.seconds, m.facts, m.lag, m.limited, m.exported, m.indexErr)
	for _, by := range []string{limitedAddress, limitedKey, limitedExports} {
		m.limited.WithLabelValues(by)
	}
	for _, route := range allRoutes {
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
		defer func() { // also of an answer that was broken off
			m.seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
			m.requests.WithLabelValues(route, classes[min(max(sw.status/100, 1), 5)-1]).Inc()
		}()
		h(sw, r)
	}
}
