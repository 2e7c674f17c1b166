package nlu

import (
	"cmp"
	"slices"
)

// minClause is the least number of characters that are looked at alone.
const minClause = 3

// corrected is what counts of a sentence in which the caller puts right what
// was said: "我要退货，不对，我要换货" is about an exchange. What follows the
// correction counts only when it is a wish of its own.
func (m *Model) corrected(us []unit) []unit {
	for at := len(us) - 1; at > 0; at-- {
		if !us[at].first {
			continue
		}
		for _, c := range m.corrections {
			end := at + len(c.units)
			if len(c.units) == 0 || end+minClause > len(us) || !matches(us[at:end], c.units, true) {
				continue
			}
			rest := us[end:]
			p := m.probabilities(rest, nil)
			if best := argmax(p); best != m.outside && p[best] >= sureClause {
				return rest
			}
		}
	}
	return us
}

// affirmed takes out of a sentence what is denied ("我不是要退货"), and says
// which classes that were.
func (m *Model) affirmed(us []unit) (rest []unit, denied []bool) {
	denied = make([]bool, len(m.classes))
	for {
		from, to, class := m.denial(us)
		if class < 0 {
			return us, m.affirmedAgain(us, denied)
		}
		denied[class] = true
		cut := slices.Concat(us[:from], us[to:])
		if from < len(cut) {
			cut[from].first = true
		}
		us = cut
	}
}

// affirmedAgain takes back that a class is denied when what is left of the
// sentence names it: "可不要，退货退货".
func (m *Model) affirmedAgain(us []unit, denied []bool) []bool {
	for ci, no := range denied {
		if !no {
			continue
		}
		for _, w := range m.core[ci] {
			if at, _ := find(us, w.units); at >= 0 && len(w.units) > 1 {
				denied[ci] = false
			}
		}
	}
	return denied
}

// denial finds a negation that a class's own words follow, with links between
// at most.
func (m *Model) denial(us []unit) (from, to, class int) {
	u := Utterance{us}
	for at := range us {
		for _, n := range m.negations {
			end := at + len(n.units)
			if len(n.units) == 0 || end > len(us) || !matches(us[at:end], n.units, true) || asks(us, at) {
				continue
			}
			for _, place := range u.reach(end, 1, m.links, maxLinks) {
				if class, length := m.names(us[place:]); class >= 0 && !broken(us[at+1:place+length]) {
					return at, place + length, class
				}
			}
		}
	}
	return 0, 0, -1
}

// broken says whether punctuation stands within a piece: "不要，退了" denies
// nothing of what comes after.
func broken(us []unit) bool {
	return slices.ContainsFunc(us, func(u unit) bool { return u.first })
}

// maxLinks bounds the characters between a negation and what it denies.
const maxLinks = 5

// asks tells "要不要", "是不是", which deny nothing.
func asks(us []unit, at int) bool {
	return at > 0 && at+1 < len(us) && us[at].char == '不' && us[at-1].char == us[at+1].char
}

// names says which class's own words a piece begins with, the longest.
func (m *Model) names(us []unit) (class, length int) {
	class = -1
	for ci, words := range m.core {
		for _, w := range words {
			if n := len(w.units); n > length && n <= len(us) && matches(us[:n], w.units, true) {
				class, length = ci, n
			}
		}
	}
	return class, length
}

// says says whether a piece has one of a class's own words in it.
func (m *Model) says(us []unit, class int) bool {
	_, ok := Utterance{us}.Find(m.core[class])
	return ok
}

const (
	// sureClause is the confidence from which a clause means something by
	// itself, alsoMeant that of what a whole sentence means besides.
	sureClause = 0.6
	alsoMeant  = 0.25
	// idle is the priority up to which an intent is only meant when nothing
	// else is: "你好", "再见".
	idle = 2
)

// meant lists what a sentence means: what it is about as a whole, and what
// clauses of it say in words of their own. What matters more goes first.
func (m *Model) meant(us []unit, p []float64, denied []bool) []Scored {
	conf := make([]float64, len(m.classes))
	best := argmax(p)
	if best != m.outside && p[best] >= m.opts.Reject {
		conf[best] = p[best]
	}
	for ci, v := range p {
		if ci != best && ci != m.outside && v >= alsoMeant && m.says(us, ci) {
			conf[ci] = v
		}
	}
	if clauses := m.clauses(us); len(clauses) > 1 {
		for _, c := range clauses {
			q := m.probabilities(c, denied)
			if b := argmax(q); b != m.outside && q[b] >= sureClause && m.says(c, b) {
				conf[b] = max(conf[b], q[b])
			}
		}
	}
	return m.ordered(conf, best)
}

// ordered puts what matters more first; of equals what the whole sentence is
// about.
func (m *Model) ordered(conf []float64, best int) []Scored {
	var found []int
	for ci, v := range conf {
		if v > 0 {
			found = append(found, ci)
		}
	}
	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(ci int) bool { return m.classes[ci].Priority <= idle })
	}
	slices.SortStableFunc(found, func(a, b int) int {
		if c := cmp.Compare(m.classes[b].Priority, m.classes[a].Priority); c != 0 {
			return c
		}
		if (a == best) != (b == best) {
			if a == best {
				return -1
			}
			return 1
		}
		return cmp.Compare(conf[b], conf[a])
	})
	out := make([]Scored, 0, len(found))
	for _, ci := range found {
		out = append(out, Scored{m.classes[ci].Name, round(conf[ci])})
	}
	return out
}

// clauses cuts a sentence at its punctuation and before words that begin
// another wish.
func (m *Model) clauses(us []unit) [][]unit {
	var out [][]unit
	start := 0
	for i := 1; i <= len(us); i++ {
		if i < len(us) && !us[i].first && !m.joins(us[i:]) {
			continue
		}
		if i-start >= minClause {
			out = append(out, us[start:i])
		}
		start = i
	}
	return out
}

func (m *Model) joins(us []unit) bool {
	return slices.ContainsFunc(m.joints, func(j Phrase) bool {
		n := len(j.units)
		return n > 0 && n <= len(us) && matches(us[:n], j.units, true)
	})
}

func argmax(p []float64) int {
	best := 0
	for i, v := range p {
		if v > p[best] {
			best = i
		}
	}
	return best
}
