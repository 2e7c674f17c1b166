package call

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 15, 10, 0, 0, 0, time.UTC)

func machine() *Machine {
	cfg := ConfigDefaults()
	cfg.Orchestrator, cfg.TranscriptBase = "one", "http://127.0.0.1/api/v1/calls/"
	cfg.Targets = []Target{{Kind: TargetSIP, To: "sip:agents@127.0.0.1"}, {Kind: TargetLocalQueue, To: "support@default"}}
	return &Machine{Flow: dialog.Default(), Config: cfg}
}

// phone plays the switch, the bridge and the workers to one call.
type phone struct {
	t     *testing.T
	m     *Machine
	s     State
	now   time.Time
	seq   uint64
	utter int
	out   []Effect // of the last event
	all   []Effect
}

func newPhone(t *testing.T) *phone {
	m := machine()
	return &phone{t: t, m: m, now: start, s: m.Begin(Start{ID: "call-1", Node: "n", Core: "core-1", Caller: "13800138001", Called: "4008"}, start)}
}

func (p *phone) give(ev Event) []Effect {
	p.t.Helper()
	p.now = p.now.Add(10 * time.Millisecond)
	before := p.s.Phase
	p.s, p.out = p.m.Step(p.s, p.now, ev)
	if !Legal(before, p.s.Phase) {
		p.t.Fatalf("%s -> %s after %s", before, p.s.Phase, ev.Kind())
	}
	p.all = append(p.all, p.out...)
	return p.out
}

func (p *phone) base() schemas.MediaEvent {
	p.seq++
	return schemas.MediaEvent{CallID: "call-1", Seq: p.seq}
}

func (p *phone) ready() {
	p.seq = 0
	p.give(MediaEvent{&schemas.MediaReady{MediaEvent: p.base(), SampleRate: 8000, Playout: "stream"}})
}

// hear plays everything said so far to its end and returns it.
func (p *phone) hear() string {
	p.t.Helper()
	var said []string
	for len(p.s.Speaking) > 0 {
		u := p.s.Speaking[0]
		if !u.Sent {
			p.t.Fatalf("utterance %s was not sent", u.ID)
		}
		p.give(MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: p.base(), UtteranceID: u.ID, SinceSpeechMS: 500}})
		p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: u.ID, Reason: "finished", HeardText: u.Text}})
		said = append(said, u.Text)
	}
	return strings.Join(said, "")
}

func (p *phone) speak(text string) []Effect {
	p.utter++
	p.give(MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: p.base(), Epoch: p.s.Epoch}})
	return p.give(MediaEvent{&schemas.MediaTranscript{MediaEvent: p.base(), Epoch: p.s.Epoch, Utterance: p.utter, Text: text, Final: true, Confidence: .9, EndMS: 1000, EndedAgoMS: 400}})
}

func (p *phone) answerLookup() {
	p.t.Helper()
	if p.s.Lookup == nil {
		return
	}
	p.give(OrdersFound{RequestID: p.s.Lookup.RequestID, Orders: []dialog.Order{{
		Number: "20261112003378", Status: "delivered", PlacedAt: start.Add(-72 * time.Hour), PaymentMethod: "alipay",
		Lines: []dialog.Line{{ID: "1", Name: "羽绒服", Quantity: 1, PriceFen: 39900}},
	}}})
}

func effects[T Effect](out []Effect) []T {
	var got []T
	for _, e := range out {
		if t, ok := e.(T); ok {
			got = append(got, t)
		}
	}
	return got
}

func facts[T any](out []Effect) []T {
	var got []T
	for _, f := range effects[Fact](out) {
		if d, ok := f.Data.(T); ok {
			got = append(got, d)
		}
	}
	return got
}

