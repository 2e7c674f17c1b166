package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

func english(t testing.TB) *Flow {
	t.Helper()
	folder, err := ShippedFlow("returns/en-US")
	if err != nil {
		t.Fatal(err)
	}
	f, err := LoadFlow(folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestEnglishIntents: sentences that are no examples of the flow.
func TestEnglishIntents(t *testing.T) {
	f := english(t)
	wrong, total := 0, 0
	for intent, sentences := range map[string][]string{
		"return_request":   {"hi I bought some boots and I'd like to send them back", "I wanna return a lamp", "could I return these headphones please", "this kettle is broken I want to return it"},
		"refund_status":    {"I'm calling about my refund", "you still owe me my money from the return", "did my refund go through"},
		"freight_policy":   {"do I pay for the return shipping", "is shipping free when I send it back", "how much does return shipping cost"},
		"return_policy":    {"what's your return policy on shoes", "how many days do I have to bring something back"},
		"refund_policy":    {"how long do refunds usually take", "how do refunds work with a credit card"},
		"exchange_request": {"can I swap this for a medium", "I'd like to exchange these jeans"},
		"order_status":     {"where's my package it was due yesterday", "can you track my order for me"},
		"cancel_order":     {"I need to cancel an order from this morning"},
		"complaint":        {"this is absolutely ridiculous", "I'd like to make a complaint about the driver"},
		"transfer_human":   {"just give me a human", "I'd rather talk to a person", "can you put me through to an agent", "operator"},
		"goodbye":          {"okay bye now"},
		"out_of_scope":     {"what's the score of the match", "can you recommend a restaurant", "my cat is sleeping"},
	} {
		for _, s := range sentences {
			total++
			if u := f.Understand(s, time.Now()); u.Intent != intent {
				wrong++
				t.Logf("%q is %s %.2f, want %s", s, u.Intent, u.Confidence, intent)
			}
		}
	}
	t.Logf("%d of %d right", total-wrong, total)
	if wrong*10 > total {
		t.Errorf("%d of %d sentences are misunderstood", wrong, total)
	}
}

// TestEnglishTakesAnything: other scripts and long monologues change nothing
// about how a call goes on.
func TestEnglishTakesAnything(t *testing.T) {
	f := english(t)
	s := Begin(f, Start{CallID: "c", Caller: "13800000001"})
	s, _ = f.Advance(s, callDay, Started{})
	for _, text := range append([]string{"我要退货", "한국어", "𗀀𗀁", "'; DROP TABLE calls; --", "{order}"}, sentences...) {
		next, acts := f.Advance(s, callDay, Heard{Text: text})
		for _, a := range acts {
			if say, ok := a.(Say); ok && (say.Prompt.Text == "" || placeholder.MatchString(say.Prompt.Text)) {
				t.Errorf("%q: prompt %s says %q", text, say.Prompt.ID, say.Prompt.Text)
			}
		}
		if next.Step == StepUnknown {
			t.Errorf("%q leads nowhere", text)
		}
	}
}

func BenchmarkEnglish(b *testing.B) {
	f := english(b)
	now := time.Now()
	for b.Loop() {
		f.Understand("hello I bought a jacket last week and it doesn't fit so I would like to return it please", now)
	}
}

// TestEnglishHeldOut measures understanding on sentences that are no examples
// of the flow.
func TestEnglishHeldOut(t *testing.T) {
	f := english(t)
	sentences := heldOut(t, "en-US.tsv")
	seen := map[string]bool{}
	for _, text := range f.Examples() {
		seen[bareText(text)] = true
	}
	n := &tally{confused: map[string]map[string]int{}}
	for _, s := range sentences {
		if seen[bareText(s.text)] {
			t.Errorf("%s is an example of the flow, or stands twice", s.text)
		}
		seen[bareText(s.text)] = true
		n.count(f.model.Classify(f.ear.fold(s.text)), s)
	}
	human, accepted := n.recall(intentHuman), 1-n.recall(nlu.OutOfScope)
	t.Logf("%s\n%d sentences, accuracy %.1f %%, %s recall %.1f %%, out of scope accepted %.1f %%",
		n.table(f.Intents()), n.all, 100*n.accuracy(), intentHuman, 100*human, 100*accepted)
	if *heldOutErrors {
		t.Log("\n" + strings.Join(n.wrong, "\n"))
	}
	for _, intent := range f.Intents() {
		if n.meant(intent) < 10 {
			t.Errorf("only %d sentences are %s", n.meant(intent), intent)
		}
	}
	if n.accuracy() < 0.9 || human < 0.9 || accepted > 0.15 {
		t.Errorf("below 90 %%, or over 15 %% of what is out of scope are accepted")
	}
}
