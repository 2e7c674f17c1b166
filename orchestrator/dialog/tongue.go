package dialog

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/entext"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// ear understands what people say in a flow's language.
type ear interface {
	// fold writes a text as package nlu compares it: a letter a word or
	// character.
	fold(text string) string
	yesNo(text string) zhtext.Answer
	digits(text string) []zhtext.Run
	// fix finds what was wrong about a number; a language that has none finds
	// nothing.
	fix(text string) (zhtext.Fix, bool)
	// date finds a day; ordinal which of several, from 1, -1 the last, 0 none.
	date(text string, now time.Time) (time.Time, bool)
	ordinal(text string) int
	// variant finds a size or a colour, several whether more than one article
	// is meant, and which of them, from 1, where they are numbered.
	variant(text string) string
	several(text string) (ordinals []int, ok bool)
	// leastName is how many letters of a folded name may stand for it.
	leastName() int
}

// mouth says things in a flow's language, so that a voice needs no rules.
type mouth interface {
	readDigits(s string, group int) string
	number(n int64) string
	amount(fen int64) string
	date(t, now time.Time) string
	yesNo(a zhtext.Answer) string
	// name is what a person would say of an article's name.
	name(s string) string
	// list joins things to choose from; comma stands between names.
	list(items []string) string
	comma() string
}

// languages are those that a flow may have, by the first part of its tag.
var languages = []string{"zh", "en"}

// listen prepares a sentence of a caller.
func (f *Flow) listen(text string) nlu.Utterance { return nlu.Listen(f.ear.fold(text)) }

// compile prepares phrases of the flow.
func (f *Flow) compile(list []string) []nlu.Phrase { return nlu.Compile(f.folded(list)) }

func (f *Flow) folded(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, f.ear.fold(s))
	}
	return out
}

// foldedKeys folds the words of evidence; of two that become one the greater
// weight counts.
func (f *Flow) foldedKeys(evidence map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(evidence))
	for _, word := range sortedKeys(evidence) {
		k := f.ear.fold(word)
		if w, ok := out[k]; !ok || evidence[word] > w {
			out[k] = evidence[word]
		}
	}
	return out
}

// speaks sets the flow's ear and mouth by its language.
func (f *Flow) speaks() {
	f.ear, f.mouth = chineseEar{}, chineseMouth{}
	if tag, _, _ := strings.Cut(f.header.Language, "-"); tag == "en" {
		f.ear, f.mouth = englishEar{entext.NewVocabulary(f.callersWords())}, englishMouth{}
	}
}

// callersWords is everything in the flow that callers say.
func (f *Flow) callersWords() []string {
	var out []string
	for _, list := range f.phrases {
		out = append(out, list...)
	}
	for _, s := range f.slots {
		out = append(out, s.Mention...)
		for _, v := range s.Values {
			out = append(out, v.Words...)
		}
	}
	for name, in := range f.intents {
		out = append(out, f.examples[name]...)
		out = append(out, in.Core...)
		out = append(out, sortedKeys(in.Evidence)...)
	}
	for _, e := range f.expects {
		out = append(out, e.Answers...)
	}
	for _, e := range f.knowledge {
		out = append(out, e.Questions...)
		out = append(out, e.Words...)
	}
	slices.Sort(out)
	return out
}

type (
	chineseEar   struct{}
	chineseMouth struct{}
)

func (chineseEar) fold(text string) string         { return text }
func (chineseEar) yesNo(text string) zhtext.Answer { return zhtext.ReadYesNo(text) }
func (chineseEar) digits(text string) []zhtext.Run { return zhtext.FindDigits(text) }
func (chineseEar) fix(s string) (zhtext.Fix, bool) { return zhtext.FindFix(s) }
func (chineseEar) ordinal(text string) int         { return readOrdinal(text) }
func (chineseEar) leastName() int                  { return 2 }
func (chineseEar) date(text string, now time.Time) (time.Time, bool) {
	return zhtext.ParseDate(text, now)
}

func (chineseMouth) readDigits(s string, group int) string { return zhtext.ReadDigits(s, group) }
func (chineseMouth) number(n int64) string                 { return zhtext.SayNumber(n) }
func (chineseMouth) amount(fen int64) string               { return zhtext.SayAmountFormally(fen) }
func (chineseMouth) date(t, now time.Time) string          { return zhtext.SayDate(t, now) }
func (chineseMouth) yesNo(a zhtext.Answer) string          { return zhtext.SayYesNo(a) }
func (chineseMouth) name(s string) string                  { return spokenName(s) }
func (chineseMouth) list(items []string) string            { return strings.Join(items, "；") }

func (chineseMouth) comma() string { return "、" }

type (
	englishEar   struct{ words *entext.Vocabulary }
	englishMouth struct{}
)

func (e englishEar) fold(text string) string       { return e.words.Fold(text) }
func (englishEar) yesNo(text string) zhtext.Answer { return zhtext.Answer(entext.ReadYesNo(text)) }
func (englishEar) ordinal(text string) int         { return entext.ReadOrdinal(text) }
func (englishEar) leastName() int                  { return 1 }
func (englishEar) date(text string, now time.Time) (time.Time, bool) {
	return entext.ParseDate(text, now)
}

func (englishEar) fix(text string) (zhtext.Fix, bool) {
	f, ok := entext.FindFix(text)
	return zhtext.Fix(f), ok
}

func (englishEar) digits(text string) []zhtext.Run {
	var out []zhtext.Run
	for _, r := range entext.FindDigits(text) {
		out = append(out, zhtext.Run{Text: r.Text, Start: r.Start, End: r.End, Tail: r.Tail, Head: r.Head, Counted: r.Counted})
	}
	return out
}

func (englishMouth) readDigits(s string, group int) string { return entext.ReadDigits(s, group) }
func (englishMouth) number(n int64) string                 { return entext.SayNumber(n) }
func (englishMouth) amount(fen int64) string               { return entext.SayAmount(fen) }
func (englishMouth) date(t, now time.Time) string          { return entext.SayDate(t, now) }
func (englishMouth) list(items []string) string            { return strings.Join(items, "; ") }

func (englishMouth) comma() string { return ", " }

func (englishMouth) yesNo(a zhtext.Answer) string {
	return [...]string{"", "yes", "no"}[min(a, zhtext.AnswerNo)]
}

// maxEnglishName is how much of an article's name is said, in characters.
const maxEnglishName = 40

func (englishMouth) name(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "/([|,"); i >= 2 {
		s = strings.TrimSpace(s[:i])
	}
	if utf8.RuneCountInString(s) <= maxEnglishName {
		return s
	}
	cut := string([]rune(s)[:maxEnglishName])
	if i := strings.LastIndex(cut, " "); i > 0 {
		cut = cut[:i]
	}
	return cut
}
