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

var plainArgs = pinyin.NewArgs()

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

// sound is the toneless pinyin of a character, with the differences taken out
// that many speakers and recognisers do not make: zh/z, ch/c, sh/s, n/l,
// -ng/-n.
func sound(r rune) string {
	all := pinyin.SinglePinyin(r, plainArgs)
	if len(all) == 0 {
		return string(r)
	}
	s := all[0]
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
