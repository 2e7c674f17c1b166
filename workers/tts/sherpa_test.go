package tts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

const deadline = 20 * time.Second

func sherpaEngine(t testing.TB, change func(*tts.SherpaConfig)) tts.Engine {
	t.Helper()
	cfg := ttstest.UnitVoiceConfig(t)
	if change != nil {
		change(&cfg.Sherpa)
	}
	e, err := tts.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func length(t *testing.T, e tts.Engine, r tts.Request) int {
	t.Helper()
	r.SampleRate = 8000
	pcm, err := tts.Speak(t.Context(), e, r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return len(pcm)
}

func TestSherpaVoicesAndStyles(t *testing.T) {
	e := sherpaEngine(t, func(c *tts.SherpaConfig) {
		c.Voice = "xiaoyu"
		c.Voices = map[string]tts.SherpaVoice{
			"xiaoyu": {Speed: 1.2, Styles: map[string]string{"歉意": "mild"}},
			"mild":   {Speed: 0.6},
			"plain":  {},
		}
		c.StyleSpeeds = map[string]float64{"热情": 2}
	})
	text := tts.Request{Text: ttstest.Text}
	with := func(voice, style string, rate float64) int {
		r := text
		r.Voice, r.Style, r.Rate = voice, style, rate
		return length(t, e, r)
	}
	plain := with("plain", "", 1)
	for name, longer := range map[string]bool{
		"slower": with("plain", "慢速", 1) > plain,
		"calmer": with("plain", "calm", 1) > plain,
		// The worker's own table of styles goes before the built-in one.
		"cheerful":    with("plain", "热情", 1) < with("plain", "", 1.5),
		"unknown":     with("plain", "loud", 1) == plain,
		"own voice":   with("", "", 1) == with("xiaoyu", "", 1) && with("", "", 1) < plain,
		"style voice": with("xiaoyu", "apologetic", 1) > with("plain", "apologetic", 1),
	} {
		if !longer {
			t.Errorf("%s: lengths are not as they should be (plain %d)", name, plain)
		}
	}
	for _, r := range []tts.Request{{Text: "您好", Voice: "nobody", SampleRate: 8000}, {Text: "您好", Language: "en-US", SampleRate: 8000}} {
		if _, err := tts.Speak(t.Context(), e, r); !errors.Is(err, tts.ErrUnsupported) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// TestSherpaReadsNumbersOut: this voice knows no digit, sign or letter, so
// that what is not read out is not heard.
func TestSherpaReadsNumbersOut(t *testing.T) {
	e := sherpaEngine(t, nil)
	for written, said := range map[string]string{
		"退款¥199.00":      "退款一百九十九元",
		"2026年11月12日":    "二零二六年十一月十二日",
		"15:30":          "十五点三十分",
		"50%":            "百分之五十",
		"-3":             "负三",
		"尾号3378":         "尾号三三七八",
		"单号TG20261112":   "单号提寄二零二六，幺幺幺二",
		"您好🙂\x00\u200b！": "您好！",
		"（订单：）单号；查不到…":   "订单，单号，查不到，",
	} {
		if got, want := length(t, e, tts.Request{Text: written}), length(t, e, tts.Request{Text: said}); got != want {
			t.Errorf("%q: %d samples, %q: %d", written, got, said, want)
		}
	}
}

func TestSherpaIsBounded(t *testing.T) {
	e := sherpaEngine(t, func(c *tts.SherpaConfig) { c.Instances, c.Queue = 1, 1 })
	r := tts.Request{Text: ttstest.Text, SampleRate: 8000}
	speaking, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(release)
	wg.Go(func() {
		_, err := e.Synthesize(context.Background(), r, func([]int16) error {
			once.Do(func() { close(speaking) })
			<-release
			return nil
		})
		if err != nil {
			t.Errorf("who speaks: %v", err)
		}
	})
	<-speaking
	// The instance is free while a piece is taken, so one more request can
	// speak; a third finds no place.
	ctx, leave := context.WithCancel(t.Context())
	second, waiting := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := e.Synthesize(ctx, r, func([]int16) error {
			close(second)
			<-ctx.Done()
			return ctx.Err()
		})
		waiting <- err
	}()
	<-second
	if _, err := tts.Speak(t.Context(), e, r); !errors.Is(err, tts.ErrOverloaded) {
		t.Errorf("one too many: %v", err)
	}
	leave()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	if n := length(t, e, r); n == 0 { // in the place that came free
		t.Error("no sound after somebody left")
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s", deadline, what)
		}
	}
}

// TestSherpaEndsInMidSentence cancels while the model speaks a sentence of
// several clauses, and closes the engine under it.
func TestSherpaEndsInMidSentence(t *testing.T) {
	e := sherpaEngine(t, func(c *tts.SherpaConfig) { c.Instances = 1 })
	long := tts.Request{Text: strings.Repeat("请稍等，", 30), SampleRate: 8000}
	all := length(t, e, long)
	ctx, cancel := context.WithCancel(t.Context())
	res, err := e.Synthesize(ctx, long, func([]int16) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || res.Samples >= all/2 {
		t.Errorf("%d samples of %d after the first clause, %v", res.Samples, all, err)
	}
	if n := length(t, e, tts.Request{Text: "您好"}); n == 0 { // the instance is free again
		t.Error("no sound after a cancelled sentence")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := tts.Speak(t.Context(), e, long); !errors.Is(err, tts.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestSherpaLoudness(t *testing.T) {
	e := sherpaEngine(t, nil)
	level := func(style string) float64 {
		pcm, err := tts.Speak(t.Context(), e, tts.Request{Text: "您好请说订单号", Style: style, SampleRate: 16000})
		if err != nil {
			t.Fatal(err)
		}
		return audio.DBFS(pcm)
	}
	if plain, calm := level(""), level("安抚"); calm > plain-0.5 {
		t.Errorf("calm has %.1f dBFS, neutral %.1f", calm, plain)
	}
}

func TestSherpaRefusesModels(t *testing.T) {
	folder := ttstest.UnitVoice(t)
	damaged := t.TempDir()
	manifest, err := os.ReadFile(filepath.Join(folder, speechmodel.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"model.onnx": []byte("no model"), "tokens.txt": nil, "lexicon.txt": nil, speechmodel.ManifestName: manifest} {
		if err := os.WriteFile(filepath.Join(damaged, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reference := filepath.Join(t.TempDir(), "short.wav")
	f, err := os.Create(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(audio.WriteWAV(f, audio.WAV{Rate: 8000, Channels: 1, Samples: make([]int16, 100)}), f.Close()); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*tts.SherpaConfig)
		want   string
	}{
		"not installed": {func(c *tts.SherpaConfig) { c.Model = "kokoro-multi-lang-v1_0" }, speechmodel.ErrNotInstalled.Error()},
		"damaged":       {func(c *tts.SherpaConfig) { c.Model = damaged }, speechmodel.ErrChecksum.Error()},
		"second model": {func(c *tts.SherpaConfig) {
			c.Voices = map[string]tts.SherpaVoice{"a": {Model: damaged}}
		}, speechmodel.ErrChecksum.Error()},
		"speaker": {func(c *tts.SherpaConfig) {
			c.Voices = map[string]tts.SherpaVoice{"a": {Speaker: 3}}
		}, "sherpa.voices.a: speaker: must be 0 to 0, is 3"},
		"reference missing": {func(c *tts.SherpaConfig) {
			c.Voices = map[string]tts.SherpaVoice{"a": {Reference: "/missing.wav", ReferenceText: "您好"}}
		}, "sherpa.voices.a: reference: "},
		"reference short": {func(c *tts.SherpaConfig) {
			c.Voices = map[string]tts.SherpaVoice{"a": {Reference: reference, ReferenceText: "您好"}}
		}, "must be 1 to 30 s"},
	} {
		cfg := ttstest.UnitVoiceConfig(t)
		tt.change(&cfg.Sherpa)
		if _, err := tts.NewEngine(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAutoTakesTheBestInstalled(t *testing.T) {
	cfg := tts.Defaults()
	cfg.Espeak.Path = "/nonexistent/espeak-ng"
	cfg.Sherpa.Model = "not-installed"
	e, err := tts.NewEngine(cfg)
	if err != nil || e.Name() != tts.EngineTone {
		t.Errorf("nothing installed: %v, %v", e, err)
	}
	cfg = espeakConfig(t)
	cfg.Engine, cfg.Sherpa.Model = tts.EngineAuto, "not-installed"
	if e, err := tts.NewEngine(cfg); err != nil || e.Name() != tts.EngineEspeak {
		t.Errorf("a program but no model: %v, %v", e, err)
	}
	if !sherpa.Available {
		return
	}
	cfg.Sherpa.Model = ttstest.UnitVoice(t)
	e, err = tts.NewEngine(cfg)
	if err != nil || e.Name() != tts.EngineSherpa {
		t.Fatalf("a model: %v, %v", e, err)
	}
	_ = e.Close()
	if err := os.Remove(filepath.Join(cfg.Sherpa.Model, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	if _, err := tts.NewEngine(cfg); !errors.Is(err, speechmodel.ErrChecksum) {
		t.Errorf("a model that is damaged: %v", err)
	}
}

// TestIdentity: sound that is kept belongs to what made it.
func TestIdentity(t *testing.T) {
	seen := map[string]string{}
	add := func(what string, e tts.Engine) {
		id := tts.Identity(e)
		if other, ok := seen[id]; ok || !strings.HasPrefix(id, e.Name()) {
			t.Errorf("%s has the identity %q, as has %q", what, id, other)
		}
		seen[id] = what
	}
	add("sherpa", sherpaEngine(t, nil))
	add("a voice", sherpaEngine(t, func(c *tts.SherpaConfig) { c.Voices = map[string]tts.SherpaVoice{"a": {Speed: 1.1}} }))
	add("another speed", sherpaEngine(t, func(c *tts.SherpaConfig) { c.Voices = map[string]tts.SherpaVoice{"a": {Speed: 1.2}} }))
	add("another model", sherpaEngine(t, func(c *tts.SherpaConfig) {
		f, err := os.OpenFile(filepath.Join(c.Model, speechmodel.ManifestName), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("description_zh: 另一个\n"); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}))
	espeak, err := tts.NewEngine(espeakConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	add("espeak", espeak)
	cfg := espeakConfig(t)
	cfg.Espeak.Pitch = 60
	if espeak, err = tts.NewEngine(cfg); err != nil {
		t.Fatal(err)
	}
	add("another pitch", espeak)
}
