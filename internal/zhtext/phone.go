package zhtext

import (
	"regexp"
	"strings"
)

var (
	mobile   = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	landline = regexp.MustCompile(`^0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}$`)
	hotline  = regexp.MustCompile(`^[48]00[0-9]{7}$`)
)

// MobileNumber makes a mainland mobile number of 11 digits of one that may
// have the country's code before it; "" when it is none.
func MobileNumber(digits string) string {
	for _, code := range []string{"", "86", "086", "0086"} {
		if rest, ok := strings.CutPrefix(digits, code); ok && mobile.MatchString(rest) {
			return rest
		}
	}
	return ""
}

// FindPhone finds a telephone number of the mainland in a sentence, as it is
// dictated or written: 幺三八，零零零零，四个八. It is digits only: a mobile number
// without the country's code, a landline with its area code, or a hotline.
func FindPhone(sentence string) (number string, ok bool) {
	for _, r := range FindDigits(strings.ReplaceAll(sentence, "+86", "")) {
		if r.Counted || r.Tail {
			continue
		}
		if m := MobileNumber(r.Text); m != "" {
			return m, true
		}
		if landline.MatchString(r.Text) || hotline.MatchString(r.Text) {
			return r.Text, true
		}
	}
	return "", false
}

// SayPhone reads a telephone number out in the groups that people say: a
// mobile number in 3, 4 and 4 digits, a landline behind its area code.
func SayPhone(number string) string {
	if m := MobileNumber(number); m != "" {
		return sayGroupsOf(m, 3, 4, 4)
	}
	switch {
	case hotline.MatchString(number):
		return sayGroupsOf(number, 3, 3, 4)
	case landline.MatchString(number) && (number[1] == '1' || number[1] == '2'):
		return sayGroupsOf(number, 3, 4, len(number)-7)
	case landline.MatchString(number):
		return sayGroupsOf(number, 4, 4, len(number)-8)
	}
	return ReadDigits(number, digitGroup)
}

func sayGroupsOf(digits string, sizes ...int) string {
	var groups []string
	for _, n := range sizes {
		groups = append(groups, ReadDigits(digits[:n], n))
		digits = digits[n:]
	}
	return strings.Join(groups, "，")
}
