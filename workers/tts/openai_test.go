package tts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/openai/openaitest"
	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

const patience = 20 * time.Second

// voice speaks as the tone engine does, at a server's rate.
func voice(t testing.TB, rate int) func(openaitest.Speech) []int16 {
	tone, err := tts.NewEngine(named(tts.EngineTone))
	if err != nil {
		t.Fatal(err)
	}
	return func(s openaitest.Speech) []int16 {
		pcm, err := tts.Speak(context.Background(), tone, tts.Request{Text: s.Input, Rate: s.Speed, SampleRate: 16000})
		if err != nil {
			t.Error(err)
		}
		return audio.Resample(pcm, 16000, rate)
	}
}

func openaiConfig(s *openaitest.Server) tts.Config {
	cfg := named(tts.EngineOpenAI)
	cfg.OpenAI.BaseURL, cfg.OpenAI.Model, cfg.OpenAI.Voice, cfg.OpenAI.Timeout = s.URL(), "cosyvoice2", "xiaoyu", patience
	return cfg
}

func openaiEngine(t testing.TB, s *openaitest.Server, change func(*tts.OpenAIConfig)) tts.Engine {
	t.Helper()
	cfg := openaiConfig(s)
	if change != nil {
		change(&cfg.OpenAI)
	}
	e, err := tts.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestOpenAIConformance(t *testing.T) {
	for name, c := range map[string]openaitest.Config{
		"24 kHz": {}, "22.05 kHz, told": {Rate: 22050, ContentType: "audio/pcm; rate=22050"}, "in small parts": {Part: 997, Delay: time.Millisecond / 4, ContentType: "application/octet-stream"},
	} {
		t.Run(name, func(t *testing.T) {
			ttstest.Run(t, ttstest.Case{Engine: func(t *testing.T) tts.Engine {
				c := c
				c.Speak = voice(t, max(c.Rate, 22050))
				if c.Rate == 0 {
					c.Speak = voice(t, 24000)
				}
				return openaiEngine(t, openaitest.Start(t, c), nil)
			}})
		})
	}
}

func TestOpenAIRequests(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Key: "sk-1", Speak: voice(t, 24000)})
	with := func(change func(*tts.OpenAIConfig)) tts.Engine {
		return openaiEngine(t, s, func(c *tts.OpenAIConfig) {
			c.APIKey, c.Voices = "sk-1", []string{"laochen"}
			if change != nil {
				change(c)
			}
		})
	}
	e := with(nil)
	if e.Name() != tts.EngineOpenAI || !e.Capabilities().HasVoice("laochen") || !e.Capabilities().HasVoice("xiaoyu") || e.Capabilities().HasVoice("alloy") {
		t.Errorf("%s, %+v", e.Name(), e.Capabilities())
	}
	own := with(func(c *tts.OpenAIConfig) { c.Styles, c.SendRate = map[string]string{"安抚": "轻声细语"}, true })
	plain := with(func(c *tts.OpenAIConfig) { c.Instructions = false })
	tests := []struct {
		e    tts.Engine
		r    tts.Request
		want openaitest.Speech
	}{
		{e, tts.Request{Text: "您好。"}, openaitest.Speech{Voice: "xiaoyu", Input: "您好。"}},
		{e, tts.Request{Text: "您好。", Voice: "laochen", Rate: 1.5}, openaitest.Speech{Voice: "laochen", Input: "您好。", Speed: 1.5}},
		{e, tts.Request{Text: "共3件。"}, openaitest.Speech{Voice: "xiaoyu", Input: "共三件。"}},
		{e, tts.Request{Text: "抱歉。", Style: "歉意"}, openaitest.Speech{Voice: "xiaoyu", Input: "抱歉。", Instructions: "用诚恳、带歉意的语气，语速稍慢。"}},
		{e, tts.Request{Text: "Sorry.", Language: "en-US", Style: "apologetic"}, openaitest.Speech{Voice: "xiaoyu", Input: "Sorry.", Instructions: "Speak sincerely and apologetically, a little slower than usual."}},
		{e, tts.Request{Text: "您好。", Style: "unheard-of"}, openaitest.Speech{Voice: "xiaoyu", Input: "您好。"}},
		{own, tts.Request{Text: "您好。", Style: "calm"}, openaitest.Speech{Voice: "xiaoyu", Input: "您好。", Instructions: "轻声细语", SampleRate: 24000}},
		{plain, tts.Request{Text: "您好。", Style: "slow"}, openaitest.Speech{Voice: "xiaoyu", Input: "您好。", Speed: 0.8}},
		{plain, tts.Request{Text: "您好。", Style: "slow", Rate: 0.25}, openaitest.Speech{Voice: "xiaoyu", Input: "您好。", Speed: 0.25}},
	}
	for i, tt := range tests {
		tt.r.SampleRate = 8000
		if _, err := tts.Speak(t.Context(), tt.e, tt.r); err != nil {
			t.Fatal(err)
		}
		asked := s.Speeches()
		tt.want.Model, tt.want.Format = "cosyvoice2", "pcm"
		if got := asked[len(asked)-1]; len(asked) != i+1 || got != tt.want {
			t.Errorf("request %d: %+v, want %+v", i, got, tt.want)
		}
	}
	if a, b := tts.Identity(e), tts.Identity(own); a == b || !strings.HasPrefix(a, "openai/") {
		t.Errorf("identities %q and %q", a, b)
	}
}

