package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/dialect"
)

// handoff gives the caller to a human.
func (t *turn) handoff(reason HandoffReason) {
	t.s.Step, t.s.Question, t.s.HandoffReason = StepHandoff, "", reason
	switch reason {
	case HandoffAsked, HandoffOffered, HandoffTicketFailed:
		t.say("handoff")
	default:
		t.say("handoff_gave_up")
	}
	t.acts = append(t.acts, Handoff{reason, t.s.Context()})
}

func (t *turn) handoffFailed() {
	if t.s.Step != StepHandoff {
		return
	}
	t.s.HandoffFailures++
	if t.s.HandoffFailures >= t.f.policy.HandoffTries {
		t.s.Step, t.s.Ended = StepEnded, OutcomeUnfinished
		t.say("goodbye_failed")
		t.acts = append(t.acts, End{OutcomeUnfinished, "handoff_failed"})
		return
	}
	t.say("handoff_failed")
	t.ask(questionMore)
}

func (t *turn) goodbye(prompt string) {
	outcome := t.s.Outcome()
	t.s.Step, t.s.Question, t.s.Ended = StepEnded, "", outcome
	t.say(prompt)
	t.acts = append(t.acts, End{outcome, "goodbye"})
}

// Context is what a human needs to know who takes the call over, and what the
// record keeps of a request that was not finished.
func (s State) Context() map[string]string {
	c := map[string]string{}
	put := func(k, v string) {
		if v != "" {
			c[k] = v
		}
	}
	intent := s.Intent
	if intent == "" {
		intent = s.LastIntent
	}
	put("intent", intent)
	for name, slot := range s.Slots {
		put("slot."+name, slot.Value)
	}
	put("order", s.Slots[slotOrder].Value)
	if s.Orders.Chosen != nil {
		put("order", s.Orders.Chosen.Number)
	}
	put("ticket", s.TicketNumber())
	put("reason", string(s.HandoffReason))
	put("caller", s.Caller)
	if s.Dialect != dialect.Mandarin {
		put("dialect", s.Dialect)
	}
	return c
}

// resumed goes on after a takeover.
func (t *turn) resumed(in Resumed) {
	if in.Cut {
		t.sayRest(in.HeardRunes)
	}
	o := &t.s.Orders
	for _, q := range []*FindOrders{o.ByCaller, o.Pending} {
		if q != nil {
			t.acts = append(t.acts, *q)
		}
	}
	for _, k := range t.s.Tickets {
		if k.Status == TicketAsked {
			t.acts = append(t.acts, k.Request)
		}
	}
	if c := t.s.Consulting; c != nil && c.Kind == ConsultUnderstand {
		t.acts = append(t.acts, t.consultAct(*c))
	} else if c != nil {
		t.wordingEnds(c.ID)
	}
	if t.s.Step == StepEnded {
		t.acts = append(t.acts, End{t.s.Ended, "resumed"})
	}
}

// sayRest says the last turn's prompts from the first sentence that was not
// played to its end.
func (t *turn) sayRest(played int) {
	for _, p := range t.s.Said {
		n := len([]rune(p.Text))
		if played >= n {
			played -= n
			continue
		}
		p.Text = rest(p.Text, played)
		played = 0
		t.told, t.lastSay = append(t.told, p), len(t.acts)
		t.acts = append(t.acts, Say{p})
	}
}

// rest is text without the sentences that lie wholly in its first n runes.
func rest(text string, n int) string {
	rs := []rune(text)
	start := 0
	for i := 0; i < min(n, len(rs)); i++ {
		if strings.ContainsRune("。！？!?；", rs[i]) || rs[i] == '.' && (i+1 == len(rs) || rs[i+1] == ' ') {
			start = i + 1
		}
	}
	if start == len(rs) {
		return text
	}
	return string(slices.Clone(rs[start:]))
}
