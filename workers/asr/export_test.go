package asr

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// Denoised is the decorator around an engine, for the conformance suite.
func Denoised(e Engine, cfg DenoiseConfig, reg prometheus.Registerer) (Engine, error) {
	return newDenoised(e, cfg, speechmodel.NewStore(speechmodel.Config{Dir: "nowhere"}), newDenoiseMetrics(reg), slog.New(slog.DiscardHandler))
}
