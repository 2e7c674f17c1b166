package oms

import "github.com/prometheus/client_golang/prometheus"

// What a look-up goes by, and how it ends: the labels' closed sets.
const (
	byPhone      = "phone"
	byNumber     = "number"
	byLastDigits = "last_digits"
	bySeveral    = "several"
	byNothing    = "nothing"

	resultFound       = "found"
	resultNone        = "none"
	resultInvalid     = "invalid"
	resultUnavailable = "unavailable"
	resultOverBudget  = "over_budget"
	resultOverloaded  = "overloaded"
	resultError       = "error"
)

type metrics struct {
	lookups  *prometheus.CounterVec
	seconds  prometheus.Histogram
	inFlight prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_oms_lookups_total", Help: "Order look-ups by what they went by and how they ended.",
		}, []string{"by", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_oms_lookup_seconds", Help: "Time the order system took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, .8, 1.5, 3, 5},
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_oms_lookups_in_flight", Help: "Look-ups being answered.",
		}),
	}
	reg.MustRegister(m.lookups, m.seconds, m.inFlight)
	for _, by := range []string{byPhone, byNumber, byLastDigits, bySeveral, byNothing} {
		for _, r := range []string{resultFound, resultNone, resultInvalid, resultUnavailable, resultOverBudget, resultOverloaded, resultError} {
			m.lookups.WithLabelValues(by, r)
		}
	}
	return m
}
