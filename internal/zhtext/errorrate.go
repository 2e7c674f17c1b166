package zhtext

import "unicode"

// ErrorRate is the character error rate of a transcript: the least number of
// characters to replace, put in or take away that makes the reference of it,
// and how many the reference has. What recognisers write differently without
// hearing differently does not count: punctuation, spaces, case, full width,
// and digits, which both sides have as they are spoken (8 is 八, 1 is
// 一 or 幺; 12 is 一二, not 十二).
func ErrorRate(reference, heard string) (wrong, characters int) {
	want, got := spokenForm(reference), spokenForm(heard)
	return distance(want, got), len(want)
}

func spokenForm(text string) []rune {
	var out []rune
	for _, r := range Narrow(text) {
		switch {
		case r >= '0' && r <= '9':
			r = digitNames[r-'0']
		case r == '一':
			r = '幺'
		case r == '〇':
			r = '零'
		case !unicode.IsLetter(r):
			continue
		}
		out = append(out, r)
	}
	return out
}

// distance is Levenshtein's, with one row of his table.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			substitute := diagonal
			if x != y {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, substitute)
		}
	}
	return row[len(b)]
}

// Errors adds up ErrorRate over many transcripts.
type Errors struct{ Wrong, Characters, Exact, Texts int }

// Add counts one transcript.
func (e *Errors) Add(reference, heard string) {
	wrong, characters := ErrorRate(reference, heard)
	e.Wrong += wrong
	e.Characters += characters
	e.Texts++
	if wrong == 0 {
		e.Exact++
	}
}

// Rate is the share of wrong characters, 0 before any was counted; it can be
// more than 1.
func (e Errors) Rate() float64 {
	if e.Characters == 0 {
		return 0
	}
	return float64(e.Wrong) / float64(e.Characters)
}
