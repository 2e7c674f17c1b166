package cli

import (
	"bytes"
	"testing"
	"time"

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
