//go:build !cgo

package asr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/workers/asr"
)

// A build without cgo says what it lacks, and plays scenarios by itself.
func TestWithoutCgo(t *testing.T) {
	for name, change := range map[string]func(*asr.Config){
		"engine": func(c *asr.Config) { c.Engine = asr.EngineSherpa },
		"model":  func(c *asr.Config) { c.Sherpa.Model = "sherpa-onnx-sense-voice" },
		"always": func(c *asr.Config) { c.Denoise.Mode = asr.DenoiseAlways },
	} {
		cfg := asr.Defaults()
		change(&cfg)
		if err := cfg.Validate(); !errors.Is(err, sherpa.ErrNoCgo) || !strings.Contains(err.Error(), "cgo") {
			t.Errorf("%s: %v", name, err)
		}
	}
	e, err := asr.NewEngine(asr.Defaults(), asr.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Name() != asr.EngineScripted {
		t.Errorf("auto is %s", e.Name())
	}
	for _, name := range asr.Engines() {
		if name == asr.EngineSherpa {
			t.Errorf("engines %q", asr.Engines())
		}
	}
}
