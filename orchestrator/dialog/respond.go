package dialog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// promptDisputed offers a human to a caller who says that what was told or done
// is wrong; a flow may have none.
const promptDisputed = "disputed"

// promptOrderUnknown says how an order is found without its number; a flow may
// have none.
const promptOrderUnknown = "order_unknown"

// respond takes the caller's answer to the present question.
func (t *turn) respond(h heard) {
	if t.leaves(h) || t.greeted(h) || t.drops(h) || t.command(h) {
		return
	}
	if t.anger(h) || t.refuseTime(h) || t.declinePickup(h) || t.courierHours(h) || t.answerFirst(h) {
		return
	}
	if t.takeFix(h) {
		t.progress()
		t.proceed()
		return
	}
	task := t.f.tasks[t.s.Intent]
	switch q := t.s.Question; {
	case q == questionIntent:
		t.respondOpen(h)
	case q == questionMore:
		t.respondMore(h)
	case q == questionOffer:
		t.respondOffer(h)
	case q == questionCorrect:
		t.respondCorrect(h)
	case q == questionChooseOrder:
		t.respondChooseOrder(h)
	case task.OfferOrder != "" && q == task.OfferOrder:
		t.respondOfferedOrder(h)
	case task.Confirm != "" && q == task.Confirm:
		t.respondConfirm(h)
	case t.f.offered(q) != "":
		t.respondOfferedAddress(h, t.f.offered(q))
	default:
		t.respondSlot(h, t.f.slotOf(q))
	}
}

// giveUp drops the request in hand.
func (t *turn) giveUp() {
	t.progress()
	t.s.Offer, t.s.AdvisedIn = "", ""
	t.say("not_now")
	t.next()
}

// respondUnsure takes of a sentence that was hardly recognised a yes or no
// that it begins with, and which of the order's few articles it sounds like:
// "是的" is heard right more often than what comes after it. It counts only
// for questions whose answer is read back before anything is done.
func (t *turn) respondUnsure(h heard) {
	q := t.s.Question
	task := t.f.tasks[t.s.Intent]
	offered := task.OfferOrder != "" && q == task.OfferOrder
	if h.answer == zhtext.AnswerUnknown || !offered && t.f.slots[t.f.slotOf(q)].Reader != readerYesNo {
		t.miss()
		return
	}
	plain := t.understand(t.f.mouth.yesNo(h.answer))
	plain.text, plain.sounds = h.text, h.sounds
	t.respond(plain)
}

// respondOpen takes the answer to "what can I do for you".
func (t *turn) respondOpen(h heard) {
	intent, ok := t.intentSure(h, t.f.policy.AcceptIntent)
	if ok && t.wishOnly(h, intent) {
		ok = false
	}
	if !ok {
		if t.takeGoods(h) {
			return
		}
		if t.takeSlots(h, "") {
			// Something useful, but not what for.
			t.progress()
			t.say("noted")
			t.askWith(questionIntent, cmp.Or(t.wishFor(h), t.s.Prompt))
			return
		}
		if (t.says(h, "nothing_more") || h.answer == zhtext.AnswerNo) && len(t.s.Tickets)+t.s.Answered > 0 {
			t.goodbye("goodbye") // there was nothing else after all
			return
		}
		t.lost(h)
		return
	}
	t.progress()
	t.begin(intent, h)
}

// respondMore takes the answer to "anything else".
func (t *turn) respondMore(h heard) {
	if t.wrongOrder(h) && t.s.Orders.Chosen != nil && t.s.LastIntent != "" {
		t.progress()
		intent := t.s.LastIntent
		t.rejectOrder()
		t.begin(intent, h)
		return
	}
	if t.reconsidered(h) {
		return
	}
	least := t.f.policy.AcceptIntent
	if h.answer != zhtext.AnswerUnknown {
		least = t.f.policy.SwitchIntent // "好" is no greeting here
	}
	// Neither "还在路上" nor "那我不在家咋办" ends the call.
	no := t.answerTo(h, "") == zhtext.AnswerNo && !t.asksExactly(h)
	intent, ok := t.intentSure(h, least)
	disputed := no && t.says(h, "wrong") && t.f.has(promptDisputed)
	if ok && !t.f.tasks[intent].End && !(disputed && intent == t.s.LastIntent) {
		t.progress()
		t.begin(intent, h)
		return
	}
	switch {
	case h.intent.Intent == intentGoodbye, t.says(h, "nothing_more"):
		t.goodbye("goodbye")
	case disputed:
		t.progress()
		t.offerHuman(promptDisputed)
	case t.wishFor(h) != "" && !t.says(h, phraseAsking):
		t.progress()
		t.takeSlots(h, "")
		t.askWith(questionIntent, t.wishFor(h))
	case no:
		t.goodbye("goodbye")
	case t.takeGoods(h), t.tookNote(h):
	case h.answer == zhtext.AnswerYes:
		t.progress()
		t.ask(questionIntent)
	default:
		t.lost(h)
	}
}

