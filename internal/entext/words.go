package entext

import (
	"strings"
	"unicode"
)

// maxWords bounds the work on one sentence; a longer one is cut.
const maxWords = 200

// word is one word of a sentence, in lower case, or one number written in
// digits, with its place in runes. Apostrophes within are left out: "don't" is
// "dont".
type word struct {
	text       string
	start, end int
}

// words splits a sentence. Letters and digits that stand together are one
// word, "A12" too; what is between separates.
func words(sentence string) []word {
	var out []word
	var b strings.Builder
	start := 0
	rs := []rune(sentence)
	flush := func(end int) {
		if b.Len() > 0 {
			out = append(out, word{b.String(), start, end})
			b.Reset()
		}
	}
	for i, r := range rs {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if b.Len() == 0 {
				start = i
			}
			b.WriteRune(unicode.ToLower(r))
		case (r == '\'' || r == '’') && b.Len() > 0:
		default:
			flush(i)
			if len(out) >= maxWords {
				return out
			}
		}
	}
	flush(len(rs))
	return out
}

// plain is a sentence as its words with single spaces, a space at both ends,
// so that whole words can be looked for.
func plain(sentence string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, w := range words(sentence) {
		b.WriteString(w.text)
		b.WriteByte(' ')
	}
	return b.String()
}
