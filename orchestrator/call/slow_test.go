package call

import (
	"strings"
	"testing"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// looking brings a call to where an order is looked for.
func looking(t *testing.T) *phone {
	p := talk(t)
	p.s.Dialog.Orders.Known = nil
	p.speak("我要退货")
	p.hear()
	p.speak("尾号3378")
	if p.s.Lookup == nil {
		t.Fatalf("nothing is looked up: %v", p.out)
	}
	return p
}

func TestASlowLookUpIsSpokenOfWhenNobodySpeaks(t *testing.T) {
	p := looking(t)
	due := p.s.Timers[TimerSlow]
	p.now = due
	p.give(TimerFired{TimerSlow})
	if said := effects[SendMedia](p.out); len(said) != 0 {
		t.Fatalf("said into the agent's own words: %v", said)
	}
	again, armed := p.s.Timers[TimerSlow]
	if !armed || !again.After(due) {
		t.Fatalf("not tried again: %v", p.s.Timers)
	}
	p.hear()
	p.give(MediaEvent{&schemas.MediaSpeechStarted{MediaEvent: p.base(), Epoch: p.s.Epoch}})
	if later := p.s.Timers[TimerSlow]; !later.After(again) {
		t.Fatal("said into the caller's words")
	}
	p.now = p.s.Timers[TimerSlow]
	p.give(TimerFired{TimerSlow})
	if said := p.hear(); !strings.Contains(said, "正在查") {
		t.Fatalf("said %q", said)
	}
	if _, armed := p.s.Timers[TimerSlow]; armed {
		t.Error("it is said again and again")
	}
	p.answerLookup()
	if said := p.hear(); p.s.Dialog.Orders.Chosen == nil || !strings.Contains(said, "查到") {
		t.Errorf("the late answer is not used: %q", said)
	}
}

func TestAnAnswerThatALaterQuestionOvertookIsUsed(t *testing.T) {
	p := newPhone(t)
	p.give(Arrived{})
	p.give(Answered{})
	byCaller := p.s.Lookup
	if byCaller == nil || byCaller.Phone == "" {
		t.Fatalf("look-up %+v", byCaller)
	}
	p.ready()
	p.hear()
	p.speak("我要退货")
	p.hear()
	p.speak("尾号3378")
	if p.s.Lookup == nil || p.s.Lookup.RequestID == byCaller.RequestID {
		t.Fatal("no later question")
	}
	p.give(OrdersFound{RequestID: byCaller.RequestID, Orders: []dialog.Order{{Number: "20261028001125", Status: "completed"}}})
	if len(effects[Ignored](p.out)) != 0 || len(p.s.Dialog.Orders.Known) != 1 || p.s.Lookup == nil {
		t.Errorf("%v, known %v", p.out, p.s.Dialog.Orders.Known)
	}
	p.give(OrdersFound{RequestID: byCaller.RequestID})
	if len(effects[Ignored](p.out)) != 1 {
		t.Errorf("an answer that nobody waits for: %v", p.out)
	}
}

func TestASlowLookUpGoesOnAfterATakeover(t *testing.T) {
	p := looking(t)
	p.hear()
	delete(p.s.Timers, TimerSlow)
	p.give(Resumed{Answered: true, ForkAttached: true})
	if finds := effects[FindOrders](p.out); len(finds) == 0 || p.s.Timers[TimerSlow].IsZero() {
		t.Errorf("%v, %v", finds, p.s.Timers)
	}
}
