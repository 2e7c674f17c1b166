package dialog

import (
	"slices"
	"strings"
)

// holds says whether a rule applies to an article. An expression that cannot
// be evaluated does not.
func (t *turn) holds(r ruleSpec, line Line) bool {
	for name, values := range r.When {
		if !slices.Contains(values, t.fact(name)) {
			return false
		}
	}
	if r.program == nil {
		return true
	}
	ok, err := r.program.Holds(t.facts(line))
	return ok && err == nil
}

// rule is the first rule of a set that holds for the request as a whole.
func (t *turn) rule(set string) ruleSpec {
	line := t.handled()[0]
	for _, r := range t.f.rules[set] {
		if t.holds(r, line) {
			return r
		}
	}
	return ruleSpec{}
}

// checked asks the rules of a task, as far as what they read is known, and
// says what they have against it; false when they have nothing.
func (t *turn) checked(task taskSpec) bool {
	if task.Check == "" || !t.filled(slotOrder) {
		return false
	}
	for _, line := range t.handled() {
		r := t.objection(task, line)
		if r.Say == "" {
			continue
		}
		t.object(r, line)
		return true
	}
	return false
}

// objection is what the rules say against one article. A rule that reads what
// the caller is still to be asked leaves it open, and with it all after it.
func (t *turn) objection(task taskSpec, line Line) ruleSpec {
	for _, r := range t.f.rules[task.Check] {
		if r.Advise && slices.Contains(t.s.Advised, r.Offer) {
			continue
		}
		if t.openFor(r, task) {
			return ruleSpec{}
		}
		if t.holds(r, line) {
			return r
		}
	}
	return ruleSpec{}
}

// openFor says whether a rule reads a slot that the task still asks for.
func (t *turn) openFor(r ruleSpec, task taskSpec) bool {
	reads := sortedKeys(r.When)
	if r.program != nil {
		reads = append(reads, r.program.Slots()...)
	}
	return slices.ContainsFunc(reads, func(slot string) bool {
		return slices.Contains(task.Slots, slot) && !t.filled(slot) && t.asks(task, slot)
	})
}

// asks says whether a task needs a slot as things stand.
func (t *turn) asks(task taskSpec, slot string) bool {
	p := task.onlyIf[slot]
	if p == nil {
		return true
	}
	return slices.ContainsFunc(t.handled(), func(l Line) bool {
		ok, err := p.Holds(t.facts(l))
		return ok && err == nil
	})
}

// object refuses the request, or advises something else first.
func (t *turn) object(r ruleSpec, line Line) {
	if line.ID != "" && len(t.handled()) > 1 {
		t.objected = spokenName(line.Name)
	}
	if r.Advise {
		t.s.Advised = append(t.s.Advised, r.Offer)
		t.s.AdvisedIn, t.s.Offer = t.s.Intent, r.Offer
		t.askWith(questionOffer, r.Say)
		return
	}
	t.s.Refused = t.s.Intent
	t.s.Answered++
	t.conclude(r)
}

// conclude says what a rule says and goes on as it wants.
func (t *turn) conclude(r ruleSpec) {
	if r.Handoff {
		t.say(r.Say)
		t.handoff(HandoffOffered)
		return
	}
	t.concluded(r.Say, r.Offer)
}

// unadvised goes on with the task that an advice interrupted.
func (t *turn) unadvised() bool {
	if t.s.AdvisedIn == "" {
		return false
	}
	t.s.Intent, t.s.AdvisedIn = t.s.AdvisedIn, ""
	t.proceed()
	return true
}

// note gathers what the caller should know before the confirmation. What was
// said of it already is not said again.
func (t *turn) note(task taskSpec) {
	var parts []string
	for _, set := range task.Notes {
		if r := t.rule(set); r.Say != "" {
			parts = append(parts, t.text(r.Say))
		}
	}
	t.notes = strings.Join(parts, "")
	if t.notes == t.s.Noted {
		t.notes = ""
		return
	}
	t.s.Noted = t.notes
}

// HeldTask is what a suspended task was about.
type HeldTask struct {
	Intent string          `json:"intent"`
	Slots  map[string]Slot `json:"slots,omitempty"`
	Chosen *Order          `json:"chosen,omitempty"`
}

// suspend puts the task in hand aside, with what was said of it.
func (t *turn) suspend() {
	if t.s.Intent == "" || len(t.s.Suspended) >= maxSuspended {
		return
	}
	t.s.Suspended = append(t.s.Suspended, t.s.Intent)
	t.s.Held = append(slices.DeleteFunc(t.s.Held, func(h HeldTask) bool { return !slices.Contains(t.s.Suspended, h.Intent) || h.Intent == t.s.Intent }),
		HeldTask{t.s.Intent, cloneMap(t.s.Slots), t.s.Orders.Chosen})
}

// takeUp brings back what a task was about, whatever was spoken of meanwhile.
func (t *turn) takeUp(intent string) {
	i := slices.IndexFunc(t.s.Held, func(h HeldTask) bool { return h.Intent == intent })
	if i < 0 {
		return
	}
	h := t.s.Held[i]
	t.s.Held = slices.Delete(t.s.Held, i, i+1)
	if h.Slots[slotOrder].Value != t.s.Slots[slotOrder].Value {
		t.forgetOrder()
		t.s.Orders.Chosen = h.Chosen
	}
	for name, slot := range h.Slots {
		t.s.Slots[name] = slot
	}
}
