package asr

import "github.com/prometheus/client_golang/prometheus"

// Why the scripted engine had no words.
const (
	missNoScenario      = "no_scenario"
	missUnknownScenario = "unknown_scenario"
	missNoLine          = "no_line"
)

// How an utterance ended.
const (
	resultUnderstood = "understood"
	resultEmpty      = "empty"
	resultFailed     = "failed"
)

type metrics struct {
	utterances   *prometheus.CounterVec
	partials     prometheus.Counter
	latency      prometheus.Histogram
	audio        prometheus.Counter
	dropped      *prometheus.CounterVec
	scriptMisses *prometheus.CounterVec
	sherpa       *sherpaMetrics
	denoise      *denoiseMetrics
	funasr       *funasrMetrics
	openai       *openaiMetrics
}

// Why sound was dropped.
const (
	dropOutside = "outside_utterance"
	dropTooLong = "too_long"
	dropQueue   = "queue_full"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		utterances: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_utterances_total", Help: "Utterances that ended, by what came of them.",
		}, []string{"result"}),
		partials: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_partials_total", Help: "Partial transcripts sent.",
		}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tidegate_asr_recognition_latency_seconds",
			Help:    "From the end of speech to its final transcript, as this worker sees both.",
			Buckets: []float64{.005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5},
		}),
		audio: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidegate_asr_audio_seconds_total", Help: "Sound that went into recognition.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_audio_dropped_frames_total", Help: "Sound frames that were not recognised, by reason.",
		}, []string{"reason"}),
		scriptMisses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_asr_script_misses_total", Help: "Sessions without a scenario and utterances without a line, scripted engine.",
		}, []string{"reason"}),
	}
	for _, r := range []string{resultUnderstood, resultEmpty, resultFailed} {
		m.utterances.WithLabelValues(r)
	}
	for _, r := range []string{dropOutside, dropTooLong, dropQueue} {
		m.dropped.WithLabelValues(r)
	}
	for _, r := range []string{missNoScenario, missUnknownScenario, missNoLine} {
		m.scriptMisses.WithLabelValues(r)
	}
	m.sherpa, m.denoise = newSherpaMetrics(reg), newDenoiseMetrics(reg)
	m.funasr, m.openai = newFunASRMetrics(reg), newOpenAIMetrics(reg)
	reg.MustRegister(m.utterances, m.partials, m.latency, m.audio, m.dropped, m.scriptMisses)
	return m
}
