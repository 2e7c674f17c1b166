package dialog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// walk makes a random call and gives its states to see, and the inputs that
// led there.
func (c *callers) walk(t *rapid.T, see func(s State)) (begin State, inputsMade []Input, actsMade []string) {
	f := c.f
	begin = Begin(f, Start{CallID: "c", Caller: rapid.SampledFrom(c.phones).Draw(t, "caller")})
	s, acts := f.Advance(begin, c.now, Started{})
	inputsMade = append(inputsMade, Started{})
	actsMade = append(actsMade, toJSON(t, acts))
	var asked []Act
	note := func(acts []Act) {
		for _, a := range acts {
			switch a.(type) {
			case FindOrders, OpenTicket:
				asked = append(asked, a)
			}
		}
	}
	note(acts)
	see(s)
	for range rapid.IntRange(1, 30).Draw(t, "turns") {
		in := c.inputs(&asked, s).Draw(t, "input")
		s, acts = f.Advance(s, c.now, in)
		inputsMade = append(inputsMade, in)
		actsMade = append(actsMade, toJSON(t, acts))
		note(acts)
		see(s)
	}
	return begin, inputsMade, actsMade
}

// TestEveryStateLeadsOut: from wherever a call has come to, a human can be
// had at once, by voice and by key, and so can a goodbye when one is asked, at
// a confirmation at the second word.
func TestEveryStateLeadsOut(t *testing.T) {
	eachFlow(t, func(t *testing.T, c *callers) { rapid.Check(t, c.leadsOut) })
}

func (c *callers) leadsOut(t *rapid.T) {
	f := c.f
	c.walk(t, func(s State) {
		switch s.Step {
		case StepAsking, StepLooking, StepOpening:
		default:
			return
		}
		for _, in := range []Input{Heard{Text: c.human}, Digits{Digits: f.policy.HumanKey}} {
			next, acts := f.Advance(s, c.now, in)
			if next.Step != StepHandoff || !slices.ContainsFunc(acts, func(a Act) bool { _, ok := a.(Handoff); return ok }) {
				t.Fatalf("%v/%s: %v leads to %v", s.Step, s.Question, in, next.Step)
			}
		}
		if s.Step != StepAsking || s.Deaf || s.Turns >= f.policy.MaxTurns {
			return
		}
		next, _ := f.Advance(s, c.now, Heard{Text: c.bye})
		if next.Prompt == promptUnconfirmed && s.Prompt != promptUnconfirmed {
			next, _ = f.Advance(next, c.now, Heard{Text: c.bye}) // asked once, before the request is lost
		}
		if next.Step != StepEnded {
			t.Fatalf("%s: goodbye leads to %v/%s", s.Question, next.Step, next.Question)
		}
	})
}

// TestQuestionsAreBounded: whoever answers nothing hears no prompt more often
// than the policy allows before a human or the end.
func TestQuestionsAreBounded(t *testing.T) {
	eachFlow(t, func(t *testing.T, c *callers) { rapid.Check(t, c.bounded) })
}

func (c *callers) bounded(t *rapid.T) {
	f := c.f
	var last State
	c.walk(t, func(s State) { last = s })
	heard := map[string]int{}
	// What answers nothing: not a word, or words that mean nothing here.
	nothing := rapid.SampledFrom([]Input{Silence{}, Heard{Text: ""}, Heard{Text: "🙂"}, Digits{Digits: "#"}})
	for range 4 * (f.policy.Reprompts + f.policy.WaitTries + 4) {
		if last.Step == StepHandoff || last.Step == StepEnded || last.Step == StepNew {
			return
		}
		next, acts := f.Advance(last, c.now, nothing.Draw(t, "nothing"))
		for _, a := range acts {
			if say, ok := a.(Say); ok {
				heard[say.Prompt.ID]++
			}
		}
		for prompt, n := range heard {
			// Each way to wait, the repetitions of a question, and once after it.
			most := f.policy.Reprompts + f.policy.WaitTries + 2
			if strings.HasPrefix(prompt, "still_") {
				most = maxWordless + f.policy.WaitTries
			}
			if n > most {
				t.Fatalf("%s is heard %d times at %v/%s", prompt, n, next.Step, next.Question)
			}
		}
		last = next
	}
	t.Fatalf("still at %v/%s after %v", last.Step, last.Question, heard)
}

// TestReplay: the inputs of a call lead to the same acts again, from the
// beginning and through snapshots.
func TestReplay(t *testing.T) {
	eachFlow(t, func(t *testing.T, c *callers) { rapid.Check(t, c.replay) })
}

func (c *callers) replay(t *rapid.T) {
	f := c.f
	begin, made, acts := c.walk(t, func(State) {})
	s := begin
	for i, in := range made {
		next, again := f.Advance(s, c.now, in)
		if got := toJSON(t, again); got != acts[i] {
			t.Fatalf("input %d %#v:\n%s\n%s", i, in, got, acts[i])
		}
		var back State
		if err := json.Unmarshal([]byte(toJSON(t, next)), &back); err != nil {
			t.Fatal(err)
		}
		s = back
	}
}

// TestOldSnapshotsLoad: a state written before there were rules goes on.
func TestOldSnapshotsLoad(t *testing.T) {
	f := Default()
	old := `{"version":1,"flow":"returns","flow_version":"2026.11.1","call_id":"c","caller":"13800000001","step":"asking","question":"received","prompt":"ask_received",
		"turns":3,"heard":3,"intent":"return_request","last_intent":"return_request","suspended":["refund_status"],
		"slots":{"order":{"value":"2026111200013378","verified":true},"line":{"value":"L1","verified":true},"reason":{"value":"wrong_size"}},
		"orders":{"seq":1,"chosen":{"number":"2026111200013378","status":"delivered","placed_at":"2026-11-12T20:00:00+08:00","payment_method":"wechat","lines":[{"id":"L1","name":"轻薄羽绒服"}]}},
		"understood":{}}`
	var s State
	if err := json.Unmarshal([]byte(old), &s); err != nil {
		t.Fatal(err)
	}
	s, _ = f.Advance(s, callDay, Heard{Text: "收到了"})
	s, _ = f.Advance(s, callDay, Heard{Text: "不用了"})
	if s.Question != "confirm_return" {
		t.Fatalf("asks %q", s.Question)
	}
	s, _ = f.Advance(s, callDay, Heard{Text: "对"})
	if len(s.Tickets) != 1 {
		t.Fatalf("%d tickets", len(s.Tickets))
	}
	s, _ = f.Advance(s, callDay, TicketOpened{Key: s.Tickets[0].Request.Key, Number: "12345678"})
	if s.Outcome() != OutcomeTicketOpened {
		t.Errorf("outcome %q at %s", s.Outcome(), s.Question)
	}
}
