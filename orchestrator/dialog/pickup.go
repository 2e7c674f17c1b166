package dialog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// Names that the flow gives to what is said about couriers who call for goods.
const (
	promptTimePast   = "time_past"
	promptTimeClosed = "time_closed"
	promptTimeFar    = "time_far"
	promptAddress    = "address_whole"

	phraseDecline = "decline"
	phraseAnyTime = "any_time"
	phraseWhich   = "which_address"
	phraseSame    = "same_address"

	// addressLater is the address that people settle with the caller: that of
	// a caller who can only use keys, or is not understood.
	addressLater = "later"
)

// free says whether a slot holds what is no choice: a time or a place.
func (f *Flow) free(slot string) bool {
	r := f.slots[slot].Reader
	return r == readerTimeRange || r == readerAddress
}

// implying are the slots that mean something about a slot, in their order.
func (f *Flow) implying(slot string) []string {
	var out []string
	for _, name := range f.slotOrder {
		if f.slots[name].Implies[slot] != "" {
			out = append(out, name)
		}
	}
	return out
}

// offered is the slot whose address of the order's own a question offers.
func (f *Flow) offered(question string) string {
	for _, name := range f.slotOrder {
		if q := f.slots[name].Offer; q != "" && q == question {
			return name
		}
	}
	return ""
}

// imply takes over what having a slot means for others.
func (t *turn) imply(slot string) {
	for _, other := range sortedKeys(t.f.slots[slot].Implies) {
		t.s.Slots[other] = Slot{Value: t.f.slots[slot].Implies[other], Raw: t.s.Slots[slot].Raw}
	}
}

// mentioned says whether a sentence names a slot, or what the slot belongs to.
func (t *turn) mentioned(h heard, slot string) bool {
	names := [][]nlu.Phrase{t.f.mentions[slot]}
	for _, other := range sortedKeys(t.f.slots[slot].Implies) {
		names = append(names, t.f.mentions[other])
	}
	return slices.ContainsFunc(names, func(p []nlu.Phrase) bool { _, ok := h.sounds.Find(p); return ok })
}

// mentionsPart says whether a sentence names something that belongs to a slot.
func (t *turn) mentionsPart(h heard, slot string) bool {
	return slices.ContainsFunc(t.f.implying(slot), func(part string) bool {
		_, ok := h.sounds.Find(t.f.mentions[part])
		return ok
	})
}

// contradicted: "不用上门，我明天自己寄" names a time that no courier comes at.
func (t *turn) contradicted(h heard, slot string) bool {
	for other, value := range t.f.slots[slot].Implies {
		if said := h.values[other]; said != "" && said != value {
			return true
		}
	}
	return false
}

// courierTime cuts a stretch of time to the hours of couriers. What is then
// left of it is its value, or "" with the reason in h.
func (t *turn) courierTime(h *heard, slot, value string, asked bool) string {
	terms := t.f.terms
	if !terms.Pickup {
		return value
	}
	refuse := func(prompt string) string {
		h.untimely, h.late = prompt, slot
		return ""
	}
	if value == "" {
		if asked && !t.asksExactly(*h) && t.wasThen(*h) {
			return refuse(promptTimePast)
		}
		return ""
	}
	r, err := zhtext.ParseTimeRange(value)
	if err != nil {
		return ""
	}
	from, until := r.From.In(t.f.zone), r.To.In(t.f.zone)
	day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, t.f.zone)
	if day.After(t.lastPickup()) {
		return refuse(promptTimeFar)
	}
	from = later(from, day.Add(time.Duration(terms.PickupFrom)*time.Hour))
	if closes := day.Add(time.Duration(terms.PickupUntil) * time.Hour); until.After(closes) {
		until = closes
	}
	if !until.After(from) {
		return refuse(promptTimeClosed)
	}
	if !until.After(t.now) {
		return refuse(promptTimePast)
	}
	return zhtext.TimeRange{From: from, To: until}.String()
}

