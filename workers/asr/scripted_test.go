package asr_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func script(lines ...string) asr.Script {
	return func(name string) ([]string, error) {
		if name != "return" {
			return nil, asr.ErrScenarioMissing
		}
		return lines, nil
	}
}

func scripted(t testing.TB, cfg asr.ScriptedConfig, reg prometheus.Registerer, lines ...string) asr.Engine {
	t.Helper()
	c := asr.Defaults()
	c.Engine, c.Scripted = asr.EngineScripted, cfg
	e, err := asr.NewEngine(c, asr.Deps{Lines: script(lines...), Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestScriptedConformance(t *testing.T) {
	for _, delay := range []time.Duration{0, 5 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			asrtest.Run(t, asrtest.Case{
				Engine: func(t *testing.T) asr.Engine {
					return scripted(t, asr.ScriptedConfig{Delay: delay, PartialEvery: 100 * time.Millisecond, PartialChars: 1, Confidence: 0.9}, nil, "我要退货", "对")
				},
				Options: asr.Options{CallID: "c", Language: "zh-CN", Scenario: "return"},
				Text:    "我要退货",
			})
		})
	}
}

// collect plays an utterance of half a second and gives the events up to its
// end.
func collect(t *testing.T, s asr.Stream, n int) []asr.Event {
	t.Helper()
	if err := s.SpeechStart(n); err != nil {
		t.Fatal(err)
	}
	for range 25 {
		if err := s.Audio(make([]int16, 160)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SpeechEnd(n); err != nil {
		t.Fatal(err)
	}
	var out []asr.Event
	for ev := range s.Events() {
		out = append(out, ev)
		if ev.Kind != asr.EventPartial {
			break
		}
	}
	return out
}

func TestScriptedLines(t *testing.T) {
	e := scripted(t, asr.ScriptedConfig{PartialEvery: 200 * time.Millisecond, PartialChars: 3, Confidence: 0.9}, nil, "我要退货", "尾号八八", "")
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: "return"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []asr.Event{
		{Kind: asr.EventPartial, Utterance: 1, Text: "我要退", Confidence: 0.9},
		{Kind: asr.EventPartial, Utterance: 1, Text: "我要退货", Confidence: 0.9},
		{Kind: asr.EventFinal, Utterance: 1, Text: "我要退货", Confidence: 0.9},
	}
	if got := collect(t, s, 1); !reflect.DeepEqual(got, want) {
		t.Errorf("first utterance: %+v", got)
	}
	for n, text := range map[int]string{2: "尾号八八"} {
		if got := collect(t, s, n); got[len(got)-1].Text != text {
			t.Errorf("utterance %d: %+v", n, got)
		}
	}
	for _, n := range []int{3, 4, 99} { // an empty line, and beyond the last
		if got := collect(t, s, n); len(got) != 1 || got[0] != (asr.Event{Kind: asr.EventFinal, Utterance: n}) {
			t.Errorf("utterance %d: %+v", n, got)
		}
	}
}

func TestScriptedGoesOnAfterAReplacedWorker(t *testing.T) {
	e := scripted(t, asr.ScriptedConfig{Confidence: 1}, nil, "一", "二", "三")
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: "return"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := collect(t, s, 3); got[0].Text != "三" {
		t.Errorf("third utterance of the call, first of the session: %+v", got)
	}
}

func TestScriptedWithoutScenario(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := scripted(t, asr.ScriptedConfig{Confidence: 1}, reg, "一")
	for _, name := range []string{"", "other"} {
		s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := collect(t, s, 1); got[0] != (asr.Event{Kind: asr.EventFinal, Utterance: 1}) {
			t.Errorf("scenario %q: %+v", name, got)
		}
		s.Close()
	}
	want := `
# HELP tidegate_asr_script_misses_total Sessions without a scenario and utterances without a line, scripted engine.
# TYPE tidegate_asr_script_misses_total counter
tidegate_asr_script_misses_total{reason="no_line"} 2
tidegate_asr_script_misses_total{reason="no_scenario"} 1
tidegate_asr_script_misses_total{reason="unknown_scenario"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "tidegate_asr_script_misses_total"); err != nil {
		t.Error(err)
	}
}

func TestScriptedDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := scripted(t, asr.ScriptedConfig{Delay: 3 * time.Second, Confidence: 1}, nil, "一")
		s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: "return"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		collect(t, s, 1)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("final after %s", took)
		}
		s.Close()
	})
}

func TestScriptedQueueIsBounded(t *testing.T) {
	e := scripted(t, asr.ScriptedConfig{Delay: time.Minute, Confidence: 1}, nil, "一")
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: "return"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := 1; n < 1000; n++ {
		err = errors.Join(s.SpeechStart(n), s.SpeechEnd(n))
		if err != nil {
			break
		}
	}
	if !errors.Is(err, asr.ErrOverloaded) {
		t.Errorf("a thousand ends of speech: %v", err)
	}
}

func TestScenarioFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"return.yaml": {Data: []byte("name: return\ncaller:\n  - wait: 1s\n  - say: 我要退货\n  - press: \"0\"\n  - say: \"88\"\n    voice: f2\n")},
		"old.yml":     {Data: []byte("caller: [{say: 你好}]\n")},
		"broken.yaml": {Data: []byte("caller: [\n")},
		"wrong.yaml":  {Data: []byte("caller: [{say: {a: b}}]\n")},
		"big.yaml":    {Data: []byte("caller: []\n#" + strings.Repeat("x", 300<<10))},
		"empty.yaml":  {Data: []byte("expect: {}\n")},
	}
	tests := []struct {
		name  string
		lines []string
		err   error
	}{
		{"return", []string{"我要退货", "88"}, nil},
		{"old", []string{"你好"}, nil},
		{"empty", nil, nil},
		{"broken", nil, asr.ErrScenarioInvalid},
		{"wrong", nil, asr.ErrScenarioInvalid},
		{"big", nil, asr.ErrScenarioInvalid},
		{"nothing", nil, asr.ErrScenarioMissing},
		{"../return", nil, asr.ErrScenarioName},
		{"", nil, asr.ErrScenarioName},
		{strings.Repeat("a", 65), nil, asr.ErrScenarioName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines, err := asr.ScriptFS(fsys)(tt.name)
			if !reflect.DeepEqual(lines, tt.lines) || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v", lines, err)
			}
		})
	}
}

func TestScenarioOrder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), []byte("caller: [{say: 我的}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := asr.Defaults()
	cfg.Engine, cfg.ScenarioDir, cfg.Scripted = asr.EngineScripted, dir, asr.ScriptedConfig{Confidence: 1}
	e, err := asr.NewEngine(cfg, asr.Deps{
		Lines: func(name string) ([]string, error) {
			if name != "given" {
				return nil, fs.ErrNotExist
			}
			return []string{"给的"}, nil
		},
		Scenarios: fstest.MapFS{"built.yaml": {Data: []byte("caller: [{say: 内置}]\n")}, "mine.yaml": {Data: []byte("caller: [{say: 别的}]\n")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"mine": "我的", "given": "给的", "built": "内置"} {
		s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000, Scenario: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := collect(t, s, 1); got[0].Text != want {
			t.Errorf("%s: %+v", name, got)
		}
		s.Close()
	}
}

func TestValidate(t *testing.T) {
	if err := asr.Defaults().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	bad := asr.Config{Engine: "dictaphone", Sherpa: asr.SherpaConfig{Dialects: []string{"klingon=x"}}, ScenarioDir: "/nonexistent", Scripted: asr.ScriptedConfig{Delay: -1, PartialEvery: 1, Confidence: 2}}
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{`engine: "dictaphone" is unknown; this build has auto`, "sherpa.dialects: ", "sherpa.batch: ", "sherpa.segment.max: ", "denoise.mode: ",
		"max_utterance: ", "scenario_dir: ",
		"scripted.delay: ", "scripted.partial_chars: ", "scripted.confidence: ", "server.capacity: "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
	if _, err := asr.New(bad, asr.Deps{}); err == nil {
		t.Error("a service with an invalid configuration")
	}
}

func FuzzParseLines(f *testing.F) {
	f.Add([]byte("caller:\n  - say: 我要退货\n  - wait: 1s\n"))
	f.Add([]byte("caller: [&a {say: x}, *a]"))
	f.Add([]byte("caller: {say: x}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if lines, err := asr.ParseLines(b); err != nil && lines != nil {
			t.Fatal("lines beside an error")
		}
	})
}

func BenchmarkScriptedFrame(b *testing.B) {
	e := scripted(b, asr.ScriptedConfig{PartialEvery: 300 * time.Millisecond, PartialChars: 2, Confidence: 1}, nil, "我要退货")
	s, err := e.Start(b.Context(), asr.Options{SampleRate: 8000, Scenario: "return"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	go func() {
		for range s.Events() {
		}
	}()
	if err := s.SpeechStart(1); err != nil {
		b.Fatal(err)
	}
	frame := make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Audio(frame); err != nil {
			b.Fatal(err)
		}
	}
}
