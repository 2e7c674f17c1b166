package tts

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/workers/speech"
)

// tools are what engines are made with beside their configuration.
type tools struct {
	log     *slog.Logger
	engines *speech.EngineMetrics
	openai  *openaiMetrics
}

// newTools makes them; log and reg may be nil.
func newTools(c Config, log *slog.Logger, reg prometheus.Registerer) tools {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	return tools{log: log, engines: speech.NewEngineMetrics(reg, speech.TTS, c.engines()), openai: newOpenAIMetrics(reg)}
}

// engines are the names of those in use: the first, and those that stand in
// for it.
func (c Config) engines() []string { return append([]string{c.Engine}, c.Fallback.Engines...) }

// uses says whether an engine may be made from the configuration.
func (c Config) uses(name string) bool {
	names := c.engines()
	return slices.Contains(names, name) || slices.Contains(names, EngineAuto) && slices.Contains(auto, name)
}

// newEngine makes the engines of the configuration, each within its limit,
// and the chain of them if there is more than one.
func newEngine(c Config, t tools) (Engine, error) {
	limits, err := c.Limit.Limits()
	if err != nil {
		return nil, err
	}
	names := c.engines()
	var engines []Engine
	for _, name := range names {
		e, err := build(name, c, t)
		if err != nil {
			for _, built := range engines {
				err = errors.Join(err, built.Close())
			}
			return nil, err
		}
		if n := limits[name]; n > 0 {
			e = newLimited(name, e, n, c.Limit.Wait, t.engines)
		}
		engines = append(engines, e)
	}
	if len(engines) == 1 {
		return engines[0], nil
	}
	return newFallback(c.Fallback, names, engines, t.log, t.engines), nil
}

// build makes one engine.
func build(name string, c Config, t tools) (Engine, error) {
	if name == EngineAuto {
		return newAuto(c)
	}
	for _, b := range builders {
		if b.name == name {
			return b.build(c, t)
		}
	}
	return nil, fmt.Errorf("engine %.40q is unknown", name)
}
