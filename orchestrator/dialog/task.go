package dialog

import (
	"cmp"
	"slices"
	"strings"
)

// maxSuspended bounds how many tasks wait for the present one.
const maxSuspended = 3

// begin starts a task with what the sentence already says about it.
func (t *turn) begin(intent string, h heard) {
	task := t.f.tasks[intent]
	t.s.Intent, t.s.LastFilled = intent, ""
	t.s.Suspended = slices.DeleteFunc(t.s.Suspended, func(s string) bool { return s == intent })
	t.s.LastIntent = intent
	t.s.Noted = ""
	if intent == intentComplaint {
		t.s.Complaints++
	}
	if task.Ticket != "" {
		t.leaveTicketed(h)
	}
	t.turnToGoods(h)
	t.s.Named = ""
	if rs := []rune(h.text); t.s.Orders.Chosen == nil && !h.keyed {
		t.s.Named = string(rs[:min(len(rs), maxRaw)])
	}
	t.leaveUnlikely(task, h)
	switch {
	case task.Handoff:
		t.handoff(HandoffAsked)
	case task.End:
		t.s.Intent = ""
		t.goodbye("goodbye")
	case task.Miss:
		t.s.Intent = ""
		t.miss()
	case task.Say != "":
		t.takeSlots(h, "")
		t.s.Answered++
		if len(t.s.Suspended) > 0 && task.Aside != "" {
			t.concluded(task.Aside, "") // without the question that it ends in
			return
		}
		t.concluded(task.Say, task.Offer)
	default:
		if t.s.Refused != "" {
			// What was said before led nowhere; what is said now counts.
			t.s.Refused = ""
			t.correctSlots(h)
		}
		t.takeSlots(h, "")
		t.fillLine(h)
		t.proceed()
	}
}

// leaveTicketed forgets an order that this call already has a ticket for, so
// that the next request is not taken to be about it.
func (t *turn) leaveTicketed(h heard) {
	c := t.s.Orders.Chosen
	for _, k := range t.s.Tickets {
		if k.Status != TicketLost && k.Request.OrderNumber == t.s.Slots[slotOrder].Value {
			kept := c != nil && t.otherArticle(h, *c)
			if c != nil && !kept {
				t.rejectOrder()
			}
			received, known := t.s.Slots[slotReceived]
			clear(t.s.Slots)
			t.forgetOrder()
			if kept {
				t.choose(*c)
			}
			if kept && known {
				t.s.Slots[slotReceived] = received // of the same order
			}
			return
		}
	}
}

// proceed asks for what the task still needs, or brings it to its end.
func (t *turn) proceed() {
	if t.s.Intent == "" {
		t.ask(questionIntent)
		return
	}
	task := t.f.tasks[t.s.Intent]
	for {
		if t.checked(task) {
			return
		}
		slot := t.missing(task)
		if slot == "" {
			break
		}
		if slot == slotOrder {
			if t.s.Orders.Down != "" && task.Answer != "" {
				break
			}
			if t.askOrder(task) {
				return
			}
			continue
		}
		if t.offerAddress(slot) {
			return
		}
		t.ask(t.f.questionOf(task, slot))
		return
	}
	if task.Ticket != "" {
		t.note(task)
		t.ask(task.Confirm)
		return
	}
	t.s.Answered++
	t.conclude(t.rule(task.Answer))
}

// questionOf is how a task asks for a slot.
func (f *Flow) questionOf(task taskSpec, slot string) string {
	if q := task.Asks[slot]; q != "" {
		return q
	}
	return f.slots[slot].Question
}

// concluded says a task's answer and goes on to what comes next.
func (t *turn) concluded(prompt, offer string) {
	waiting := len(t.s.Suspended) > 0
	if offer != "" && (!waiting || t.f.tasks[offer].Handoff) {
		t.s.Intent, t.s.Offer = "", offer
		t.askWith(questionOffer, prompt)
		return
	}
	t.sayPlainly(prompt, offer)
	t.next()
}

// next goes back to a suspended task, or asks what else there is.
func (t *turn) next() {
	t.s.Intent, t.s.LastFilled = "", ""
	for n := len(t.s.Suspended); n > 0; n = len(t.s.Suspended) {
		t.s.Intent, t.s.Suspended = t.s.Suspended[n-1], t.s.Suspended[:n-1]
		if t.overtaken(t.s.Intent) {
			t.s.Intent = ""
			continue
		}
		t.takeUp(t.s.Intent)
		t.say("resume_task")
		t.proceed()
		return
	}
	t.ask(questionMore)
}

