package dialog

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// maxBrief is the length of a sentence, in characters, in which a day with the
// courier's name is when it shall come.
const maxBrief = 6

// readFree reads the slots whose values are no choice: a stretch of time and an
// address. When another question was asked, they count only with a word that
// names them, or in the correction of what was confirmed.
func (t *turn) readFree(h *heard) {
	q := t.s.Question
	for _, name := range t.f.slotOrder {
		slot := t.f.slots[name]
		if slot.Reader != readerTimeRange && slot.Reader != readerAddress {
			continue
		}
		asked := q != "" && (t.f.slotOf(q) == name || slot.Offer == q)
		named := t.mentioned(*h, name)
		if slices.Contains(t.f.questions[q].Also, name) && h.answer != zhtext.AnswerNo {
			asked, named = asked || slot.Reader == readerTimeRange, true
		}
		confirm := q != "" && (q == questionCorrect || q == t.f.tasks[t.s.Intent].Confirm)
		named = named || confirm && t.relevant(name)
		text := h.text
		if slot.Reader == readerTimeRange {
			text = t.forTime(*h)
		}
		brief := t.mentioned(*h, name) && h.sounds.Len() <= maxBrief && !t.asksExactly(*h) // "后天上门"
		v := readFreeValue(slot.Reader, text, t.now, asked || brief && slot.Reader == readerTimeRange, named)
		switch {
		case slot.Reader == readerTimeRange && v != "":
			held := t.s.Slots[name].Value
			v = cmp.Or(t.otherDay(held, text), t.keptDay(held, text, v))
		case slot.Reader == readerAddress:
			v = samePlace(t.s.Slots[name].Value, v)
			if v == "" && confirm {
				v = otherHouse(t.s.Slots[name].Value, text)
			}
			if v == "" && t.f.slotOf(q) == name && t.f.leavesAddress(q) && t.says(*h, "unknown") {
				v = addressLater // people settle it
			}
		case v == "" && confirm:
			v = t.otherDay(t.s.Slots[name].Value, text)
		case v == "" && t.f.slotOf(q) == name:
			v = t.anyTime(*h)
		}
		if t.contradicted(*h, name) {
			continue
		}
		if slot.Reader == readerTimeRange {
			v = t.courierTime(h, name, v, asked)
		}
		if v != "" {
			h.values[name] = v
			if slot.Reader == readerAddress && !h.ref.called {
				h.ref = orderRef{} // the digits are those of a house
			}
		}
	}
}

// otherDay moves what was confirmed to the day that is named: "周六吧".
func (t *turn) otherDay(held, text string) string {
	r, err := zhtext.ParseTimeRange(held)
	day, clear, ok := zhtext.FindTimeRange(text, t.now)
	if err != nil || clear || !ok {
		return ""
	}
	from := r.From.In(t.f.zone)
	y, m, d := day.From.Date()
	moved := time.Date(y, m, d, from.Hour(), from.Minute(), 0, 0, t.f.zone)
	if !moved.After(t.now) {
		return ""
	}
	return zhtext.TimeRange{From: moved, To: moved.Add(r.To.Sub(r.From))}.String()
}

// namesDay finds what says which day a time is of.
var namesDay = regexp.MustCompile(`今|明|后天|昨|前天|当天|周|星期|礼拜|号|月|[0-9零一二两三四五六七八九十]日`)

// keptDay keeps the day that was said before, when only the hours follow:
// "后天", "下午".
func (t *turn) keptDay(held, text, said string) string {
	r, err := zhtext.ParseTimeRange(held)
	if err != nil || namesDay.MatchString(text) {
		return said
	}
	y, m, d := r.From.In(t.f.zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, t.f.zone)
	if !day.After(t.now) {
		return said
	}
	if hours, _, ok := zhtext.FindTimeRange(text, day); ok {
		return hours.String()
	}
	return said
}

func readFreeValue(reader, text string, now time.Time, asked, named bool) string {
	switch reader {
	case readerTimeRange:
		if r, clear, ok := zhtext.FindTimeRange(text, now); ok && (asked || named && clear) {
			return r.String()
		}
	case readerAddress:
		find := zhtext.FindAddress
		if asked {
			find = zhtext.FindPlace
		}
		if a, ok := find(text); ok && (asked || named || a.House && a.Kinds >= 3) {
			return a.Text
		}
	}
	return ""
}

// spokenSlot is how a slot's value is read back.
func (t *turn) spokenSlot(name, value string) string {
	switch t.f.slots[name].Reader {
	case readerTimeRange:
		if r, err := zhtext.ParseTimeRange(value); err == nil {
			return zhtext.SayTimeRange(r, t.now)
		}
		return ""
	case readerAddress:
		return zhtext.SayAddress(value)
	}
	return t.f.sayValue(name, value)
}

// keyedValue is what a key of a slot's question stands for: a choice's value,
// or the words for a time: {"1": 明天上午}.
func (t *turn) keyedValue(slot, meaning string) string {
	if t.f.slots[slot].Reader == readerTimeRange && meaning != "" {
		return readFreeValue(readerTimeRange, meaning, t.now, true, true)
	}
	if t.f.slots[slot].Reader == readerAddress && meaning == addressLater {
		return meaning
	}
	if t.f.sayValue(slot, meaning) != "" || t.f.slots[slot].Reader == readerVariant {
		return meaning
	}
	return ""
}

// checkFree validates what belongs to the readers of free values.
func (l *loader) checkFree(id string, s slotSpec) {
	if s.Reader != readerTimeRange {
		return
	}
	early := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) // a Monday
	questions := []string{s.Question}
	for _, task := range sortedKeys(l.flow.tasks) {
		if q := l.flow.tasks[task].Asks[id]; q != "" && !slices.Contains(questions, q) {
			questions = append(questions, q)
		}
	}
	for _, q := range questions {
		keys := l.flow.questions[q].Keys
		for _, k := range sortedKeys(keys) {
			if _, _, ok := zhtext.FindTimeRange(keys[k], early); !ok {
				l.bad("key %s stands for %q, which is no time", args(fmt.Sprintf("%q", k), keys[k]), "questions", q, "keys")
			}
		}
	}
}
