package tts

import "github.com/prometheus/client_golang/prometheus"

// What the cache answered.
const (
	cacheHit    = "hit"
	cacheJoined = "joined"
	cacheMiss   = "miss"
)

// How a request ended.
const (
	resultFinished  = "finished"
	resultCancelled = "cancelled"
	resultFailed    = "failed"
)

type metrics struct {
	requests       *prometheus.CounterVec
	firstAudio     *prometheus.HistogramVec
	characters     prometheus.Counter
	audio          prometheus.Counter
	voiceFallbacks prometheus.Counter
	prewarmed      *prometheus.CounterVec

	cacheRequests  *prometheus.CounterVec
	cacheBytes     prometheus.Gauge
	cacheEntries   prometheus.Gauge
	cacheEvictions prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		requests: counters("tidegate_tts_requests_total", "Requests to speak, by how they ended.", "result",
			resultFinished, resultCancelled, resultFailed),
		firstAudio: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tidegate_tts_first_audio_latency_seconds",
			Help:    "From taking up a request to its first sound on the websocket.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"cached"}),
		characters:     counter("tidegate_tts_characters_total", "Characters of text that were asked for."),
		audio:          counter("tidegate_tts_audio_seconds_total", "Sound sent."),
		voiceFallbacks: counter("tidegate_tts_voice_fallbacks_total", "Requests for a voice that the engine does not have, spoken with its own."),
		prewarmed:      counters("tidegate_tts_prewarmed_total", "Prompts synthesised ahead of time.", "result", resultFinished, resultFailed),
		cacheRequests: counters("tidegate_tts_cache_requests_total", "Requests to the prompt cache; joined shares a synthesis under way.", "result",
			cacheHit, cacheJoined, cacheMiss),
		cacheBytes:     gauge("tidegate_tts_cache_bytes", "Size of the prompt cache."),
		cacheEntries:   gauge("tidegate_tts_cache_entries", "Prompts in the cache."),
		cacheEvictions: counter("tidegate_tts_cache_evictions_total", "Prompts that left the cache for others."),
	}
	for _, cached := range []string{"true", "false"} {
		m.firstAudio.WithLabelValues(cached)
	}
	reg.MustRegister(m.requests, m.firstAudio, m.characters, m.audio, m.voiceFallbacks, m.prewarmed,
		m.cacheRequests, m.cacheBytes, m.cacheEntries, m.cacheEvictions)
	return m
}
