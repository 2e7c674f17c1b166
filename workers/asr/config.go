package asr

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/speech"
)

// Config is the recognition worker's configuration.
type Config struct {
	Engine       string         `koanf:"engine" help:"recognition engine: auto (sherpa where this build has it, else scripted), sherpa, funasr, openai, scripted"`
	Dialects     []string       `koanf:"dialects" help:"dialects that calls are sent here for, as docs/dialects.md names them; empty: those that the engine knows"`
	DialectsOnly bool           `koanf:"dialects_only" help:"take no calls in Mandarin, for a model that is made for its dialects"`
	MaxUtterance time.Duration  `koanf:"max_utterance" help:"sound of one utterance that is recognised; more is dropped"`
	ScenarioDir  string         `koanf:"scenario_dir" help:"folder with scenarios of the scripted engine, looked into before the built-in ones"`
	Server       speech.Config  `koanf:"server"`
	Scripted     ScriptedConfig `koanf:"scripted"`
	Sherpa       SherpaConfig   `koanf:"sherpa"`
	Denoise      DenoiseConfig  `koanf:"denoise"`

	Fallback FallbackConfig     `koanf:"fallback"`
	Limit    speech.LimitConfig `koanf:"limit"`
	FunASR   FunASRConfig       `koanf:"funasr"`
	OpenAI   OpenAIConfig       `koanf:"openai"`

	// Models says where installed models are; it is the section "models" of
	// the whole configuration.
	Models speechmodel.Config `koanf:"-"`
}

// Defaults recognise by the built-in model, where this build has it.
func Defaults() Config {
	server := speech.Defaults()
	server.Listen = "127.0.0.1:8091"
	return Config{
		Engine: EngineAuto, MaxUtterance: time.Minute, Server: server,
		Scripted: ScriptedConfig{Delay: 50 * time.Millisecond, PartialEvery: 300 * time.Millisecond, PartialChars: 2, Confidence: 0.95},
		Sherpa:   sherpaDefaults(), Denoise: denoiseDefaults(), Models: speechmodel.Defaults(),
		Fallback: fallbackDefaults(), FunASR: funasrDefaults(), OpenAI: openaiDefaults(),
	}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	if err := c.checkEngine(); err != nil {
		errs = append(errs, fmt.Errorf("engine: %w", err))
	}
	for i, id := range c.Dialects {
		switch {
		case !dialect.Known(id) || id == dialect.Mandarin:
			errs = append(errs, fmt.Errorf("dialects: unknown dialect %.32q", id))
		case slices.Contains(c.Dialects[:i], id):
			errs = append(errs, fmt.Errorf("dialects: %s stands twice", id))
		}
	}
	if c.MaxUtterance < time.Second {
		errs = append(errs, fmt.Errorf("max_utterance: must be at least 1s, is %s", c.MaxUtterance))
	}
	if c.ScenarioDir != "" {
		if info, err := os.Stat(c.ScenarioDir); err != nil {
			errs = append(errs, fmt.Errorf("scenario_dir: %w", err))
		} else if !info.IsDir() {
			errs = append(errs, fmt.Errorf("scenario_dir: %s is no folder", c.ScenarioDir))
		}
	}
	errs = append(errs, c.Scripted.validate(), c.Sherpa.validate(), c.Denoise.validate(), c.Server.Validate("server."), c.validateChain())
	return errors.Join(errs...)
}
