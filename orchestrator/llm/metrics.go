package llm

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	first    prometheus.Histogram
	open     prometheus.Gauge
	active   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	buckets := []float64{.05, .1, .2, .3, .4, .6, .8, 1, 1.2, 1.6, 2.4, 5}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_llm_requests_total", Help: "Questions to the language model, by kind and result."}, []string{"kind", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidegate_llm_request_seconds", Help: "Time of questions that were sent, whatever came of them.", Buckets: buckets}, []string{"kind"}),
		first: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_llm_first_sentence_seconds", Help: "Time to the first sentence of a worded answer.", Buckets: buckets}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_llm_breaker_open", Help: "1 while nothing is asked because of failures in a row."}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_llm_active", Help: "Questions on their way."}),
	}
	for _, kind := range dialog.ConsultKinds() {
		m.seconds.WithLabelValues(string(kind))
		for _, r := range results() {
			m.requests.WithLabelValues(string(kind), r)
		}
	}
	reg.MustRegister(m.requests, m.seconds, m.first, m.open, m.active)
	return m
}
