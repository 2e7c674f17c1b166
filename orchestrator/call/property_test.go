package call

import (
	"cmp"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

var sentences = []string{
	"我要退货", "转人工", "运费谁出", "退款到哪了", "尾号三三七八", "对的", "不对", "已经收到了", "衣服太小了", "没有了，谢谢",
	"再说一遍", "", "嗯", "不是这个订单", "今天天气怎么样", "赠品要不要一起退", "啦啦啦啦啦", "20261112003378",
}

// randomEvent draws an event that fits the state, or nearly fits: old
// numbers, wrong keys, repeats.
func randomEvent(rt *rapid.T, s State) Event {
	base := func() schemas.MediaEvent {
		return schemas.MediaEvent{CallID: s.ID, Seq: s.LastSeq + uint64(rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(rt, "seq"))}
	}
	utterance := "u1"
	if len(s.Speaking) > 0 {
		utterance = rapid.SampledFrom(s.Speaking).Draw(rt, "utterance").ID
	}
	epoch := s.Epoch + rapid.IntRange(0, 1).Draw(rt, "epoch")
	key := "none"
	if len(s.Tickets) > 0 {
		key = s.Tickets[0].Request.IdempotencyKey
	}
	lookup := "none"
	if s.Lookup != nil {
		lookup = s.Lookup.RequestID
	}
	orders := []dialog.Order{{Number: "20261112003378", Status: "delivered", Lines: []dialog.Line{{ID: "1", Name: "羽绒服", Quantity: 1}}}}
	reason := rapid.SampledFrom([]string{"finished", "finished", "interrupted", "stopped", "failed"})
	return rapid.SampledFrom([]func() Event{
		func() Event { return Arrived{Answered: rapid.Bool().Draw(rt, "answered")} },
		func() Event { return Answered{} },
		func() Event { return Resumed{Answered: true, ForkAttached: rapid.Bool().Draw(rt, "attached")} },
		func() Event { return MediaEvent{&schemas.MediaReady{MediaEvent: base()}} },
		func() Event { return MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: base(), Epoch: epoch}} },
		func() Event {
			return MediaEvent{&schemas.MediaTranscript{MediaEvent: base(), Epoch: epoch, Text: rapid.SampledFrom(sentences).Draw(rt, "text"), Final: true}}
		},
		func() Event {
			return MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: base(), UtteranceID: utterance}}
		},
		func() Event {
			return MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: base(), UtteranceID: utterance, Reason: reason.Draw(rt, "reason")}}
		},
		func() Event { return MediaEvent{&schemas.MediaNoInput{MediaEvent: base()}} },
		func() Event { return MediaEvent{&schemas.MediaDegraded{MediaEvent: base(), Component: "tts"}} },
		func() Event {
			return MediaEvent{&schemas.MediaDegraded{MediaEvent: base(), Component: "asr", Restored: rapid.Bool().Draw(rt, "restored")}}
		},
		func() Event { return MediaEvent{&schemas.MediaClosed{MediaEvent: base()}} },
		func() Event { return MediaEvent{"not a media event"} },
		func() Event { return MediaState{State: schemas.MediaState{LastSeq: s.LastSeq, Epoch: epoch}} },
		func() Event { return ForkFailed{} }, func() Event { return ForkLost{} },
		func() Event { return Digit{rapid.SampledFrom([]string{"0", "1", "3", "#", "*"}).Draw(rt, "digit")} },
		func() Event { return FileReady{Path: "/tmp/x.r8"} },
		func() Event { return OrdersFound{RequestID: lookup, Orders: orders} },
		func() Event { return OrdersFound{RequestID: lookup, Err: "unavailable"} },
		func() Event { return TicketOpened{Key: key, Number: "12345678"} },
		func() Event { return TicketFailed{Key: key, Pending: rapid.Bool().Draw(rt, "pending")} },
		func() Event { return Bridged{} }, func() Event { return HandoffEnded{} },
		func() Event {
			return CommandFailed{Effect: rapid.SampledFrom([]string{"Answer", "StartFork", "ConnectHuman"}).Draw(rt, "effect")}
		},
		func() Event {
			name, _, ok := s.NextTimer()
			if !ok {
				name = TimerDigits
			}
			return TimerFired{name}
		},
		func() Event {
			id := cmp.Or(s.Consulting, "none")
			return Consulted{id, rapid.SampledFrom([]dialog.Input{
				dialog.ConsultFailed{ID: id}, dialog.Consulted{ID: id, Intent: "return_request", Answer: "yes"},
				dialog.Worded{ID: id, Sentence: "要一起寄回。"}, dialog.Worded{ID: id, Last: true},
			}).Draw(rt, "consulted")}
		},
		func() Event { return BusRestored{} }, func() Event { return Leaving{} },
		func() Event { return Hangup{Cause: "NORMAL_CLEARING"} },
	}).Draw(rt, "event")()
}

