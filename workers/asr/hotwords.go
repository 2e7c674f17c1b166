package asr

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// Bounds of hot words: single characters would bend every sentence, whole
// sentences are none, and each makes the search a little slower.
const (
	minHotword  = 2
	maxHotword  = 20
	maxHotwords = 300
)

// vocabulary knows which hot words a model's tokens can spell. The library
// would take the part of a word that it knows for the whole of it.
type vocabulary struct {
	tokens map[string]bool
	pieces bool // words are split into pieces of which any word can be made
}

func readVocabulary(path string, pieces bool) (vocabulary, error) {
	f, err := os.Open(path)
	if err != nil {
		return vocabulary{}, fmt.Errorf("tokens: %w", err)
	}
	defer func() { _ = f.Close() }()
	v := vocabulary{tokens: map[string]bool{}, pieces: pieces}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		token, _, _ := strings.Cut(lines.Text(), " ")
		v.tokens[token] = true
	}
	if err := lines.Err(); err != nil {
		return vocabulary{}, fmt.Errorf("tokens: %w", err)
	}
	return v, nil
}

// characters says whether tokens are characters, so that words can be
// spelled by them.
func (v vocabulary) characters() bool { return v.tokens["的"] && v.tokens["我"] }

// hotwords makes words for the search out of phrases to expect: digits as
// they are spoken, and of what the tokens cannot spell the stretches that
// they can. An order prefix "TB2024" becomes 二零二四 for a model without
// letters.
func (v vocabulary) hotwords(phrases ...string) []string {
	var words []string
	seen := map[string]bool{}
	for _, p := range phrases {
		all := v.stretches(zhtext.Narrow(p))
		if strings.ContainsRune(p, '1') { // read as 一 or, on the telephone, as 幺
			all = append(all, v.stretches(strings.ReplaceAll(zhtext.Narrow(p), "1", "幺"))...)
		}
		for _, w := range all {
			if n := len([]rune(w)); n < minHotword || n > maxHotword || seen[w] || len(words) == maxHotwords {
				continue
			}
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

// stretches cuts a phrase at what cannot be spelled.
func (v vocabulary) stretches(phrase string) []string {
	var out []string
	var now strings.Builder
	cut := func() {
		if now.Len() > 0 {
			out = append(out, now.String())
			now.Reset()
		}
	}
	for _, r := range phrase {
		if s := v.spell(r); s != "" {
			now.WriteString(s)
		} else if !unicode.IsSpace(r) {
			cut()
		}
	}
	cut()
	return out
}

const spokenDigits = "零一二三四五六七八九"

// spell is a character as the tokens have it, empty when they do not.
func (v vocabulary) spell(r rune) string {
	if r >= '0' && r <= '9' {
		r = []rune(spokenDigits)[r-'0']
	}
	switch {
	case unicode.Is(unicode.Han, r):
		if s := string(r); v.tokens[s] || v.pieces {
			return s
		}
	case r >= 'A' && r <= 'Z':
		for _, s := range []string{string(r), string(unicode.ToLower(r))} {
			if v.tokens[s] || v.pieces && v.tokens["▁"+s] {
				return s
			}
		}
	}
	return ""
}
