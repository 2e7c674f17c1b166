package tts_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

// engines are the configurations of all engines that run here.
var engines = map[string]func(testing.TB) tts.Config{
	tts.EngineTone:   func(testing.TB) tts.Config { return named(tts.EngineTone) },
	tts.EngineEspeak: espeakConfig,
	"sherpa-vits":    ttstest.UnitVoiceConfig,
}

func named(engine string) tts.Config {
	cfg := tts.Defaults()
	cfg.Engine, cfg.Espeak.Timeout = engine, time.Minute
	return cfg
}

func espeakConfig(t testing.TB) tts.Config {
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed")
	}
	return named(tts.EngineEspeak)
}

func TestConformance(t *testing.T) {
	for name, config := range engines {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			ttstest.Run(t, ttstest.Case{Engine: func(t *testing.T) tts.Engine {
				e, err := tts.NewEngine(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}})
		})
	}
}