// respondOffer takes yes or no to an offer such as a human.
func (t *turn) respondOffer(h heard) {
	offer := t.s.Offer
	if t.reconsidered(h) {
		return
	}
	own := t.acceptance(h, offer)
	if own != zhtext.AnswerUnknown && h.answer == zhtext.AnswerUnknown {
		h.answer = own
	}
	if intent, ok := t.intentSure(h, t.f.policy.SwitchIntent); ok && intent != offer && own == zhtext.AnswerUnknown {
		t.progress()
		if task := t.f.tasks[intent]; task.Aside != "" && t.aside(task) {
			t.reask() // what was offered stays
			return
		}
		t.s.Offer, t.s.AdvisedIn = "", ""
		t.begin(intent, h)
		return
	}
	if intent, ok := t.intentSure(h, t.f.policy.AcceptIntent); ok && intent == offer {
		h.answer = zhtext.AnswerYes
		if _, up := t.givesUp(h, phraseGiveUp); up || strings.HasPrefix(h.text, "不") {
			h.answer = zhtext.AnswerNo // "不换" names what is not wanted
		}
	}
	if own == zhtext.AnswerUnknown && h.answer == zhtext.AnswerNo && !t.says(h, phraseDecline) {
		h.answer = t.answerTo(h, "") // "还没收到" turns nothing down
	}
	switch h.answer {
	case zhtext.AnswerYes:
		t.progress()
		t.s.Offer, t.s.AdvisedIn = "", ""
		if t.f.tasks[offer].Handoff {
			t.handoff(HandoffOffered)
			return
		}
		t.begin(offer, h)
	case zhtext.AnswerNo:
		t.progress()
		t.s.Offer = ""
		t.say("not_now")
		if !t.unadvised() {
			t.next()
		}
	default:
		if len(h.values) > 0 && !t.says(h, phraseAsking) && t.takeSlots(h, "") {
			t.progress()
			t.say("noted")
			t.reask()
			return
		}
		t.lost(h)
	}
}

// acceptance is yes or no to an offer in its own words: "帮我催一下吧" to
// "要帮您催一下吗".
func (t *turn) acceptance(h heard, offer string) zhtext.Answer {
	m, ok := h.sounds.Find(t.f.accepts[offer])
	switch {
	case !ok:
		return zhtext.AnswerUnknown
	case h.sounds.Negated(m, t.f.heard["negation"]):
		return zhtext.AnswerNo
	}
	return zhtext.AnswerYes
}

// reconsidered takes another reason than the one that was refused, as in
// "but it is broken".
func (t *turn) reconsidered(h heard) bool {
	if t.s.Refused == "" || t.s.Intent != "" {
		return false
	}
	if intent, ok := t.intentSure(h, t.f.policy.SwitchIntent); ok && intent != t.s.Refused && intent != intentComplaint {
		return false
	}
	for _, slot := range t.f.tasks[t.s.Refused].Slots {
		if t.f.slots[slot].Reader == readerChoice && h.values[slot] != "" && h.values[slot] != t.s.Slots[slot].Value {
			t.s.Offer, t.s.AdvisedIn = "", ""
			t.progress()
			t.begin(t.s.Refused, h)
			return true
		}
	}
	return false
}

