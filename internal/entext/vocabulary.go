package entext

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
)

// Vocabulary writes each word as one letter, so that what compares sentences
// letter by letter, as is done for Mandarin, compares English by words. Known
// words get a letter each; others get one of a few thousand by their hash. It
// is immutable.
type Vocabulary struct{ letters map[string]rune }

// Letters of scripts that no caller of an English flow writes.
const (
	knownFirst, knownLast     = 0xAC00, 0xD7A3   // Hangul syllables
	unknownFirst, unknownLast = 0x17000, 0x187F7 // Tangut
)

// NewVocabulary knows the words of the texts. The same texts, in whatever
// order, make the same one; words beyond some ten thousand stay unknown.
func NewVocabulary(texts []string) *Vocabulary {
	var stems []string
	for _, t := range texts {
		for _, w := range words(t) {
			stems = append(stems, stemsOf(w.text)...)
		}
	}
	slices.Sort(stems)
	stems = slices.Compact(stems)
	v := &Vocabulary{letters: make(map[string]rune, len(stems))}
	for i, s := range stems[:min(len(stems), knownLast-knownFirst+1)] {
		v.letters[s] = knownFirst + rune(i)
	}
	return v
}

// Fold writes a sentence as letters; where it has punctuation, a comma stays.
func (v *Vocabulary) Fold(sentence string) string {
	var b strings.Builder
	rs := []rune(sentence)
	end := 0
	for _, w := range words(sentence) {
		if slices.ContainsFunc(rs[end:w.start], unicode.IsPunct) && b.Len() > 0 {
			b.WriteByte(',')
		}
		end = w.end
		for _, s := range stemsOf(w.text) {
			b.WriteRune(v.letter(s))
		}
	}
	return b.String()
}

func (v *Vocabulary) letter(stem string) rune {
	if r, ok := v.letters[stem]; ok {
		return r
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(stem))
	return unknownFirst + rune(h.Sum32()%(unknownLast-unknownFirst+1))
}

// alike are words that are written and said in more than one way. Those that
// may also be something else ("we'll" without its apostrophe) are left alone.
var alike = map[string]string{
	"im": "i am", "ive": "i have", "id": "i would", "ill": "i will", "its": "it is", "thats": "that is", "whats": "what is", "wheres": "where is",
	"whens": "when is", "whos": "who is", "hows": "how is", "theres": "there is", "youre": "you are", "theyre": "they are", "weve": "we have",
	"youve": "you have", "youll": "you will", "gonna": "going to", "wanna": "want to", "gotta": "got to", "lemme": "let me", "gimme": "give me",
	"ya": "you", "yall": "you", "em": "them", "colour": "color", "colours": "color", "grey": "gray", "cancelled": "cancel", "cancelling": "cancel",
	"cancellation": "cancel", "labelled": "label", "travelled": "travel", "alright": "all right", "ok": "okay",
}

// stemsOf are the stems that a word counts as.
func stemsOf(w string) []string {
	if a, ok := alike[w]; ok {
		w = a
	}
	out := strings.Fields(w)
	for i := range out {
		out[i] = stem(out[i])
	}
	return out
}

// stem takes the commonest endings off, so that "returns", "returned" and
// "returning" are one word.
func stem(w string) string {
	for _, ending := range []string{"ing", "ed", "s"} {
		if s, ok := strings.CutSuffix(w, ending); ok && len(s) >= 4 && !strings.HasSuffix(s, "s") {
			w = s
			break
		}
	}
	if s, ok := strings.CutSuffix(w, "e"); ok && len(s) >= 4 {
		w = s
	}
	return w
}
