package entext

import (
	"regexp"
	"strings"
)

var (
	small = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen " +
		"sixteen seventeen eighteen nineteen")
	tens = strings.Fields("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
	// scales are the names of 1000^1, 1000^2, ...
	scales   = strings.Fields("thousand million billion trillion quadrillion quintillion")
	ordinals = map[string]string{
		"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
	}
)

// SayNumber says a number in words: 1205 is "one thousand two hundred five".
func SayNumber(n int64) string {
	if n == 0 {
		return small[0]
	}
	// Negated as unsigned, so that the least number has its opposite.
	u, sign := uint64(n), ""
	if n < 0 {
		u, sign = -u, "minus "
	}
	var parts []string
	for i := 0; u > 0; i++ {
		if group := u % 1000; group > 0 {
			text := below1000(int(group))
			if i > 0 {
				text += " " + scales[i-1]
			}
			parts = append([]string{text}, parts...)
		}
		u /= 1000
	}
	return sign + strings.Join(parts, " ")
}

func below1000(n int) string {
	var parts []string
	if n >= 100 {
		parts = append(parts, small[n/100], "hundred")
		n %= 100
	}
	switch {
	case n >= 20 && n%10 > 0:
		parts = append(parts, tens[n/10]+"-"+small[n%10])
	case n >= 20:
		parts = append(parts, tens[n/10])
	case n > 0:
		parts = append(parts, small[n])
	}
	return strings.Join(parts, " ")
}

// SayOrdinal says which one: 21 is "twenty-first". n is at least 1.
func SayOrdinal(n int) string {
	text := SayNumber(int64(n))
	cut := strings.LastIndexAny(text, " -") + 1
	head, last := text[:cut], text[cut:]
	if o, ok := ordinals[last]; ok {
		return head + o
	}
	if y, ok := strings.CutSuffix(last, "y"); ok {
		return head + y + "ieth"
	}
	return head + last + "th"
}

// ordinalDay is a day of a month, which counts nothing.
var ordinalDay = func() *regexp.Regexp {
	months := "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
	days := make([]string, 0, 31)
	for n := 31; n >= 1; n-- {
		days = append(days, strings.ReplaceAll(SayOrdinal(n), "-", " "))
	}
	day := "(?:[0-9]{1,2}(?:st|nd|rd|th)|" + strings.Join(days, "|") + ")"
	return regexp.MustCompile(" " + months + " (?:the )?" + day + " | (?:the )?" + day + " (?:of )?" + months + " ")
}()

// ReadOrdinal is which of several is meant, from 1, and -1 for the last; 0 when
// none is named.
func ReadOrdinal(sentence string) int {
	text := ordinalDay.ReplaceAllString(plain(sentence), "  ")
	if strings.Contains(text, " last ") && !strings.Contains(text, " last week ") && !strings.Contains(text, " last month ") {
		return -1
	}
	for n := 1; n <= 9; n++ {
		for _, form := range []string{SayOrdinal(n), "number " + small[n], "option " + small[n]} {
			if strings.Contains(text, " "+form+" ") {
				// "One second" is a time.
				if n == 2 && (strings.Contains(text, " one second ") || strings.Contains(text, " a second ")) {
					continue
				}
				return n
			}
		}
	}
	for n, form := range []string{"1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th"} {
		if strings.Contains(text, " "+form+" one ") || strings.TrimSpace(text) == form || strings.Contains(text, " the "+form+" ") {
			return n + 1
		}
	}
	return 0
}

// SayAmount says an amount of yuan given in fen: 123.50 is "one hundred
// twenty-three yuan fifty".
func SayAmount(fen int64) string {
	sign := ""
	u := uint64(fen)
	if fen < 0 {
		u, sign = -u, "minus "
	}
	text := sign + SayNumber(int64(u/100)) + " yuan"
	if cents := u % 100; cents > 0 {
		text += " " + below1000(int(cents))
		if cents < 10 {
			text = sign + SayNumber(int64(u/100)) + " yuan and " + small[cents] + " fen"
		}
	}
	return text
}
