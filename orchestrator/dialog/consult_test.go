package dialog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// advised is a call with a language model, after the given inputs.
func advised(t *testing.T, advice Advice, ins ...Input) (State, []Act) {
	t.Helper()
	f := Default()
	s := Begin(f, Start{CallID: "c", Advice: advice})
	return feedAll(t, f, s, slices.Concat([]Input{Started{}}, ins)...)
}

// feedAll gives inputs, each state through JSON, and returns the last acts.
func feedAll(t *testing.T, f *Flow, s State, ins ...Input) (State, []Act) {
	t.Helper()
	var acts []Act
	for _, in := range ins {
		var next State
		next, acts = f.Advance(s, callDay, in)
		s = State{}
		if err := json.Unmarshal([]byte(mustJSON(t, next)), &s); err != nil {
			t.Fatal(err)
		}
	}
	return s, acts
}

func prompts(acts []Act) string {
	var out []string
	for _, a := range acts {
		if p, ok := a.(Say); ok {
			out = append(out, p.Prompt.ID)
		}
	}
	return strings.Join(out, " ")
}

// onlyConsult is the question that was asked, when nothing else was done.
func onlyConsult(t *testing.T, acts []Act) Consult {
	t.Helper()
	if len(acts) == 1 {
		if c, ok := acts[0].(Consult); ok {
			return c
		}
	}
	t.Fatalf("got %+v", acts)
	return Consult{}
}

var understanding, wording = Advice{Understand: true}, Advice{Word: true}

const unclear = "啦啦啦啦啦"

func TestConsultForAMeaning(t *testing.T) {
	s, acts := advised(t, understanding, Heard{Text: unclear})
	q := onlyConsult(t, acts)
	if q.Text != unclear || q.Kind != ConsultUnderstand || q.ID != "c/consult/1" || q.Asked == "" {
		t.Errorf("%+v", q)
	}
	for _, in := range q.Intents {
		if in.Name == "goodbye" || in.Name == "out_of_scope" || in.Label == "" {
			t.Errorf("may answer %+v", in)
		}
	}
	if len(q.Slots) != 4 || len(q.Slots[0].Values) == 0 {
		t.Errorf("slots %+v", q.Slots)
	}
	if s.Misses != 0 || s.Turns != 1 || s.Step != StepAsking {
		t.Errorf("counted before it is known: %+v", s)
	}
	for name, c := range map[string]struct {
		answer Input
		want   string
	}{
		"an intent":         {Consulted{ID: q.ID, Intent: "return_request"}, "ask_order"},
		"with a reason":     {Consulted{ID: q.ID, Intent: "freight_policy", Slots: map[string]string{"reason": "damaged"}}, "freight_shop anything_else"},
		"a human":           {Consulted{ID: q.ID, Intent: "transfer_human"}, "handoff"},
		"nothing":           {Consulted{ID: q.ID}, "bridge_miss ask_intent_again"},
		"unknown names":     {Consulted{ID: q.ID, Intent: "open_ticket", Slots: map[string]string{"order": "1", "reason": "free", "x": "y"}, Answer: "sudo"}, "bridge_miss ask_intent_again"},
		"no end":            {Consulted{ID: q.ID, Intent: "goodbye"}, "bridge_miss ask_intent_again"},
		"failure":           {ConsultFailed{ID: q.ID}, "bridge_miss ask_intent_again"},
		"another question":  {Consulted{ID: "c/consult/9", Intent: "return_request"}, ""},
		"words":             {Worded{ID: q.ID, Sentence: "好。", Last: true}, ""},
		"the caller is on":  {Heard{Text: "转人工"}, "handoff"},
		"a key":             {Digits{Digits: "0"}, "handoff"},
		"silence meanwhile": {Silence{}, "bridge_silence ask_intent_again"},
	} {
		t.Run(name, func(t *testing.T) {
			after, acts := feedAll(t, Default(), s, c.answer)
			if got := prompts(acts); got != c.want {
				t.Errorf("said %q, want %q", got, c.want)
			}
			if c.want != "" && after.Consulting != nil {
				t.Error("still waiting")
			}
			if c.want == "" {
				return
			}
			if _, late := feedAll(t, Default(), after, Consulted{ID: q.ID, Intent: "return_request"}); len(late) != 0 {
				t.Errorf("a late answer did %+v", late)
			}
		})
	}
}

