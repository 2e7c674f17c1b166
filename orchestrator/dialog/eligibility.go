package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
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
	for i, r := range t.f.rules[set] {
		if t.holds(r, line) {
			t.acts = append(t.acts, Decided{set, i + 1, r.Say})
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
	lines := t.handled()
	var refused []Line
	var first ruleSpec
	for _, line := range lines {
		r := t.objection(task, line)
		switch {
		case r.Say == "":
		case r.Advise:
			t.object(r, line)
			return true
		default:
			if len(refused) == 0 {
				first = r
			}
			refused = append(refused, line)
		}
	}
	switch {
	case len(refused) == 0:
		return false
	case len(refused) < len(lines) && t.f.hasLine(task) && t.f.has(promptLineRefused):
		t.leaveOut(refused)
		return false
	}
	t.object(first, refused[0])
	return true
}

// promptLineRefused says that some of the articles are left out; a flow
// without it refuses the request as a whole.
const promptLineRefused = "line_refused"

func (f *Flow) has(prompt string) bool { _, ok := f.prompts[prompt]; return ok }

func (f *Flow) hasLine(task taskSpec) bool { return slices.Contains(task.Slots, slotLine) }

// leaveOut goes on with the articles that the rules have nothing against.
// Which article is meant has to be settled already.
func (t *turn) leaveOut(refused []Line) {
	if !t.filled(slotLine) {
		return
	}
	lines := t.handled()
	var ids, rest []string
	for _, l := range lines {
		if slices.ContainsFunc(refused, func(r Line) bool { return r.ID == l.ID }) {
			ids = append(ids, l.ID)
		} else {
			rest = append(rest, l.ID)
		}
	}
	t.objected = t.f.joinNames(lines, ids)
	t.say(promptLineRefused)
	t.objected = ""
	t.s.Slots[slotLine] = Slot{Value: strings.Join(rest, lineSeparator), Verified: true}
}

// received says whether the goods have reached the caller: as told, else as
// the order has it.
func (t *turn) received() bool {
	if v := t.s.Slots[slotReceived].Value; v != "" {
		return v == valueYes
	}
	c := t.s.Orders.Chosen
	return c != nil && (c.Status == "delivered" || c.Status == "completed")
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
		return slices.Contains(task.Slots, slot) && !t.filled(slot) && t.needs(task, slot)
	})
}

// needs says whether a task needs a slot as things stand.
func (t *turn) needs(task taskSpec, slot string) bool {
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
		t.objected = t.f.mouth.name(line.Name)
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

// wordAfterNote is what stands behind a sentence in {notes}: a space in
// languages that have one; none when the flow leaves it out.
const wordAfterNote = "after_note"

// note gathers what the caller should know before the confirmation. What was
// said of it already is not said again.
func (t *turn) note(task taskSpec) {
	var all, fresh strings.Builder
	for _, set := range task.Notes {
		if r := t.rule(set); r.Say != "" {
			text := t.text(r.Say) + t.f.words[wordAfterNote]
			all.WriteString(text)
			if !strings.Contains(t.s.Noted, text) {
				fresh.WriteString(text)
			}
		}
	}
	t.notes, t.s.Noted = fresh.String(), all.String()
}

// HeldTask is what a suspended task was about.
type HeldTask struct {
	Intent string          `json:"intent"`
	Slots  map[string]Slot `json:"slots,omitempty"`
	Chosen *Order          `json:"chosen,omitempty"`
	// Noted is what the caller was told about it before the confirmation.
	Noted string `json:"noted,omitempty"`
}

// suspend puts the task in hand aside, with what was said of it.
func (t *turn) suspend() {
	if t.s.Intent == "" || len(t.s.Suspended) >= maxSuspended {
		return
	}
	t.s.Suspended = append(t.s.Suspended, t.s.Intent)
	t.s.Held = append(slices.DeleteFunc(t.s.Held, func(h HeldTask) bool { return !slices.Contains(t.s.Suspended, h.Intent) || h.Intent == t.s.Intent }),
		HeldTask{t.s.Intent, cloneMap(t.s.Slots), t.s.Orders.Chosen, t.s.Noted})
}

// instead says whether a request takes the place of the one in hand: before it
// is known what that is about, "退掉" to "您是要取消羽绒服吗" puts it right, unless
// it comes besides.
func (t *turn) instead(task taskSpec, h heard) bool {
	was := t.f.tasks[t.s.Intent]
	return task.Ticket != "" && (was.Ticket != "" || h.answer == zhtext.AnswerNo) && was.OfferOrder != "" && t.s.Question == was.OfferOrder && !t.says(h, "besides")
}

// otherRequest says whether a sentence surely asks for another ticket than the
// one in hand.
func (t *turn) otherRequest(h heard) bool {
	intent, ok := t.intentSure(h, t.f.policy.SwitchIntent)
	return ok && intent != t.s.Intent && t.f.tasks[intent].Ticket != "" && !t.onlyValue(h)
}

// takeUp brings back what a task was about, whatever was spoken of meanwhile.
func (t *turn) takeUp(intent string) {
	i := slices.IndexFunc(t.s.Held, func(h HeldTask) bool { return h.Intent == intent })
	if i < 0 {
		return
	}
	h := t.s.Held[i]
	t.s.Held = slices.Delete(t.s.Held, i, i+1)
	found := h.Slots[slotOrder].Value == "" && len(t.s.Orders.Known) == 0
	if h.Slots[slotOrder].Value != t.s.Slots[slotOrder].Value && !found { // the only order spoken of stays
		t.forgetOrder()
		t.s.Orders.Chosen = h.Chosen
	}
	for name, slot := range h.Slots {
		t.s.Slots[name] = slot
	}
	t.s.Noted = h.Noted
}

// overtaken says whether a suspended task was about goods that a ticket of
// this call is about by now, as when an exchange became a return.
func (t *turn) overtaken(intent string) bool {
	i := slices.IndexFunc(t.s.Held, func(h HeldTask) bool { return h.Intent == intent })
	if i < 0 || t.f.tasks[intent].Ticket == "" {
		return false
	}
	h := t.s.Held[i]
	return slices.ContainsFunc(t.s.Tickets, func(k Ticket) bool {
		line := h.Slots[slotLine].Value
		return k.Status != TicketLost && h.Slots[slotOrder].Value != "" && k.Request.OrderNumber == h.Slots[slotOrder].Value &&
			(line == "" || k.Request.OrderLine == "" || k.Request.OrderLine == line)
	})
}

// leaveUnlikely forgets the order in hand when the new task is about another
// sort of orders and the caller has one, as when somebody who returns a coat
// asks where the shoes are.
func (t *turn) leaveUnlikely(task taskSpec, h heard) {
	o := &t.s.Orders
	likely := preferences[task.Prefer]
	if likely == nil || o.Chosen == nil || likely(*o.Chosen) || h.ref.kind != refNone || h.meansOrder(*o.Chosen, t.f.zone) {
		return
	}
	if slices.ContainsFunc(o.Known, func(k Order) bool { return likely(k) && !slices.Contains(o.Rejected, k.Number) }) {
		t.forgetOrder()
	}
}
