package dialog

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// promptNumberMore asks for the rest of a number; a flow that has none asks
// for the number as always.
const promptNumberMore = "number_more"

// yearHead is how order numbers that carry their date begin: too little of a
// number to be its end, unless it was called that.
var yearHead = regexp.MustCompile(`^20[0-9]{2}[01]?[0-9]?[0-3]?$`)

// readPart reads digits that are too few to name an order, when the sentence
// is about nothing else: the first or the second half of a number.
func (h *heard) readPart(f *Flow) {
	if h.ref.kind != refNone || !h.day.IsZero() || h.fixed {
		return
	}
	for _, run := range h.runs {
		spoken := run.End - run.Start
		if run.Counted || run.Phone || len(run.Text) > f.policy.OrderMax || 2*spoken < h.sounds.Len() {
			continue
		}
		if len(run.Text) > len(h.part) {
			h.part = run.Text
		}
	}
}

// withoutNumbers is the sentence without its long numbers: words are also
// known by their sound, and digits have sounds like any other ("是零" is 失灵).
// So have the names of goods ("净水" is 进水), which are left out likewise.
func (t *turn) withoutNumbers(h heard) nlu.Utterance {
	rs, cut := []rune(h.text), false
	for _, run := range h.runs {
		for i := run.Start; !run.Counted && len(run.Text) >= 3 && i < min(run.End, len(rs)); i++ {
			rs[i], cut = '，', true
		}
	}
	text := string(rs)
	for _, name := range t.goods() {
		if strings.Contains(text, name) {
			text, cut = strings.ReplaceAll(text, name, "，"), true
		}
	}
	if !cut {
		return h.sounds
	}
	return t.f.listen(text)
}

// goods are the names of what the caller has bought, the longest of each
// first: as spoken, and the last characters, which carry the kind of thing.
func (t *turn) goods() []string {
	var out []string
	orders := t.s.Orders.Known
	if c := t.s.Orders.Chosen; c != nil {
		orders = append(slices.Clip(orders), *c)
	}
	for _, o := range orders {
		for _, l := range o.Lines {
			name := []rune(t.f.mouth.name(l.Name))
			for n := len(name); n >= 2; n-- {
				if n == len(name) || t.f.ear.leastName() > 1 && n <= 3 {
					out = append(out, string(name[len(name)-n:]))
				}
			}
		}
	}
	return out
}

// assemble puts what was said together with the part of the number that came
// before it. The second reading is looked for when the first finds nothing.
func (t *turn) assemble(ref orderRef) (first, second orderRef) {
	o := &t.s.Orders
	before, asked := o.Part, o.Part != ""
	if !asked && !o.GivenTail {
		if o.Pending != nil && o.Pending.Phone == "" {
			before = o.Given
		} else {
			before = o.Missing
		}
	}
	whole := before + ref.text
	switch {
	case ref.text == before:
		ref.called = true // said twice: that is all of it
		return ref, orderRef{}
	case before == "" || ref.called || ref.kind == refPhone || ref.kind == refHead || len(whole) > t.f.policy.OrderMax,
		strings.HasPrefix(ref.text, before):
		return ref, orderRef{}
	}
	joined := t.f.refOf(zhtext.Run{Text: whole})
	switch {
	case ref.kind == refNone:
		return joined, t.f.refOf(zhtext.Run{Text: before})
	case asked:
		return joined, ref
	}
	return ref, joined
}

// beginsNumber says whether digits are rather the beginning of a number than
// its end.
func (t *turn) beginsNumber(ref orderRef) bool {
	return ref.kind == refHead || ref.kind == refTail && !ref.called && yearHead.MatchString(ref.text) && t.s.Orders.Part == "" && t.s.Orders.Missing == ""
}

// takePart takes digits that are too few to name an order: the beginning of a
// number, or the rest of one.
func (t *turn) takePart(h heard) bool {
	o := &t.s.Orders
	if h.part == "" || len(h.part) < 2 && o.Part == "" {
		return false
	}
	whole := o.Part + h.part
	if len(whole) > t.f.policy.OrderMax {
		return false
	}
	if len(whole) >= t.f.policy.LastMin {
		t.wantOrder(orderRef{kind: refNone, text: h.part})
		return true
	}
	t.forgetOrder()
	o.Part, o.Given, o.GivenTail = whole, whole, false
	return true
}

// preferFix takes "最后两位是七八" to be about the number given before, if there
// is one: two digits are little to find an order by.
func (t *turn) preferFix(h *heard) {
	if _, ok := h.fix.Apply(t.s.Orders.Given); ok && h.fixed && h.fix.Place != 0 && h.ref.text == h.fix.To && len(h.ref.text) == 2 {
		h.ref = orderRef{}
	}
}

// takeFix corrects the number in hand: "不是五，是九".
func (t *turn) takeFix(h heard) bool {
	o := &t.s.Orders
	if !h.fixed || h.ref.kind != refNone || o.Given == "" || t.s.Intent != "" && !t.relevant(slotOrder) {
		return false
	}
	fixed, ok := h.fix.Apply(o.Given)
	if !ok || fixed == o.Given {
		return false
	}
	if o.Part != "" {
		o.Part, o.Given = fixed, fixed
		return true
	}
	ref := t.f.refOf(zhtext.Run{Text: fixed, Tail: o.GivenTail})
	ref.called = true
	tail := o.GivenTail
	t.wantOrder(ref)
	o.GivenTail = tail
	return true
}

// askRest asks for the rest of a number.
func (t *turn) askRest(task taskSpec) {
	q := t.f.questionOf(task, slotOrder)
	if _, ok := t.f.prompts[promptNumberMore]; ok {
		t.askWith(q, promptNumberMore)
		return
	}
	t.ask(q)
}

// goOnWaiting takes digits said while a number is being looked for already:
// its rest, or what was wrong about it.
func (t *turn) goOnWaiting(h heard) bool {
	o := &t.s.Orders
	switch {
	case o.Pending == nil || o.Pending.Phone != "":
		return false
	case t.takeFix(h):
		return true
	case len(h.part) < 2 || o.GivenTail:
		return false
	}
	t.wantOrder(orderRef{kind: refNone, text: h.part})
	return true
}

// searchElse looks for the other reading of a number; false when there is none.
func (t *turn) searchElse() bool {
	o := &t.s.Orders
	if o.Else == "" {
		return false
	}
	ref := t.f.refOf(zhtext.Run{Text: o.Else})
	o.Else = ""
	if ref.kind != refNumber && ref.kind != refTail {
		return false
	}
	o.Given, o.GivenTail = ref.text, false
	t.search(ref)
	return true
}

// search asks the order system for an order by its digits.
func (t *turn) search(ref orderRef) {
	q := t.newSearch()
	switch ref.kind {
	case refPhone:
		q.Phone = ref.text
	case refTail:
		q.LastDigits = ref.text
	default:
		q.Number = ref.text
	}
	t.s.Orders.Pending = q
	t.acts = append(t.acts, *q)
}

// missingNumber is what was looked for and not found.
func missingNumber(q FindOrders) string { return cmp.Or(q.Number, q.LastDigits) }
