package funasr

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What FunASR's guide advises for hot words: at most 10 characters each, a
// thousand of them, weights of 1 to 100
// (runtime/docs/SDK_advanced_guide_online_zh.md).
const (
	MaxHotwordLength = 10
	MaxHotwords      = 1000
	MaxHotwordWeight = 100
)

// Hotwords are words to expect and how much they are favoured.
type Hotwords struct {
	Words  []string
	Weight int
}

// NewHotwords takes the phrases that can be hot words, each once.
func NewHotwords(phrases []string, weight int) Hotwords {
	h := Hotwords{Weight: weight}
	if weight <= 0 {
		return h
	}
	for _, p := range phrases {
		p = strings.TrimSpace(p)
		n := utf8.RuneCountInString(p)
		if n == 0 || n > MaxHotwordLength || strings.ContainsFunc(p, notWord) || slices.Contains(h.Words, p) {
			continue
		}
		if h.Words = append(h.Words, p); len(h.Words) == MaxHotwords {
			break
		}
	}
	return h
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// Equal says whether two lists make a server hear the same.
func (h Hotwords) Equal(o Hotwords) bool {
	return slices.Equal(h.Words, o.Words) && (h.Weight == o.Weight || len(h.Words) == 0)
}

// field is the value of the field "hotwords". The runtime wants JSON as a
// string; the Python server hands the string to its model, which takes words
// between spaces.
func (h Hotwords) field(s Server) string {
	if len(h.Words) == 0 {
		return ""
	}
	if s == ServerPython {
		return strings.Join(h.Words, " ")
	}
	weights := make(map[string]int, len(h.Words))
	for _, w := range h.Words {
		weights[w] = h.Weight
	}
	b, _ := json.Marshal(weights) // strings and numbers: cannot fail
	return string(b)
}
