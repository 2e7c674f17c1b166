package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// fillSlots takes over the values a sentence carries, and returns how many.
// A slot already filled changes only when it is the one asked for, or when
// the caller says that something is wrong.
func (t *turn) fillSlots(h heard, asked string) int {
	n := 0
	correcting := t.corrects(h, asked)
	for _, name := range t.f.slotOrder {
		v := h.values[name]
		old, filled := t.s.Slots[name]
		if t.f.slots[name].Reader == readerVariant && !t.relevant(name) {
			continue // sizes and colours are spoken of in many ways
		}
		if v == "" || filled && name != asked && !t.f.free(name) && (!correcting || old.Value == v) {
			continue
		}
		t.set(name, v, h.text)
		n++
	}
	return n
}

// corrects says whether a sentence puts right what was said before the question
// for a slot: "不对", or "不是，还是尺码" where another reason is held.
func (t *turn) corrects(h heard, asked string) bool {
	if t.says(h, "wrong") {
		return true
	}
	return h.answer == zhtext.AnswerNo && t.says(h, phraseRather) && slices.ContainsFunc(t.f.slotOrder, func(name string) bool {
		held := t.s.Slots[name].Value
		return name != asked && held != "" && h.values[name] != "" && h.values[name] != held && !t.f.free(name) && t.relevant(name)
	})
}

// correctSlots takes over every value that differs from what is held.
func (t *turn) correctSlots(h heard) int {
	n := 0
	for _, name := range t.f.slotOrder {
		v := h.values[name]
		if v != "" && t.f.slots[name].Reader == readerVariant {
			v = addVariant(t.s.Slots[name].Value, v)
		}
		if v != "" && t.s.Slots[name].Value != v && t.relevant(name) {
			t.set(name, v, h.text)
			n++
		}
	}
	return n
}

// repeats says whether a sentence only names what is held already.
func (t *turn) repeats(h heard) bool {
	return slices.ContainsFunc(t.f.slotOrder, func(name string) bool {
		v := h.values[name]
		return v != "" && t.s.Slots[name].Value == v && t.relevant(name)
	})
}

// restates says whether a sentence tells once more what the request in hand
// holds already: "我都说了起球了". It was understood, if it answers nothing.
func (t *turn) restates(h heard) bool {
	return t.s.Intent != "" && !h.keyed && t.repeats(h) && !t.says(h, phraseAsking)
}

// maxRaw bounds what is kept of the caller's words for a slot, in characters.
const maxRaw = 60

func (t *turn) set(slot, value, raw string) {
	if rs := []rune(raw); len(rs) > maxRaw {
		raw = string(rs[:maxRaw])
	}
	t.s.Slots[slot] = Slot{Value: value, Raw: raw}
	t.s.LastFilled = slot
	t.imply(slot)
}

// takeSlots takes values and an order number in advance.
func (t *turn) takeSlots(h heard, asked string) bool {
	n := t.fillSlots(h, asked)
	return t.takeRef(h) > 0 || n > 0
}

// answerTo is what a sentence answers to a slot's question by yes or no. What
// only names another slot, "收到了" to "需要快递上门取件吗" or "不通电了" to "货收到了
// 吗", does not, unless the words turn down what was offered: "不要了".
func (t *turn) answerTo(h heard, slot string) zhtext.Answer {
	if len(t.f.implying(slot)) > 0 && t.says(h, phraseDecline) {
		return h.answer
	}
	text := h.text
	for _, name := range t.f.slotOrder {
		value := h.values[name]
		if value == "" || name == slot {
			continue
		}
		for _, v := range t.f.slots[name].Values {
			if v.Name == value {
				text = without(text, v.Words)
			}
		}
	}
	if text == h.text {
		return h.answer
	}
	return t.f.ear.yesNo(text)
}

// without is a text without the longest words of a list that are in it.
func without(text string, words []string) string {
	byLength := slices.SortedStableFunc(slices.Values(words), func(a, b string) int { return len(b) - len(a) })
	for _, w := range byLength {
		text = strings.ReplaceAll(text, w, " ")
	}
	return text
}

// wishFor is the prompt that asks for the request of a caller who has only
// said something about it: "鞋子小了" is either to be returned or exchanged.
func (t *turn) wishFor(h heard) string {
	for _, name := range t.f.slotOrder {
		if wish := t.f.slots[name].Wish; wish != "" && h.values[name] != "" {
			return wish
		}
	}
	return ""
}

// takeRef follows an order number in the sentence; 1 when there was one that
// is not the order in hand already.
func (t *turn) takeRef(h heard) int {
	if h.ref.kind == refNone || !t.relevant(slotOrder) && t.s.Intent != "" {
		return 0
	}
	if c := t.s.Orders.Chosen; c != nil && h.ref.fits(*c) {
		return 0
	}
	if v, ok := t.s.Slots[slotOrder]; ok && v.Value == h.ref.text {
		return 0
	}
	t.wantOrder(h.ref)
	return 1
}

// relevant says whether the present task needs a slot.
func (t *turn) relevant(slot string) bool {
	return slices.Contains(t.f.tasks[t.s.Intent].Slots, slot)
}

// fillLine takes which article of the order is meant.
func (t *turn) fillLine(h heard) bool {
	lines := t.lines()
	if _, ok := t.f.slots[slotLine]; !ok || len(lines) < 2 {
		return false
	}
	switch ids := h.severalLines(lines); {
	case len(ids) == len(lines):
		t.set(slotLine, wholeOrder, h.text)
		return true
	case len(ids) > 1:
		t.set(slotLine, strings.Join(ids, lineSeparator), h.text)
		return true
	}
	if i := h.pick(len(lines), func(i int) bool { return h.meansLine(lines[i]) }); i >= 0 {
		t.set(slotLine, lines[i].ID, h.text)
		return true
	}
	if h.all {
		t.set(slotLine, wholeOrder, h.text)
		return true
	}
	return false
}

// wholeOrder is the slot line's value for every article of the order.
const wholeOrder = "*"

// undo empties a slot that the caller says is wrong.
func (t *turn) undo(slot string) {
	t.s.LastFilled = ""
	if slot == slotOrder {
		t.rejectOrder()
		return
	}
	delete(t.s.Slots, slot)
	for _, more := range t.f.implying(slot) {
		delete(t.s.Slots, more)
	}
}

// forgetMentioned empties the slots that the caller names as wrong.
func (t *turn) forgetMentioned(h heard) bool {
	any := false
	for _, name := range t.f.slotOrder {
		if !t.relevant(name) || h.keyed && h.wrong != name {
			continue
		}
		if _, ok := h.sounds.Find(t.f.mentions[name]); ok || h.wrong == name {
			if h.wrong != name && t.mentionsPart(h, name) {
				continue // "取件时间不对" leaves the pick-up itself
			}
			t.undo(name)
			any = true
		}
	}
	return any
}

func (t *turn) wrongOrder(h heard) bool { return t.says(h, "wrong_order") }

// filled says whether a slot needs no question.
func (t *turn) filled(slot string) bool {
	if t.f.slots[slot].Reader == readerLine && len(t.lines()) < 2 {
		return true
	}
	_, ok := t.s.Slots[slot]
	return ok
}

// missing is the first slot a task still needs, or "".
func (t *turn) missing(task taskSpec) string {
	for _, slot := range task.Slots {
		if !t.filled(slot) && t.needs(task, slot) {
			return slot
		}
	}
	return ""
}
