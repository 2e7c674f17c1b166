package asr

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/speech"
)

// Denoised is the decorator around an engine, for the conformance suite.
func Denoised(e Engine, cfg DenoiseConfig, reg prometheus.Registerer) (Engine, error) {
	return newDenoised(e, cfg, speechmodel.NewStore(speechmodel.Config{Dir: "nowhere"}), newDenoiseMetrics(reg), slog.New(slog.DiscardHandler))
}

// NewFallback chains engines made by a test.
func NewFallback(cfg FallbackConfig, reg prometheus.Registerer, names []string, engines ...Engine) Engine {
	return newFallback(cfg, names, engines, time.Minute, slog.New(slog.DiscardHandler), speech.NewEngineMetrics(reg, speech.ASR, names))
}

// NewLimited bounds an engine made by a test.
func NewLimited(name string, e Engine, n int, wait time.Duration) Engine {
	return newLimited(name, e, n, wait, speech.NewEngineMetrics(nil, speech.ASR, []string{name}))
}
