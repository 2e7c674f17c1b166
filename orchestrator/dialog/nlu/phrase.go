package nlu

import "strings"

// Utterance is a sentence prepared for matching.
type Utterance struct{ units []unit }

// Listen prepares a sentence; what goes beyond its limit is cut.
func Listen(text string) Utterance { return Utterance{units(text, maxUnits)} }

// Len is the number of characters that count: no punctuation, no spaces.
func (u Utterance) Len() int { return len(u.units) }

// Phrase is a word or a few to look for in utterances.
type Phrase struct {
	units []unit
	// written is true for a word that only its characters tell: how Cantonese
	// sounds in Mandarin is another word's sound, 唔使 that of 午四 in 下午四点.
	written bool
}

// cantonese are characters that only Cantonese is written with.
const cantonese = "唔冇咗嘅喺嚟啱㗎佢嘢睇搵咩俾畀"

// Compile prepares phrases.
func Compile(words []string) []Phrase {
	out := make([]Phrase, 0, len(words))
	for _, w := range words {
		out = append(out, Phrase{units(w, maxUnits), strings.ContainsAny(w, cantonese)})
	}
	return out
}

// Match is where a phrase was found.
type Match struct {
	// At is the position of the first character, Len the number of them.
	At, Len int
	// Exact is false when only the sound is the same.
	Exact bool
}

// Find looks for the longest of the phrases, by characters before sounds; of
// equals the first.
func (u Utterance) Find(phrases []Phrase) (Match, bool) {
	var best Match
	found := false
	for _, p := range phrases {
		at, exact := find(u.units, p.units)
		if at < 0 || p.written && !exact {
			continue
		}
		m := Match{at, len(p.units), exact}
		if !found || m.Exact && !best.Exact || m.Exact == best.Exact && m.Len > best.Len {
			best, found = m, true
		}
	}
	return best, found
}

// Negated says whether one of the negations stands right before a match, with
// at most two characters between.
func (u Utterance) Negated(m Match, negations []Phrase) bool {
	lists := make([][]unit, 0, len(negations))
	for _, n := range negations {
		lists = append(lists, n.units)
	}
	return negated(u.units, m.At, lists)
}

// negated looks back from position at, within the clause. "不是，是质量问题" and
// "不是是质量问题" deny something else and affirm what follows, as does "别问了人工".
func negated(us []unit, at int, negations [][]unit) bool {
	for gap := 0; gap <= 2; gap++ {
		end := at - gap
		if end <= 0 || us[end].first || gap > 0 && (us[at-1].char == '是' || us[end].char == '了') {
			return false
		}
		for _, n := range negations {
			if start := end - len(n); len(n) > 0 && start >= 0 && matches(us[start:end], n, true) {
				return true
			}
		}
	}
	return false
}

// find looks for a word by its characters, then, if it has two or more, by
// its sound; -1 when it is not there.
func find(us, word []unit) (at int, exact bool) {
	if len(word) == 0 {
		return -1, false
	}
	for _, exact := range []bool{true, false} {
		if !exact && len(word) < 2 {
			break
		}
		for i := 0; i+len(word) <= len(us); i++ {
			if matches(us[i:i+len(word)], word, exact) {
				return i, exact
			}
		}
	}
	return -1, false
}

func matches(us, word []unit, exact bool) bool {
	for i, w := range word {
		if exact && us[i].char != w.char || !exact && us[i].sound != w.sound {
			return false
		}
	}
	return true
}

// Before finds the phrase that ends right before a match, with nothing but
// up to gap characters of the links between; the longest counts. Punctuation
// does not matter: recognisers put it anywhere.
func (u Utterance) Before(m Match, phrases, links []Phrase, gap int) (Match, bool) {
	best, found := Match{}, false
	for _, end := range u.reach(m.At, -1, links, gap) {
		for _, p := range phrases {
			start := end - len(p.units)
			if len(p.units) > 0 && start >= 0 && matches(u.units[start:end], p.units, true) && (!found || len(p.units) > best.Len) {
				best, found = Match{start, len(p.units), true}, true
			}
		}
	}
	return best, found
}

// After finds the phrase that begins right after a match, likewise.
func (u Utterance) After(m Match, phrases, links []Phrase, gap int) (Match, bool) {
	best, found := Match{}, false
	for _, start := range u.reach(m.At+m.Len, 1, links, gap) {
		for _, p := range phrases {
			end := start + len(p.units)
			if len(p.units) > 0 && end <= len(u.units) && matches(u.units[start:end], p.units, true) && (!found || len(p.units) > best.Len) {
				best, found = Match{start, len(p.units), true}, true
			}
		}
	}
	return best, found
}

// reach lists the places from at on, in one direction, that only links lie
// between: at itself first.
func (u Utterance) reach(at, direction int, links []Phrase, gap int) []int {
	places := []int{at}
	for i := 0; i < len(places); i++ {
		for _, l := range links {
			from, to := places[i], places[i]+direction*len(l.units)
			if len(l.units) == 0 || to < 0 || to > len(u.units) || direction*(to-at) > gap {
				continue
			}
			if matches(u.units[min(from, to):max(from, to)], l.units, true) {
				places = append(places, to)
			}
		}
	}
	return places
}
