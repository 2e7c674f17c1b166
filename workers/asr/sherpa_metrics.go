package asr

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/sherpa"
)

// sherpaMetrics have as model only the names that were loaded at the start.
type sherpaMetrics struct {
	decode  *prometheus.CounterVec
	audio   *prometheus.CounterVec
	streams *prometheus.GaugeVec
	queued  prometheus.Gauge
	waiting prometheus.Gauge
	refused prometheus.Counter
	batch   prometheus.Histogram
	info    *prometheus.GaugeVec
	loading *prometheus.GaugeVec
}

func newSherpaMetrics(reg prometheus.Registerer) *sherpaMetrics {
	model := []string{"model"}
	m := &sherpaMetrics{
		decode: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_decode_seconds_total", Help: "Time that decodings took, by model.",
		}, model),
		audio: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_decode_audio_seconds_total", Help: "Sound that was decoded; decode_seconds through this is the real-time factor.",
		}, model),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_asr_decode_streams", Help: "Calls that a model serves.",
		}, model),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_asr_decode_queue_streams", Help: "Calls that wait for a decoding.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidegate_asr_decode_queue_audio_seconds", Help: "Sound that waits for decoding, of all calls together.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_decode_queue_refusals_total", Help: "Calls that were not taken because too much sound waits.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_asr_decode_batch_streams", Help: "Calls that a decoding took together.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64},
		}),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_asr_model_info", Help: "Always 1: a loaded model, its kind and use, and the library's version.",
		}, []string{"model", "kind", "use", "library"}),
		loading: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_asr_model_load_seconds", Help: "How long loading a model took.",
		}, model),
	}
	reg.MustRegister(m.decode, m.audio, m.streams, m.queued, m.waiting, m.refused, m.batch, m.info, m.loading)
	return m
}

// loaded opens the label sets of a model.
func (m *sherpaMetrics) loaded(r *recogniser) {
	m.decode.WithLabelValues(r.Name)
	m.audio.WithLabelValues(r.Name)
	m.streams.WithLabelValues(r.Name)
	m.info.WithLabelValues(r.Name, r.Kind, r.Use, sherpa.Version()).Set(1)
	m.loading.WithLabelValues(r.Name).Set(r.loading.Seconds())
}
