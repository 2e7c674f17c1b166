package numberplan

import "strings"

// Kind is what sort of number a caller has.
type Kind uint8

// The kinds. Unknown is everything that says nothing about a place: service
// numbers, extensions, a withheld number.
const (
	Unknown Kind = iota
	Landline
	Mobile
	Abroad // +852, +853, +886 and all other countries
)

// Number is a number in the form of the national plan: a landline begins with
// 0 and its area code, a mobile with 1, one from abroad with +.
type Number struct {
	Kind   Kind
	Digits string
}

// longest is what E.164 allows, with room for a trunk prefix.
const longest = 20

// Parse reads a number as switches and carriers write it: with +86, 0086 or 86
// before it or without, with a trunk 0 before a mobile number, with spaces,
// hyphens, dots and brackets.
func Parse(s string) Number {
	digits, plus := squeeze(s)
	if digits == "" || len(digits) > longest {
		return Number{}
	}
	if rest, ok := strings.CutPrefix(digits, "00"); ok && !plus {
		digits, plus = rest, true
	}
	if rest, ok := strings.CutPrefix(digits, "86"); ok && (plus || len(digits) >= 11) {
		return national(rest, true)
	}
	if plus && digits != "" {
		return Number{Abroad, "+" + digits}
	}
	return national(digits, false)
}

// squeeze keeps the digits and says whether a plus stands before them; ""
// when there is anything else in it that a number does not have.
func squeeze(s string) (digits string, plus bool) {
	if plainDigits(s) {
		return s, false
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteByte(byte(r))
		case r >= '０' && r <= '９':
			b.WriteByte(byte(r - '０' + '0'))
		case (r == '+' || r == '＋') && b.Len() == 0 && !plus:
			plus = true
		case strings.ContainsRune(" -.()（）\t\u00a0", r):
		default:
			return "", false
		}
		if i > 4*longest {
			return "", false
		}
	}
	return b.String(), plus
}

// national reads what follows the country code. After one, the trunk 0 of a
// landline is left out.
func national(d string, afterCode bool) Number {
	if rest := strings.TrimPrefix(d, "0"); isMobile(rest) {
		return Number{Mobile, rest}
	}
	if afterCode && !strings.HasPrefix(d, "0") {
		if strings.HasPrefix(d, "400") || strings.HasPrefix(d, "800") {
			return Number{} // service numbers, which belong nowhere
		}
		d = "0" + d
	}
	// An area code of three or four digits with a number of seven or eight.
	if len(d) >= 10 && len(d) <= 12 && d[0] == '0' && d[1] != '0' {
		return Number{Landline, d}
	}
	return Number{}
}

// isMobile tells a mainland mobile number: 11 digits from 13 to 19.
func isMobile(d string) bool { return len(d) == 11 && d[0] == '1' && d[1] >= '3' }

func plainDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
