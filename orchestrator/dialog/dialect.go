package dialog

import (
	"strings"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// Phrases of a flow about how people speak. "before" and "after" are words that
// make a dialect's name a wish: "说粤语", "粤语可以吗".
const (
	phraseBefore = "dialect_before"
	phraseAfter  = "dialect_after"
	phraseNot    = "dialect_not"
	phrasePoor   = "dialect_poor"
	phraseThing  = "dialect_thing"
	phraseAny    = "dialect_any"
	phraseLink   = "dialect_link"
)

// spokenDialect is a dialect by one of its names.
type spokenDialect struct {
	id, name string
	phrase   []nlu.Phrase
}

// wish is what a caller says about how to speak.
type wish struct {
	// id is the dialect that is wanted, name what the caller calls it.
	id, name string
	// open: some dialect, "方言", or not Mandarin at all.
	open bool
}

// spokenDialects are all names that callers have for dialects.
func spokenDialects() []spokenDialect {
	var out []spokenDialect
	for _, d := range dialect.All() {
		for _, name := range d.Names() {
			out = append(out, spokenDialect{d.ID, name, nlu.Compile([]string{name})})
		}
	}
	return out
}

// readWish finds out whether the caller asks to be heard in a dialect. bare
// lets a name alone be one. What is refused ("不要说粤语了") wants Mandarin
// when it is what the call has.
func (f *Flow) readWish(text, now string, bare bool) (wish, bool) {
	text = plainQuestion(text)
	u := nlu.Listen(text)
	var found wish
	ok := false
	take := func(w wish) {
		// What is asked for outright counts more than what is not wanted.
		if !ok || found.open && !w.open {
			found, ok = w, true
		}
	}
	for _, m := range f.namedDialects(u) {
		wanted, refused := f.wanted(u, m.Match, bare)
		switch {
		case wanted:
			take(wish{id: m.id, name: m.name})
		case refused && m.id == dialect.Mandarin:
			take(wish{open: true})
		case refused && now != "" && dialect.Same(m.id, now):
			take(wish{id: dialect.Mandarin, name: dialect.Name(dialect.Mandarin, f.header.Language)})
		}
	}
	if m, is := u.Find(f.heard[phraseAny]); is {
		if wanted, _ := f.wanted(u, m, bare); wanted {
			take(wish{open: true})
		}
	}
	return found, ok
}

type namedDialect struct {
	nlu.Match
	id, name string
}

// namedDialects are the dialects whose names are in a sentence, each part of
// it read once: by characters before sounds, longer names first. Names of two
// characters sound like too much else (吴语, 无语).
func (f *Flow) namedDialects(u nlu.Utterance) []namedDialect {
	var found []namedDialect
	for _, s := range f.dialects {
		m, ok := u.Find(s.phrase)
		if !ok || !m.Exact && m.Len < 3 {
			continue
		}
		found = append(found, namedDialect{m, s.id, s.name})
	}
	var kept []namedDialect
	for i, a := range found {
		best := true
		for j, b := range found {
			if i == j || a.At >= b.At+b.Len || b.At >= a.At+a.Len {
				continue
			}
			better := b.Exact && !a.Exact || b.Exact == a.Exact && (b.Len > a.Len || b.Len == a.Len && j < i)
			best = best && !better
		}
		if best {
			kept = append(kept, a)
		}
	}
	return kept
}

// wanted says whether a name is asked for in its sentence, or turned down.
func (f *Flow) wanted(u nlu.Utterance, m nlu.Match, bare bool) (wanted, refused bool) {
	if _, thing := u.After(m, f.heard[phraseThing], nil, 0); thing {
		return false, false // a book, a record
	}
	if _, poor := u.After(m, f.heard[phrasePoor], f.heard[phraseLink], 2); poor {
		return false, true
	}
	if frame, ok := u.Before(m, f.heard[phraseBefore], f.heard[phraseLink], 2); ok {
		if u.Negated(frame, f.heard[phraseNot]) {
			return false, true
		}
		return true, false
	}
	if _, ok := u.After(m, f.heard[phraseAfter], f.heard[phraseLink], 2); ok {
		return !u.Negated(m, f.heard[phraseNot]), false
	}
	if _, not := u.Before(m, f.heard[phraseNot], nil, 0); not {
		return false, true
	}
	around := 1 // "粤语吧"
	if bare {
		around = 4
	}
	return u.Len() <= m.Len+around, false
}

// plainQuestion turns "能不能说" into "能说": the word in the middle denies nothing.
func plainQuestion(text string) string {
	rs := []rune(text)
	out := make([]rune, 0, len(rs))
	for i := 0; i < len(rs); i++ {
		if i+2 < len(rs) && (rs[i+1] == '不' || rs[i+1] == '唔' || rs[i+1] == '没') && rs[i] == rs[i+2] {
			i++ // the first of the pair and what stands between
			continue
		}
		out = append(out, rs[i])
	}
	return string(out)
}

// wishDialect carries a wish out, as far as there are recognisers for it.
func (t *turn) wishDialect(w wish) {
	t.progress()
	if w.open {
		likely, ok := dialect.Served(t.s.Likely, t.s.Dialects)
		switch {
		case ok:
			w.id, w.name = likely, dialect.Name(t.s.Likely, t.f.header.Language)
		case len(t.s.Dialects) > 0:
			t.dialect = w.name
			t.say("dialect_which")
			return
		}
	}
	served, ok := dialect.Served(w.id, t.s.Dialects)
	t.dialect = w.name
	t.acts = append(t.acts, ListenIn{Wanted: w.id, Dialect: served})
	switch {
	case !ok:
		t.say("dialect_unavailable")
	case served == dialect.Mandarin:
		t.s.Dialect, t.s.DialectAsked = served, true
		t.say("dialect_standard")
	default:
		t.s.Dialect, t.s.DialectAsked = served, true
		t.say("dialect_ok")
	}
}

// heardWish takes a sentence with a wish in it: the wish, then what else is
// in the sentence, then the present question again.
func (t *turn) heardWish(w wish, h heard) {
	t.wishDialect(w)
	h.answer = 0 // "可以说粤语吗" is no answer
	if t.s.Step != StepAsking {
		t.heardWaiting(h)
		return
	}
	if t.hasMore(h) {
		t.respond(h)
		return
	}
	t.reask()
}

// hasMore says whether a sentence with a wish brings the conversation on.
func (t *turn) hasMore(h heard) bool {
	if h.ref.kind != refNone && (t.s.Intent == "" || t.relevant(slotOrder)) {
		return true
	}
	if intent, ok := t.intentSure(h, t.f.policy.SwitchIntent); ok && intent != t.s.Intent {
		task := t.f.tasks[intent]
		return task.Ticket != "" || task.Answer != ""
	}
	asked := t.f.slotOf(t.s.Question)
	return asked != "" && h.values[asked] != ""
}

// dialectList names what can be understood, for a caller to choose from.
func (t *turn) dialectList() string {
	names := make([]string, 0, len(t.s.Dialects))
	for _, id := range t.s.Dialects[:min(len(t.s.Dialects), maxDialectsSaid)] {
		names = append(names, dialect.Name(id, t.f.header.Language))
	}
	return strings.Join(names, "、")
}

// maxDialectsSaid is how many are listed to a caller.
const maxDialectsSaid = 5

// askedWhich says whether the caller has just been asked which dialect.
func (t *turn) askedWhich() bool {
	for _, p := range t.s.Said {
		if p.ID == "dialect_which" {
			return true
		}
	}
	return false
}

// maxWish is the length, in characters, up to which a sentence is looked
// through for a wish.
const maxWish = 60

func (t *turn) wish(text string) (wish, bool) {
	if utf8.RuneCountInString(text) > maxWish {
		return wish{}, false
	}
	return t.f.readWish(text, t.s.Dialect, t.askedWhich())
}
