package dialog

import (
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// maxHeard bounds how much of a turn is looked at, in characters.
const maxHeard = 400

// refKind is how a caller names an order by digits.
type refKind uint8

const (
	refNone refKind = iota
	refNumber
	refTail
	refPhone
	// refHead is how the number begins: "是2026开头那个".
	refHead
)

// orderRef is an order named by digits.
type orderRef struct {
	kind refKind
	text string
	// called is true when the caller said that it is the end of a number, so
	// that it is no part of one.
	called bool
}

// fits says whether the digits can belong to an order.
func (r orderRef) fits(o Order) bool {
	number := strings.ToUpper(o.Number)
	switch r.kind {
	case refNumber:
		return number == r.text
	case refTail:
		return strings.HasSuffix(number, r.text)
	case refHead:
		return strings.HasPrefix(number, r.text)
	}
	return false
}

// heard is what was made of one turn, before any of it takes effect.
type heard struct {
	text   string
	sounds nlu.Utterance
	intent nlu.Result
	answer zhtext.Answer
	ref    orderRef
	// ordinal is which of several, from 1; -1 is the last; 0 none.
	ordinal int
	all     bool
	day     time.Time
	values  map[string]string
	// wrong is the slot that a key says is wrong.
	wrong string
	// runs are the numbers in it.
	runs []zhtext.Run
	// part are digits that are too few for a number; fix is what was wrong
	// about one.
	part  string
	fix   zhtext.Fix
	fixed bool
	// untimely is the prompt that says why a courier cannot come then, and
	// late the slot that it was said for.
	untimely, late string
	// keyed is true for keys, which mean exactly what they say.
	keyed bool
	// f is the flow that it was heard in.
	f *Flow
}

// understand reads everything a sentence may carry.
func (t *turn) understand(text string) heard {
	if rs := []rune(text); len(rs) > maxHeard {
		text = string(rs[:maxHeard])
	}
	u := t.f.listen(text)
	h := heard{
		text: text, sounds: u, intent: t.f.model.Judge(u), answer: t.f.ear.yesNo(text),
		ordinal: t.f.ear.ordinal(text), f: t.f, values: map[string]string{}, runs: t.f.ear.digits(text),
	}
	h.ref = t.f.refAmong(h.runs)
	_, h.all = u.Find(t.f.heard["all"])
	if day, ok := t.f.ear.date(text, t.now); ok {
		h.day = day
	}
	words := t.withoutNumbers(h)
	for _, name := range t.f.slotOrder {
		v := t.f.readValue(name, words, t.f.slotOf(t.s.Question) == name)
		if t.f.slots[name].Reader == readerVariant {
			v = t.f.ear.variant(text)
		}
		if v != "" {
			h.values[name] = v
		}
	}
	t.readAlone(&h)
	h.fix, h.fixed = t.f.ear.fix(text)
	t.preferFix(&h)
	h.readPart(t.f)
	t.readFree(&h)
	return h
}

// readRef finds the digits that name an order: those called the tail of a
// number first, then the longest.
func (f *Flow) readRef(text string) orderRef { return f.refAmong(f.ear.digits(text)) }

func (f *Flow) refAmong(runs []zhtext.Run) orderRef {
	var best orderRef
	for _, run := range runs {
		r := f.refOf(run)
		if r.kind == refNone {
			continue
		}
		if best.kind == refNone || run.Tail || len(r.text) > len(best.text) {
			best = r
		}
	}
	return best
}

func (f *Flow) refOf(run zhtext.Run) orderRef {
	n := len(run.Text)
	switch {
	case run.Counted && !run.Tail || n > f.policy.OrderMax:
		return orderRef{}
	case run.Head && !run.Tail && n >= 2:
		return orderRef{refHead, run.Text, false}
	case zhtext.MobileNumber(run.Text) != "" && !run.Tail:
		return orderRef{refPhone, zhtext.MobileNumber(run.Text), false}
	case n >= f.policy.OrderMin && !run.Tail:
		return orderRef{refNumber, run.Text, false}
	case run.Digits() >= f.policy.LastMin || run.Tail && n >= 2:
		return orderRef{refTail, run.Text, run.Tail}
	}
	return orderRef{}
}

// shortSound is the length of words that are known by their sound only in a
// short answer to their slot's own question: 怀了 is then 坏了, while a camera
// (摄像头) holds no loose thread (线头).
const (
	shortSound  = 2
	shortAnswer = 6
)

// readValue reads a choice or yes-or-no slot that is named by its own words;
// asked is true when the sentence answers the slot's question.
func (f *Flow) readValue(slot string, u nlu.Utterance, asked bool) string {
	var value string
	var best nlu.Match
	if len(f.excepts[slot]) > 0 {
		u = u.Without(f.excepts[slot])
	}
	yesNo := f.slots[slot].Reader == readerYesNo
	for _, v := range f.values[slot] {
		m, ok := u.Find(v.words)
		if !ok || !m.Exact && m.Len <= shortSound && (!asked || u.Len() > shortAnswer) {
			continue
		}
		name := v.name
		if u.Negated(m, f.heard["negation"]) {
			if !yesNo {
				continue
			}
			name = map[string]string{valueYes: valueNo, valueNo: valueYes}[name]
		}
		better := m.Len > best.Len
		if yesNo && m.At >= best.At+best.Len {
			better = true // "显示签收了，但是没拿到": what is said last
		}
		if yesNo && best.At >= m.At+m.Len {
			better = false
		}
		if value == "" || m.Exact && !best.Exact || m.Exact == best.Exact && better {
			value, best = name, m
		}
	}
	return value
}

var ordinals = []struct {
	word string
	n    int
}{
	{"最后一", -1}, {"后面那", -1}, {"后一个", -1}, {"后面一", -1}, {"前面那", 1}, {"前一个", 1},
	{"头一", 1}, {"第一", 1}, {"第二", 2}, {"第三", 3}, {"第四", 4}, {"第五", 5},
	{"第1", 1}, {"第2", 2}, {"第3", 3}, {"第4", 4}, {"第5", 5},
}

func readOrdinal(text string) int {
	text = zhtext.Narrow(text)
	for _, o := range ordinals {
		if strings.Contains(text, o.word) {
			return o.n
		}
	}
	return 0
}

// keys makes the same of keypad digits as of words.
func (t *turn) keys(digits string) heard {
	h := heard{text: digits, values: map[string]string{}, keyed: true}
	if len(digits) > 1 {
		h.ref = t.f.refOf(zhtext.Run{Text: digits, End: len(digits)})
		// The keypad is offered for the last digits.
		h.ref.called = len(digits) == t.f.policy.LastMin && t.s.Orders.Part == ""
		if h.ref.kind == refNone {
			h.part = digits
		}
		return h
	}
	if t.s.Orders.Part != "" && len(t.f.questions[t.s.Question].Keys) == 0 {
		h.part = digits
	}
	meaning := t.f.questions[t.s.Question].Keys[digits]
	switch slot := t.f.slotOf(t.s.Question); {
	case meaning == valueYes:
		h.answer = zhtext.AnswerYes
	case meaning == valueNo:
		h.answer = zhtext.AnswerNo
	case slot != "" && t.keyedValue(slot, meaning) != "":
		h.values[slot] = t.keyedValue(slot, meaning)
	case t.f.slots[meaning].Reader != "":
		h.wrong = meaning
	case meaning != "":
		h.intent = nlu.Result{Scored: nlu.Scored{Intent: meaning, Confidence: 1}}
	case digits >= "1" && digits <= "9":
		h.ordinal = int(digits[0] - '0')
	}
	if slot := t.f.slotOf(t.s.Question); slot != "" && t.f.slots[slot].Reader == readerYesNo && meaning != "" {
		h.values[slot] = meaning
	}
	return h
}

// slotOf is the slot that a question fills, or "".
func (f *Flow) slotOf(question string) string { return f.slotAsked[question] }

// pick finds which of n things is meant: by ordinal, or the only one that
// fits; -1 when that is not clear.
func (h heard) pick(n int, fits func(int) bool) int {
	if h.ordinal == -1 && n > 0 {
		return n - 1
	}
	if h.ordinal > 0 && h.ordinal <= n {
		return h.ordinal - 1
	}
	var hits []int
	for i := range n {
		if fits(i) {
			hits = append(hits, i)
		}
	}
	if len(hits) == 1 {
		return hits[0]
	}
	return -1
}

// unnumbered is the reading without "the first", which has been used.
func (h heard) unnumbered() heard {
	h.ordinal = 0
	return h
}

// meansOrder says whether an order is named by its digits, day or goods.
func (h heard) meansOrder(o Order, zone *time.Location) bool {
	if h.ref.kind != refNone {
		return h.ref.fits(o)
	}
	if len(h.part) >= 2 && strings.HasSuffix(strings.ToUpper(o.Number), h.part) {
		return true
	}
	if !h.day.IsZero() && sameDay(h.day, o.PlacedAt.In(zone)) {
		return true
	}
	return slices.ContainsFunc(o.Lines, h.meansLine)
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// meansLine says whether the goods are named: by their name as spoken, or by
// its last characters, which in Chinese carry the kind of thing.
func (h heard) meansLine(l Line) bool {
	if h.f == nil { // keys
		return false
	}
	name := []rune(h.f.ear.fold(h.f.mouth.name(l.Name)))
	for n := len(name); n >= h.f.ear.leastName(); n-- {
		if n == len(name) || n <= 3 {
			if _, ok := h.sounds.Find(nlu.Compile([]string{string(name[len(name)-n:])})); ok {
				return true
			}
		}
	}
	return false
}

// record turns a reading into what the call's record keeps.
func (h heard) record() Understanding {
	u := Understanding{Intent: h.intent.Intent, Confidence: h.intent.Confidence, Intents: h.intent.Intents}
	slots := map[string]string{}
	for k, v := range h.values {
		slots[k] = v
	}
	switch h.ref.kind {
	case refNone:
	case refPhone:
		slots["phone"] = h.ref.text
	default:
		slots[slotOrder] = h.ref.text
	}
	if h.answer != zhtext.AnswerUnknown {
		slots["answer"] = h.answer.String()
	}
	if len(slots) > 0 {
		u.Slots = slots
	}
	return u
}
