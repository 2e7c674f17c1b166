package orchestrator

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/schemas"
)

func start(t *testing.T, b *bus.Bus, change func(*Config)) *Service {
	t.Helper()
	cfg := Defaults()
	cfg.ESL.Listen, cfg.ESL.Secret = "127.0.0.1:0", config.Secret("a secret only for these tests")
	cfg.Fork.Secret = cfg.ESL.Secret
	cfg.Spool.Dir = t.TempDir()
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, Deps{Bus: b})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// TestPromptsAreTold: the synthesis workers hear at the start, and whenever
// one of them asks, what they should have ready.
func TestPromptsAreTold(t *testing.T) {
	server := bustest.Start(t)
	worker := server.Connect("tts")
	told := make(chan schemas.PromptsPrepare, 8)
	sub, err := worker.Subscribe(schemas.SubjectPromptsPrepare, "", func(m bus.Message) { told <- *m.Data.(*schemas.PromptsPrepare) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := worker.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Connect("orchestrator"), func(c *Config) { c.Voice = "xiaoyu" })
	hear := func() schemas.PromptsPrepare {
		t.Helper()
		select {
		case m := <-told:
			return m
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was told")
			panic("unreachable")
		}
	}
	first := hear()
	if first.Flow != "returns" || first.Version != s.Flow().Version() || len(first.SampleRates) != 1 || first.SampleRates[0] != forkSampleRate {
		t.Errorf("told %+v", first)
	}
	byText := map[string]schemas.FixedPrompt{}
	for _, p := range first.Prompts {
		byText[p.Text] = p
		if p.Voice != "xiaoyu" || p.Rate != 1 || p.Language != "zh-CN" {
			t.Errorf("prompt %+v", p)
		}
	}
	fixed := s.Flow().FixedPrompts()
	for _, p := range fixed {
		if got, ok := byText[p.Text]; !ok || got.Style != p.Style {
			t.Errorf("prompt %s is told as %+v", p.ID, got)
		}
	}
	for range 3 { // many at once are answered once
		if err := worker.Publish(schemas.SubjectPromptsWanted, schemas.PromptsWanted{Worker: worker.Source()}); err != nil {
			t.Fatal(err)
		}
	}
	if again := hear(); len(again.Prompts) != len(first.Prompts) {
		t.Errorf("%d prompts at the start, %d when asked", len(first.Prompts), len(again.Prompts))
	}
}

// TestVoiceOfTheFlow: the flow says how its assistant speaks, unless the
// configuration does.
func TestVoiceOfTheFlow(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("dialog", "flows", "returns", "zh-CN"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "voice.yaml"), []byte("voice: {name: xiaoyu, rate: 1.2, language: yue-CN}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		change func(*Config)
		want   schemas.FixedPrompt
	}{
		{func(*Config) {}, schemas.FixedPrompt{Language: "yue-CN", Voice: "xiaoyu", Rate: 1.2}},
		{func(c *Config) { c.Voice, c.Rate = "xiaoxiao", 0.9 }, schemas.FixedPrompt{Language: "yue-CN", Voice: "xiaoxiao", Rate: 0.9}},
		{func(c *Config) { c.FlowDir = "" }, schemas.FixedPrompt{Language: "zh-CN", Rate: 1}},
	} {
		s := start(t, bustest.Start(t).Connect("orchestrator"), func(c *Config) {
			c.FlowDir = dir
			tt.change(c)
		})
		got := s.Prompts()[0].Prompts[0]
		tt.want.Text, tt.want.Style = got.Text, got.Style
		if got != tt.want {
			t.Errorf("spoken as %+v, want %+v", got, tt.want)
		}
	}
}
