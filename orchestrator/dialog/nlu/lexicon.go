package nlu

import (
	"maps"
	"slices"
)

// lexicon says which set a word is in, by how it sounds: words of one set are
// as good as each other, so that what is learnt of one holds for all.
type lexicon struct {
	longest int // tokens of the longest word
	sets    map[uint64]uint32
}

// longestWord bounds the tokens of a word; longer ones are phrases, which the
// pairs of their characters tell well enough.
const longestWord = 6

// newLexicon takes words of two characters or more: single ones mean too many
// things. A word in several sets belongs to the first by name.
func newLexicon(sets map[string][]string) *lexicon {
	l := &lexicon{sets: map[uint64]uint32{}}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		for _, word := range sets[name] {
			us := units(word, maxUnits)
			ts := tokens(us)
			if len(us) < 2 || len(ts) > longestWord {
				continue
			}
			key := wordStart
			for _, t := range ts {
				key = feature(key, t.sound)
			}
			if _, ok := l.sets[key]; !ok {
				l.sets[key] = hash("set " + name)
				l.longest = max(l.longest, len(ts))
			}
		}
	}
	return l
}

// wordStart is the key of a word without tokens.
const wordStart uint64 = 7

// part is a token of a sentence in which words of sets are one.
type part struct {
	sound uint32
	set   bool
}

// parts replaces the words of sets, the longest first.
func (l *lexicon) parts(ts []token) (out []part, any bool) {
	if l == nil || l.longest == 0 {
		return nil, false
	}
	out = make([]part, 0, len(ts))
	for i := 0; i < len(ts); {
		n, set := l.at(ts[i:])
		if n == 0 {
			out = append(out, part{ts[i].sound, false})
			i++
			continue
		}
		out, any = append(out, part{set, true}), true
		i += n
	}
	return out, any
}

// at is the longest word that a sentence begins with, 0 when none does.
func (l *lexicon) at(ts []token) (length int, set uint32) {
	key := wordStart
	for n := range min(len(ts), l.longest) {
		key = feature(key, ts[n].sound)
		if s, ok := l.sets[key]; ok {
			length, set = n+1, s
		}
	}
	return length, set
}

// features adds what the words of sets and their neighbours tell.
func (l *lexicon) features(ts []token, out []uint64) []uint64 {
	ps, any := l.parts(ts)
	if !any {
		return out
	}
	at := func(i int) part {
		if i < 0 || i >= len(ps) {
			return part{edge.sound, false}
		}
		return ps[i]
	}
	add := func(w uint64, a, b part) {
		if a.set || b.set {
			out = append(out, feature(kindWords, a.sound, b.sound)&^heavyBits|w)
		}
	}
	for i := range len(ps) + 1 {
		if b := at(i); b.set {
			out = append(out, feature(kindWord, b.sound)&^heavyBits|most)
		}
		add(whole, at(i-1), at(i))
		if i > 0 && i < len(ps) {
			add(half, at(i-1), at(i+1))
		}
	}
	return out
}
