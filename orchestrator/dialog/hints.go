package dialog

import (
	"slices"
	"strings"
)

// maxHints bounds the words that a recogniser is told to expect.
const maxHints = 60

// orderPrefix is how much of an order number a shop's numbers are likely to
// share, in characters: the date, or the shop's letters.
const orderPrefix = 8

// hints are the words to expect now: the question's own, what the caller has
// bought, and how the caller's order numbers begin. A recogniser that takes
// hints hears these rather than others that sound alike.
func (t *turn) hints(e expectSpec) []string {
	out := slices.Clone(e.Hints)
	if e.Kind == ExpectNone {
		return out
	}
	add := func(word string) {
		if word = strings.TrimSpace(word); word != "" && len(out) < maxHints && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	for _, o := range t.ordersInQuestion() {
		for _, l := range o.Lines {
			add(t.f.mouth.name(l.Name))
		}
		head := o.Number[:min(len(o.Number), orderPrefix)]
		spoken := strings.NewReplacer("，", "", ",", "").Replace(t.f.mouth.readDigits(head, orderPrefix))
		add(spoken)
		add(strings.ReplaceAll(spoken, "幺", "一"))
	}
	return out
}

// ordersInQuestion are the orders that the caller may speak of, those of the
// present question first.
func (t *turn) ordersInQuestion() []Order {
	o := &t.s.Orders
	var out []Order
	if o.Chosen != nil {
		out = append(out, *o.Chosen)
	}
	return append(append(out, o.Choices...), o.Known...)
}