// The first sentence is heard while the server still works on it.
func TestOpenAIGivesSoundAsItComes(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Part: 24000, Fault: func(n int) openaitest.Fault {
		if n == 2 {
			return openaitest.FaultStall
		}
		return openaitest.FaultNone
	}})
	e := openaiEngine(t, s, func(c *tts.OpenAIConfig) { c.Timeout = 2 * time.Second })
	r := tts.Request{Text: "您好您好您好", SampleRate: 8000}
	if _, err := tts.Speak(t.Context(), e, r); err != nil {
		t.Fatal(err)
	}
	given := 0
	res, err := e.Synthesize(t.Context(), r, func(pcm []int16) error { given += len(pcm); return nil })
	if given < 3000 || res.Samples != given || err == nil || !strings.Contains(err.Error(), "took too long") {
		t.Errorf("%d samples, %d said, %v", given, res.Samples, err)
	}
}

// A listener who takes his time is no slow server.
func TestOpenAISlowListener(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{})
	e := openaiEngine(t, s, func(c *tts.OpenAIConfig) { c.Timeout = 2 * time.Second })
	first := true
	_, err := e.Synthesize(t.Context(), tts.Request{Text: "您好您好您好", SampleRate: 8000}, func([]int16) error {
		if first {
			first = false
			time.Sleep(2500 * time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOpenAICancel(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return openaitest.FaultHang }})
	e := openaiEngine(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := tts.Speak(ctx, e, tts.Request{Text: "您好", SampleRate: 8000}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOpenAIFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  openaitest.Fault
		kind   string
		result string
		want   error
	}{
		"busy":         {429, "", "busy", tts.ErrOverloaded},
		"denied":       {401, "", "denied", nil},
		"refused":      {422, "", "refused", tts.ErrUnsupported},
		"broken":       {500, "", "failed", nil},
		"WAV":          {openaitest.FaultMalformed, "", "bad_answer", nil},
		"MP3":          {openaitest.FaultText, "", "bad_answer", nil},
		"WAV by name":  {0, "audio/wav", "bad_answer", nil},
		"no sound":     {openaitest.FaultInStream, "", "bad_answer", nil},
		"cut off":      {openaitest.FaultCutOff, "", "cut_off", nil},
		"hangs":        {openaitest.FaultHang, "", "timeout", nil},
		"without end":  {openaitest.FaultOversize, "", "failed", nil},
		"stops midway": {openaitest.FaultStall, "", "timeout", nil},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			s := openaitest.Start(t, openaitest.Config{ContentType: tt.kind, Part: 48000, Fault: func(int) openaitest.Fault { return tt.fault }})
			cfg := openaiConfig(s)
			if tt.result == "timeout" {
				cfg.OpenAI.Timeout = 300 * time.Millisecond
			}
			e, err := tts.NewEngineIn(cfg, reg)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			_, err = tts.Speak(t.Context(), e, tts.Request{Text: "您好您好您好", SampleRate: 8000})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "您好") {
				t.Errorf("error tells the text: %v", err)
			}
			for _, result := range []string{"spoken", "busy", "denied", "refused", "failed", "bad_answer", "cut_off", "timeout"} {
				want := 0.0
				if result == tt.result {
					want = 1
				}
				if n := labelled(t, reg, "tidegate_tts_openai_requests_total", result); n != want {
					t.Errorf("%v requests %s, want %v", n, result, want)
				}
			}
		})
	}
}

func TestOpenAIConfig(t *testing.T) {
	cfg := named(tts.EngineOpenAI)
	cfg.OpenAI.BaseURL, cfg.OpenAI.Model, cfg.OpenAI.Voice = "https://api.openai.com/v1", "gpt-4o-mini-tts", "alloy"
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.OpenAI = tts.OpenAIConfig{BaseURL: "x", Voices: []string{""}, Styles: map[string]string{"怒": "x", "安抚": strings.Repeat("x", 5000)}, CAFile: ca}
	err := cfg.Validate()
	for _, part := range []string{"openai.base_url:", "openai.model:", "openai.voice:", "openai.voices:", `openai.styles: "怒" is no style`, `openai.styles: "安抚" has`, "openai.sample_rate:", "openai.timeout:", "openai.ca_file:"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
	if _, err := tts.NewEngine(cfg); err == nil {
		t.Error("an engine with an invalid configuration")
	}
}

// labelled is the value of a counter whose labels have these values.
func labelled(t testing.TB, reg *prometheus.Registry, name string, values ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var got []string
			for _, l := range m.GetLabel() {
				got = append(got, l.GetValue())
			}
			if slices.Equal(got, values) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no %s %q", name, values)
	return 0
}
