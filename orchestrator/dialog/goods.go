package dialog

import "slices"

const (
	// promptGoods asks what for, of goods that were only named; a flow may have
	// none.
	promptGoods = "ask_goods"

	// maxGoods is the length of a sentence, in characters, that names goods and
	// cannot be about a rule for them.
	maxGoods = 8
)

// goodsIn is which of the caller's orders a sentence names the goods of, when it
// asks nothing; -1 when it names none, or several.
func (t *turn) goodsIn(h heard) int {
	if h.keyed || !t.f.has(promptGoods) || t.asksExactly(h) {
		return -1
	}
	known := t.s.Orders.Known
	plain := h.unnumbered()
	return plain.pick(len(known), func(i int) bool { return slices.ContainsFunc(known[i].Lines, plain.meansLine) })
}

// namesGoods says whether a short sentence does nothing but name goods.
func (t *turn) namesGoods(h heard) bool {
	return h.sounds.Len() <= maxGoods && t.goodsIn(h) >= 0
}

// takeGoods takes goods that are named without what for: "我前天买了件羽绒服", or
// "还有水壶" after a request for other goods.
func (t *turn) takeGoods(h heard) bool {
	i := t.goodsIn(h)
	if i < 0 || t.wishFor(h) != "" {
		return false
	}
	if _, asked := t.look(h, t.f.policy.Knowledge.Accept); asked && !t.namesGoods(h) {
		return false
	}
	t.progress()
	last := t.s.LastIntent
	if t.says(h, "besides") && t.f.tasks[last].Ticket != "" {
		clear(t.s.Slots) // what was said of the others
		t.choose(t.s.Orders.Known[i])
		t.begin(last, h)
		return true
	}
	t.choose(t.s.Orders.Known[i])
	t.takeSlots(h, "")
	t.askWith(questionIntent, promptGoods)
	return true
}

// wishOnly says whether a sentence tells what is wrong more surely than what
// for: an uncertain request that has no use for a reason is none.
func (t *turn) wishOnly(h heard, intent string) bool {
	if h.keyed || t.wishFor(h) == "" || h.intent.Confidence >= t.f.policy.SwitchIntent && !t.onlyValue(h) {
		return false
	}
	return !slices.ContainsFunc(t.f.tasks[intent].Slots, func(name string) bool { return h.values[name] != "" })
}

// recallGoods takes the articles that were named with the request, before it
// was known of which order: "围巾和手套不要了".
func (t *turn) recallGoods() {
	if t.s.Named == "" || t.filled(slotLine) {
		return
	}
	h := t.understand(t.s.Named).unnumbered()
	h.all = false // all that was bought may be more than one order
	t.fillLine(h)
}

// courierFor says whether it is a courier that shall come, and no human to the
// telephone: "你们派人来" to the question whether one shall call.
func (t *turn) courierFor(h heard) bool {
	slot := t.f.slotOf(t.s.Question)
	if t.s.Step != StepAsking || h.values[slot] == "" || len(t.f.implying(slot)) == 0 {
		return false
	}
	_, named := h.sounds.Find(t.f.cores[intentHuman])
	return !named
}

// otherArticle says whether a sentence names an article of an order that no
// ticket of this call is about.
func (t *turn) otherArticle(h heard, o Order) bool {
	return slices.ContainsFunc(o.Lines, func(l Line) bool {
		return h.meansLine(l) && !slices.ContainsFunc(t.s.Tickets, func(k Ticket) bool {
			lines := lineIDs(k.Request.OrderLine)
			return k.Status != TicketLost && k.Request.OrderNumber == o.Number && (len(lines) == 0 || slices.Contains(lines, l.ID))
		})
	})
}

// offersOrder says whether the caller is asked if an order is the one.
func (t *turn) offersOrder() bool {
	q := t.f.tasks[t.s.Intent].OfferOrder
	return q != "" && t.s.Question == q
}

// takesOtherGoods turns to the order whose goods are named in place of the one
// that is offered or in hand: "算了，还是毛衣吧".
func (t *turn) takesOtherGoods(h heard) bool {
	o := &t.s.Orders
	i := t.goodsIn(h)
	if i < 0 || !t.relevant(slotOrder) || h.sounds.Len() > maxGoods || len(h.values) > 0 {
		return false
	}
	if s := t.subject(); s == nil || s.Number == o.Known[i].Number || h.meansOrder(*s, t.f.zone) {
		return false
	}
	if o.Chosen != nil {
		clear(t.s.Slots) // what was said of the other
	}
	order := o.Known[i]
	t.rejectOrder()
	t.choose(order)
	t.fillLine(h.unnumbered())
	return true
}

// turnToGoods leaves the order spoken of before, with what was said of it, for
// the one whose goods are named now: "我那个水壶也想退".
func (t *turn) turnToGoods(h heard) {
	c, i := t.s.Orders.Chosen, t.goodsIn(h)
	if c == nil || i < 0 || t.s.Orders.Known[i].Number == c.Number || h.ref.kind != refNone || h.meansOrder(*c, t.f.zone) {
		return
	}
	clear(t.s.Slots)
	t.choose(t.s.Orders.Known[i])
}
