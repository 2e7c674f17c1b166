package e2e_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/orchestrator"
)

// human is a person's telephone: it answers, and whistles at whistle Hz.
const whistle = 1000

type human struct {
	ua    *sipua.UA
	calls chan *sipua.Call
}

func newHuman(t *testing.T, answer bool) *human {
	t.Helper()
	ua, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0", UserAgent: "agent"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ua.Close() })
	h := &human{ua: ua, calls: make(chan *sipua.Call, 4)}
	ua.OnInvite(func(c *sipua.Call) {
		h.calls <- c
		if !answer {
			_ = c.Reject(486, "Busy Here")
			return
		}
		if c.Answer(context.Background()) != nil {
			return
		}
		tone := audio.Tone(whistle, 20*time.Millisecond, 8000, 0.3)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-c.Done():
				return
			case <-tick.C:
				_ = c.WriteFrame(tone)
			}
		}
	})
	return h
}

// TestHandoffToSIP: the caller asks for a human and gets one, who hears of
// what was said from the headers; the caller hears the human.
func TestHandoffToSIP(t *testing.T) {
	t.Parallel()
	h := newHuman(t, true)
	s := newSystem(t, setup{orchestrator: func(c *orchestrator.Config) { c.Handoff.SIP = "sip:agents@" + h.ua.Addr() }})
	res := s.call("human", nil, nil)
	c := <-h.calls
	for name, want := range map[string]string{
		"X-Tidegate-Call-Id": res.CallID, "X-Tidegate-Intent": "return_request", "X-Tidegate-Reason": "asked",
		"X-Tidegate-Transcript": s.api() + "calls/" + res.CallID,
	} {
		got, err := url.PathUnescape(c.Header(name))
		if err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", name, got, want, err)
		}
	}
	if slots, _ := url.PathUnescape(c.Header("X-Tidegate-Slots")); !strings.Contains(slots, "order=20261112003378") {
		t.Errorf("slots %q", slots)
	}
	if record := s.get("calls/" + res.CallID); !strings.Contains(record, `"kind":"sip"`) || !strings.Contains(record, `"reason":"asked"`) {
		t.Errorf("record %s", record)
	}
	f, err := os.Open(res.Recording)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wav, err := audio.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	// The agent's side of the last three seconds.
	var heard []int16
	for i := max(0, len(wav.Samples)-2*3*wav.Rate) + 1; i < len(wav.Samples); i += 2 {
		heard = append(heard, wav.Samples[i])
	}
	if on, off := audio.Power(heard, whistle, wav.Rate), audio.Power(heard, 1700, wav.Rate); on < 100*off || on == 0 {
		t.Errorf("the caller does not hear the human: power %g at %d Hz, %g elsewhere", on, whistle, off)
	}
}

// TestHandoffGoesOnToTheQueue: nobody answers at the SIP address.
func TestHandoffGoesOnToTheQueue(t *testing.T) {
	t.Parallel()
	h := newHuman(t, false)
	s := newSystem(t, setup{orchestrator: func(c *orchestrator.Config) { c.Handoff.SIP = "sip:agents@" + h.ua.Addr() }})
	res := s.call("human", nil, nil)
	if record := s.get("calls/" + res.CallID); !strings.Contains(record, `"kind":"local_queue"`) {
		t.Errorf("record %s", record)
	}
}
