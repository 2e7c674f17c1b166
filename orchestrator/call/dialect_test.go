package call

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/schemas"
)

// inDialects brings a call of an orchestrator with dialects to where the
// greeting has been heard.
func inDialects(t *testing.T, in Start, dialects ...string) *phone {
	t.Helper()
	p := newPhone(t)
	p.m.Config.Dialects, p.m.Config.DialectReports = dialects, 2
	in.ID, in.Node, in.Core, in.Caller = "call-1", "n", "core-1", "13800138001"
	p.s = p.m.Begin(in, start)
	p.give(Arrived{Answered: true})
	p.ready()
	p.answerLookup()
	p.hear()
	return p
}

// says is a final transcript in which the recogniser heard a dialect.
func (p *phone) says(text, dialect string) []Effect {
	p.utter++
	p.s.Dialog.Misses = 0 // the ladder is not the point
	return p.give(MediaEvent{&schemas.MediaTranscript{MediaEvent: p.base(), Epoch: p.s.Epoch, Utterance: p.utter, Text: text, Final: true,
		Confidence: .9, Dialect: dialect, EndMS: 1000, EndedAgoMS: 400}})
}

// policies are the dialects of the policies that were sent.
func policies(out []Effect) []string {
	var d []string
	for _, e := range effects[SendMedia](out) {
		switch m := e.Data.(type) {
		case schemas.MediaSay:
			d = append(d, m.Listen.Dialect)
		case schemas.MediaListen:
			d = append(d, m.Listen.Dialect)
		}
	}
	return d
}

func TestDialectOfTheCall(t *testing.T) {
	p := inDialects(t, Start{Dialect: "yue", DialectSource: DialectCalled}, "yue")
	if f := effects[StartFork](p.all); len(f) != 1 || f[0].Dialect != "yue" {
		t.Errorf("fork %+v", f)
	}
	if c := effects[DialectChosen](p.all); len(c) != 1 || c[0] != (DialectChosen{DialectCalled, "yue"}) {
		t.Errorf("chosen %+v", c)
	}
	for _, d := range policies(p.all) {
		if d != "yue" {
			t.Errorf("policy of %q", d)
		}
	}
}

func TestDialectAskedFor(t *testing.T) {
	p := inDialects(t, Start{}, "yue")
	p.speak("可以说粤语吗")
	if d := policies(p.out); len(d) == 0 || d[0] != "yue" {
		t.Fatalf("policies %v", d)
	}
	if c := effects[DialectChosen](p.out); len(c) != 1 || c[0] != (DialectChosen{DialectAsked, "yue"}) {
		t.Errorf("chosen %+v", c)
	}
	// Another bridge is told from the start.
	p.hear()
	p.give(ForkLost{})
	if f := effects[StartFork](p.out); len(f) != 1 || f[0].Dialect != "yue" {
		t.Errorf("fork %+v", f)
	}
	p.ready()
	// What the caller asked for stays, whatever the recogniser hears.
	for range 10 {
		p.hear()
		p.says("我想要问一下", "zh")
	}
	if p.s.Dialog.Dialect != "yue" {
		t.Errorf("in %q", p.s.Dialog.Dialect)
	}
	p.hear()
	p.speak("我讲上海话")
	if c := effects[DialectChosen](p.out); len(c) != 1 || c[0] != (DialectChosen{DialectRefused, ""}) || p.s.Dialog.Dialect != "yue" {
		t.Errorf("chosen %+v", c)
	}
}

func TestDialectReported(t *testing.T) {
	p := inDialects(t, Start{}, "yue", "wuu")
	steps := []struct {
		text, heard, now string
	}{
		{"我想要退货啦", "yue", ""}, {"嗯", "yue", ""}, // too short to tell
		{"系呀系呀系呀", "", ""}, // the recogniser does not say
		{"我想要退货啦", "klingon", ""},
		{"我想要退货啦", "yue", "yue"}, // the second that counts
		{"我想要退货啦", "zh", "yue"}, {"我想要退货啦", "zh", "yue"}, {"我想要退货啦", "zh", "yue"},
		{"我想要退货啦", "yue", "yue"}, // begins anew
		{"我想要退货啦", "zh", "yue"}, {"我想要退货啦", "zh", "yue"}, {"我想要退货啦", "zh", "yue"},
		{"我想要退货啦", "zh", "zh"},                           // four now
		{"我想要退货啦", "cdo", "zh"}, {"我想要退货啦", "cdo", "zh"}, // nobody would understand
	}
	for i, s := range steps {
		p.hear()
		p.says(s.text, s.heard)
		if p.s.Dialog.Dialect != s.now {
			t.Fatalf("step %d, %s: in %q, want %q (%+v)", i, s.heard, p.s.Dialog.Dialect, s.now, p.s.Reports)
		}
		if p.s.Phase != PhaseTalking {
			t.Fatalf("step %d: %s", i, p.s.Phase)
		}
	}
	if n := len(effects[DialectChosen](p.all)); n != 2 {
		t.Errorf("%d changes", n)
	}
}

