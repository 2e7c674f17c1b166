package store

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a search: what a person types, not a document.
const (
	MaxSearchText  = 100 // characters
	maxSearchTerms = 10
)

// privateDigits is the shortest run of digits that is left out of the search
// index: telephone numbers and the like are personal data, and are found by
// filters of their own.
const privateDigits = 7

// searchTerms cuts a text into runs of letters and digits, in lower case,
// compatibility forms folded (NFKC: full-width letters become plain ones).
func searchTerms(text string) []string {
	text = strings.ToLower(norm.NFKC.String(text))
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// searchBody is the text that the index is about: the terms of all parts,
// without long numbers, between single spaces.
func searchBody(parts ...string) string {
	var out []string
	for _, p := range parts {
		for _, term := range searchTerms(p) {
			out = append(out, strings.Fields(withoutNumbers(term))...)
		}
	}
	return strings.Join(out, " ")
}

// withoutNumbers puts a space in place of each long run of digits: in Chinese
// they stand between characters without spaces.
func withoutNumbers(term string) string {
	var b strings.Builder
	run := ""
	flush := func() {
		if len(run) < privateDigits {
			b.WriteString(run)
		} else {
			b.WriteByte(' ')
		}
		run = ""
	}
	for _, r := range term {
		if r >= '0' && r <= '9' {
			run += string(r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

// grams are the characters and the pairs of neighbours of a body, each once
// and in order. A term of one character is found by it, a longer one by all
// of its pairs.
func grams(body string) []string {
	var out []string
	for term := range strings.FieldsSeq(body) {
		runes := []rune(term)
		for i, r := range runes {
			out = append(out, string(r))
			if i > 0 {
				out = append(out, string(runes[i-1:i+1]))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// termGrams are the grams that a text needs to have when it has the term.
func termGrams(term string) []string {
	runes := []rune(term)
	if len(runes) == 1 {
		return []string{term}
	}
	out := make([]string, 0, len(runes)-1)
	for i := 1; i < len(runes); i++ {
		out = append(out, string(runes[i-1:i+1]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
