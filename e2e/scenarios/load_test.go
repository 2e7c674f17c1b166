package scenarios_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/workers/asr"
)

func TestShippedScenarios(t *testing.T) {
	want := []string{
		"cancel", "complaint", "correction", "exchange", "freight", "hangup-early", "human", "interrupt", "knowledge", "late-delivery", "missing-parts",
		"number-in-parts", "order-status", "partial-return", "policy", "refund-overdue", "refund-status", "return", "return-and-freight", "return-digits",
		"return-listening", "return-one-sentence", "return-opened", "return-pickup", "return-refused", "silence",
	}
	if got := scenarios.Names(); !reflect.DeepEqual(got, want) {
		t.Fatalf("names %q", got)
	}
	for _, name := range want {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != name || s.Description == "" || s.Expect.Outcome == "" || s.Expect.Ticket == nil {
			t.Errorf("%s: name, description, outcome or ticket is missing", name)
		}
		lines, err := scenarios.Lines(name)
		if err != nil || !reflect.DeepEqual(lines, s.Lines()) {
			t.Errorf("%s: lines %q, %v", name, lines, err)
		}
		for _, l := range lines {
			if strings.ContainsFunc(l, unicode.IsPunct) {
				t.Errorf("%s: %q has a pause in it", name, l)
			}
		}
		b, err := scenarios.FS.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if heard, err := asr.ParseLines(b); err != nil || !reflect.DeepEqual(heard, lines) {
			t.Errorf("%s: the recogniser reads %q, %v", name, heard, err)
		}
	}
}

// TestACancelledOrderIsNobodyElses: who cancels an order takes it from every
// later call to the same shop, so no other scenario may be about it, nor come
// from a caller to whom it is offered.
func TestACancelledOrderIsNobodyElses(t *testing.T) {
	cancels := map[string]string{}
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Expect.TicketKind == "cancel" {
			cancels[name] = s.From
		}
	}
	if len(cancels) == 0 {
		t.Error("no scenario cancels anything")
	}
	for cancel, from := range cancels {
		for _, name := range scenarios.Names() {
			if s, err := scenarios.Load(name); err != nil || name != cancel && s.From == from {
				t.Errorf("%s and %s come from %s (%v)", cancel, name, from, err)
			}
		}
	}
}

