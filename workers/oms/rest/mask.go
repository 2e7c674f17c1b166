package rest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/internal/restcall"
)

// shape shows how a value is written without what it says: digits as 0,
// letters as x, Han characters as 某.
func shape(v any) string {
	switch x := v.(type) {
	case string:
		s := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsDigit(r):
				return '0'
			case unicode.Is(unicode.Han, r):
				return '某'
			case unicode.IsLetter(r):
				return 'x'
			case unicode.IsControl(r):
				return ' '
			}
			return r
		}, cut(x, 40))
		return fmt.Sprintf("%q", s)
	case map[string]any:
		return fmt.Sprintf("an object of %d fields", len(x))
	case []any:
		return fmt.Sprintf("a list of %d", len(x))
	case nil:
		return "null"
	}
	s, _ := text(v)
	return strings.Trim(shape(s), `"`)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,40}$`)
var longDigits = regexp.MustCompile(`[0-9]{5,}`)

// word shows a value that ought to be one of a system's states: those are
// needed to write a table, and are about nobody.
func word(v any) string {
	if s, ok := text(v); ok && plainWord.MatchString(s) && !longDigits.MatchString(s) {
		return fmt.Sprintf("%q", s)
	}
	return shape(v)
}

// sampleBytes is how much of an answer an error shows, masked.
const sampleBytes = 300

// sampleOf shows what was there instead of what the mapping wants.
func sampleOf(v any) string { return restcall.MaskJSON(v, sampleBytes) }

// Mask shows any answer of this package as JSON, with personal values hidden.
func Mask(v any) string { return restcall.Mask(v) }
