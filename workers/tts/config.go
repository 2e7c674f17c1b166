package tts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/workers/speech"
)

// EngineAuto is espeak where it is installed and tone elsewhere.
const EngineAuto = "auto"

// Config is the synthesis worker's configuration.
type Config struct {
	Engine     string        `koanf:"engine" help:"synthesis engine: auto, espeak or tone"`
	CacheBytes int64         `koanf:"cache_bytes" help:"size of the prompt cache in memory; 0 keeps nothing"`
	Queue      int           `koanf:"queue" help:"requests of one call that may wait to be spoken"`
	Lead       time.Duration `koanf:"lead" help:"how far sound may be sent ahead of its being heard"`
	Server     speech.Config `koanf:"server"`
	Espeak     EspeakConfig  `koanf:"espeak"`
}

// Defaults work on a machine of any kind: espeak-ng if it is there.
func Defaults() Config {
	server := speech.Defaults()
	server.Listen = "127.0.0.1:8092"
	return Config{
		Engine: EngineAuto, CacheBytes: 64 << 20, Queue: 32, Lead: 5 * time.Second, Server: server,
		Espeak: EspeakConfig{Speed: 165, Pitch: 50, Timeout: 10 * time.Second},
	}
}

// Engines lists the engines that this build has.
func Engines() []string { return []string{EngineAuto, EngineEspeak, EngineTone} }

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	errs := []error{c.validateEngine()}
	if c.CacheBytes < 0 {
		errs = append(errs, fmt.Errorf("cache_bytes: must not be negative, is %d", c.CacheBytes))
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
		errs = append(errs, fmt.Errorf("engine: %.40q is unknown; this build has %s", c.Engine, strings.Join(Engines(), ", ")))
	}
	if c.Engine == EngineAuto || c.Engine == EngineEspeak {
		errs = append(errs, c.Espeak.validate())
	}
	return errors.Join(errs...)
}

// NewEngine makes the engine that the configuration names, for use inside
// another program too; only Engine and the engine's own keys count. The
// caller closes it.
func NewEngine(c Config) (Engine, error) {
	if err := c.validateEngine(); err != nil {
		return nil, err
	}
	switch c.Engine {
	case EngineTone:
		return tone{}, nil
	case EngineAuto:
		if _, err := findEspeak(c.Espeak); err != nil {
			return tone{}, nil
		}
	}
	return newEspeak(c.Espeak)
}