// talk brings a call to where the greeting has been heard.
func talk(t *testing.T) *phone {
	p := newPhone(t)
	p.give(Arrived{})
	if len(effects[Answer](p.out)) != 1 || len(facts[schemas.CallStarted](p.out)) != 1 {
		t.Fatalf("arrival: %v", p.out)
	}
	p.give(Answered{})
	if len(effects[StartFork](p.out)) != 1 || len(effects[SendMedia](p.out)) != 0 {
		t.Fatalf("answer: %v", p.out)
	}
	p.answerLookup()
	p.ready()
	if p.hear() == "" {
		t.Fatal("no greeting")
	}
	return p
}

// toTicket answers whatever is asked until a ticket is asked for.
func (p *phone) toTicket() OpenTicket {
	p.t.Helper()
	p.speak("我要退货，衣服太小了，已经收到了")
	for range 12 {
		if open := effects[OpenTicket](p.all); len(open) > 0 {
			return open[len(open)-1]
		}
		p.answerLookup()
		said := p.hear()
		switch {
		case strings.Contains(said, "取件吗"):
			p.speak("需要，明天下午到杭州市西湖区文三路25号")
		case strings.Contains(said, "尾号") || strings.Contains(said, "哪"):
			p.speak("尾号三三七八")
		default:
			p.speak("对的")
		}
	}
	p.t.Fatalf("no ticket asked for; dialogue at %+v", p.s.Dialog.Step)
	return OpenTicket{}
}

func TestReturnFromRingToTicket(t *testing.T) {
	p := talk(t)
	req := p.toTicket().Request
	if req.OrderNumber != "20261112003378" || req.Kind != schemas.KindReturn || req.IdempotencyKey == "" || req.Received == nil || !*req.Received {
		t.Fatalf("request %+v", req)
	}
	if p := req.Pickup; p == nil || p.Address != "杭州市西湖区文三路25号" || !p.From.After(start) || !p.Until.After(p.From) {
		t.Errorf("pick-up %+v", p)
	}
	p.hear()
	p.give(TicketOpened{Key: req.IdempotencyKey, Number: "52013148"})
	said := p.hear()
	if !strings.Contains(said, "五二") {
		t.Fatalf("the number is not read out: %q", said)
	}
	p.speak("没有了，谢谢")
	p.hear()
	if got := effects[HangUp](p.all); len(got) != 1 || got[0].Cause != "NORMAL_CLEARING" {
		t.Fatalf("hang-up: %v", got)
	}
	p.give(HungUp{Cause: "NORMAL_CLEARING", Q850: 16})
	end := facts[schemas.CallEnded](p.out)
	if len(end) != 1 || end[0].Outcome != schemas.OutcomeTicketOpened || end[0].TicketNumber != "52013148" || end[0].Intent != "return_request" || end[0].Cause != 16 {
		t.Fatalf("end %+v", end)
	}
	turns := facts[schemas.CallTurn](p.all)
	for i, turn := range turns {
		if turn.Index != i {
			t.Fatalf("turn %d has index %d", i, turn.Index)
		}
	}
	if len(turns) != end[0].Turns {
		t.Fatalf("%d turns, record says %d", len(turns), end[0].Turns)
	}
	if len(effects[OpenTicket](p.all)) != 1 {
		t.Fatal("more than one ticket asked for")
	}
}

