package tts_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

func TestConformance(t *testing.T) {
	for _, name := range []string{tts.EngineTone, tts.EngineEspeak} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("espeak-ng"); err != nil && name == tts.EngineEspeak {
				t.Skip("espeak-ng is not installed")
			}
			ttstest.Run(t, ttstest.Case{Engine: func(t *testing.T) tts.Engine {
				cfg := tts.Defaults()
				cfg.Engine, cfg.Espeak.Timeout = name, time.Minute
				e, err := tts.NewEngine(cfg)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}})
		})
	}
}
