package call

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// withModel is a call of an orchestrator with a language model, whose greeting
// has been heard.
func withModel(t *testing.T) *phone {
	t.Helper()
	p := newPhone(t)
	p.m.Config.Advice = dialog.Advice{Understand: true, Word: true}
	p.s = p.m.Begin(Start{ID: "call-1", Node: "n", Core: "core-1", Caller: "13800138001", Called: "4008"}, start)
	p.give(Arrived{Answered: true})
	p.ready()
	p.answerLookup()
	p.hear()
	return p
}

// consulted is the one question that was asked.
func consulted(t *testing.T, p *phone) dialog.Consult {
	t.Helper()
	asked := effects[Consult](p.out)
	if len(asked) != 1 || asked[0].Budget != p.m.Config.ConsultLimit {
		t.Fatalf("asked %+v", asked)
	}
	if name, _, _ := p.s.NextTimer(); name != TimerConsult {
		t.Fatalf("waits for %s", name)
	}
	return asked[0].Request
}

func TestConsultAndAnswer(t *testing.T) {
	p := withModel(t)
	p.speak("啦啦啦啦啦")
	q := consulted(t, p)
	if len(p.s.Speaking) != 0 || len(effects[Save](p.out)) == 0 {
		t.Fatalf("said %+v", p.s.Speaking)
	}
	p.give(Consulted{q.ID, dialog.Consulted{ID: q.ID, Intent: "return_request"}})
	if said := p.hear(); !strings.Contains(said, "您是想退") {
		t.Errorf("said %q", said)
	}
	p.give(Consulted{q.ID, dialog.ConsultFailed{ID: q.ID}})
	if len(effects[Ignored](p.out)) != 1 {
		t.Errorf("a second answer: %v", p.out)
	}
	if _, armed := p.s.Timers[TimerConsult]; armed || p.s.Consulting != "" {
		t.Error("still waiting")
	}
}

// TestModelsReadingIsRecorded: the record holds what the model made of a turn,
// and what the dialogue made of it where the model did not answer; each turn
// once, before what is said next.
func TestModelsReadingIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(p *phone, q dialog.Consult)
		intent string
	}{
		"answered": {func(p *phone, q dialog.Consult) {
			p.give(Consulted{q.ID, dialog.Consulted{ID: q.ID, Intent: "return_request", Slots: map[string]string{"reason": "damaged"}}})
		}, "return_request"},
		"failed": {func(p *phone, q dialog.Consult) { p.give(Consulted{q.ID, dialog.ConsultFailed{ID: q.ID}}) }, "out_of_scope"},
		"too late": {func(p *phone, q dialog.Consult) {
			p.now = p.now.Add(p.m.Config.ConsultLimit)
			p.give(TimerFired{TimerConsult})
		}, "out_of_scope"},
		"hung up meanwhile": {func(p *phone, _ dialog.Consult) { p.give(HungUp{}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := withModel(t)
			p.speak("啦啦啦啦啦")
			q := consulted(t, p)
			if turns := callerTurns(p.out); len(turns) != 0 {
				t.Errorf("recorded before the answer: %+v", turns)
			}
			p.out = nil
			c.end(p, q)
			turns := callerTurns(p.out)
			if len(turns) != 1 || turns[0].Text != "啦啦啦啦啦" || turns[0].Intent != c.intent {
				t.Fatalf("recorded %+v", turns)
			}
			if c.intent == "return_request" && turns[0].Slots["reason"] != "damaged" {
				t.Errorf("slots %v", turns[0].Slots)
			}
			if f, ok := p.out[0].(Fact); !ok || f.Event != "turn" {
				t.Errorf("%T came before the turn", p.out[0])
			}
			if p.s.Held != nil {
				t.Error("still held")
			}
		})
	}
}

func callerTurns(out []Effect) []schemas.CallTurn {
	var turns []schemas.CallTurn
	for _, f := range effects[Fact](out) {
		if turn, ok := f.Data.(schemas.CallTurn); ok && turn.Role == schemas.RoleCaller {
			turns = append(turns, turn)
		}
	}
	return turns
}

