package store

import "strings"

// nationalPhone brings a number, however it was signalled or written, to the
// form the tables hold: digits, without the mainland's country code (+86,
// 0086) and without the 0 that some carriers put before a mobile number of
// another city.
func nationalPhone(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		}
	}
	d := b.String()
	for _, prefix := range []string{"0086", "86", "0"} {
		if rest, ok := strings.CutPrefix(d, prefix); ok && len(rest) == 11 && rest[0] == '1' {
			return rest
		}
	}
	return d
}

// indexedPhone is what the blind index of a number is made of: its national
// form, or, where a caller is signalled by a name, that.
func indexedPhone(s string) string {
	if n := nationalPhone(s); n != "" {
		return n
	}
	return strings.ToLower(strings.TrimSpace(s))
}
