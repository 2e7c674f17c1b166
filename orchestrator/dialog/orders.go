package dialog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxKnownOrders bounds what is kept of an answer of the order system.
const maxKnownOrders = 20

func (t *turn) newSearch() *FindOrders {
	t.s.Orders.Seq++
	return &FindOrders{RequestID: fmt.Sprintf("%s/orders/%d", t.s.CallID, t.s.Orders.Seq)}
}

// findByCaller starts the search by the caller's number.
func (t *turn) findByCaller() {
	if t.s.Caller == "" {
		return
	}
	q := t.newSearch()
	q.Phone = t.s.Caller
	t.s.Orders.ByCaller = q
	t.acts = append(t.acts, *q)
}

// wantOrder takes a number the caller gave: from the known orders if one fits,
// else from the order system. A number said in two parts is put together.
func (t *turn) wantOrder(said orderRef) {
	o := &t.s.Orders
	begins := t.beginsNumber(said)
	ref, other := t.assemble(said)
	t.forgetOrder()
	o.Given, o.GivenTail = ref.text, ref.called
	for _, r := range []orderRef{ref, other} {
		fits := slices.DeleteFunc(slices.Clone(o.Known), func(k Order) bool { return !r.fits(k) })
		if len(fits) > 0 {
			t.found(fits)
			return
		}
	}
	if begins {
		o.Part = ref.text
		return
	}
	if ref.kind == refNone {
		return
	}
	o.Else = other.text
	t.search(ref)
}

// found takes over the orders that fit what the caller said.
func (t *turn) found(orders []Order) {
	if len(orders) == 1 {
		t.choose(orders[0])
		return
	}
	t.s.Orders.Choices = orders[:min(len(orders), t.f.policy.OfferOrders)]
}

func (t *turn) choose(order Order) {
	o := &t.s.Orders
	o.Chosen, o.Choices, o.Missing, o.Down, o.Pending = &order, nil, "", "", nil
	o.Part, o.Else = "", ""
	t.forgetOwnAddress()
	delete(t.s.Slots, slotLine)
	t.s.Slots[slotOrder] = Slot{Value: order.Number, Verified: true}
	t.s.LastFilled = slotOrder
	if len(order.Lines) == 1 {
		t.s.Slots[slotLine] = Slot{Value: order.Lines[0].ID, Verified: true}
	}
}

// forgetOrder empties the slot without holding the order against it.
func (t *turn) forgetOrder() {
	o := &t.s.Orders
	o.Chosen, o.Choices, o.Pending, o.Missing, o.Part, o.Else = nil, nil, nil, "", "", ""
	t.forgetOwnAddress()
	delete(t.s.Slots, slotOrder)
	delete(t.s.Slots, slotLine)
}

// rejectOrder notes that the order spoken of is not the one.
func (t *turn) rejectOrder() {
	o := &t.s.Orders
	if o.Chosen != nil {
		o.Rejected = append(o.Rejected, o.Chosen.Number)
	}
	for _, c := range o.Choices {
		o.Rejected = append(o.Rejected, c.Number)
	}
	t.forgetOrder()
}

// candidates are the caller's known orders that may be meant, newest first.
func (t *turn) candidates(task taskSpec) []Order {
	o := &t.s.Orders
	out := slices.DeleteFunc(slices.Clone(o.Known), func(k Order) bool {
		return slices.Contains(o.Rejected, k.Number)
	})
	if likely := preferences[task.Prefer]; likely != nil {
		fits := slices.DeleteFunc(slices.Clone(out), func(k Order) bool { return !likely(k) })
		if len(fits) > 0 {
			return fits
		}
	}
	return out
}

// preferences tell the orders that a task is likely about.
var preferences = map[string]func(Order) bool{
	preferRefund: func(o Order) bool { return len(o.Refunds) > 0 },
	"open":       func(o Order) bool { return o.Status == "paid" },
	"moving":     func(o Order) bool { return o.Status == "paid" || o.Status == "shipped" },
}

