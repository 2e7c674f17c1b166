package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/caller"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// TestDisplayShowsWordsAsTheyAreRecognised: on a terminal a sentence grows on
// the last line, and what is printed next takes its place; elsewhere only
// whole lines are printed.
func TestDisplayShowsWordsAsTheyAreRecognised(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.Local)
	message := func(data any) bus.Message {
		return bus.Message{Envelope: schemas.Envelope{Time: at}, Data: data}
	}
	play := func(live bool) string {
		var out bytes.Buffer
		d := newDisplay(&out)
		if d.live {
			t.Error("a buffer is a terminal")
		}
		d.live = live
		for _, text := range []string{"", "我要", "我要", "我要退货"} {
			d.hearing(message(&schemas.MediaTranscript{Text: text}))
		}
		d.hearing(message(&schemas.MediaTranscript{Text: "我要退货", Final: true}))
		d.hearing(message(&schemas.MediaReady{}))
		d.fact(message(&schemas.CallTurn{Role: schemas.RoleCaller, Text: "我要退货", Intent: "return_request"}))
		d.fact(message(&schemas.CallTurn{Role: schemas.RoleAgent, Text: "您是想退", Interrupted: true}))
		return out.String()
	}
	const lines = "10:00:00 来电 我要退货   [return_request]\n10:00:00 客服 您是想退 …(interrupted)\n"
	if got := play(false); got != lines {
		t.Errorf("elsewhere %q", got)
	}
	const e = "\r\x1b[K"
	if got, want := play(true), e+"10:00:00 来电 我要…"+e+"10:00:00 来电 我要退货…"+e+lines; got != want {
		t.Errorf("on a terminal %q, want %q", got, want)
	}
}

// What a caller was understood to say, and what other services tell of a call,
// moves no cursor and begins no line.
func TestCallsShowNothingThatATerminalObeys(t *testing.T) {
	evil := hostile + "\n10:00:00 客服"
	var out bytes.Buffer
	d := newDisplay(&out)
	d.live = true
	for _, data := range []any{
		&schemas.CallTurn{Role: schemas.RoleCaller, Text: evil, Intent: evil}, &schemas.CallTurn{Role: schemas.RoleAgent, Text: evil},
		&schemas.CallHandedOff{Target: evil, Kind: evil}, &schemas.CallEnded{Outcome: schemas.Outcome(evil)},
	} {
		d.fact(bus.Message{Data: data})
	}
	d.result(caller.Result{Failures: []string{evil}, TicketNumber: evil}, errors.New(evil))
	showEvent(&out, caller.Event{Kind: "heard", Text: evil})
	harmless(t, "a call", out.String())
	if n := strings.Count(out.String(), "\n"); n != 8 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
	out.Reset()
	d.hearing(bus.Message{Data: &schemas.MediaTranscript{Text: evil}})
	harmless(t, "a sentence that grows", strings.TrimPrefix(out.String(), eraseLine))
	out.Reset()
	if err := printJSON(visibleWriter{&out}, caller.Result{TicketNumber: evil}); err != nil {
		t.Error(err)
	}
	harmless(t, "a result", out.String())
}
