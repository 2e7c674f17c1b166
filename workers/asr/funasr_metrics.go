package asr

import "github.com/prometheus/client_golang/prometheus"

// What became of an attempt to connect.
const (
	dialConnected = "connected"
	dialFailed    = "failed"
	dialResting   = "resting" // not tried, the server failed a short while ago
)

// Why a stream took another connection.
const (
	reconnectLost     = "lost"
	reconnectHotwords = "hotwords" // the runtime takes them at the beginning only
	reconnectSilent   = "silent"   // no last answer in time
)

type funasrMetrics struct {
	connections prometheus.Gauge
	dials       *prometheus.CounterVec
	reconnects  *prometheus.CounterVec
	badAnswers  prometheus.Counter
}

func newFunASRMetrics(reg prometheus.Registerer) *funasrMetrics {
	m := &funasrMetrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_asr_funasr_connections", Help: "Connections to FunASR servers.",
		}),
		dials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_funasr_dials_total", Help: "Attempts to connect to a FunASR server, by what became of them.",
		}, []string{"result"}),
		reconnects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_funasr_reconnects_total", Help: "Connections that a stream gave up for another one, by reason.",
		}, []string{"reason"}),
		badAnswers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_funasr_bad_answers_total", Help: "Messages of FunASR servers that are not of the protocol.",
		}),
	}
	for _, r := range []string{dialConnected, dialFailed, dialResting} {
		m.dials.WithLabelValues(r)
	}
	for _, r := range []string{reconnectLost, reconnectHotwords, reconnectSilent} {
		m.reconnects.WithLabelValues(r)
	}
	reg.MustRegister(m.connections, m.dials, m.reconnects, m.badAnswers)
	return m
}
