package dialog

import (
	"slices"
	"strings"
)

func (l *loader) checkSlots() {
	for _, id := range sortedKeys(l.flow.slots) {
		l.name("slots", id)
		s := l.flow.slots[id]
		if !slices.Contains(readers, s.Reader) {
			l.bad("unknown reader %q, know %s", args(s.Reader, strings.Join(readers, ", ")), "slots", id, "reader")
		}
		if _, ok := l.flow.questions[s.Question]; !ok {
			l.bad("unknown question %q", args(s.Question), "slots", id, "question")
		}
		if s.Got != "" {
			l.prompt(s.Got, "slots", id, "got")
		}
		if s.Wish != "" {
			l.prompt(s.Wish, "slots", id, "wish")
		}
		l.checkValues(id, s)
		l.checkFree(id, s)
		l.checkPickupSlot(id, s)
	}
}

func (l *loader) checkValues(id string, s slotSpec) {
	var names []string
	for _, v := range s.Values {
		if !namePattern.MatchString(v.Name) || v.Say == "" || slices.Contains(names, v.Name) {
			l.bad("value %q needs a name of its own and a say", args(v.Name), "slots", id, "values")
		}
		names = append(names, v.Name)
	}
	switch s.Reader {
	case readerChoice:
		if len(names) < 2 {
			l.bad("a choice needs two values or more", nil, "slots", id)
		}
	case readerYesNo:
		if len(names) != 2 || !slices.Contains(names, "yes") || !slices.Contains(names, "no") {
			l.bad("needs exactly the values yes and no", nil, "slots", id)
		}
	default:
		if len(names) > 0 {
			l.bad("reader %q takes no values", args(s.Reader), "slots", id)
		}
	}
}
