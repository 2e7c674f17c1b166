package bus

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connected  prometheus.Gauge
	reconnects prometheus.Counter
	slow       prometheus.Counter
	published  *prometheus.CounterVec
	received   *prometheus.CounterVec
	malformed  *prometheus.CounterVec
	refused    *prometheus.CounterVec
	consumed   *prometheus.CounterVec
	resumed    prometheus.Counter
	leftover   prometheus.Counter
	deadLetter prometheus.Counter
	// What operators do to the letters, and how many wait.
	deadReplayed prometheus.Counter
	deadDropped  prometheus.Counter
	deadWaiting  prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_bus_connected", Help: "1 while NATS is connected."}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_reconnects_total", Help: "Times the NATS connection came back."}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_slow_consumer_total", Help: "Times a subscription's queue overflowed and messages were dropped."}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_bus_published_total", Help: "Messages published, by way."}, []string{"way"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_bus_received_total", Help: "Messages received, by way."}, []string{"way"}),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_bus_malformed_total", Help: "Messages refused, by what was wrong."}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_bus_refused_total", Help: "Durable messages that broke their schema and became dead letters, by who was told."}, []string{"told"}),
		consumed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_bus_consumed_total", Help: "Durable messages handled, by result."}, []string{"result"}),
		resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_consumers_resumed_total", Help: "Times a durable consumer had ended by itself and was begun again."}),
		leftover: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_leftovers_total", Help: "Messages given out again that a restarted server kept in a work queue and counted as done."}),
		deadLetter: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_dead_letters_total", Help: "Messages moved to the dead-letter stream."}),
		deadReplayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_dead_letters_replayed_total", Help: "Dead letters published again by this process."}),
		deadDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_bus_dead_letters_dropped_total", Help: "Dead letters dropped by this process."}),
		deadWaiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_bus_dead_letters_waiting", Help: "Dead letters in their stream, as the ticket worker counted them last; 0 elsewhere."}),
	}
	for _, way := range []string{"core", "request", "durable"} {
		m.published.WithLabelValues(way)
		m.received.WithLabelValues(way)
	}
	for _, r := range []string{"too_large", "syntax", "unknown_type", "envelope", "data"} {
		m.malformed.WithLabelValues(r)
	}
	for _, told := range []Told{ToldAsker, ToldUnknown, ToldNobody} {
		m.refused.WithLabelValues(string(told))
	}
	for _, r := range []string{"ok", "retry", "dead"} {
		m.consumed.WithLabelValues(r)
	}
	reg.MustRegister(m.connected, m.reconnects, m.slow, m.published, m.received, m.malformed, m.refused, m.consumed, m.resumed, m.leftover, m.deadLetter,
		m.deadReplayed, m.deadDropped, m.deadWaiting)
	return m
}