func TestHumanAtAnyMoment(t *testing.T) {
	for _, typed := range []bool{false, true} {
		p := talk(t)
		p.speak("我要退货")
		p.hear()
		if typed {
			p.give(Digit{"0"})
			if p.s.Phase == PhaseTalking && p.s.Digits != "" {
				p.now = p.now.Add(p.m.Config.DigitsPause)
				p.give(TimerFired{TimerDigits})
			}
		} else {
			p.speak("转人工")
		}
		p.hear()
		got := effects[ConnectHuman](p.all)
		if len(got) != 1 || got[0].Target.Kind != TargetSIP || got[0].Headers["X-Tidegate-Intent"] != "return_request" || got[0].Headers["X-Tidegate-Call-Id"] != "call-1" {
			t.Fatalf("typed %v: connect %+v", typed, got)
		}
		// Nobody answers there: the local queue, then back into the dialogue.
		p.give(HandoffEnded{Response: "NO_ANSWER"})
		if got := effects[ConnectHuman](p.out); len(got) != 1 || got[0].Target.Kind != TargetLocalQueue {
			t.Fatalf("second target %+v", got)
		}
		p.give(Bridged{})
		if len(effects[StopFork](p.out)) != 1 || len(facts[schemas.CallHandedOff](p.out)) != 1 {
			t.Fatalf("bridged: %v", p.out)
		}
		p.give(HungUp{Cause: "NORMAL_CLEARING", Q850: 16})
		if end := facts[schemas.CallEnded](p.out); end[0].Outcome != schemas.OutcomeHandedOff {
			t.Fatalf("outcome %s", end[0].Outcome)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	p := talk(t)
	p.speak("转人工")
	p.hear()
	p.give(HandoffEnded{})
	p.give(HandoffEnded{})
	if p.s.Phase != PhaseTalking || p.hear() == "" {
		t.Fatalf("phase %s, nothing said", p.s.Phase)
	}
}

func TestBargeIn(t *testing.T) {
	p := talk(t)
	p.speak("运费谁出")
	u := p.s.Speaking[0]
	p.give(MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: p.base(), UtteranceID: u.ID, SinceSpeechMS: 700}})
	p.give(MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: p.base(), Epoch: 1, Interrupted: u.ID}})
	heard := string([]rune(u.Text)[:5])
	p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: u.ID, Reason: "interrupted", HeardText: heard, Epoch: 1}})
	turns := facts[schemas.CallTurn](p.out)
	if len(turns) != 1 || turns[0].Text != heard || !turns[0].Interrupted || turns[0].LatencyMS != 700 {
		t.Fatalf("record of what was heard: %+v", turns)
	}
	p.give(MediaEvent{&schemas.MediaTranscript{MediaEvent: p.base(), Epoch: 1, Utterance: 2, Text: "我要退货", Final: true, EndMS: 900}})
	for _, m := range effects[SendMedia](p.out) {
		if say, ok := m.Data.(schemas.MediaSay); ok && say.Epoch != 1 {
			t.Fatalf("answer in epoch %d", say.Epoch)
		}
	}
}

// TestLatencyIsOfTheAnswer: only the first sentence after the caller's has a
// latency, none that follows it or a silence.
func TestLatencyIsOfTheAnswer(t *testing.T) {
	p := talk(t)
	p.speak("今天天气怎么样")
	if len(p.s.Speaking) < 2 {
		t.Fatalf("one sentence only: %+v", p.s.Speaking)
	}
	var got []int64
	for _, u := range slices.Clone(p.s.Speaking) {
		p.give(MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: p.base(), UtteranceID: u.ID, SinceSpeechMS: 700}})
		out := p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: u.ID, Reason: "finished", HeardText: u.Text}})
		got = append(got, facts[schemas.CallTurn](out)[0].LatencyMS)
	}
	if want := append([]int64{700}, make([]int64, len(got)-1)...); !slices.Equal(got, want) {
		t.Errorf("latencies %v, want %v", got, want)
	}
}

// What the bridge says to cover a wait is in the record, and changes nothing.
func TestFillerIsRecorded(t *testing.T) {
	p := talk(t)
	says := effects[SendMedia](p.all)
	last := says[len(says)-1].Data.(schemas.MediaSay)
	if last.Listen.FillerMS != 700 || len(last.Listen.Filler) == 0 || len(last.Listen.Answers) == 0 && last.Listen.Expect == schemas.ExpectYesNo {
		t.Fatalf("policy %+v", last.Listen)
	}
	before, turns := p.s, p.s.Turns
	p.give(MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: p.base(), UtteranceID: "filler-1", SinceSpeechMS: 900}})
	out := p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: "filler-1", Reason: "finished", HeardText: "好的，我看一下。"}})
	turn := facts[schemas.CallTurn](out)
	if len(turn) != 1 || turn[0].Role != schemas.RoleAgent || turn[0].PromptID != "filler" || turn[0].LatencyMS != 900 || turn[0].Text == "" {
		t.Fatalf("recorded %+v", turn)
	}
	if p.s.Turns != turns+1 || p.s.Filler != nil || len(p.s.Speaking) != len(before.Speaking) || p.s.HeardRunes != before.HeardRunes {
		t.Errorf("state %+v", p.s)
	}
	// One that the caller cut before a word was heard is no turn.
	out = p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: "filler-2", Reason: "interrupted"}})
	if len(facts[schemas.CallTurn](out)) != 0 || len(effects[Ignored](out)) != 0 {
		t.Errorf("unheard filler: %+v", out)
	}
}

