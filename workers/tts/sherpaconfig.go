package tts

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/schemas"
)

// EngineSherpa is the name of the engine that runs ONNX voices in this
// process.
const EngineSherpa = "sherpa"

// SherpaConfig says which models speak, and as whom.
type SherpaConfig struct {
	Model       string                 `koanf:"model" help:"installed synthesis model, by name or folder (see 'tidegate models'); empty: none"`
	Instances   int                    `koanf:"instances" help:"copies of each model that speak at once; 0: one per core but one. Each has the model in memory"`
	Threads     int                    `koanf:"threads" help:"cores that one sentence is computed with"`
	Queue       int                    `koanf:"queue" help:"requests that may wait for an instance; one more is answered as overloaded"`
	Voice       string                 `koanf:"voice" help:"voice used when a request names none, out of tts.sherpa.voices; empty: the model's first speaker"`
	Voices      map[string]SherpaVoice `koanf:"voices" help:"voices by name: {speaker, model, speed, reference, reference_text, steps, styles}; see docs/speaking.md"`
	StyleSpeeds map[string]float64     `koanf:"style_speeds" help:"speaking rate by style, where it is to be another than the built-in one: {calm: 0.9}"`
}

// SherpaVoice is one voice of the engine.
type SherpaVoice struct {
	Model   string  `koanf:"model" yaml:"model,omitempty"`     // empty: tts.sherpa.model
	Speaker int     `koanf:"speaker" yaml:"speaker,omitempty"` // of a model with several
	Speed   float64 `koanf:"speed" yaml:"speed,omitempty"`     // 0 means 1
	// ZipVoice speaks like a recording (WAV), whose text it needs.
	Reference     string `koanf:"reference" yaml:"reference,omitempty"`
	ReferenceText string `koanf:"reference_text" yaml:"reference_text,omitempty"`
	Steps         int    `koanf:"steps" yaml:"steps,omitempty"` // of flow matching; 0: the model's own
	// Styles name another voice for a style, such as the same speaker
	// recorded cheerful.
	Styles map[string]string `koanf:"styles" yaml:"styles,omitempty"`
}

func sherpaDefaults() SherpaConfig { return SherpaConfig{Threads: 1, Queue: 64} }

// speed is the rate of a style.
func (c SherpaConfig) speed(s schemas.Style) float64 {
	for name, speed := range c.StyleSpeeds {
		if known, ok := ParseStyle(name); ok && known == s {
			return speed
		}
	}
	return manners[s].speed
}

func (c SherpaConfig) validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("sherpa."+format, a...)) }
	for _, n := range []struct {
		key           string
		value, lo, hi int
	}{{"instances", c.Instances, 0, 64}, {"threads", c.Threads, 1, 64}, {"queue", c.Queue, 0, 10000}} {
		if n.value < n.lo || n.value > n.hi {
			bad("%s: must be %d to %d, is %d", n.key, n.lo, n.hi, n.value)
		}
	}
	if _, ok := c.Voices[c.Voice]; c.Voice != "" && !ok {
		bad("voice: %.40q is none of sherpa.voices", c.Voice)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Voices)) {
		for _, err := range c.voiceErrors(name) {
			bad("voices.%.40s.%w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.StyleSpeeds)) {
		if _, ok := ParseStyle(name); !ok {
			bad("style_speeds.%.40s: is no style", name)
		}
		if v := c.StyleSpeeds[name]; !(v >= MinRate && v <= MaxRate) {
			bad("style_speeds.%.40s: must be %g to %g, is %g", name, MinRate, float64(MaxRate), v)
		}
	}
	return errors.Join(errs...)
}

func (c SherpaConfig) voiceErrors(name string) []error {
	var errs []error
	v := c.Voices[name]
	if len(name) > 64 {
		errs = append(errs, errors.New("name: is longer than 64 bytes"))
	}
	if v.Speaker < 0 {
		errs = append(errs, fmt.Errorf("speaker: must not be negative, is %d", v.Speaker))
	}
	if v.Speed != 0 && !(v.Speed >= MinRate && v.Speed <= MaxRate) {
		errs = append(errs, fmt.Errorf("speed: must be %g to %g, is %g", MinRate, float64(MaxRate), v.Speed))
	}
	if (v.Reference == "") != (v.ReferenceText == "") {
		errs = append(errs, errors.New("reference: a recording needs its reference_text, and the other way round"))
	}
	if v.Steps < 0 || v.Steps > 64 {
		errs = append(errs, fmt.Errorf("steps: must be 0 to 64, is %d", v.Steps))
	}
	for _, style := range slices.Sorted(maps.Keys(v.Styles)) {
		if _, ok := ParseStyle(style); !ok {
			errs = append(errs, fmt.Errorf("styles.%.40s: is no style", style))
		}
		if _, ok := c.Voices[v.Styles[style]]; !ok {
			errs = append(errs, fmt.Errorf("styles.%.40s: %.40q is none of sherpa.voices", style, v.Styles[style]))
		}
	}
	return errs
}

// errNoSherpa says why this build cannot have the engine.
func errNoSherpa() error {
	if sherpa.Available {
		return nil
	}
	return fmt.Errorf("engine: sherpa is not in this build: %w", sherpa.ErrNoCgo)
}
