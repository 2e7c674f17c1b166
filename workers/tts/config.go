package tts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/speech"
)

// EngineAuto is sherpa where its model is installed, else espeak where the
// program is, else tone.
const EngineAuto = "auto"

// Config is the synthesis worker's configuration.
type Config struct {
	Engine         string        `koanf:"engine" help:"synthesis engine: auto (sherpa where its model is installed, else espeak where it is installed, else tone), sherpa, espeak, openai, tone"`
	CacheBytes     int64         `koanf:"cache_bytes" help:"size of the prompt cache in memory; 0 keeps nothing"`
	CacheDir       string        `koanf:"cache_dir" help:"folder of the prompt cache on disk, for fixed prompts only; empty: none; up: in up.data_dir"`
	CacheDiskBytes int64         `koanf:"cache_disk_bytes" help:"size of the prompt cache on disk; 0 keeps nothing"`
	PrewarmWait    time.Duration `koanf:"prewarm_wait" help:"after the start, how long the worker is not ready while it prepares the flows' fixed prompts; it goes on with them afterwards"`
	Queue          int           `koanf:"queue" help:"requests of one call that may wait to be spoken"`
	Lead           time.Duration `koanf:"lead" help:"how far sound may be sent ahead of its being heard"`
	Server         speech.Config `koanf:"server"`
	Sherpa         SherpaConfig  `koanf:"sherpa"`
	Espeak         EspeakConfig  `koanf:"espeak"`

	Fallback FallbackConfig     `koanf:"fallback"`
	Limit    speech.LimitConfig `koanf:"limit"`
	OpenAI   OpenAIConfig       `koanf:"openai"`

	// Models says where installed models are; it is the section "models" of
	// the whole configuration.
	Models speechmodel.Config `koanf:"-"`
}

// Defaults work on a machine of any kind: espeak-ng if it is there.
func Defaults() Config {
	server := speech.Defaults()
	server.Listen = "127.0.0.1:8092"
	return Config{
		Engine: EngineAuto, CacheBytes: 64 << 20, CacheDiskBytes: 512 << 20, PrewarmWait: 10 * time.Second, Queue: 32, Lead: 5 * time.Second, Server: server,
		Sherpa: sherpaDefaults(), Models: speechmodel.Defaults(),
		Espeak:   EspeakConfig{Speed: 165, Pitch: 50, Timeout: 10 * time.Second},
		Fallback: fallbackDefaults(), OpenAI: openaiDefaults(),
	}
}

// builders make the engines by name; the order is that of help and errors.
var builders = []struct {
	name  string
	build func(Config, tools) (Engine, error)
	check func(Config) error
}{
	{EngineSherpa, func(c Config, _ tools) (Engine, error) { return newSherpa(c.Sherpa, c.Models) }, Config.checkSherpa},
	{EngineEspeak, func(c Config, _ tools) (Engine, error) { return newEspeak(c.Espeak) }, func(c Config) error { return c.Espeak.validate() }},
	{EngineOpenAI, func(c Config, t tools) (Engine, error) { return newOpenAI(c.OpenAI, t.openai) }, func(c Config) error { return c.OpenAI.validate() }},
	{EngineTone, func(Config, tools) (Engine, error) { return tone{}, nil }, func(Config) error { return nil }},
}

// auto are the engines that EngineAuto chooses from.
var auto = []string{EngineSherpa, EngineEspeak, EngineTone}

func (c Config) checkSherpa() error {
	if !slices.Contains(c.engines(), EngineSherpa) {
		return c.Sherpa.validate()
	}
	var model error
	if c.Sherpa.Model == "" {
		model = errors.New("sherpa.model: must be set for the engine sherpa")
	}
	return errors.Join(errNoSherpa(), model, c.Sherpa.validate())
}

// Engines lists the engines that there are. One that this build lacks says
// so when it is chosen.
func Engines() []string {
	names := []string{EngineAuto}
	for _, b := range builders {
		names = append(names, b.name)
	}
	return names
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	errs := []error{c.validateEngine()}
	if c.CacheBytes < 0 {
		errs = append(errs, fmt.Errorf("cache_bytes: must not be negative, is %d", c.CacheBytes))
	}
	if c.CacheDiskBytes < 0 {
		errs = append(errs, fmt.Errorf("cache_disk_bytes: must not be negative, is %d", c.CacheDiskBytes))
	}
	if c.PrewarmWait < 0 || c.PrewarmWait > 10*time.Minute {
		errs = append(errs, fmt.Errorf("prewarm_wait: must be 0 to 10m, is %s", c.PrewarmWait))
	}
	if c.Queue < 1 || c.Queue > 1024 {
		errs = append(errs, fmt.Errorf("queue: must be 1 to 1024, is %d", c.Queue))
	}
	if c.Lead < 200*time.Millisecond {
		errs = append(errs, fmt.Errorf("lead: must be at least 200ms, is %s", c.Lead))
	}
	errs = append(errs, c.Server.Validate("server."))
	return errors.Join(errs...)
}

// validateEngine checks what NewEngine needs.
func (c Config) validateEngine() error {
	var errs []error
	if !slices.Contains(Engines(), c.Engine) {
		errs = append(errs, fmt.Errorf("engine: %.40q is unknown; there are %s", c.Engine, strings.Join(Engines(), ", ")))
	}
	for _, b := range builders {
		if c.uses(b.name) {
			errs = append(errs, b.check(c))
		}
	}
	errs = append(errs, c.Fallback.validate(c.Engine), c.Limit.Validate(c.engines()))
	return errors.Join(errs...)
}

// NewEngine makes the engine that the configuration names, or the chain of
// them, for use inside another program too; only Engine, Fallback, Limit,
// Models and the engines' own keys count. The caller closes it.
func NewEngine(c Config) (Engine, error) {
	if err := c.validateEngine(); err != nil {
		return nil, err
	}
	return newEngine(c, newTools(c, nil, nil))
}

// newAuto takes the best voice that is installed. A model that is there and
// cannot be used is an error: nobody wants another voice without knowing.
func newAuto(c Config) (Engine, error) {
	if c.Sherpa.Model != "" {
		e, err := newSherpa(c.Sherpa, c.Models)
		switch {
		case err == nil:
			return e, nil
		case !errors.Is(err, speechmodel.ErrNotInstalled) && !errors.Is(err, sherpa.ErrNoCgo):
			return nil, err
		}
	}
	if _, err := findEspeak(c.Espeak); err != nil {
		return tone{}, nil
	}
	return newEspeak(c.Espeak)
}