// TestDialectNeverFlaps: reports that go back and forth change the call a few
// times at most.
func TestDialectNeverFlaps(t *testing.T) {
	p := inDialects(t, Start{}, "yue")
	p.m.Config.DialectReports = 1
	changes, now := 0, p.s.Dialog.Dialect
	for i := range 60 {
		p.s.Dialog.Turns = 0 // the conversation's own bound is not the point
		p.hear()
		p.says("今天天气怎么样", []string{"yue", "yue", "zh"}[i/7%3])
		if p.s.Dialog.Dialect != now {
			changes, now = changes+1, p.s.Dialog.Dialect
		}
	}
	if changes == 0 || changes > maxChanges {
		t.Errorf("%d changes", changes)
	}
	p = inDialects(t, Start{}, "yue")
	p.m.Config.DialectReports = 0
	for range 5 {
		p.hear()
		p.says("我想要退货啦", "yue")
	}
	if p.s.Dialog.Dialect != "" {
		t.Error("changed although it never should")
	}
}

func (p *phone) degraded(restored bool) []Effect {
	return p.give(MediaEvent{&schemas.MediaDegraded{MediaEvent: p.base(), Component: "asr", Reason: "no worker", Restored: restored}})
}

func TestWithoutRecognition(t *testing.T) {
	p := talk(t)
	p.speak("我要退货")
	p.answerLookup()
	p.hear()
	p.degraded(false)
	if said := p.hear(); !strings.Contains(said, "电话按键") || !strings.Contains(said, "请按一") {
		t.Fatalf("said %q", said)
	}
	// Speech that is not understood counts as no answer, and the caller hears
	// again what to do.
	p.speak("")
	if said := p.hear(); !strings.Contains(said, "请按一") || strings.Contains(said, "电话按键") {
		t.Fatalf("said %q", said)
	}
	p.give(Digit{"1"})
	if said := p.hear(); !strings.Contains(said, "什么原因") || !strings.Contains(said, "尺码不合适按一") {
		t.Fatalf("said %q", said)
	}
	p.degraded(true)
	if said := p.hear(); !strings.Contains(said, "直接说") || strings.Contains(said, "按一") {
		t.Fatalf("said %q", said)
	}
	p.speak("太小了")
	if said := p.hear(); !strings.Contains(said, "收到了吗") {
		t.Fatalf("said %q", said)
	}
}

func TestWithoutRecognitionAndKeys(t *testing.T) {
	p := talk(t)
	p.degraded(false)
	for range 4 {
		p.hear()
		p.speak("")
	}
	p.hear()
	if p.s.Phase != PhaseHandingOff || len(effects[ConnectHuman](p.all)) != 1 {
		t.Fatalf("phase %s, handoff %+v", p.s.Phase, p.s.Handoff)
	}
	// While people are called nothing is said, but it is known.
	p.degraded(true)
	if p.s.Dialog.Deaf {
		t.Error("still without recognition")
	}
	p.degraded(false)
	p.give(HandoffEnded{Response: "NO_ANSWER"})
	p.give(HandoffEnded{Response: "NO_ANSWER"})
	if said := p.hear(); !strings.Contains(said, "退货按一") {
		t.Errorf("phase %s said %q", p.s.Phase, said)
	}
}

// TestSyntheticVoicesOnly: a person on the demo's recogniser hears so once and
// has the keypad, whatever becomes of the recogniser.
func TestSyntheticVoicesOnly(t *testing.T) {
	p := newPhone(t)
	p.give(Arrived{Answered: true})
	p.give(MediaEvent{&schemas.MediaReady{MediaEvent: p.base(), SampleRate: 8000, Playout: "stream", ASREngine: "sherpa", Synthetic: true}})
	p.answerLookup()
	if said := p.hear(); !strings.Contains(said, "听不懂真人") || !strings.Contains(said, "退货按一") {
		t.Fatalf("said %q", said)
	}
	p.degraded(false)
	p.degraded(true)
	if !p.s.Dialog.Deaf || len(p.s.Speaking) != 0 {
		t.Errorf("after the recogniser came back: %+v", p.s.Speaking)
	}
	p.give(Digit{"1"})
	if said := p.hear(); !strings.Contains(said, "请按一") || strings.Contains(said, "听不懂") {
		t.Errorf("said %q", said)
	}
}

// TestAnotherBridgeHears: a new session with a recogniser ends the keypad's
// time without a word of what was lost.
func TestAnotherBridgeHears(t *testing.T) {
	p := talk(t)
	p.degraded(false)
	p.hear()
	p.give(ForkLost{})
	p.seq = 0
	p.give(MediaEvent{&schemas.MediaReady{MediaEvent: p.base(), SampleRate: 8000, Playout: "stream", ASREngine: "scripted"}})
	if p.s.Dialog.Deaf {
		t.Error("still without recognition")
	}
}

func TestDialectsSurviveTakeover(t *testing.T) {
	p := inDialects(t, Start{Dialect: "yue", DialectSource: DialectArea, Likely: "yue"}, "yue")
	b, err := p.s.MarshalSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	s, err := UnmarshalSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	p.s = s
	p.give(Resumed{Answered: true})
	if f := effects[StartFork](p.out); len(f) != 1 || f[0].Dialect != "yue" {
		t.Errorf("fork %+v", f)
	}
	if s.Dialog.Likely != "yue" || len(s.Dialog.Dialects) != 1 {
		t.Errorf("%+v", s.Dialog)
	}
}