// TestWithoutAdvice: where there is no model nothing is asked, and nothing is
// different in the snapshot.
func TestWithoutAdvice(t *testing.T) {
	s, acts := advised(t, Advice{}, Heard{Text: unclear})
	if got := prompts(acts); got != "bridge_miss ask_intent_again" {
		t.Errorf("said %q", got)
	}
	if j := mustJSON(t, s); strings.Contains(j, "advice") || strings.Contains(j, "consult") {
		t.Errorf("snapshot %s", j)
	}
}

// TestFailureIsAsWithoutAModel: the fallback says and remembers the same.
func TestFailureIsAsWithoutAModel(t *testing.T) {
	for _, text := range []string{unclear, "你们会员等级怎么看", "今天天气怎么样"} {
		plain, want := advised(t, Advice{}, Heard{Text: text})
		s, acts := advised(t, understanding, Heard{Text: text})
		s, got := feedAll(t, Default(), s, ConsultFailed{ID: onlyConsult(t, acts).ID})
		if prompts(got) != prompts(want) || s.Misses != plain.Misses || s.Turns != plain.Turns || s.Unknown != plain.Unknown {
			t.Errorf("%s: %q, without a model %q", text, prompts(got), prompts(want))
		}
	}
}

// TestModelConfirmsNothing: a yes to a confirmation has to be the caller's.
func TestModelConfirmsNothing(t *testing.T) {
	f := Default()
	s := Begin(f, Start{CallID: "c", Caller: "13800000001", Advice: understanding})
	s, _ = feedAll(t, f, s, Started{}, OrdersFound{RequestID: "c/orders/1", Orders: shop["13800000001"]},
		Heard{Text: "我要退货，太小了，收到了，自己寄"}, Heard{Text: "是的"})
	if s.Question != "confirm_return" {
		t.Fatalf("at %s", s.Question)
	}
	s, acts := feedAll(t, f, s, Heard{Text: unclear})
	q := onlyConsult(t, acts)
	_, acts = feedAll(t, f, s, Consulted{ID: q.ID, Answer: "yes"})
	if got := prompts(acts); got != "bridge_miss confirm_return_again" {
		t.Errorf("said %q", got)
	}
	_, acts = feedAll(t, f, s, Consulted{ID: q.ID, Answer: "yes", Slots: map[string]string{"reason": "damaged"}})
	if got := prompts(acts); got != "confirm_return" {
		t.Errorf("a correction: said %q", got)
	}
	_, acts = feedAll(t, f, s, Consulted{ID: q.ID, Answer: "no"})
	if got := prompts(acts); got != "ask_correct" {
		t.Errorf("a no: said %q", got)
	}
}

func TestConsultsAreBounded(t *testing.T) {
	f := Default()
	s, _ := advised(t, understanding)
	asked := 0
	for range maxConsults + 5 {
		var acts []Act
		s, acts = feedAll(t, f, s, Heard{Text: unclear})
		if len(acts) == 1 {
			asked++
			s, _ = feedAll(t, f, s, Consulted{ID: onlyConsult(t, acts).ID, Intent: "chitchat"})
		} else {
			s, _ = feedAll(t, f, s, Heard{Text: "你是机器人吗"})
		}
	}
	if asked != maxConsults {
		t.Errorf("asked %d times", asked)
	}
}

func TestConsultAgainAfterTakeover(t *testing.T) {
	s, acts := advised(t, understanding, Heard{Text: unclear})
	q := onlyConsult(t, acts)
	_, acts = feedAll(t, Default(), s, Resumed{})
	if again := onlyConsult(t, acts); mustJSON(t, again) != mustJSON(t, q) {
		t.Errorf("asked %+v, then %+v", q, again)
	}
	s, acts = advised(t, wording, Heard{Text: "赠品要不要一起退"})
	onlyConsult(t, acts)
	if _, acts = feedAll(t, Default(), s, Resumed{}); prompts(acts) != "knowledge_gift anything_else" {
		t.Errorf("said %q", prompts(acts))
	}
}