// askOrder asks for the order in the best way; false when none needs to be
// asked because only one can be meant.
func (t *turn) askOrder(task taskSpec) bool {
	o := &t.s.Orders
	if o.Pending != nil {
		t.s.Step, t.s.Question, t.s.Silences = StepLooking, "", 0
		t.sayAndListen("looking", expectWaiting)
		return true
	}
	if o.Part != "" {
		t.askRest(task)
		return true
	}
	if len(o.Choices) > 1 {
		t.ask(questionChooseOrder)
		return true
	}
	c := t.candidates(task)
	offer := task.OfferOrder != "" && o.NotFound == 0
	switch {
	case offer && task.Prefer == preferRefund && len(c) == 1 && len(c[0].Refunds) > 0:
		t.choose(c[0])
		return false
	case offer && (len(c) == 1 || len(c) > 1 && len(o.Rejected) == 0):
		o.Choices = c[:1]
		t.ask(task.OfferOrder)
	case offer && len(c) > 1 && len(c) <= t.f.policy.OfferOrders:
		o.Choices = c
		t.ask(questionChooseOrder)
	default:
		o.Choices = nil
		t.ask(t.f.questionOf(task, slotOrder))
	}
	return true
}

func (t *turn) ordersFound(in OrdersFound) {
	o := &t.s.Orders
	orders := newestFirst(in.Orders)
	switch {
	case o.ByCaller != nil && o.ByCaller.RequestID == in.RequestID:
		o.ByCaller = nil
		o.Known = orders
	case o.Pending != nil && o.Pending.RequestID == in.RequestID:
		t.searchDone(orders, in.Err)
	}
}

// stillLooking says so to a caller who waits for that search. Who talks about
// something else meanwhile need not know.
func (t *turn) stillLooking(in StillLooking) {
	p := t.s.Orders.Pending
	if t.s.Step == StepLooking && p != nil && p.RequestID == in.RequestID {
		t.sayAndListen("still_looking", expectWaiting)
	}
}

// AwaitsOrders says whether the answer to a FindOrders would be used.
func (s State) AwaitsOrders(requestID string) bool {
	for _, q := range []*FindOrders{s.Orders.ByCaller, s.Orders.Pending} {
		if q != nil && q.RequestID == requestID {
			return true
		}
	}
	return false
}

func newestFirst(orders []Order) []Order {
	out := slices.Clone(orders)
	slices.SortStableFunc(out, func(a, b Order) int {
		return cmp.Or(b.PlacedAt.Compare(a.PlacedAt), strings.Compare(a.Number, b.Number))
	})
	return out[:min(len(out), maxKnownOrders)]
}

func (t *turn) searchDone(orders []Order, failure string) {
	o := &t.s.Orders
	number := missingNumber(*o.Pending)
	if failure == "" && len(orders) == 0 && t.searchElse() {
		return
	}
	o.Pending, o.Missing = nil, number
	waiting := t.s.Step == StepLooking
	switch {
	case failure != "":
		t.takeUnverified(number, failure)
		if waiting {
			t.say("orders_down")
		}
	case len(orders) == 0:
		o.NotFound++
		if waiting && o.NotFound >= t.f.policy.OrderTries {
			t.handoff(HandoffOrderNotFound)
			return
		}
		if waiting {
			t.say("order_not_found")
		}
	default:
		t.found(orders)
		if waiting && o.Chosen != nil {
			t.say("order_found")
		}
	}
	if waiting {
		t.proceed()
	}
}

// takeUnverified takes a number down as the caller gave it.
func (t *turn) takeUnverified(number, failure string) {
	t.s.Orders.Down = failure
	if number != "" {
		t.s.Slots[slotOrder] = Slot{Value: number}
		t.s.LastFilled = slotOrder
	}
}

// lines are the articles of the chosen order.
func (t *turn) lines() []Line {
	if t.s.Orders.Chosen == nil {
		return nil
	}
	return t.s.Orders.Chosen.Lines
}
