//go:build cgo

package asr_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

// builtIn is the engine with the built-in model.
func builtIn(t testing.TB, reg prometheus.Registerer, change func(*asr.Config)) asr.Engine {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Sherpa.Cache, cfg.Models.Dir = asr.EngineSherpa, t.TempDir(), t.TempDir()
	if change != nil {
		change(&cfg)
	}
	e, err := asr.NewEngine(cfg, asr.Deps{Registry: reg, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSherpaConformance(t *testing.T) {
	line := speechdata.Lines()[3]
	sounds := map[int][]int16{}
	for _, rate := range []int{8000, 16000} {
		sounds[rate] = speechdata.Spoken(t, "m6", line, rate)
	}
	for name, change := range map[string]func(*asr.Config){
		"built-in": nil,
		"greedy":   func(c *asr.Config) { c.Sherpa.Method = "greedy_search" },
		"one":      func(c *asr.Config) { c.Sherpa.Instances, c.Sherpa.Batch = 1, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			asrtest.Run(t, asrtest.Case{
				Engine:    func(t *testing.T) asr.Engine { return builtIn(t, nil, change) },
				Options:   asr.Options{CallID: "c", Language: "zh-CN"},
				Utterance: func(_ *testing.T, rate int) []int16 { return sounds[rate] },
				Text:      line.Text, Wrong: 0.15,
				Fill: fill,
			})
		})
	}
}

// fill gives an engine more sound than it decodes in the next moments.
func fill(t *testing.T, e asr.Engine, rate int) {
	t.Helper()
	sound := audio.Tone(300, 15*time.Second, rate, 0.3)
	var all sync.WaitGroup
	for range 30 {
		s, err := e.Start(t.Context(), asr.Options{SampleRate: rate})
		if err != nil {
			break // it is full
		}
		t.Cleanup(func() { _ = s.Close() })
		all.Go(func() {
			if err := s.SpeechStart(1); err != nil {
				t.Error(err)
			}
			if err := s.Audio(sound); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// The decorator keeps the contract of the engine in it.
func TestDenoisedConformance(t *testing.T) {
	cfg := asr.Defaults().Denoise
	cfg.Mode, cfg.Model = asr.DenoiseAlways, speechdata.Denoiser(t)
	asrtest.Run(t, asrtest.Case{
		Engine: func(t *testing.T) asr.Engine {
			e, err := asr.Denoised(scripted(t, asr.ScriptedConfig{PartialEvery: 100 * time.Millisecond, PartialChars: 1, Confidence: 0.9}, nil, "我要退货", "对"), cfg, prometheus.NewRegistry())
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
		Options: asr.Options{CallID: "c", Language: "zh-CN", Scenario: "return"},
		Text:    "我要退货",
	})
}

// BenchmarkSherpaFinal is how long a caller's last word waits for its
// transcript, in a worker that has nothing else to do.
func BenchmarkSherpaFinal(b *testing.B) {
	e := builtIn(b, nil, nil)
	defer e.Close()
	pcm := speechdata.Spoken(b, "m6", speechdata.Lines()[0], 8000)
	s, err := e.Start(b.Context(), asr.Options{SampleRate: 8000})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		if err := errors.Join(s.SpeechStart(n), s.Audio(pcm)); err != nil {
			b.Fatal(err)
		}
		for ev := range s.Events() { // the partial of the sound's end
			if len([]rune(ev.Text)) >= 11 {
				break
			}
		}
		b.StartTimer()
		if err := s.SpeechEnd(n); err != nil {
			b.Fatal(err)
		}
		for ev := range s.Events() {
			if ev.Kind == asr.EventFinal {
				break
			}
		}
	}
}
