package tts

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/workers/speech"
)

// NewFallback chains engines made by a test.
func NewFallback(cfg FallbackConfig, reg prometheus.Registerer, names []string, engines ...Engine) Engine {
	return newFallback(cfg, names, engines, slog.New(slog.DiscardHandler), speech.NewEngineMetrics(reg, speech.TTS, names))
}

// NewLimited bounds an engine made by a test.
func NewLimited(name string, e Engine, n int, wait time.Duration) Engine {
	return newLimited(name, e, n, wait, speech.NewEngineMetrics(nil, speech.TTS, []string{name}))
}

// NewEngineIn is NewEngine with a registry for the engines' metrics.
func NewEngineIn(c Config, reg prometheus.Registerer) (Engine, error) {
	return newEngine(c, newTools(c, nil, reg))
}
