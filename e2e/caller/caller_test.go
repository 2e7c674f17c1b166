package caller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 60 * time.Second
	agentHz  = 440.0
	callerHz = 1000.0
)

func kinds(events []caller.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, string(e.Kind))
	}
	return strings.Join(out, " ")
}

func TestConversation(t *testing.T) {
	target := answer(t, func(a *agent) {
		if got := a.call.Header(caller.HeaderScenario); got != "test" || a.call.From() != "13800138001" || a.call.To() != "4008" {
			t.Errorf("scenario %q, from %q to %q", got, a.call.From(), a.call.To())
		}
		a.prompt(600*time.Millisecond, nil)
		if a.turn(1) {
			a.prompt(500*time.Millisecond, nil)
		}
		if a.keys("3378#") {
			a.prompt(500*time.Millisecond, nil)
		}
		if a.turn(2) {
			a.prompt(500*time.Millisecond, nil)
			a.hangup()
		}
	})
	o := records(t, map[string]any{
		"outcome": "ticket_opened", "intent": "return_request", "ticket_number": "20260001", "slots": map[string]string{"order": "20261112003378"},
		"turns": []map[string]any{{"index": 0, "role": "agent", "text": "您好"}, {"index": 1, "role": "caller", "text": "我要退货"}},
	}, map[string]any{"id": "t1", "number": "20260001"})
	o.token, o.endsAt = "secret", 3
	wav := filepath.Join(t.TempDir(), "both.wav")
	var events []caller.Event
	r, err := run(t, caller.Options{
		Target: "sip:" + target, APIURL: o.URL, APIToken: "secret", RecordPath: wav,
		OnEvent: func(e caller.Event) { events = append(events, e) },
		Scenario: scenario(t, `
caller:
  - wait: prompt_end
    silence: 500ms
  - say: 我要退货
  - wait: prompt_end
    silence: 500ms
  - digits: "3378#"
  - wait: prompt_end
    silence: 500ms
    after: 100ms
    play: tone.wav
  - wait: hangup
expect:
  outcome: ticket_opened
  intent: return_request
  ticket: true
  order: "20261112003378"
  ended_by: agent
  answered_within: 50s
  first_prompt_within: 50s
  turn_latency_p95: 50s
  said: [您好]
  not_said: [我要退货]
`),
	})
	if err != nil || !r.OK || caller.ExitCode(r, err) != caller.ExitOK {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.CallID != "call-1" || r.TicketNumber != "20260001" || r.Intent != "return_request" || r.Outcome != "ticket_opened" || r.Recording != wav || r.SIPStatus != 200 || r.EndedBy != "agent" {
		t.Errorf("%+v", r)
	}
	if *r.AnsweredMS > *r.FirstPromptMS || *r.FirstPromptMS > r.DurationMS {
		t.Errorf("answered %d, first prompt %d, duration %d", *r.AnsweredMS, *r.FirstPromptMS, r.DurationMS)
	}
	for i, want := range []caller.Turn{{Said: "我要退货", Input: "speech"}, {Said: "3378#", Input: "dtmf"}, {Said: "tone.wav", Input: "speech"}} {
		got := r.Turns[i]
		// The agent waits 300 ms after speech, and not at all after keys.
		if got.Said != want.Said || got.Input != want.Input || got.LatencyMS == nil || *got.LatencyMS < 0 || (want.Input == "speech" && *got.LatencyMS < 150) {
			t.Errorf("turn %d: %+v", i, got)
		}
	}
	want := "dialing answered agent_speaks agent_silent caller_speaks caller_silent agent_speaks agent_silent caller_keys agent_speaks agent_silent caller_speaks caller_silent agent_speaks"
	if got := kinds(events); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "hung_up recorded") {
		t.Errorf("events %s", got)
	}
	checkRecording(t, wav, r)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"scenario":"test"`, `"answered_ms":`, `"first_prompt_ms":`, `"turns":[{"said":"我要退货","input":"speech","latency_ms":`, `"call_id":"call-1"`,
		`"ticket_number":"20260001"`, `"failures":[]`, `"ok":true`} {
		if !strings.Contains(string(b), key) {
			t.Errorf("no %s in %s", key, b)
		}
	}
}

// checkRecording finds each side's tone on its own channel, and the agent's
// last answer where the measured latency says.
func checkRecording(t *testing.T, path string, r caller.Result) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := audio.ReadWAV(f)
	if err != nil || w.Channels != 2 || w.Rate != 8000 {
		t.Fatalf("%d channels at %d Hz, %v", w.Channels, w.Rate, err)
	}
	var left, right []int16
	for i := 0; i+1 < len(w.Samples); i += 2 {
		left, right = append(left, w.Samples[i]), append(right, w.Samples[i+1])
	}
	// tones finds the 20 ms pieces with a tone, as runs with gaps under 200 ms.
	type span struct{ from, to int }
	tones := func(pcm []int16, hz float64) (spans []span) {
		for i := 0; i+160 <= len(pcm); i += 160 {
			if audio.Power(pcm[i:i+160], hz, 8000) < 0.02 {
				continue
			}
			if n := len(spans); n > 0 && i-spans[n-1].to < 1600 {
				spans[n-1].to = i + 160
			} else {
				spans = append(spans, span{i, i + 160})
			}
		}
		return spans
	}
	if audio.DBFS(left) == audio.FloorDBFS || len(tones(right, callerHz)) > 0 {
		t.Error("the caller is not on the left, or is on the right")
	}
	agents, callers := tones(right, agentHz), tones(left, callerHz)
	if len(agents) != 4 {
		t.Fatalf("%d prompts on the right: %v", len(agents), agents)
	}
	if len(callers) == 0 {
		t.Fatal("the tone is not on the left")
	}
	own := callers[len(callers)-1]
	ownLast := left[own.from:own.to]
	if share := 2 * audio.Power(ownLast[160:len(ownLast)-160], callerHz, 8000) / math.Pow(2*audio.RMS(ownLast), 2); share < 0.4 {
		t.Errorf("the tone is %.2f of the caller's sound", share)
	}
	between := audio.Duration(agents[3].from-own.to, 8000).Milliseconds()
	if diff := between - *r.Turns[2].LatencyMS; diff > 300 || diff < -300 {
		t.Errorf("the answer is %d ms after the tone on the tape, and was measured after %d ms", between, *r.Turns[2].LatencyMS)
	}
}

func TestInterrupt(t *testing.T) {
	target := answer(t, func(a *agent) {
		a.prompt(20*time.Second, func() bool { return a.spoken > 0 })
		if a.turn(1) {
			a.prompt(500*time.Millisecond, nil)
		}
	})
	o := records(t, map[string]any{"turns": []map[string]any{{"role": "agent", "interrupted": true}}})
	r, err := run(t, caller.Options{Target: target, APIURL: o.URL, Scenario: scenario(t, `
caller:
  - wait: prompt_start
    after: 300ms
    say: 就是那个咖啡机
    interrupt: true
  - wait: prompt_end
    silence: 400ms
  - hangup: true
expect: {interrupted: true, ended_by: caller, ticket: false}
`)})
	if err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	if turn := r.Turns[0]; turn.StoppedMS == nil || turn.LatencyMS == nil || *turn.StoppedMS > 20000 {
		t.Errorf("%+v", turn)
	}
}

func TestInterruptsNobody(t *testing.T) {
	target := answer(t, func(a *agent) { a.prompt(300*time.Millisecond, nil) })
	o := records(t, map[string]any{})
	r, err := run(t, caller.Options{Target: target, APIURL: o.URL, Scenario: scenario(t, `
caller:
  - wait: prompt_end
  - say: 喂
    interrupt: true
`)})
	if err != nil || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "item 2 (line 7) was to interrupt the agent, who did not speak") {
		t.Errorf("%q, %v", r.Failures, err)
	}
	if caller.ExitCode(r, err) != caller.ExitFailed {
		t.Errorf("exit code %d", caller.ExitCode(r, err))
	}
}

func TestAgentLeaves(t *testing.T) {
	target := answer(t, func(a *agent) {
		a.prompt(300*time.Millisecond, nil)
		a.hangup()
	})
	o := records(t, map[string]any{"outcome": "abandoned"})
	r, err := run(t, caller.Options{Target: target, APIURL: o.URL, Scenario: scenario(t, `
caller:
  - wait: prompt_end
    silence: 5s
  - say: 我要退货
expect: {outcome: ticket_opened, ended_by: caller}
`)})
	want := []string{
		"the agent hung up (Q.850 cause 16) before item 1 (line 6): wait prompt_end",
		"the call was ended by the agent, not by the caller",
		`the outcome is "abandoned", not "ticket_opened"`,
	}
	if err != nil || strings.Join(r.Failures, "|") != strings.Join(want, "|") || r.OK {
		t.Errorf("%q, %v", r.Failures, err)
	}
}

func TestWaitsInVain(t *testing.T) {
	target := answer(t, func(*agent) {})
	o := records(t, map[string]any{})
	for text, want := range map[string]string{
		"caller: [{wait: prompt_start, timeout: 300ms}]": "item 1 (line 4) waited 300ms for prompt_start in vain",
		"caller: [{wait: hangup, timeout: 300ms}]":       "item 1 (line 4) waited 300ms for hangup in vain",
		"caller: [{wait: hangup}]":                       "the call was not over within 1s: item 1 (line 4) was going on: wait hangup",
	} {
		s := scenario(t, text)
		if !strings.Contains(text, "timeout") {
			s.Timeout = time.Second
		}
		r, err := run(t, caller.Options{Target: target, APIURL: o.URL, Scenario: s})
		if err != nil || len(r.Failures) != 1 || r.Failures[0] != want || r.EndedBy != "caller" {
			t.Errorf("%q, %v", r.Failures, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for status, reason := range map[int]string{486: "Busy Here", 503: "Service Unavailable"} {
		target := take(t, func(_ context.Context, c *sipua.Call) { _ = c.Reject(status, "") })
		r, err := run(t, caller.Options{Target: "sip:4008@" + target, APIURL: "http://127.0.0.1:1", Scenario: scenario(t, "caller: []")})
		want := fmt.Sprintf("the call was refused with %d %s", status, reason)
		if err != nil || r.OK || r.SIPStatus != status || r.AnsweredMS != nil || len(r.Failures) != 1 || r.Failures[0] != want {
			t.Errorf("%+v, %v", r, err)
		}
		if code := caller.ExitCode(r, err); code != caller.ExitFailed {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestNotAnswered(t *testing.T) {
	target := take(t, func(ctx context.Context, c *sipua.Call) {
		_ = c.Ringing()
		select {
		case <-c.Done():
		case <-ctx.Done():
		}
	})
	s := scenario(t, "caller: []")
	s.Timeout = time.Second
	r, err := run(t, caller.Options{Target: target, APIURL: "http://127.0.0.1:1", Scenario: s})
	if err != nil || len(r.Failures) != 1 || r.Failures[0] != "the call was not answered within 1s" {
		t.Errorf("%q, %v", r.Failures, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.Timeout = patience
	r, err = caller.Run(ctx, caller.Options{Target: target, APIURL: "http://127.0.0.1:1", Scenario: s, OnEvent: func(e caller.Event) {
		if e.Kind == caller.EventRinging {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || caller.ExitCode(r, err) != caller.ExitError {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCancelInTheCall(t *testing.T) {
	target := answer(t, func(a *agent) { a.prompt(20*time.Second, nil) })
	ctx, cancel := context.WithCancel(context.Background())
	tape := filepath.Join(t.TempDir(), "cut.wav")
	r, err := caller.Run(ctx, caller.Options{
		Target: target, APIURL: "http://127.0.0.1:1", Scenario: scenario(t, "caller: [{wait: prompt_end}]"), RecordPath: tape,
		OnEvent: func(e caller.Event) {
			if e.Kind == caller.EventAgentSpeaks {
				cancel()
			}
		},
	})
	if _, statErr := os.Stat(tape); statErr != nil || r.Recording != tape {
		t.Errorf("recording %q: %v", r.Recording, statErr)
	}
	if !errors.Is(err, context.Canceled) || r.OK || len(r.Failures) > 0 || r.EndedBy != "caller" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	target := answer(t, func(a *agent) { a.hangup() })
	locked, empty := records(t, map[string]any{}), records(t, nil)
	locked.token = "secret"
	for name, tt := range map[string]struct {
		url  string
		err  error
		fail string
	}{
		"away":   {"http://127.0.0.1:1", caller.ErrRecords, ""},
		"locked": {locked.URL, caller.ErrRecords, ""},
		"empty":  {empty.URL, nil, "no record of the call appeared within 600ms"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := run(t, caller.Options{Target: target, APIURL: tt.url, RecordTimeout: 600 * time.Millisecond, Scenario: scenario(t, "caller: [{wait: hangup}]")})
			if !errors.Is(err, tt.err) || r.OK {
				t.Fatalf("%+v, %v", r, err)
			}
			if tt.fail != "" && (len(r.Failures) != 1 || r.Failures[0] != tt.fail) {
				t.Errorf("%q", r.Failures)
			}
			if err != nil && strings.Contains(err.Error(), "13800138001") {
				t.Errorf("a telephone number in %v", err)
			}
		})
	}
}

func TestRecordThatNeverEnds(t *testing.T) {
	target := answer(t, func(a *agent) { a.hangup() })
	o := records(t, map[string]any{})
	o.endsAt = 1 << 30
	r, err := run(t, caller.Options{Target: target, APIURL: o.URL, RecordTimeout: 700 * time.Millisecond, Scenario: scenario(t, "caller: [{wait: hangup}]")})
	if err != nil || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], `was not complete within 700ms: its status is "in_progress"`) || r.CallID != "call-1" {
		t.Errorf("%q, %v", r.Failures, err)
	}
}

func TestOptions(t *testing.T) {
	good := scenario(t, "caller: [{say: 喂}]")
	for name, tt := range map[string]struct {
		o   caller.Options
		err error
	}{
		"nothing":      {caller.Options{}, caller.ErrOptions},
		"no API":       {caller.Options{Target: "127.0.0.1:5060", Scenario: good}, caller.ErrOptions},
		"bad API":      {caller.Options{Target: "127.0.0.1:5060", Scenario: good, APIURL: "127.0.0.1:80"}, caller.ErrOptions},
		"no target":    {caller.Options{Scenario: good, APIURL: "http://127.0.0.1:1"}, caller.ErrOptions},
		"no engine":    {caller.Options{Target: "127.0.0.1:5060", Scenario: good, APIURL: "http://127.0.0.1:1"}, caller.ErrSound},
		"listen twice": {caller.Options{Target: "127.0.0.1:5060", Scenario: good, APIURL: "http://127.0.0.1:1", Engine: engine(t), Listen: "nowhere"}, nil},
	} {
		r, err := caller.Run(t.Context(), tt.o)
		if err == nil || tt.err != nil && !errors.Is(err, tt.err) || r.OK || caller.ExitCode(r, err) != caller.ExitError {
			t.Errorf("%s: %v", name, err)
		}
	}
}