func TestConsultTakesTooLong(t *testing.T) {
	p := withModel(t)
	p.speak("啦啦啦啦啦")
	q := consulted(t, p)
	p.give(TimerFired{TimerConsult})
	if len(p.s.Speaking) != 0 {
		t.Error("gave up before the time limit")
	}
	p.now = p.now.Add(p.m.Config.ConsultLimit)
	p.give(TimerFired{TimerConsult})
	if said := p.hear(); !strings.Contains(said, "我没听明白") {
		t.Errorf("said %q", said)
	}
	p.give(Consulted{q.ID, dialog.Consulted{ID: q.ID, Intent: "return_request"}})
	if len(effects[Ignored](p.out)) != 1 {
		t.Error("a late answer was taken")
	}
}

// TestConsultAndTakeover: the new owner asks nothing again, and goes on when
// the time limit is over.
func TestConsultAndTakeover(t *testing.T) {
	p := withModel(t)
	p.speak("啦啦啦啦啦")
	consulted(t, p)
	b, err := p.s.MarshalSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if p.s, err = UnmarshalSnapshot(b); err != nil {
		t.Fatal(err)
	}
	p.give(Resumed{Answered: true, ForkAttached: true})
	if n := len(effects[Consult](p.out)); n != 0 {
		t.Errorf("asked %d times again", n)
	}
	p.now = p.now.Add(p.m.Config.ConsultLimit)
	p.give(TimerFired{TimerConsult})
	if said := p.hear(); !strings.Contains(said, "我没听明白") {
		t.Errorf("said %q", said)
	}
}

func TestWordedSentenceBySentence(t *testing.T) {
	p := withModel(t)
	p.speak("赠品要不要一起退")
	q := consulted(t, p)
	p.give(Consulted{q.ID, dialog.Worded{ID: q.ID, Sentence: "要的，赠品请一起寄回来。"}})
	if len(p.s.Speaking) != 1 || !p.s.Speaking[0].Sent || len(effects[SendMedia](p.out)) != 1 {
		t.Fatalf("the first sentence waits: %+v", p.s.Speaking)
	}
	if name, at, _ := p.s.NextTimer(); name != TimerConsult || !at.Equal(p.now.Add(p.m.Config.ConsultLimit)) {
		t.Errorf("waits for %s until %s", name, at)
	}
	heard := p.hear()
	before := p.s.HeardRunes
	p.give(Consulted{q.ID, dialog.Worded{ID: q.ID, Sentence: "用掉了会从退款里扣。", Last: true}})
	if p.s.HeardRunes != before || before == 0 {
		t.Errorf("what was heard of the answer is forgotten: %d, %d", before, p.s.HeardRunes)
	}
	heard += p.hear()
	if heard != "要的，赠品请一起寄回来。用掉了会从退款里扣。还有什么可以帮您？" {
		t.Errorf("heard %q", heard)
	}
	if turns := facts[schemas.CallTurn](p.all); turns[len(turns)-3].PromptID != "knowledge_gift" {
		t.Errorf("recorded %+v", turns[len(turns)-3])
	}
}

// TestWordingIsInterrupted: nothing is said into the caller's words, and after
// mere noise the conversation goes on.
func TestWordingIsInterrupted(t *testing.T) {
	for _, c := range []struct{ heard, want string }{{"转人工", "转人工"}, {"", "还有什么可以帮您"}} {
		p := withModel(t)
		p.speak("赠品要不要一起退")
		q := consulted(t, p)
		p.give(Consulted{q.ID, dialog.Worded{ID: q.ID, Sentence: "要的，赠品请一起寄回来。"}})
		p.hear()
		p.give(MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: p.base(), Epoch: p.s.Epoch + 1}})
		p.give(Consulted{q.ID, dialog.Worded{ID: q.ID, Sentence: "用掉了会从退款里扣。"}})
		if len(p.s.Speaking) != 0 || len(effects[Ignored](p.out)) != 1 {
			t.Fatalf("spoke into the caller's words: %+v", p.s.Speaking)
		}
		p.utter++
		p.give(MediaEvent{&schemas.MediaTranscript{MediaEvent: p.base(), Epoch: p.s.Epoch, Utterance: p.utter, Text: c.heard, Final: true, Confidence: .9}})
		if said := p.hear(); !strings.Contains(said, c.want) || strings.Contains(said, "用掉了") {
			t.Errorf("after %q: said %q", c.heard, said)
		}
	}
}