// respondOfferedOrder takes yes or no to "is it the coat of last Tuesday".
func (t *turn) respondOfferedOrder(h heard) {
	o := &t.s.Orders
	offered := o.Choices[0]
	others := t.fillSlots(h, "") > 0
	switch {
	case h.ref.kind != refNone && !h.ref.fits(offered):
		t.wantOrder(h.ref)
	case h.answer == zhtext.AnswerNo && t.otherRequest(h): // "不是取消，我要退货"
		t.digress(h)
		return
	case t.answerTo(h, "") == zhtext.AnswerNo || t.wrongOrder(h):
		t.rejectOrder()
		if i := h.pick(len(o.Known), func(i int) bool {
			return o.Known[i].Number != offered.Number && h.ordinal == 0 && h.meansOrder(o.Known[i], t.f.zone)
		}); i >= 0 && h.ordinal == 0 {
			t.choose(o.Known[i])
		}
	case h.answer == zhtext.AnswerYes || h.meansOrder(offered, t.f.zone):
		t.choose(offered)
		if !t.fillLine(h.unnumbered()) {
			t.recallGoods()
		}
	case t.takesOtherGoods(h):
	case others:
		t.progress()
		t.reask()
		return
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}

// respondChooseOrder takes which of several orders is meant.
func (t *turn) respondChooseOrder(h heard) {
	o := &t.s.Orders
	choices := o.Choices
	t.fillSlots(h, "")
	i := h.pick(len(choices), func(i int) bool { return h.meansOrder(choices[i], t.f.zone) })
	switch {
	case i >= 0:
		t.choose(choices[i])
		if !t.fillLine(h.unnumbered()) {
			t.recallGoods()
		}
	case h.ref.kind == refHead && !slices.ContainsFunc(choices, func(c Order) bool { return !h.ref.fits(c) }):
		t.miss() // it tells none of them from the others
		return
	case h.ref.kind != refNone:
		t.wantOrder(h.ref)
	case h.answer == zhtext.AnswerNo || t.wrongOrder(h):
		t.rejectOrder()
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}

// respondSlot takes the answer to a slot's own question.
func (t *turn) respondSlot(h heard, slot string) {
	before := t.s.LastFilled
	wrong := t.corrects(h, slot)
	if t.f.slots[slot].Reader == readerYesNo && h.values[slot] == "" && !wrong {
		if answer := t.answerTo(h, slot); answer != zhtext.AnswerUnknown {
			h.values[slot] = answer.String()
		}
	}
	switch {
	case t.wrongOrder(h) && t.s.Orders.Chosen != nil:
		t.rejectOrder()
	case t.fillSlots(h, slot) > 0 && t.takeRef(h) >= 0:
		if got := t.f.slots[slot].Got; got != "" && h.values[slot] != "" {
			t.say(got)
		}
	case t.takeRef(h) > 0:
	case t.f.slots[slot].Reader == readerLine && t.fillLine(h):
	case wrong && h.values[before] != "":
		// The answer before this question was only said once more.
	case wrong && before != "":
		// "No, that's wrong" to a question undoes the answer before it.
		t.undo(before)
	case slot == slotOrder && t.takePart(h):
	case slot == slotOrder && t.says(h, "unknown") && t.offerAgain():
	case slot == slotOrder && t.says(h, "unknown") && !t.says(h, phraseAsking) && t.f.has(promptOrderUnknown) && t.s.Misses+t.s.Silences < t.f.policy.Reprompts:
		t.s.Misses++
		t.sayAndListen(promptOrderUnknown, t.f.questions[t.s.Question].Expect)
		return
	case slot == slotOrder && t.says(h, "nothing_more"):
		t.progress()
		t.say("not_now")
		t.next()
		return
	case t.freeVariant(h, slot), t.takesOtherGoods(h):
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}

// offerAgain gives a caller who knows no number the known orders once more.
func (t *turn) offerAgain() bool {
	o := &t.s.Orders
	if len(o.Known) == 0 || len(o.Rejected) == 0 || o.NotFound > 0 {
		return false
	}
	o.Rejected = nil
	return true
}

// respondConfirm takes the answer to the confirmation of everything. Only a
// plain yes that changes nothing opens a ticket.
func (t *turn) respondConfirm(h heard) {
	switch {
	case t.wrongOrder(h):
		t.rejectOrder()
		t.takeRef(h)
	case t.takeRef(h) > 0:
	case t.correctSlots(h) > 0:
	case h.answer == zhtext.AnswerYes:
		t.progress()
		t.open()
		return
	case h.answer == zhtext.AnswerNo && t.s.Prompt == promptUnconfirmed:
		t.goodbye("goodbye")
		return
	case h.answer == zhtext.AnswerNo || t.says(h, "wrong"):
		t.progress()
		if t.forgetMentioned(h) {
			t.proceed()
			return
		}
		t.askWith(questionCorrect, cmp.Or(t.f.tasks[t.s.Intent].Correct, t.f.questions[questionCorrect].Ask))
		return
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}

// respondCorrect takes what was wrong about the confirmation.
func (t *turn) respondCorrect(h heard) {
	switch {
	case t.wrongOrder(h):
		t.rejectOrder()
		t.takeRef(h)
	case t.takeRef(h) > 0:
	case t.correctSlots(h) > 0:
	case t.forgetMentioned(h):
	case h.answer == zhtext.AnswerYes || t.repeats(h):
		// Nothing is wrong: the answer before was misheard.
	default:
		t.digress(h)
		return
	}
	t.progress()
	t.proceed()
}
