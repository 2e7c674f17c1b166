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

// TestEnglishVariants: sizes and colours as callers name them, and what they
// have or do not want left out.
func TestEnglishVariants(t *testing.T) {
	for text, want := range map[string]string{
		"one size up please": "one size up", "a half size bigger": "a half size bigger", "the next size down": "the next size down", "can I get a bigger one": "bigger one",
		"size 10.5": "size 10.5", "size ten": "size ten", "size nine and a half": "size nine and a half", "nine and a half": "nine and a half", "in size M": "size M",
		"an extra large": "extra large", "XXL": "XXL", "the navy blue one in medium": "navy blue, medium", "black, size 8": "black, size 8", "light grey": "light grey",
		"the same one": "the same one", "I have a small, I need a large": "large", "not red, blue": "blue", "I got it in black but I want white": "white",
		"it's too small": "", "they run large": "", "it's a bit small on me": "", "yes": "", "it's broken": "", "I want to exchange it": "",
	} {
		if got := (englishEar{}).variant(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestEnglishKnowledge: questions that no entry holds find the entry, and what
// is about something else finds none.
func TestEnglishKnowledge(t *testing.T) {
	f := english(t)
	wrong := 0
	questions := map[string]string{
		"do you need the box it came in": "packaging", "I already cut off the tags is that a problem": "tags", "can I send back boots I only wore once": "worn",
		"is makeup returnable if it's been opened": "hygiene", "my flowers came wilted can I return flowers": "food", "I had it engraved can I still return it": "custom",
		"do I have to give back the free gift": "free_gift", "my aunt gave me this as a gift can I return it": "present", "how long does the warranty last": "warranty",
		"what's the return address": "address", "can I bring it to UPS": "which_carrier", "could someone pick it up at my place": "pickup",
		"will you email me a return label to print": "label", "could I have store credit instead of money": "store_credit", "what about the coupon I used": "coupon",
		"it's cheaper now can you give me the difference": "price_match", "I lost the receipt": "receipt", "what hours are you open": "hours",
		"I need to change the shipping address on my order": "change_address", "is this being recorded": "privacy",
		"what's the weather like": "", "I want to return my shoes": "", "three three seven eight": "", "yes please": "", "where is my package": "", "it's too small": "",
	}
	for text, want := range questions {
		got := ""
		if found := f.known.Find(f.listen(text), 1); len(found) > 0 && found[0].Score >= f.policy.Knowledge.Accept {
			got = found[0].ID
		}
		if got != want {
			wrong++
			t.Logf("%q finds %q, want %q", text, got, want)
		}
	}
	t.Logf("%d of %d right", len(questions)-wrong, len(questions))
	if wrong*10 > len(questions) {
		t.Errorf("%d of %d questions are answered wrongly", wrong, len(questions))
	}
}
