package transcript

import (
	"slices"
	"unicode"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// Errors are what it takes to make a heard text of a said one.
type Errors struct {
	Substituted, Deleted, Inserted int
	Said                           int // characters of what was said
}

// Count is the number of errors.
func (e Errors) Count() int { return e.Substituted + e.Deleted + e.Inserted }

// Rate is errors for each character said, which may be over 1; of nothing
// said it is the number of errors.
func (e Errors) Rate() float64 { return float64(e.Count()) / float64(max(1, e.Said)) }

// Add gives the errors of both.
func (e Errors) Add(o Errors) Errors {
	return Errors{e.Substituted + o.Substituted, e.Deleted + o.Deleted, e.Inserted + o.Inserted, e.Said + o.Said}
}

// digitNames write digits as the recognisers' references do.
var digitNames = []rune("零一二三四五六七八九")

// Characters are those of a text that are spoken: letters in lower case,
// digits by their names (幺 and 一 are the same), no punctuation.
func Characters(text string) []rune {
	var out []rune
	for _, r := range zhtext.Narrow(text) {
		switch {
		case r >= '0' && r <= '9':
			r = digitNames[r-'0']
		case r == '幺':
			r = '一'
		case r == '〇':
			r = '零'
		case !unicode.IsLetter(r):
			continue
		}
		out = append(out, unicode.ToLower(r))
	}
	return out
}

// Compare counts the character errors of a heard text.
func Compare(said, heard string) Errors {
	return count(Characters(said), Characters(heard))
}

// CompareDigits counts the errors in the digits alone.
func CompareDigits(said, heard string) Errors {
	only := func(text string) []rune {
		return slices.DeleteFunc(Characters(text), func(r rune) bool { return !slices.Contains(digitNames, r) })
	}
	return count(only(said), only(heard))
}

// count is the Levenshtein distance with its kinds kept apart.
func count[T comparable](said, heard []T) Errors {
	row := make([]Errors, len(heard)+1)
	for j := range row {
		row[j].Inserted = j
	}
	for i := range said {
		diagonal := row[0]
		row[0].Deleted++
		for j := range heard {
			next := diagonal
			if said[i] != heard[j] {
				next.Substituted++
			}
			deleted, inserted := row[j+1], row[j]
			deleted.Deleted++
			inserted.Inserted++
			if deleted.Count() < next.Count() {
				next = deleted
			}
			if inserted.Count() < next.Count() {
				next = inserted
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	e := row[len(heard)]
	e.Said = len(said)
	return e
}