// TestProperties: whatever happens in whatever order, moves are legal, a
// snapshot goes on exactly like the call it was taken of, no ticket is asked
// for twice unless marked, and an ended call stays ended.
func TestProperties(t *testing.T) {
	m := machine()
	m.Config.Advice = dialog.Advice{Understand: true, Word: true}
	rapid.Check(t, func(rt *rapid.T) {
		s := m.Begin(Start{ID: "call-1", Caller: "13800138001", Called: "4008"}, start)
		now := start
		asked := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(rt, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(rt, "ms")) * time.Millisecond)
			ev := randomEvent(rt, s)
			b, err := s.MarshalSnapshot()
			if err != nil {
				rt.Fatal(err)
			}
			next, out := m.Step(s, now, ev)
			restored, err := UnmarshalSnapshot(b)
			if err != nil {
				rt.Fatal(err)
			}
			again, outAgain := m.Step(restored, now, ev)
			if after, afterAgain := snapshot(rt, next), snapshot(rt, again); after != afterAgain {
				rt.Fatalf("a restored call went on differently after %s:\n%s\n%s", ev.Kind(), after, afterAgain)
			}
			if len(out) != len(outAgain) {
				rt.Fatalf("effects differ after %s: %v, %v", ev.Kind(), out, outAgain)
			}
			if before, _ := s.MarshalSnapshot(); string(before) != string(b) {
				rt.Fatalf("Step changed the state it was given (%s)", ev.Kind())
			}
			if !Legal(s.Phase, next.Phase) {
				rt.Fatalf("%s -> %s after %s", s.Phase, next.Phase, ev.Kind())
			}
			for _, e := range out {
				if o, ok := e.(OpenTicket); ok {
					if asked[o.Request.IdempotencyKey] && !o.Again {
						rt.Fatalf("ticket %s asked for twice", o.Request.IdempotencyKey)
					}
					asked[o.Request.IdempotencyKey] = true
				}
			}
			if s.Over() && !onlyIgnored(out) {
				rt.Fatalf("effects after the end: %v", out)
			}
			s = next
		}
		if !s.Over() {
			s, _ = m.Step(s, now, HungUp{Cause: "NORMAL_CLEARING", Q850: 16})
		}
		if s.Phase != PhaseEnded && s.Phase != PhaseReleased {
			rt.Fatalf("phase %s after a hang-up", s.Phase)
		}
	})
}

func snapshot(rt *rapid.T, s State) string {
	b, err := s.MarshalSnapshot()
	if err != nil {
		rt.Fatal(err)
	}
	return string(b)
}

func onlyIgnored(out []Effect) bool {
	for _, e := range out {
		if reflect.TypeOf(e) != reflect.TypeFor[Ignored]() {
			return false
		}
	}
	return true
}

// FuzzSnapshot: what is in the bucket may be anything; reading it never
// panics, and what is accepted can be stepped.
func FuzzSnapshot(f *testing.F) {
	m := machine()
	s := m.Begin(Start{ID: "c"}, start)
	b, _ := s.MarshalSnapshot()
	f.Add(b)
	f.Add([]byte(`{"version":1,"phase":"talking","media":"attached","timers":{"x":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"version":99}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := UnmarshalSnapshot(b)
		if err != nil {
			return
		}
		s, _ = m.Step(s, start, Resumed{Answered: true, ForkAttached: true})
		m.Step(s, start, MediaEvent{&schemas.MediaTranscript{MediaEvent: schemas.MediaEvent{Seq: s.LastSeq + 1}, Text: "转人工", Final: true}})
	})
}

// BenchmarkStep is one caller's turn: transcript in, answer out.
func BenchmarkStep(b *testing.B) {
	m := machine()
	s := m.Begin(Start{ID: "call-1", Caller: "13800138001"}, start)
	s, _ = m.Step(s, start, Arrived{})
	s, _ = m.Step(s, start, Answered{})
	s, _ = m.Step(s, start, MediaEvent{&schemas.MediaReady{MediaEvent: schemas.MediaEvent{Seq: 1}}})
	s.Speaking = nil
	ev := MediaEvent{&schemas.MediaTranscript{MediaEvent: schemas.MediaEvent{Seq: 2}, Text: "我要退货，衣服太小了", Final: true, Confidence: .9}}
	b.ReportAllocs()
	for b.Loop() {
		if _, out := m.Step(s, start, ev); len(out) == 0 {
			b.Fatal("nothing to do")
		}
	}
}

// BenchmarkStepPlayout is the most frequent event: an utterance began.
func BenchmarkStepPlayout(b *testing.B) {
	m := machine()
	s := m.Begin(Start{ID: "call-1", Caller: "13800138001"}, start)
	s, _ = m.Step(s, start, Arrived{})
	s, _ = m.Step(s, start, Answered{})
	s, _ = m.Step(s, start, MediaEvent{&schemas.MediaReady{MediaEvent: schemas.MediaEvent{Seq: 1}}})
	ev := MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: schemas.MediaEvent{Seq: 2}, UtteranceID: "u1"}}
	b.ReportAllocs()
	for b.Loop() {
		m.Step(s, start, ev)
	}
}
