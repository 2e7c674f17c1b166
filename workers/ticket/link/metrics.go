package link

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/store"
)

const (
	resultDelivered = "delivered"
	resultFound     = "found" // an earlier try had made it
	resultRetry     = "retry"
	resultDead      = "dead"

	sourceWebhook = "webhook"
	sourcePoll    = "poll"

	outcomeRefused = "refused"
	outcomeFailed  = "failed"
)

type metrics struct {
	deliveries *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	latency    *prometheus.HistogramVec
	events     *prometheus.CounterVec
	polls      *prometheus.CounterVec
	retries    *prometheus.CounterVec
	open       *prometheus.GaugeVec
	inUse      *prometheus.GaugeVec
}

// newMetrics presets every label: tenants are those of the configuration.
func newMetrics(reg prometheus.Registerer, tenants []string) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	buckets := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"tenant"}, labels...))
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"tenant"})
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"tenant"})
	}
	m := &metrics{
		deliveries: counter("tidegate_ticket_link_deliveries_total", "Changes told to ticket systems, by kind and how it ended.", "kind", "result"),
		seconds:    histogram("tidegate_ticket_link_delivery_seconds", "Time of one attempt to tell a ticket system."),
		latency:    histogram("tidegate_ticket_link_latency_seconds", "Time from a change's commit until the ticket system had it."),
		events:     counter("tidegate_ticket_link_events_total", "Changes that ticket systems reported, by how they came and what became of them.", "source", "outcome"),
		polls:      counter("tidegate_ticket_link_polls_total", "Times that ticket systems were asked for changes.", "result"),
		retries:    counter("tidegate_ticket_link_retries_total", "Further tries within an attempt."),
		open:       gauge("tidegate_ticket_link_breaker_open", "1 while a ticket system is left alone after failures."),
		inUse:      gauge("tidegate_ticket_link_calls", "Calls to a ticket system in progress."),
	}
	reg.MustRegister(m.deliveries, m.seconds, m.latency, m.events, m.polls, m.retries, m.open, m.inUse)
	for _, tenant := range tenants {
		t := label(tenant)
		for _, kind := range []store.DeliveryKind{store.DeliverCreate, store.DeliverUpdate, store.DeliverComment} {
			for _, result := range []string{resultDelivered, resultFound, resultRetry, resultDead} {
				m.deliveries.WithLabelValues(t, string(kind), result)
			}
		}
		for _, source := range []string{sourceWebhook, sourcePoll} {
			for _, o := range []string{string(store.EventApplied), string(store.EventDuplicate), string(store.EventStale), string(store.EventUnknown), outcomeRefused, outcomeFailed} {
				m.events.WithLabelValues(t, source, o)
			}
		}
		m.polls.WithLabelValues(t, "ok")
		m.polls.WithLabelValues(t, outcomeFailed)
		m.retries.WithLabelValues(t)
		m.seconds.WithLabelValues(t)
		m.latency.WithLabelValues(t)
		m.open.WithLabelValues(t)
		m.inUse.WithLabelValues(t)
	}
	return m
}
