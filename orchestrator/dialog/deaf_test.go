package dialog

import (
	"strings"
	"testing"
)

// withoutKeys is the shipped flow, whose question about receipt has no keys.
func withoutKeys(t *testing.T) *Flow {
	t.Helper()
	files := copyFlow(t)
	name := shipped + "/tasks.yaml"
	const keys = "    keypad: ask_received_keypad\n    expect: yes_no\n    keys: {\"1\": \"yes\", \"2\": \"no\"}\n"
	text := string(files[name].Data)
	if !strings.Contains(text, keys) {
		t.Fatal("the flow has changed")
	}
	files[name].Data = []byte(strings.Replace(text, keys, "    keypad: ask_received_keypad\n    expect: yes_no\n", 1))
	f, err := LoadFlow(files, shipped)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run gives inputs and returns the acts of the last.
func run(f *Flow, in ...Input) (State, []Act) {
	s := Begin(f, Start{CallID: "c", Caller: "13800000001"})
	var acts []Act
	for _, i := range in {
		s, acts = f.Advance(s, callDay, i)
	}
	return s, acts
}

func handedOff(acts []Act) HandoffReason {
	for _, a := range acts {
		if h, ok := a.(Handoff); ok {
			return h.Reason
		}
	}
	return ""
}

// TestDeafWithoutKeys: a question that keys cannot answer is for a human,
// whether it is asked already or comes next.
func TestDeafWithoutKeys(t *testing.T) {
	f := withoutKeys(t)
	before := []Input{Started{}, OrdersFound{RequestID: "c/orders/1", Orders: shop["13800000001"]}, Heard{Text: "我要退货"}, Heard{Text: "是的"}}
	s, acts := run(f, append(before, Heard{Text: "太小了"}, RecognitionLost{})...)
	if s.Step != StepHandoff || handedOff(acts) != HandoffNoRecognition {
		t.Errorf("asked already: %v, %v", s.Step, acts)
	}
	s, acts = run(f, append(before, RecognitionLost{}, Digits{Digits: "1"})...)
	if s.Step != StepHandoff || handedOff(acts) != HandoffNoRecognition {
		t.Errorf("comes next: %v, %v", s.Step, acts)
	}
}

// TestDeafPromptsAreWhole: speech that nobody understands cuts nothing.
func TestDeafPromptsAreWhole(t *testing.T) {
	s, acts := run(Default(), Started{}, RecognitionLost{})
	if !s.Deaf || len(acts) != 2 {
		t.Fatalf("%+v", acts)
	}
	for _, a := range acts {
		if a.(Say).Prompt.Interruptible {
			t.Errorf("%+v", a)
		}
	}
	if e := s.Expecting(); e.NoInputMS == 0 || e.Kind == ExpectNone {
		t.Errorf("listens with %+v", e)
	}
	s, acts = run(Default(), Started{}, RecognitionLost{}, RecognitionBack{})
	if s.Deaf || !acts[len(acts)-1].(Say).Prompt.Interruptible {
		t.Errorf("%+v", acts)
	}
}