// factNames are what rules can ask about besides slots.
var factNames = []string{"order_found", "refund_status"}

// fact is a rule's view of the conversation.
func (t *turn) fact(name string) string {
	switch name {
	case "order_found":
		if t.s.Orders.Chosen != nil {
			return valueYes
		}
		return valueNo
	case "refund_status":
		if r := t.refund(); r != nil {
			return r.Status
		}
		return "none"
	}
	return t.s.Slots[name].Value
}

// refund is the latest refund of the chosen order.
func (t *turn) refund() *Refund {
	c := t.s.Orders.Chosen
	if c == nil || len(c.Refunds) == 0 {
		return nil
	}
	latest := &c.Refunds[0]
	for i := range c.Refunds {
		if c.Refunds[i].RequestedAt.After(latest.RequestedAt) {
			latest = &c.Refunds[i]
		}
	}
	return latest
}

func (t *turn) refundValue(name string) string {
	r := t.refund()
	if r == nil {
		return ""
	}
	switch name {
	case "amount":
		return t.f.mouth.amount(r.AmountFen)
	case "method":
		method := r.Method
		if method == "" {
			method = t.s.Orders.Chosen.PaymentMethod
		}
		if word := t.f.words["method_"+method]; word != "" {
			return word
		}
		return t.f.words["method_unknown"]
	case "refund_date":
		at := r.ExpectedAt
		if !r.PaidAt.IsZero() {
			at = r.PaidAt
		}
		if at.IsZero() {
			return t.f.words["date_unknown"]
		}
		return t.f.mouth.date(at, t.now)
	}
	return ""
}

// open asks for the ticket that the caller has just confirmed.
func (t *turn) open() {
	req := t.request()
	at := slices.IndexFunc(t.s.Tickets, func(k Ticket) bool { return k.Request.Key == req.Key })
	if at >= 0 && t.s.Tickets[at].Status != TicketLost {
		t.say("ticket_exists")
		t.next()
		return
	}
	if at >= 0 {
		t.s.Tickets[at] = Ticket{Request: req, Status: TicketAsked}
	} else {
		t.s.Tickets = append(t.s.Tickets, Ticket{Request: req, Status: TicketAsked})
	}
	t.acts = append(t.acts, req)
	t.s.Step, t.s.Question, t.s.Silences, t.s.Misses = StepOpening, "", 0, 0
	t.sayAndListen("opening", expectWaiting)
}

func (t *turn) request() OpenTicket {
	task := t.f.tasks[t.s.Intent]
	order := t.s.Slots[slotOrder]
	line := t.s.Slots[slotLine].Value
	if line == wholeOrder {
		line = ""
	}
	return OpenTicket{
		Key:         strings.Join([]string{t.s.CallID, task.Ticket, order.Value + "/" + line}, ":"),
		Kind:        task.Ticket,
		OrderNumber: order.Value, OrderLine: line, Verified: order.Verified,
		Reason:   t.s.Slots["reason"].Value,
		Received: t.received(),
		Summary:  t.text(cmp.Or(task.Summary, "ticket_summary")),
		Contact:  Contact{Phone: t.s.Caller},
		Pickup:   t.pickup(task),
		Worth:    t.worth(order, line),
	}
}

func (t *turn) worth(order Slot, line string) *Worth {
	if !order.Verified || t.s.Orders.Chosen == nil {
		return nil
	}
	w := t.s.Orders.Chosen.worth(lineIDs(line))
	return &w
}

func (t *turn) ticketOpened(in TicketOpened) {
	k := t.ticket(in.Key)
	if k == nil || in.Number == "" {
		return
	}
	k.Status, k.Number = TicketOpen, in.Number
	if t.s.Step == StepOpening {
		t.say("ticket_opened")
		t.say("ticket_again")
		t.next()
	}
}

func (t *turn) ticketFailed(in TicketFailed) {
	k := t.ticket(in.Key)
	if k == nil {
		return
	}
	k.Status = TicketLost
	if in.Pending {
		k.Status = TicketPending
	}
	switch {
	case t.s.Step != StepOpening:
	case in.Pending:
		t.say("ticket_pending")
		t.next()
	default:
		t.say("ticket_failed")
		t.handoff(HandoffTicketFailed)
	}
}

// ticket finds a request that has no number yet.
func (t *turn) ticket(key string) *Ticket {
	for i := range t.s.Tickets {
		if k := &t.s.Tickets[i]; k.Request.Key == key && k.Status != TicketOpen {
			return k
		}
	}
	return nil
}