func TestLoadNames(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine.yaml")
	text := "from: 13800138001\nto: 4008\ncaller:\n  - play: a.wav\n    say: 你好\n"
	if err := os.WriteFile(mine, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scenarios.Load(mine); err == nil || !strings.Contains(err.Error(), `mine.yaml:4: play: no file "a.wav"`) {
		t.Errorf("missing WAV: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.wav"), []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Load(mine)
	if err != nil || s.Name != "mine" || s.From != "13800138001" || s.To != "4008" {
		t.Fatalf("%+v, %v", s, err)
	}
	f, err := s.Open("a.wav")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	for _, name := range []string{"nothing", "", "..", "re turn", filepath.Join(dir, "other.yaml")} {
		if _, err := scenarios.Load(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("load %q: %v", name, err)
		}
		if _, err := scenarios.Lines(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("lines of %q: %v", name, err)
		}
	}
	if s, err := scenarios.Parse("x.yaml", []byte(strings.ReplaceAll(text, "play: a.wav\n    ", ""))); err != nil {
		t.Error(err)
	} else if _, err := s.Open("a.wav"); !errors.Is(err, scenarios.ErrNoFolder) {
		t.Errorf("open without a folder: %v", err)
	}
}

func TestParse(t *testing.T) {
	s, err := scenarios.Parse("dir/full.yaml", []byte(`
name: full
description: All there is.
from: "+8613800138001"
to: "4008"
language: en-US
voice: f2
rate: 1.2
timeout: 45s
caller:
  - wait: prompt_end
    silence: 1s
    timeout: 5s
  - say: 我要退货
  - pause: 500ms
  - digits: 3378#
  - wait: prompt_start
    after: 800ms
    say: 就是那个
    interrupt: true
  - {wait: prompt_end, play: sounds/cough.wav}
  - hangup: true
expect:
  outcome: ticket_opened
  intent: return_request
  ticket: false
  ticket_kind: return
  order: "0012"
  slots: {reason: wrong_size, received: "yes"}
  handoff: any
  ended_by: caller
  interrupted: true
  answered_within: 3s
  first_prompt_within: 5s
  turn_latency_p95: 2s
  said: [一, 二]
  not_said: [三]
`))
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := scenarios.Scenario{
		Name: "full", Description: "All there is.", From: "+8613800138001", To: "4008",
		Language: "en-US", Voice: "f2", Rate: 1.2, Timeout: 45 * time.Second,
		Caller: []scenarios.Step{
			{Line: 11, Wait: scenarios.WaitPromptEnd, Silence: time.Second, Timeout: 5 * time.Second},
			{Line: 14, Say: "我要退货"},
			{Line: 15, Pause: 500 * time.Millisecond},
			{Line: 16, Digits: "3378#"},
			{Line: 17, Wait: scenarios.WaitPromptStart, Timeout: scenarios.DefaultWaitTimeout, Pause: 800 * time.Millisecond, Say: "就是那个", Interrupt: true},
			{Line: 21, Wait: scenarios.WaitPromptEnd, Silence: scenarios.DefaultSilence, Timeout: scenarios.DefaultWaitTimeout, Play: "sounds/cough.wav"},
			{Line: 22, Hangup: true},
		},
		Expect: scenarios.Expect{
			Outcome: "ticket_opened", Intent: "return_request", Ticket: &no, TicketKind: "return", Handoff: "any", EndedBy: "caller", Interrupted: &yes,
			Slots:          map[string]string{"order": "0012", "reason": "wrong_size", "received": "yes"},
			AnsweredWithin: 3 * time.Second, FirstPromptWithin: 5 * time.Second, TurnLatencyP95: 2 * time.Second,
			Said: []string{"一", "二"}, NotSaid: []string{"三"},
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestParseAnswers(t *testing.T) {
	s, err := scenarios.Parse("x.yaml", []byte(`
from: "138"
to: "4008"
caller:
  - answers:
      - asked: 有什么可以帮您
        say: 我要退货
      - {asked: 已经收到了吗, say: [早就拿到了, 收到了]}
      - {asked: [请稍等, 我查一下]}
      - {asked: 为您转人工, hangup: true}
    silence: 1s
    timeout: 20s
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []scenarios.Step{{Line: 5, Silence: time.Second, Timeout: 20 * time.Second, Answers: []scenarios.Answer{
		{Asked: []string{"有什么可以帮您"}, Say: []string{"我要退货"}},
		{Asked: []string{"已经收到了吗"}, Say: []string{"早就拿到了", "收到了"}}, {Asked: []string{"请稍等", "我查一下"}},
		{Asked: []string{"为您转人工"}, Hangup: true},
	}}}
	if !reflect.DeepEqual(s.Caller, want) {
		t.Errorf("got  %+v\nwant %+v", s.Caller, want)
	}
	if len(s.Lines()) != 0 || !s.Listens() {
		t.Errorf("a script of answers: %q", s.Lines())
	}
	if a := s.Caller[0].Answers[1]; a.Words(0) != "早就拿到了" || a.Words(1) != "收到了" || a.Words(7) != "收到了" {
		t.Errorf("the words of %+v", a)
	}
	if step := s.Caller[0]; step.NeedsAgent() || step.Speaks() || step.String() != "answers to 4 questions" {
		t.Errorf("%s: needs the agent %t, speaks %t", step, step.NeedsAgent(), step.Speaks())
	}
}

func TestParseErrors(t *testing.T) {
	const head = "from: \"138\"\nto: \"4008\"\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"x.yaml:1: must hold one YAML document"}},
		{"list", "- a\n", []string{"x.yaml:1: scenario: must be a mapping"}},
		{"syntax", head + "caller: [\n", []string{"x.yaml:3: "}},
		{"two documents", head + "caller: []\n---\na: b\n", []string{"one YAML document"}},
		{"not utf-8", "from: \xff\n", []string{"x.yaml:1: is not UTF-8"}},
		{"too big", head + "#" + strings.Repeat("x", 64<<10), []string{"x.yaml:1: over 65536 bytes"}},
		{"all at once", "name: y\nfrom: me\nwhat: 1\ntimeout: 3\ncaller:\n  - sya: 你好\n  - wait: forever\nexpect:\n  outcome: fine\n  order: [1]\n", []string{
			`x.yaml:1: name: must be "x"`, "x.yaml:2: from: must be a telephone number", `x.yaml:3: scenario: unknown key "what"; known are caller,`,
			"x.yaml:4: timeout: must be a time", `x.yaml:6: caller item 1: unknown key "sya"`, "x.yaml:7: caller item 2: wait: must be one of prompt_start, prompt_end, hangup",
			"x.yaml:9: outcome: must be one of", "x.yaml:10: order: must be text", "x.yaml:1: to: is missing",
		}},
		{"nothing missing twice", "caller: []\nfrom: 1\nto: 4008\n", []string{"x.yaml:2: from: must be"}},
		{"missing", "description: x\n", []string{"from: is missing", "to: is missing", "caller: is missing"}},
		{"items", head + `caller:
  - {}
  - say: 好
    digits: "1"
  - after: 1s
    say: 好
  - pause: 1s
    say: 好
  - pause: 1s
    wait: prompt_end
  - say: 好
    silence: 1s
  - say: 好
    timeout: 1s
  - wait: prompt_end
    interrupt: true
  - wait: hangup
    say: 好
  - hangup: false
  - play: ../x.wav
  - digits: 12x
  - say: ""
  - say: "a\nb"
  - say: {a: b}
  - 7
  - wait: hangup
  - hangup: true
  - pause: -1s
  - say: &a 好
  - say: *a
`, []string{
			"x.yaml:4: caller item 1: does nothing", "x.yaml:5: caller item 2: only one of", "x.yaml:7: caller item 3: after: only beside wait",
			"x.yaml:9: caller item 4: pause: must stand alone", "x.yaml:11: caller item 5: pause: must stand alone",
			"x.yaml:13: caller item 6: silence: only beside", "x.yaml:15: caller item 7: timeout: only beside wait", "x.yaml:17: caller item 8: interrupt: only beside",
			"x.yaml:19: caller item 9: nothing can follow wait: hangup", "x.yaml:21: caller item 10: hangup: must be true", "x.yaml:22: caller item 11: play: must be a file below",
			"x.yaml:23: caller item 12: digits: must be 1 to 32 keys", "x.yaml:24: caller item 13: say: must be text", "x.yaml:25: caller item 14: say: must be one line",
			"caller item 15: say: must be text", "x.yaml:27: caller item 16: must be a mapping",
			"x.yaml:19: caller item 9: nothing can follow the agent's hangup", "x.yaml:28: caller item 17: nothing can follow the agent's hangup", "x.yaml:29: caller item 18: nothing can follow hangup",
			"x.yaml:30: caller item 19: pause: must be a time", "caller item 20: say: must be text", "caller item 21: say: must be text",
		}},
		{"answers", head + `caller:
  - answers: [{asked: 你好}]
    say: 好
  - answers: [{asked: 你好}]
    wait: prompt_end
  - answers: [{say: 好}, {asked: [嗯]}, {asked: 你好, what: 1}, {asked: [""], say: [""]}, 7, {asked: 再见, say: 再见, hangup: true}, {asked: 再见, hangup: false}]
  - answers: []
  - answers: {a: b}
`, []string{
			"x.yaml:4: caller item 1: only one of", "x.yaml:6: caller item 2: answers: they wait", "x.yaml:8: caller item 3: answer 1: asked: is missing",
			`caller item 3: answer 2: asked: "嗯" is too short`, `caller item 3: answer 3: unknown key "what"`, "caller item 3: answer 4: asked: must be text", "caller item 3: answer 4: say: must be text",
			"caller item 3: answer 5: must be a mapping", "caller item 3: answer 6: only one of say and hangup", "caller item 3: answer 7: hangup: must be true", "x.yaml:9: caller item 4: does nothing", "x.yaml:10: caller item 5: answers: must be a list",
			"x.yaml:4: caller item 1: nothing can follow answers", "x.yaml:6: caller item 2: nothing can follow answers", "x.yaml:8: caller item 3: nothing can follow answers",
		}},
		{"expect", head + "caller: []\nexpect:\n  slots: {Bad: 1, a: [2]}\n  order: \"1\"\n  ticket: maybe\n  handoff: nobody\n  said: x\n  turn_latency_p95: 0s\n", []string{
			`slots: "Bad" is no slot's name`, "slots.a: must be text", "ticket: must be true or false", "handoff: must be one of", "said: must be a list", "turn_latency_p95: must be a time",
		}},
		{"orders differ", head + "caller: []\nexpect: {order: \"1\", slots: {order: \"2\"}}\n", []string{"order and slots.order differ"}},
		{"key twice", head + "caller: []\nto: \"1\"\n", []string{"x.yaml:4: "}},
		{"many items", head + "caller:\n" + strings.Repeat("  - pause: 1s\n", 201), []string{"caller: over 200 items"}},
		{"long line", head + "caller: [{say: " + strings.Repeat("好", 201) + "}]\n", []string{"say: over 200 characters"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := scenarios.Parse("x.yaml", []byte(tt.text))
			if !errors.Is(err, scenarios.ErrInvalid) {
				t.Fatalf("%+v, %v", s, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("nothing said of %q in\n%v", part, err)
				}
			}
			if n := strings.Count(err.Error(), "x.yaml:"); n != len(tt.want) {
				t.Errorf("%d errors, want %d:\n%v", n, len(tt.want), err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range scenarios.Names() {
		b, err := scenarios.FS.ReadFile(name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("caller: [&a {say: x}, *a, {<<: *a}]\nfrom: 1e3\nto: !!str 1\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("caller:\n  - |\n    x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := scenarios.Parse("fuzz.yaml", b)
		if err != nil {
			if !errors.Is(err, scenarios.ErrInvalid) {
				t.Fatalf("unmarked error: %v", err)
			}
			return
		}
		if s.Name != "fuzz" || s.From == "" || s.To == "" || s.Timeout <= 0 {
			t.Fatalf("accepted %+v", s)
		}
	})
}