// anyTime is the whole next day, for whom any time will do.
func (t *turn) anyTime(h heard) string {
	if !t.f.terms.Pickup || !t.says(h, phraseAnyTime) {
		return ""
	}
	day := time.Date(t.now.Year(), t.now.Month(), t.now.Day()+1, 0, 0, 0, 0, t.f.zone)
	hours := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
	return zhtext.TimeRange{From: hours(t.f.terms.PickupFrom), To: hours(t.f.terms.PickupUntil)}.String()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wasThen says whether a sentence names a time that has passed.
func (t *turn) wasThen(h heard) bool {
	today := time.Date(t.now.Year(), t.now.Month(), t.now.Day(), 0, 0, 0, 0, t.f.zone)
	text := t.forTime(h)
	if _, _, ok := zhtext.FindTimeRange(text, today); ok {
		return true
	}
	day, ok := t.f.ear.date(text, t.now)
	return ok && day.Before(today)
}

// lastPickup is the last day that a courier can be asked for.
func (t *turn) lastPickup() time.Time {
	return time.Date(t.now.Year(), t.now.Month(), t.now.Day()+t.f.terms.PickupDays, 0, 0, 0, 0, t.f.zone)
}

// refuseTime says why a courier cannot come then, and what is possible. The
// time's own question is asked again within its bound.
func (t *turn) refuseTime(h heard) bool {
	if h.untimely == "" || !t.relevant(h.late) {
		return false
	}
	q := t.f.slots[h.late].Question
	if t.s.Question != q {
		t.fillSlots(h, "")
		t.progress()
		delete(t.s.Slots, h.late)
		t.imply(h.late)
		t.say(h.untimely)
		t.proceed()
		return true
	}
	t.s.Misses++
	if t.s.Misses+t.s.Silences > t.f.policy.Reprompts {
		t.again("bridge_miss", HandoffNotUnderstood)
		return true
	}
	t.say(h.untimely)
	t.sayAndListen(t.f.questions[q].Ask, t.f.questions[q].Expect)
	return true
}

// declinePickup: whoever was to be called on may send the goods after all, at
// any question about it.
func (t *turn) declinePickup(h heard) bool {
	if t.says(h, phraseAsking) && !agreeable(h.text) {
		return false // "自己寄运费谁出" asks something
	}
	slot := t.f.slotOf(t.s.Question)
	if slot == "" {
		slot = t.f.offered(t.s.Question)
	}
	for _, name := range t.f.slotOrder {
		parts := t.f.implying(name)
		if len(parts) == 0 || !t.relevant(name) || t.s.Slots[name].Value != valueYes {
			continue
		}
		here := slices.Contains(parts, slot) && h.values[slot] == ""
		bare := here && (t.says(h, phraseDecline) || h.answer == zhtext.AnswerNo && !t.says(h, "wrong") && t.f.offered(t.s.Question) == "")
		if h.values[name] != valueNo && !bare {
			continue
		}
		t.set(name, valueNo, h.text)
		t.progress()
		t.proceed()
		return true
	}
	return false
}

// courierHours tells who asks when the courier comes, where one is being spoken
// of, from when to when, and asks for a time.
func (t *turn) courierHours(h heard) bool {
	slot := t.f.slotOf(t.s.Question)
	if slot == "" {
		slot = t.f.offered(t.s.Question)
	}
	if !t.says(h, phraseCourierWhen) {
		return false
	}
	for _, name := range t.f.slotOrder {
		parts := t.f.implying(name)
		if len(parts) == 0 || slot != name && !slices.Contains(parts, slot) || slices.ContainsFunc(parts, func(p string) bool { return h.values[p] != "" }) {
			continue
		}
		if t.s.Slots[name].Value != valueYes {
			t.set(name, valueYes, h.text)
		}
		t.progress()
		t.say(promptTimeClosed)
		t.proceed()
		return true
	}
	return false
}

// agreeable says whether a sentence only asks for assent: "我自己寄可以吗".
func agreeable(text string) bool {
	text = strings.TrimRight(text, "？?。 ")
	return slices.ContainsFunc([]string{"可以吗", "行吗", "好吗", "行不行", "可不可以", "可以不"}, func(s string) bool { return strings.HasSuffix(text, s) })
}

// asksExactly says whether a sentence asks something, by its characters: 那里
// sounds like 哪里, and names a place.
func (t *turn) asksExactly(h heard) bool {
	m, ok := h.sounds.Find(t.f.heard[phraseAsking])
	return ok && m.Exact && !h.keyed
}

// ofPickup says whether a sentence is about the courier of the request in
// hand, and no question about couriers in general.
func (t *turn) ofPickup(h heard) bool {
	if t.f.offered(t.s.Question) != "" && t.says(h, phraseWhich) {
		return true
	}
	if t.asksExactly(h) {
		return false
	}
	if t.f.offered(t.s.Question) != "" && (h.answer != zhtext.AnswerUnknown || t.says(h, phraseSame)) {
		return true // "不是，换个地址", "就原来的地址"
	}
	confirm := t.s.Question != "" && (t.s.Question == questionCorrect || t.s.Question == t.f.tasks[t.s.Intent].Confirm)
	for _, name := range t.f.slotOrder {
		parts := t.f.implying(name)
		if len(parts) == 0 || !t.relevant(name) {
			continue
		}
		if h.values[name] != "" || confirm && (t.mentioned(h, name) || t.mentionsPart(h, name)) ||
			slices.ContainsFunc(parts, func(p string) bool { return h.values[p] != "" }) {
			return true
		}
	}
	return false
}

// pickup is what the ticket says of the courier; nil when none is wanted.
func (t *turn) pickup(task taskSpec) *Pickup {
	var p *Pickup
	for _, name := range task.Slots {
		value := t.s.Slots[name].Value
		if value == "" || !t.f.free(name) || !t.needs(task, name) {
			continue
		}
		if p == nil {
			p = &Pickup{}
		}
		if r, err := zhtext.ParseTimeRange(value); t.f.slots[name].Reader == readerTimeRange && err == nil {
			p.From, p.Until = r.From, r.To
		}
		if t.f.slots[name].Reader == readerAddress && value != addressLater {
			p.Address = value
		}
	}
	if p == nil || p.From.IsZero() {
		return nil
	}
	return p
}

// plan says how the goods come back, as part of the confirmation.
func (t *turn) plan() string {
	line := t.handled()[0]
	for _, r := range t.f.rules[t.f.tasks[t.s.Intent].Plan] {
		if !t.holds(r, line) {
			continue
		}
		if r.Say == "" {
			return ""
		}
		return t.fill(t.f.prompts[r.Say].Text[0], func(name string) string {
			if name == "plan" || name == "notes" {
				return "" // no plan within a plan
			}
			return t.value(name)
		})
	}
	return ""
}

// pickupValue says what a placeholder of couriers and addresses stands for.
func (t *turn) pickupValue(name string) string {
	terms := t.f.terms
	switch name {
	case "own_address":
		return zhtext.ShortAddress(t.ownAddress())
	case "own_address_whole":
		return zhtext.SayAddress(t.ownAddress())
	case "pickup_last":
		return zhtext.SayDate(t.lastPickup(), t.now)
	}
	hour := zhtext.Clock(60) // minutes
	return zhtext.SayClock(zhtext.Clock(terms.PickupFrom)*hour) + "到" + zhtext.SayClock(zhtext.Clock(terms.PickupUntil)*hour)
}

// checkPickup validates the terms of couriers and what they need.
func (l *loader) checkPickup() {
	t := l.flow.terms
	if !t.Pickup {
		return
	}
	if t.PickupFrom < 0 || t.PickupUntil > 24 || t.PickupFrom >= t.PickupUntil {
		l.bad("is %d to %d, must be hours of a day, one after the other", args(t.PickupFrom, t.PickupUntil), "terms", "pickup_from")
	}
	if t.PickupDays < 1 || t.PickupDays > 60 {
		l.bad("is %d, must be from 1 to 60", args(t.PickupDays), "terms", "pickup_days")
	}
	for _, id := range []string{promptTimePast, promptTimeClosed, promptTimeFar} {
		l.prompt(id, "terms", "pickup")
	}
}

// checkPickupSlot validates what a slot says of others and offers.
func (l *loader) checkPickupSlot(id string, s slotSpec) {
	for _, other := range sortedKeys(s.Implies) {
		values := l.flow.slots[other].Values
		if other == id || !slices.ContainsFunc(values, func(v valueSpec) bool { return v.Name == s.Implies[other] }) {
			l.bad("%s is no other slot, or has no value %q", args(other, s.Implies[other]), "slots", id, "implies")
		}
	}
	if _, ok := l.flow.questions[s.Offer]; s.Offer != "" && (!ok || s.Reader != readerAddress) {
		l.bad("unknown question %q, or no address that an order could have", args(fmt.Sprint(s.Offer)), "slots", id, "offer")
	}
}
