package asr_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
)

// ear is the scripted engine as one that knows a language and dialects, and
// tells what it was told.
type ear struct {
	asr.Engine
	languages, dialects []string
	told                chan string
}

func (e ear) Capabilities() asr.Capabilities {
	c := e.Engine.Capabilities()
	c.Languages, c.Dialects = e.languages, e.dialects
	return c
}

func (e ear) Start(ctx context.Context, o asr.Options) (asr.Stream, error) {
	e.told <- o.Dialect
	return e.Engine.Start(ctx, o)
}

func newEar(t *testing.T, languages, dialects []string) ear {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine = asr.EngineScripted
	e, err := asr.NewEngine(cfg, asr.Deps{Lines: script("我要退货")})
	if err != nil {
		t.Fatal(err)
	}
	return ear{e, languages, dialects, make(chan string, 1)}
}

func acquire(t *testing.T, b *bus.Bus, subject, dialect string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := b.Request(ctx, subject, schemas.SlotAcquire{Kind: "asr", CallID: "c1", Language: "zh-CN", SampleRate: 8000, Dialect: dialect})
	if err != nil {
		return "", err
	}
	return m.Data.(*schemas.SlotGranted).URL, nil
}

func TestEngineIsToldTheDialect(t *testing.T) {
	for _, c := range []struct {
		name             string
		e                ear
		configured       []string
		subject, dialect string
		want             string
	}{
		{"its own", newEar(t, nil, []string{"yue", "wuu"}), nil, "yue", "yue", "yue"},
		{"a wider one", newEar(t, nil, []string{"wuu"}), nil, "wuu", "zh-shanghai", "wuu"},
		{"configured", newEar(t, nil, nil), []string{"nan"}, "nan", "nan", "nan"},
		{"another's, without better", newEar(t, nil, []string{"yue"}), nil, "", "nan", ""},
		{"mandarin", newEar(t, nil, []string{"yue"}), nil, "", "zh", ""},
		{"none", newEar(t, nil, []string{"yue"}), nil, "", "", ""},
		{"cantonese is Chinese", newEar(t, []string{"yue"}, []string{"yue"}), nil, "yue", "yue", "yue"},
		{"unheard-of ones do not count", newEar(t, nil, []string{"klingon", "zh", "yue"}), nil, "yue", "yue", "yue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := run(t, c.e, func(cfg *asr.Config) { cfg.Dialects = c.configured })
			subject := schemas.SubjectSlotASR
			if c.subject != "" {
				subject = schemas.SubjectSlotDialect(c.subject)
			}
			url, err := acquire(t, w.bus, subject, c.dialect)
			if err != nil {
				t.Fatal(err)
			}
			client := speechtest.Connect(t, url, speech.ASR)
			start := schemas.SpeechMessage{Type: schemas.SpeechStart, CallID: "c1", Language: "zh-CN", SampleRate: 8000, Dialect: c.dialect, Scenario: "any"}
			if err := client.WriteJSON(start); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-c.e.told:
				if got != c.want {
					t.Errorf("told %q, want %q", got, c.want)
				}
			case <-time.After(speechtest.Deadline):
				t.Fatal("never started")
			}
		})
	}
}

func TestLanguageWithoutDialect(t *testing.T) {
	w := run(t, newEar(t, []string{"yue"}, []string{"yue"}), nil)
	if _, err := acquire(t, w.bus, schemas.SubjectSlotASR, ""); err == nil {
		t.Error("Mandarin from an engine that knows Cantonese only")
	}
}

func TestDialectConfig(t *testing.T) {
	cfg := asr.Defaults()
	cfg.Dialects = []string{"yue", "klingon", "zh", "yue"}
	err := cfg.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`unknown dialect "klingon"`, `unknown dialect "zh"`, "yue stands twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	cfg.Dialects, cfg.DialectsOnly = nil, true
	if _, err := asr.New(cfg, asr.Deps{Bus: bustest.Start(t).Connect("asr")}); err == nil || !strings.Contains(err.Error(), "dialects") {
		t.Errorf("dialects only, and the engine knows none: %v", err)
	}
}
