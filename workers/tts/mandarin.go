package tts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mozillazg/go-pinyin"
)

// pinyinText writes Chinese text as pinyin with tone numbers, one syllable a
// word, for espeak-ng's voice cmn-latn-pinyin. Digits are read one by one,
// Latin letters by their names, punctuation becomes the two pauses that
// espeak-ng knows (comma, full stop). Everything else is left out: the
// result holds only a-z, ü, 1-5, comma, full stop and space.
func pinyinText(text string) string {
	text = strings.Map(halfWidth, text)
	var out pinyinWriter
	for i := 0; i < len(text); {
		if reading, n := phraseAt(text, i); n > 0 {
			out.syllables(reading...)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r >= '0' && r <= '9':
			out.syllables(digitPinyin[r-'0'])
		case r == '.' && digitAt(text, i-1) && digitAt(text, i+1):
			out.syllables("dian3")
		case r <= unicode.MaxASCII && unicode.IsLetter(r):
			out.syllables(letterPinyin[unicode.ToLower(r)-'a']...)
		case unicode.Is(unicode.Han, r):
			out.syllables(charPinyin(r))
		case isStop(r):
			out.pause('.')
		case isPause(r):
			out.pause(',')
		case r == '%':
			out.syllables("bai3", "fen1", "hao4")
		}
		i += n
	}
	return out.String()
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// halfWidth maps full-width letters, digits and marks (U+FF01 to U+FF5E) to
// ASCII.
func halfWidth(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E {
		return r - 0xFEE0
	}
	return r
}

// isStop and isPause sort punctuation by the pause that it makes.
func isStop(r rune) bool { return strings.ContainsRune("。！？；!?;….\n", r) }

func isPause(r rune) bool {
	return strings.ContainsRune("，、：,:—～~/（）()《》“”\"", r)
}

// pinyinWriter joins syllables with spaces and never writes two pauses in a
// row, nor one at the beginning.
type pinyinWriter struct {
	strings.Builder
	paused bool
}

func (w *pinyinWriter) syllables(list ...string) {
	for _, s := range list {
		if s == "" {
			continue
		}
		if w.Len() > 0 {
			w.WriteByte(' ')
		}
		w.WriteString(s)
		w.paused = false
	}
}

func (w *pinyinWriter) pause(mark byte) {
	if w.Len() > 0 && !w.paused {
		w.WriteByte(mark)
		w.paused = true
	}
}

var pinyinArgs = func() pinyin.Args {
	a := pinyin.NewArgs()
	a.Style = pinyin.Tone3
	return a
}()

// charPinyin is a character's reading: ours where the dictionary's first is
// not the one of the telephone, else the dictionary's first; the neutral tone
// is written as 5, since espeak-ng reads a syllable without number as tone 1.
func charPinyin(r rune) string {
	if s, ok := charReadings[r]; ok {
		return s
	}
	list := pinyin.SinglePinyin(r, pinyinArgs)
	if len(list) == 0 {
		return ""
	}
	return espeakSyllable(list[0])
}

func espeakSyllable(s string) string {
	s = strings.ReplaceAll(s, "v", "ü")
	if s != "" && (s[len(s)-1] < '1' || s[len(s)-1] > '5') {
		s += "5"
	}
	return s
}

// phraseAt finds the longest phrase of the table that begins at text[i:] and
// gives its syllables and its length in bytes.
func phraseAt(text string, i int) ([]string, int) {
	r, n := utf8.DecodeRuneInString(text[i:])
	if n == 1 {
		return nil, 0
	}
	for _, p := range phrases[r] {
		if strings.HasPrefix(text[i:], p.text) {
			return p.syllables, len(p.text)
		}
	}
	return nil, 0
}