func TestNoiseDoesNotLoseThePrompt(t *testing.T) {
	p := talk(t)
	p.speak("运费谁出")
	u := p.s.Speaking[0]
	p.give(MediaEvent{&schemas.MediaPlayoutStarted{MediaEvent: p.base(), UtteranceID: u.ID}})
	p.give(MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: p.base(), Epoch: 1, Interrupted: u.ID}})
	p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: u.ID, Reason: "interrupted"}})
	p.s.Speaking = nil
	p.give(MediaEvent{&schemas.MediaTranscript{MediaEvent: p.base(), Epoch: 1, Utterance: 2, Text: "", Final: true}})
	says := effects[SendMedia](p.out)
	if len(says) == 0 {
		t.Fatal("nothing said again after noise")
	}
}

func TestMediaEventsAreTakenOnceAndInOrder(t *testing.T) {
	p := talk(t)
	turns := p.s.Turns
	tr := &schemas.MediaTranscript{MediaEvent: p.base(), Utterance: 1, Text: "我要退货", Final: true}
	p.give(MediaEvent{tr})
	after := p.s.Turns
	if after == turns {
		t.Fatal("transcript not taken")
	}
	p.give(MediaEvent{tr})
	if p.s.Turns != after || len(p.out) != 0 {
		t.Fatal("a repeated event counted twice")
	}
	late := &schemas.MediaTranscript{MediaEvent: schemas.MediaEvent{CallID: "call-1", Seq: p.seq + 2}, Utterance: 3, Text: "转人工", Final: true}
	p.give(MediaEvent{late})
	if got := effects[SyncMedia](p.out); len(got) != 1 || got[0].AfterSeq != p.seq {
		t.Fatalf("a gap asks for nothing: %v", p.out)
	}
}

func TestTakeoverAsksNothingTwice(t *testing.T) {
	p := talk(t)
	p.speak("我要退货")
	p.answerLookup()
	p.hear()
	said := len(effects[SendMedia](p.all))
	b, err := p.s.MarshalSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if p.s, err = UnmarshalSnapshot(b); err != nil {
		t.Fatal(err)
	}
	p.m.Config.Orchestrator = "two"
	p.give(Resumed{Answered: true, ForkAttached: true})
	if len(effects[SyncMedia](p.out)) != 1 || len(effects[StartFork](p.out)) != 0 {
		t.Fatalf("takeover touched the fork: %v", p.out)
	}
	over := facts[schemas.CallTakenOver](p.out)
	if len(over) != 1 || over[0].From != "one" || over[0].To != "two" {
		t.Fatalf("record %+v", over)
	}
	p.give(MediaState{State: schemas.MediaState{LastSeq: p.s.LastSeq}})
	if n := len(effects[SendMedia](p.all)); n != said {
		t.Fatalf("something was said again: %v", p.all[len(p.all)-3:])
	}
	p.toTicket()
}

func TestTakeoverSaysWhatWasLost(t *testing.T) {
	p := talk(t)
	p.speak("运费谁出")
	lost := p.s.Speaking[0].Text
	p.give(Resumed{Answered: true, ForkAttached: true})
	p.give(MediaState{State: schemas.MediaState{LastSeq: p.s.LastSeq}})
	says := effects[SendMedia](p.out)
	if len(says) == 0 || says[0].Data.(schemas.MediaSay).Text != lost {
		t.Fatalf("lost prompt not said: %v", p.out)
	}
}

