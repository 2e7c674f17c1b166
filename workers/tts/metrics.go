package tts

import "github.com/prometheus/client_golang/prometheus"

// Levels of the cache.
const (
	levelMemory = "memory"
	levelDisk   = "disk"
)

// What a level answered; joined shares a synthesis under way.
const (
	cacheHit    = "hit"
	cacheJoined = "joined"
	cacheMiss   = "miss"
)

// What goes wrong on disk.
const (
	cacheRead    = "read"
	cacheWrite   = "write"
	cacheCorrupt = "corrupt"
)

// How a request ended.
const (
	resultFinished  = "finished"
	resultCancelled = "cancelled"
	resultFailed    = "failed"
	// resultDropped: too many prompts were to be prepared.
	resultDropped = "dropped"
)

type metrics struct {
	requests       *prometheus.CounterVec
	firstAudio     *prometheus.HistogramVec
	characters     prometheus.Counter
	audio          prometheus.Counter
	voiceFallbacks prometheus.Counter
	unknownStyles  prometheus.Counter
	prewarmed      *prometheus.CounterVec
	remaining      prometheus.Gauge

	cacheRequests  *prometheus.CounterVec
	cacheBytes     *prometheus.GaugeVec
	cacheEntries   *prometheus.GaugeVec
	cacheEvictions *prometheus.CounterVec
	cacheErrors    *prometheus.CounterVec
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
	gauges := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"level"})
		for _, level := range []string{levelMemory, levelDisk} {
			v.WithLabelValues(level)
		}
		return v
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
		unknownStyles:  counter("tidegate_tts_unknown_styles_total", "Requests for a style that nobody knows, spoken as neutral."),
		prewarmed: counters("tidegate_tts_prewarmed_total", "Fixed prompts prepared ahead of time.", "result",
			resultFinished, resultFailed, resultDropped),
		remaining: gauge("tidegate_tts_prewarm_remaining", "Fixed prompts still to be prepared."),
		cacheRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_tts_cache_requests_total",
			Help: "Requests to each level of the prompt cache; joined shares a synthesis under way.",
		}, []string{"level", "result"}),
		cacheBytes:     gauges("tidegate_tts_cache_bytes", "Size of each level of the prompt cache."),
		cacheEntries:   gauges("tidegate_tts_cache_entries", "Prompts in each level of the cache."),
		cacheEvictions: counters("tidegate_tts_cache_evictions_total", "Prompts that left a level of the cache for others.", "level", levelMemory, levelDisk),
		cacheErrors: counters("tidegate_tts_cache_errors_total", "Failures of the prompt cache on disk.", "kind",
			cacheRead, cacheWrite, cacheCorrupt),
	}
	for _, result := range []string{cacheHit, cacheJoined, cacheMiss} {
		m.cacheRequests.WithLabelValues(levelMemory, result)
		if result != cacheJoined {
			m.cacheRequests.WithLabelValues(levelDisk, result)
		}
	}
	for _, cached := range []string{"true", "false"} {
		m.firstAudio.WithLabelValues(cached)
	}
	reg.MustRegister(m.requests, m.firstAudio, m.characters, m.audio, m.voiceFallbacks, m.unknownStyles, m.prewarmed, m.remaining,
		m.cacheRequests, m.cacheBytes, m.cacheEntries, m.cacheEvictions, m.cacheErrors)
	return m
}
