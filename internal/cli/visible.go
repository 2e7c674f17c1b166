package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible writes what a terminal would obey, or what turns the order of
// letters, as escapes: texts of other systems may hold sequences that move
// the cursor, rename the window or hide what follows (CWE-150). Of the
// controls only those in keep stay.
func visible(s, keep string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i]) // a terminal may take a lone byte for a control
		case (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') && !strings.ContainsRune(keep, r):
			fmt.Fprintf(&b, `\u%04x`, r) // as JSON has it
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// line is a text of others that has to stay on one line.
func line(s string) string { return visible(s, "") }

// visibleWriter passes on what is visible of texts, and lines and tabs. Each
// Write is of whole characters.
type visibleWriter struct{ w io.Writer }

func (v visibleWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.w, visible(string(p), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}
