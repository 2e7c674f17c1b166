package entext

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Fix is what a caller says is wrong about a number: "no, nine, not five".
type Fix struct {
	// From is what was misheard, To what it should be. From is empty when the
	// place says which digit is meant.
	From, To string
	// Place is the digit's place from 1, or from the end: -1 is the last; 0
	// when From says which.
	Place int
}

var (
	fixPlace = regexp.MustCompile(` (second to last|next to last|last|final|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth) ` +
		`(?:digit |number |one )(?:in there |of it )?(?:is |was |should be |is supposed to be |is actually |has to be |must be )(?:really |actually )?(?:an |a )?([a-z0-9]+)(?: not (?:an |a )?[a-z0-9]+)? `)
	// Between two numbers: the first is right, the second is right, or the
	// second replaces the first.
	rightFirst  = regexp.MustCompile(`^ (?:and )?(?:not|instead of|rather than)(?: an| a| the)? $`)
	rightSecond = regexp.MustCompile(`^ (?:(?:but|its|it is|it was|thats|that is|that should be|it should be|should be|i said|i meant|make it|rather|actually)(?: actually| really)?(?: an| a)? )?$`)
	replacing   = regexp.MustCompile(`^ (?:should be|should have been|is|was|to|into|with|must be)(?: actually| really)?(?: an| a)? $`)
	denying     = regexp.MustCompile(` (?:not|isnt|wasnt|never)(?: an| a| the)? $`)
	changing    = regexp.MustCompile(` (?:change|replace|make|switch|correct|fix|swap)(?: the| that| an| a)? $`)
	misheard    = regexp.MustCompile(` (?:that|the) $`)
	// anew are words after which a number is said again.
	anew = strings.Fields("no nope wait sorry actually correction scratch that i mean meant oh oops my mistake is was its it make rather said excuse me uh um er")
	// lapse are those of them without which it is only a pause.
	lapse = strings.Fields("no nope wait sorry actually correction scratch mean meant oops mistake rather")
)

var places = map[string]int{
	"last": -1, "final": -1, "second to last": -2, "next to last": -2, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
	"seventh": 7, "eighth": 8, "ninth": 9,
}

// FindFix finds what is wrong about a number said before: "nine, not five",
// "not five, nine", "the last digit is eight", "change the five to a nine".
func FindFix(sentence string) (Fix, bool) {
	if m := fixPlace.FindStringSubmatch(plain(sentence)); m != nil {
		if to, _ := partAt([]word{{text: m[2]}}, 0); len(to) == 1 {
			return Fix{To: strings.ToUpper(to), Place: places[m[1]]}, true
		}
	}
	ws := words(sentence)
	parts := groups(sentence, ws)
	for i := range parts {
		if i+1 >= len(parts) {
			break
		}
		a, b := parts[i], parts[i+1]
		between := joined(ws[a.to:b.from])
		before := joined(ws[:a.from])
		switch {
		case rightFirst.MatchString(between):
			return Fix{From: b.text, To: a.text}, true
		case denying.MatchString(before) && rightSecond.MatchString(between),
			changing.MatchString(before) && replacing.MatchString(between),
			misheard.MatchString(before) && between != " is " && replacing.MatchString(between):
			return Fix{From: a.text, To: b.text}, true
		}
	}
	return Fix{}, false
}

// group is a number, one digit too, by its words.
type group struct {
	text     string
	from, to int
}

// groups are the numbers of a sentence; punctuation ends one.
func groups(sentence string, ws []word) []group {
	rs := []rune(sentence)
	var out []group
	for i := 0; i < len(ws); {
		end := i + 1
		for end < len(ws) && !slices.ContainsFunc(rs[ws[end-1].end:ws[end].start], func(r rune) bool { return unicode.IsPunct(r) && r != '-' }) {
			end++
		}
		text, next := digitsAt(ws[:end], i)
		if text == "" {
			i++
			continue
		}
		out = append(out, group{strings.ToUpper(text), i, next})
		i = next
	}
	return out
}

func joined(ws []word) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, w := range ws {
		b.WriteString(w.text)
		b.WriteByte(' ')
	}
	return b.String()
}

// begunAnew says whether nothing but a correction stands between two numbers.
func begunAnew(ws []word, from, to int) bool {
	found := false
	for _, w := range ws {
		if w.start < from || w.end > to {
			continue
		}
		if !slices.Contains(anew, w.text) {
			return false
		}
		found = found || slices.Contains(lapse, w.text)
	}
	return found
}
