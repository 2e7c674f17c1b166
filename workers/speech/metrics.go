package speech

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/schemas"
)

// States of a place in use.
const (
	stateGranted   = "granted"
	stateConnected = "connected"
)

// Why a connection or a request for a place was refused.
const (
	refusedMalformed   = "malformed"
	refusedSignature   = "signature"
	refusedExpired     = "expired"
	refusedUse         = "use"
	refusedSpent       = "spent" // token used before, or its place given back
	refusedSubprotocol = "subprotocol"
	refusedHandshake   = "handshake"
	refusedNoStart     = "no_start"
	refusedInvalid     = "invalid"
	refusedUnsupported = "unsupported"
	refusedFull        = "full"
)

type metrics struct {
	inUse    *prometheus.GaugeVec
	capacity prometheus.Gauge
	grants   prometheus.Counter
	expiries prometheus.Counter
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	errors   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, kind Kind) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	name := func(s string) string { return "tidegate_" + string(kind) + "_" + s }
	counters := func(n, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(n), Help: help}, []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	m := &metrics{
		inUse: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: name("slots_in_use"), Help: "Places held: granted and waiting for their connection, or connected.",
		}, []string{"state"}),
		capacity: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("slots_capacity"), Help: "Places that this worker has."}),
		grants:   prometheus.NewCounter(prometheus.CounterOpts{Name: name("slot_grants_total"), Help: "Places granted."}),
		expiries: prometheus.NewCounter(prometheus.CounterOpts{Name: name("slot_expiries_total"), Help: "Granted places that nobody came for."}),
		requests: counters("slot_requests_refused_total", "Requests for a place that got none; full is not answered.", "reason",
			refusedInvalid, refusedUnsupported, refusedFull),
		refused: counters("connections_refused_total", "Websocket connections refused, by reason.", "reason",
			refusedMalformed, refusedSignature, refusedExpired, refusedUse, refusedSpent, refusedSubprotocol,
			refusedHandshake, refusedNoStart, refusedInvalid, refusedUnsupported),
		errors: counters("errors_total", "Error messages of the speech protocol sent, by code.", "code",
			schemas.SpeechErrProtocol, schemas.SpeechErrUnsupported, schemas.SpeechErrEngine, schemas.SpeechErrOverloaded),
	}
	for _, s := range []string{stateGranted, stateConnected} {
		m.inUse.WithLabelValues(s)
	}
	reg.MustRegister(m.inUse, m.capacity, m.grants, m.expiries, m.requests, m.refused, m.errors)
	return m
}
