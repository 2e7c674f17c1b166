package nlu

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// unit is one character of a sentence with the way it sounds.
type unit struct {
	char  rune
	sound string
	// first is true when punctuation stands before the character, gap when
	// space does.
	first, gap bool
}

// units splits text into letters, digits and Han characters, at most limit of
// them; everything else only separates.
func units(text string, limit int) []unit {
	out := make([]unit, 0, min(len(text)/3+1, limit))
	first, gap := false, false
	for _, r := range text {
		if len(out) == limit {
			break
		}
		r = unicode.ToLower(narrow(r))
		switch {
		case unicode.Is(unicode.Han, r):
			out = append(out, unit{r, sound(r), first, gap})
			first, gap = false, false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			out = append(out, unit{r, string(r), first, gap})
			first, gap = false, false
		case unicode.IsSpace(r) || r == '\'':
			gap = true
		default:
			first = true
		}
	}
	return out
}

// narrow turns a full-width form into its ASCII one.
func narrow(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E {
		return r - 0xFEE0
	}
	return r
}

// toneless takes the tone off a vowel of pinyin, as far as there is one.
var toneless = func() map[rune]rune {
	out := map[rune]rune{'ü': 'v', 'ê': 'e'}
	for plain, marked := range map[rune]string{
		'a': "āáǎà", 'e': "ēéěè", 'i': "īíǐì", 'o': "ōóǒò", 'u': "ūúǔù", 'v': "ǖǘǚǜ", 'n': "ńňǹ", 'm': "ḿ",
	} {
		for _, r := range marked {
			out[r] = plain
		}
	}
	return out
}()

// sound is the toneless pinyin of a character, with the differences taken out
// that many speakers and recognisers do not make: zh/z, ch/c, sh/s, n/l,
// -ng/-n. It reads the library's dictionary itself: the library's own way
// with tones costs more than all the rest of learning.
func sound(r rune) string {
	first, _, _ := strings.Cut(pinyin.PinyinDict[int(r)], ",")
	if first == "" {
		return string(r)
	}
	s := strings.Map(func(r rune) rune {
		if plain, ok := toneless[r]; ok {
			return plain
		}
		if r > unicode.MaxASCII { // a tone that stands by itself
			return -1
		}
		return r
	}, first)
	if len(s) > 2 && s[1] == 'h' && strings.IndexByte("zcs", s[0]) >= 0 {
		s = s[:1] + s[2:]
	}
	if len(s) > 1 && s[0] == 'n' {
		s = "l" + s[1:]
	}
	return strings.TrimSuffix(s, "g")
}

// Sound is how a character sounds to a Model: what differs only in what many
// speakers do not tell apart has the same one.
func Sound(r rune) string {
	if !unicode.Is(unicode.Han, r) {
		return ""
	}
	return sound(r)
}

// loosely takes one more difference out of a sound, which speakers of the
// south and recognisers miss: h/f.
func loosely(sound string) string {
	switch {
	case sound == "fu":
		return "hu"
	case sound == "fei":
		return "hui"
	case len(sound) > 1 && sound[0] == 'f':
		return "hu" + sound[1:]
	}
	return sound
}