func TestWording(t *testing.T) {
	f := Default()
	start, acts := advised(t, wording, Heard{Text: "赠品要不要一起退"})
	q := onlyConsult(t, acts)
	if q.Kind != ConsultWord || len(q.Facts) != 1 || q.Text != "赠品要不要一起退" || len(q.Intents) > 0 {
		t.Fatalf("%+v", q)
	}
	one := Worded{ID: q.ID, Sentence: "要的，赠品请一起寄回来。"}
	for name, c := range map[string]struct {
		ins  []Input
		want string // of all inputs
	}{
		"two sentences":        {[]Input{one, Worded{ID: q.ID, Sentence: "用掉了会从退款里扣。", Last: true}}, "knowledge_gift knowledge_gift anything_else"},
		"end by itself":        {[]Input{one, Worded{ID: q.ID, Last: true}}, "knowledge_gift anything_else"},
		"failed at once":       {[]Input{ConsultFailed{ID: q.ID}}, "knowledge_gift anything_else"},
		"nothing said":         {[]Input{Worded{ID: q.ID, Last: true}}, "knowledge_gift anything_else"},
		"broke off":            {[]Input{one, ConsultFailed{ID: q.ID}}, "knowledge_gift anything_else"},
		"invented number":      {[]Input{Worded{ID: q.ID, Sentence: "我们赔您一百块。"}, one}, "knowledge_gift anything_else"},
		"markup":               {[]Input{Worded{ID: q.ID, Sentence: "**要** 退。"}}, "knowledge_gift anything_else"},
		"endless":              {[]Input{one, one, one, one, one}, "knowledge_gift knowledge_gift knowledge_gift anything_else"},
		"the caller goes on":   {[]Input{one, Heard{Text: "转人工"}, one}, "knowledge_gift handoff"},
		"noise, taken up":      {[]Input{one, Resumed{}}, "knowledge_gift anything_else"},
		"somebody else's":      {[]Input{Worded{ID: "x", Sentence: "好。", Last: true}}, ""},
		"a meaning is no word": {[]Input{Consulted{ID: q.ID, Intent: "return_request"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, said := start, []string{}
			for _, in := range c.ins {
				s, acts = feedAll(t, f, s, in)
				if p := prompts(acts); p != "" {
					said = append(said, p)
				}
			}
			if got := strings.Join(said, " "); got != c.want {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
	// Repeating says all of an answer that came in pieces.
	s, _ := feedAll(t, f, start, one, Worded{ID: q.ID, Sentence: "用掉了会从退款里扣。", Last: true})
	if _, acts = feedAll(t, f, s, Heard{Text: "再说一遍"}); prompts(acts) != "repeat knowledge_gift knowledge_gift anything_else" {
		t.Errorf("repeated %q", prompts(acts))
	}
	// In the midst of a request its question follows; an offer is not reworded.
	s, _ = advised(t, wording, Heard{Text: "我要退货"}, Heard{Text: "赠品要不要一起退"})
	if _, acts = feedAll(t, f, s, Worded{ID: s.Consulting.ID, Sentence: "要的。", Last: true}); prompts(acts) != "knowledge_gift ask_order" {
		t.Errorf("in a request: %q", prompts(acts))
	}
	if _, acts = advised(t, wording, Heard{Text: "我在手机上自己怎么退"}); prompts(acts) != "knowledge_online" {
		t.Errorf("an offer: %q", prompts(acts))
	}
}

func TestSayable(t *testing.T) {
	facts := []string{"签收后七天内可以退，一般1到3天到账。"}
	for text, want := range map[string]bool{
		"七天内可以退。": true, "1到3天到账。": true, "一般很快。": true, "一起退就行。": true, "十五天内可以退。": false, "三到五天到账。": false, "退100元。": false,
		"": false, "{order}": false, "请看https://x.cn": false, strings.Repeat("退", 91): false, "七天。": true, "７天。": false,
	} {
		if got := sayable(text, facts); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
