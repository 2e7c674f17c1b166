package mediabridge

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/schemas"
)

// evidence is what a text, partial or final, says about the caller's turn.
type evidence struct {
	word     bool // there is something said that is no backchannel
	answered bool // it is a whole answer to what was asked
	inNumber bool // it breaks off in the middle of a number
}

// weigh reads a text under a policy. Backchannels are the words by which
// people show that they listen; more of them in a row are one.
func weigh(text string, p schemas.ListenPolicy, backchannels []string) evidence {
	bare := bareText(text)
	if bare == "" {
		return evidence{}
	}
	e := evidence{word: !isBackchannel(bare, backchannels), answered: answers(bare, p)}
	if n, tail := lastNumber(text); n > 0 && !e.answered {
		// The last digits of an order are as many as were asked for; of a
		// whole number nobody knows how long it is.
		e.answered = tail && n == p.MinDigits
		e.inNumber = !e.answered && unfinished(n, p)
	}
	return e
}

// bareText leaves letters and digits only.
func bareText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

func bareWords(words []string) []string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		if w = bareText(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// isBackchannel says whether a bare text is made of backchannels alone.
func isBackchannel(bare string, words []string) bool {
	for bare != "" {
		n := 0
		for _, w := range words {
			if strings.HasPrefix(bare, w) {
				n = max(n, len(w))
			}
		}
		if n == 0 {
			return false
		}
		bare = bare[n:]
	}
	return true
}

func answers(bare string, p schemas.ListenPolicy) bool {
	return slices.ContainsFunc(p.Answers, func(a string) bool { return bareText(a) == bare })
}

// shortNumber is how many digits at the end of a sentence are a number that
// may go on, when no number was asked for; one or two are a count or a part
// of a word.
const shortNumber = 3

// unfinished says whether a text that ends in n digits is likely to go on:
// people dictate long numbers in groups, with pauses between them. A number
// that was asked for has the patience of its own policy once it is one.
func unfinished(n int, p schemas.ListenPolicy) bool {
	if p.Expect == schemas.ExpectDigits {
		return n < p.MinDigits
	}
	return n >= shortNumber
}

// lastNumber is how many digits a text ends in, and whether the speaker calls
// them the last ones of a number.
func lastNumber(text string) (digits int, tail bool) {
	text = strings.TrimRightFunc(text, notSpoken)
	runs := zhtext.FindDigits(text)
	if len(runs) == 0 {
		return 0, false
	}
	last := runs[len(runs)-1]
	if last.Counted || last.End < utf8.RuneCountInString(text) {
		return 0, false
	}
	return last.Digits(), last.Tail
}

func notSpoken(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