// TestStyleReachesTheBridge follows a prompt's style from the flow to what
// the bridge is asked for, through a snapshot.
func TestStyleReachesTheBridge(t *testing.T) {
	p := talk(t)
	p.m.Config.Voice, p.m.Config.Rate, p.m.Config.Language = "xiaoyu", 1.1, "yue-CN"
	p.speak("我要投诉")
	say := effects[SendMedia](p.out)[0].Data.(schemas.MediaSay)
	if say.Style != "calm" || say.Voice != "xiaoyu" || say.Rate != 1.1 || say.Language != "yue-CN" {
		t.Errorf("asked for %+v", say)
	}
	snapshot, err := p.s.MarshalSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	s, err := UnmarshalSnapshot(snapshot)
	if err != nil || s.Speaking[0].Style != "calm" {
		t.Errorf("style %q after a snapshot, %v", s.Speaking[0].Style, err)
	}
}

func TestTakeoverWhileTicketIsOpening(t *testing.T) {
	p := talk(t)
	first := p.toTicket()
	p.give(Resumed{Answered: true, ForkAttached: true})
	again := effects[OpenTicket](p.out)
	if len(again) != 1 || !again[0].Again || again[0].Request.IdempotencyKey != first.Request.IdempotencyKey {
		t.Fatalf("request after takeover %+v", again)
	}
}

func TestLostBridgeComesBackElsewhere(t *testing.T) {
	p := talk(t)
	p.speak("我要退货")
	p.answerLookup()
	p.hear()
	p.give(ForkLost{})
	fork := effects[StartFork](p.out)
	if len(fork) != 1 || fork[0].Attempt != 2 || !fork[0].Restart {
		t.Fatalf("fork %+v", fork)
	}
	p.ready()
	p.toTicket()
}

func TestHangupReachesTheBridgeFirst(t *testing.T) {
	p := talk(t)
	p.speak("我要退货，太大了")
	p.give(MediaEvent{&schemas.MediaClosed{MediaEvent: p.base(), Reason: "peer"}})
	if len(effects[StartFork](p.out)) != 0 {
		t.Fatal("the fork was started again at once")
	}
	p.give(Leaving{})
	p.give(HungUp{Cause: "NORMAL_CLEARING", Q850: 16})
	if end := facts[schemas.CallEnded](p.out); len(end) != 1 || end[0].Outcome != schemas.OutcomeUnfinished {
		t.Fatalf("end %+v", end)
	}
	// Without a hang-up it was the bridge that went.
	p = talk(t)
	p.give(MediaEvent{&schemas.MediaClosed{MediaEvent: p.base(), Reason: "stopping"}})
	p.now = p.now.Add(hangupGrace)
	p.give(TimerFired{TimerLost})
	if len(effects[StartFork](p.out)) != 1 {
		t.Fatalf("the fork was not started again: %v", p.out)
	}
}

func TestNoMediaMeansPeople(t *testing.T) {
	p := newPhone(t)
	p.give(Arrived{})
	p.give(Answered{})
	for range p.m.Config.MediaAttempts {
		p.give(ForkFailed{Reason: "refused"})
	}
	if got := effects[ConnectHuman](p.all); len(got) != 1 {
		t.Fatalf("phase %s, %v", p.s.Phase, p.out)
	}
}

func TestSynthesisComesBack(t *testing.T) {
	p := talk(t)
	p.speak("运费谁出")
	lost := p.s.Speaking[0]
	p.give(MediaEvent{&schemas.MediaDegraded{MediaEvent: p.base(), Component: "tts", Reason: "no worker"}})
	if p.s.Phase != PhaseTalking {
		t.Fatalf("phase %s at once", p.s.Phase)
	}
	p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: lost.ID, Reason: "failed"}})
	p.give(MediaEvent{&schemas.MediaDegraded{MediaEvent: p.base(), Component: "tts", Restored: true}})
	if len(p.s.Speaking) == 0 || p.s.Speaking[0].Text != lost.Text {
		t.Fatalf("not said again: %+v", p.s.Speaking)
	}
	p.hear()
	p.give(MediaEvent{&schemas.MediaDegraded{MediaEvent: p.base(), Component: "tts"}})
	p.now = p.now.Add(p.m.Config.MediaLimit)
	p.give(TimerFired{TimerSpeech})
	if len(effects[ConnectHuman](p.out)) != 1 {
		t.Fatalf("nobody to talk to: %v", p.out)
	}
}

