// Package obs is what every service shows of itself: logs that mask what is
// private, metrics, and the health endpoints.
package obs

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Phone is a telephone number that logs as its first three and last two
// digits.
type Phone string

// String masks the middle of the number.
func (p Phone) String() string {
	s := string(p)
	if len(s) <= 5 {
		return strings.Repeat("*", len(s))
	}
	return s[:3] + strings.Repeat("*", len(s)-5) + s[len(s)-2:]
}

// LogValue masks the number in slog.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText masks the number in encoders that slog's handlers use.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Text is what somebody said, or a name: it logs as its length only.
type Text string

// String is the length in characters.
func (t Text) String() string {
	return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(string(t)))
}

// LogValue masks the text in slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText masks the text in encoders that slog's handlers use.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
