package zhtext

import (
	"strings"
	"unicode"
)

// Narrow turns full-width forms into ASCII and letters into upper case, so
// that readers see one form only. The number of characters stays the same.
func Narrow(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			r -= 0xFEE0
		case r == 0x3000:
			r = ' '
		}
		if r < unicode.MaxASCII {
			return unicode.ToUpper(r)
		}
		return r
	}, text)
}

// Clauses splits text at punctuation and white space into its non-empty parts.
func Clauses(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)
	})
}
