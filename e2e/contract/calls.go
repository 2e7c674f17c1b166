package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/orchestrator/esl"
)

func typeName(v any) string { return strings.TrimPrefix(fmt.Sprintf("%T", v), "esl.") }

func handOver(t *testing.T, e *bench) {
	e.ring(t, nil)
	ch := e.first.next(t)
	i := ch.Info()
	if i.CallerNumber != "13800000001" || i.CallerName != "Contract Caller" || i.CalledNumber != "95000" {
		t.Errorf("who calls whom: %q %q %q", i.CallerNumber, i.CallerName, i.CalledNumber)
	}
	if i.ID == "" || i.CoreUUID == "" || i.Hostname == "" || i.SIPCallID == "" || i.Direction != "inbound" || i.Answered {
		t.Errorf("info incomplete: %+v", i)
	}
	if i.Variable(esl.SecretVariable) != e.target.Secret {
		t.Error("secret variable not visible")
	}
	if i.Variable("send_silence_when_idle") != "400" || i.Variable("hangup_after_bridge") != "true" {
		t.Error("dialplan variables missing")
	}
}

func inviteHeaders(t *testing.T, e *bench) {
	e.ring(t, map[string]string{"X-Tidegate-Scenario": "return"})
	i := e.first.next(t).Info()
	if got := i.Variable("sip_h_X-Tidegate-Scenario"); got != "return" {
		t.Errorf("header as variable: %q", got)
	}
}

func answer(t *testing.T, e *bench) {
	ringing := e.ring(t, nil)
	ch := e.first.next(t)
	r, err := ch.Do(t.Context(), esl.Answer{})
	if err != nil {
		t.Fatal(err)
	}
	answered(t, ringing)
	if a := expect[esl.Answered](t, ch); a.ChannelID != ch.ID() || a.CoreUUID == "" || a.Sequence == 0 || a.Time.IsZero() {
		t.Errorf("stamp %+v", a.Stamp)
	}
	expect(t, ch, func(c esl.ExecuteComplete) bool { return c.App == "answer" && c.EventUUID == r.EventUUID })
	dump, err := ch.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if dump["Answer-State"] != "answered" || dump["Unique-ID"] != ch.ID() {
		t.Errorf("dump: %q %q", dump["Answer-State"], dump["Unique-ID"])
	}
}