func TestSentenceThatCannotBeSaid(t *testing.T) {
	p := talk(t)
	p.speak("运费谁出")
	for range maxSpeechFailures + 1 {
		if p.s.Phase != PhaseTalking || len(p.s.Speaking) == 0 {
			t.Fatalf("given up early: %s", p.s.Phase)
		}
		for len(p.s.Speaking) > 0 && p.s.Phase == PhaseTalking {
			n := p.s.Speaking[0].ID
			p.give(MediaEvent{&schemas.MediaPlayoutEnded{MediaEvent: p.base(), UtteranceID: n, Reason: "failed"}})
			if p.s.SpeechFailures > 0 {
				break
			}
		}
	}
	if len(effects[ConnectHuman](p.all)) != 1 {
		t.Fatalf("phase %s, failures %d", p.s.Phase, p.s.SpeechFailures)
	}
}

func TestTicketPromisedForLater(t *testing.T) {
	p := talk(t)
	req := p.toTicket().Request
	p.hear()
	p.now = p.now.Add(p.m.Config.TicketLimit)
	p.give(TimerFired{TimerTicket})
	said := p.hear()
	if !strings.Contains(said, "短信") {
		t.Fatalf("said %q", said)
	}
	p.give(TicketOpened{Key: req.IdempotencyKey, Number: "52013148"})
	p.give(HungUp{Cause: "NORMAL_CLEARING", Q850: 16})
	if end := facts[schemas.CallEnded](p.out); end[0].TicketNumber != "52013148" || end[0].Outcome != schemas.OutcomeTicketOpened {
		t.Fatalf("%+v", end)
	}
}

func TestStaleTimersDoNothing(t *testing.T) {
	p := talk(t)
	p.give(TimerFired{TimerLookup})
	p.give(TimerFired{TimerLimit})
	if p.s.Phase != PhaseTalking || len(p.out) != 0 {
		t.Fatalf("phase %s, %v", p.s.Phase, p.out)
	}
	p.now = start.Add(p.m.Config.CallLimit)
	p.give(TimerFired{TimerLimit})
	if p.s.Phase != PhaseEnding {
		t.Fatalf("phase %s after the longest call", p.s.Phase)
	}
}

func TestEveryPhaseIgnoresWhatItDoesNotExpect(t *testing.T) {
	events := []Event{
		Arrived{}, Resumed{}, Answered{}, ForkFailed{}, ForkLost{}, MediaEvent{}, MediaState{}, Digit{"1"}, FileReady{}, OrdersFound{},
		TicketOpened{}, TicketFailed{}, Bridged{}, HandoffEnded{}, CommandFailed{}, TimerFired{}, Hangup{}, HungUp{}, ControlLost{}, BusRestored{}, Leaving{}, Consulted{},
	}
	if len(events) != len(Kinds()) {
		t.Fatalf("%d events, %d kinds", len(events), len(Kinds()))
	}
	for phase := PhaseUnknown; phase <= PhaseReleased; phase++ {
		for _, ev := range events {
			t.Run(fmt.Sprint(phase, " ", ev.Kind()), func(t *testing.T) {
				p := newPhone(t)
				p.s.Phase = phase
				if _, expected := transitions[phase][ev.Kind()]; expected {
					return
				}
				before := p.s
				p.give(ev)
				ignored := effects[Ignored](p.out)
				if len(p.out) != 1 || len(ignored) != 1 || p.s.Phase != before.Phase {
					t.Fatalf("effects %v", p.out)
				}
			})
		}
	}
	if !slices.Contains(legal[PhaseTalking], PhaseHandingOff) || Legal(PhaseEnded, PhaseTalking) {
		t.Fatal("the table of moves is wrong")
	}
}