func keys(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	for _, key := range []rune{'5', '#', '0'} {
		if err := c.SendDTMF(t.Context(), key, 120*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		d := expect[esl.DTMF](t, ch)
		if d.Digit != string(key) || d.Source != "RTP" || d.Duration < 50*time.Millisecond || d.Duration > time.Second {
			t.Errorf("%+v for %c", d, key)
		}
		time.Sleep(120 * time.Millisecond) // keys need a pause between them, as a finger makes
	}
}

func variables(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	set := map[string]string{
		"tidegate_plain": "abc", "tidegate_hard": `a;b=c 'd' \e "f" |g ^^h, {i} [j] 退货`, "tidegate_space": "two words",
	}
	if _, err := ch.Do(t.Context(), esl.SetVariables{Variables: set}); err != nil {
		t.Fatal(err)
	}
	dump, err := ch.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range set {
		if got := dump["variable_"+k]; got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
}

func unknownChannel(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	nobody := "00000000-0000-4000-8000-00000000dead"
	for _, cmd := range []esl.Command{
		esl.Hangup{UUID: nobody}, esl.SetVariables{UUID: nobody, Variables: map[string]string{"a": "b"}}, esl.UUIDDump{UUID: nobody},
		esl.AudioForkStop{UUID: nobody, Bug: bugName}, esl.BridgeChannels{Other: nobody}, esl.StopPlayback{UUID: nobody},
	} {
		if r, err := ch.Do(t.Context(), cmd); !errors.Is(err, esl.ErrRefused) {
			t.Errorf("%s: %q %v", typeName(cmd), r.Text, err)
		}
	}
	if r, err := ch.Do(t.Context(), esl.UUIDExists{UUID: nobody}); err != nil || r.Text != "false" {
		t.Errorf("exists: %q %v", r.Text, err)
	}
	if r, err := ch.Do(t.Context(), esl.UUIDExists{}); err != nil || r.Text != "true" {
		t.Errorf("own exists: %q %v", r.Text, err)
	}
}

func playback(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	first, err := ch.Do(t.Context(), esl.Playback{File: "tone_stream://%(400,0,700)"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, ch, func(s esl.PlaybackStarted) bool { return strings.Contains(s.File, "tone_stream") })
	eventually(t, "the caller hears the tone", func() bool { return c.hears(700) })
	if s := expect[esl.PlaybackStopped](t, ch); !s.Done {
		t.Error("played to its end, reported as broken off")
	}
	done := expect(t, ch, func(c esl.ExecuteComplete) bool { return c.EventUUID == first.EventUUID })
	if done.App != "playback" || done.Response != "FILE PLAYED" {
		t.Errorf("%+v", done)
	}
	second, err := ch.Do(t.Context(), esl.Playback{File: e.target.Prompt})
	if err != nil {
		t.Fatal(err)
	}
	if s := expect[esl.PlaybackStarted](t, ch); s.File != e.target.Prompt {
		t.Errorf("file %q", s.File)
	}
	eventually(t, "the caller hears the file", c.hearsSomething)
	if _, err := ch.Do(t.Context(), esl.StopPlayback{}); err != nil {
		t.Fatal(err)
	}
	if s := expect[esl.PlaybackStopped](t, ch); s.Done {
		t.Error("broken off, reported as played")
	}
	expect(t, ch, func(c esl.ExecuteComplete) bool { return c.EventUUID == second.EventUUID })
	missing, err := ch.Do(t.Context(), esl.Playback{File: "/nowhere/missing.wav"})
	if err != nil {
		t.Fatal(err)
	}
	if gone := expect(t, ch, func(c esl.ExecuteComplete) bool { return c.EventUUID == missing.EventUUID }); gone.Response != "FILE NOT FOUND" {
		t.Errorf("missing file: %q", gone.Response)
	}
}

func callerHangsUp(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	time.Sleep(1100 * time.Millisecond) // a call of at least one billed second
	if err := c.Hangup(t.Context(), sipua.CauseNormalClearing); err != nil {
		t.Fatal(err)
	}
	if h := expect[esl.HungUp](t, ch); h.Cause != esl.CauseNormalClearing || h.Q850 != 16 {
		t.Errorf("%+v", h)
	}
	end := expect[esl.HangupComplete](t, ch)
	if end.Cause != esl.CauseNormalClearing || end.Q850 != 16 || end.Disposition != "recv_bye" || end.Billed < time.Second || end.Duration < end.Billed {
		t.Errorf("%+v", end.Stamp)
		t.Errorf("cause %s %d, disposition %s, billed %s of %s", end.Cause, end.Q850, end.Disposition, end.Billed, end.Duration)
	}
	if _, more := <-ch.Events(); more {
		t.Error("an event after the last")
	}
}

func weHangUp(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	if _, err := ch.Do(t.Context(), esl.Hangup{Cause: esl.CauseUserBusy}); err != nil {
		t.Fatal(err)
	}
	if end := expect[esl.HangupComplete](t, ch); end.Cause != esl.CauseUserBusy || end.Q850 != 17 || end.Disposition != "send_bye" {
		t.Errorf("cause %s %d, disposition %s", end.Cause, end.Q850, end.Disposition)
	}
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("the caller heard nothing of it")
	}
	if got := c.EndCause(); !got.ByRemote || got.Q850 != 17 {
		t.Errorf("the caller was told %+v", got)
	}
}

func refusal(t *testing.T, e *bench) {
	ringing := e.ring(t, nil)
	ch := e.first.next(t)
	if _, err := ch.Do(t.Context(), esl.Hangup{Cause: esl.CauseUserBusy}); err != nil {
		t.Fatal(err)
	}
	d := <-ringing
	var refused *sipua.StatusError
	if !errors.As(d.err, &refused) || refused.Status != 486 {
		t.Errorf("%v", d.err)
	}
	if end := expect[esl.HangupComplete](t, ch); end.Q850 != 17 || end.Billed != 0 {
		t.Errorf("q850 %d billed %s", end.Q850, end.Billed)
	}
}

func takeover(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	f := e.attach(t, ch, "")
	c.say(450)
	eventually(t, "the fork hears the caller", func() bool { return f.hears(450) })
	ch.Close() // as a killed process would
	next := e.second.next(t)
	if next.ID() != ch.ID() || !next.Info().Answered {
		t.Fatalf("took over %s, answered %v", next.ID(), next.Info().Answered)
	}
	if next.Info().Variable(esl.SecretVariable) != e.target.Secret {
		t.Error("secret lost")
	}
	started, err := next.EnsureFork(t.Context(), esl.AudioForkStart{URL: e.forks.url + "none", Bug: bugName, Streaming: true})
	if err != nil || started {
		t.Fatalf("fork started again: %v %v", started, err)
	}
	c.say(900)
	eventually(t, "the same fork goes on", func() bool { return f.hears(900) })
	if err := c.SendDTMF(t.Context(), '7', 120*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if d := expect[esl.DTMF](t, next); d.Digit != "7" {
		t.Errorf("%+v", d)
	}
	if _, err := next.Do(t.Context(), esl.Hangup{}); err != nil {
		t.Fatal(err)
	}
	expect[esl.HangupComplete](t, next)
	select {
	case <-f.gone:
	case <-time.After(patience):
		t.Error("the fork's websocket outlived the call")
	}
}

func takeoverInPlayback(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	if _, err := ch.Do(t.Context(), esl.Playback{File: "tone_stream://%(1500,0,700)"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the caller hears the tone", func() bool { return c.hears(700) })
	ch.Close()
	next := e.second.next(t)
	if next.ID() != ch.ID() {
		t.Fatal(next.ID())
	}
	if _, err := next.Do(t.Context(), esl.Playback{File: "tone_stream://%(3000,0,900)"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the caller hears the next", func() bool { return c.hears(900) })
}

func takeoverInBridge(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	address, calls := e.callee(t)
	if _, err := ch.Do(t.Context(), esl.Bridge{Endpoint: e.endpoint("agent", address), Timeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	agent := await(t, calls)
	expect[esl.Bridged](t, ch)
	ch.Close()
	time.Sleep(500 * time.Millisecond)
	c.say(450)
	agent.say(800)
	eventually(t, "the agent still hears the caller", func() bool { return agent.hears(450) })
	eventually(t, "the caller still hears the agent", func() bool { return c.hears(800) })
	if err := agent.Hangup(t.Context(), sipua.CauseNormalClearing); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done(): // hangup_after_bridge: no fallback after a human
	case <-e.second.calls:
		t.Fatal("the call went to the next orchestrator after its bridge")
	case <-time.After(patience):
		t.Fatal("the call did not end with its bridge")
	}
}

func draining(t *testing.T, e *bench) {
	defer e.first.open(t)
	defer e.first.close(t)
	e.first.mu.Lock()
	l := e.first.l
	e.first.mu.Unlock()
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.ring(t, nil)
	ch := e.second.next(t)
	if ch.Info().Answered {
		t.Error("answered already")
	}
}

func fallback(t *testing.T, e *bench) {
	if !e.target.Fallback {
		t.Skip("this switch's dialplan has no stored prompt")
	}
	e.first.close(t)
	e.second.close(t)
	defer e.first.open(t)
	defer e.second.open(t)
	c := answered(t, e.ring(t, nil))
	eventually(t, "the caller hears the prompt", c.hearsSomething)
	end, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_ = c.Hangup(end, sipua.CauseNormalClearing)
}
