package entext

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// SayDate says a day as a person would: "today", "yesterday", "last Tuesday"
// within a week, else "November twelfth", with the year when it is another.
// Both times are taken in the zone of now.
func SayDate(t, now time.Time) string {
	t = t.In(now.Location())
	switch days := daysBetween(t, now); {
	case days == 0:
		return "today"
	case days == 1:
		return "yesterday"
	case days == -1:
		return "tomorrow"
	case days > 1 && days < 7:
		return "last " + t.Weekday().String()
	case days < -1 && days > -7:
		return "next " + t.Weekday().String()
	}
	text := t.Month().String() + " " + SayOrdinal(t.Day())
	if t.Year() != now.Year() {
		text += " " + sayYear(t.Year())
	}
	return text
}

// sayYear says a year in pairs where people do: "twenty twenty-six".
func sayYear(y int) string {
	if y < 1000 || y > 9999 || y%1000 < 10 {
		return SayNumber(int64(y))
	}
	if y%100 < 10 {
		return below1000(y/100) + " oh " + small[y%100]
	}
	return below1000(y/100) + " " + below1000(y%100)
}

// daysBetween is how many days t lies before now, by the calendar.
func daysBetween(t, now time.Time) int {
	day := func(x time.Time) time.Time {
		return time.Date(x.Year(), x.Month(), x.Day(), 12, 0, 0, 0, time.UTC)
	}
	return int(day(now).Sub(day(t)).Hours() / 24)
}

var (
	monthDay = regexp.MustCompile(` (january|february|march|april|may|june|july|august|september|october|november|december|` +
		`jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec) (?:the )?(\d{1,2})(?:st|nd|rd|th)? `)
	dayMonth = regexp.MustCompile(` (\d{1,2})(?:st|nd|rd|th)? (?:of )?(january|february|march|april|may|june|july|august|september|october|november|december) `)
	ago      = regexp.MustCompile(` (\d{1,3}|[a-z]+) (day|week|month)s? ago `)
	weekday  = regexp.MustCompile(` (?:on |last |this |from )?(monday|tuesday|wednesday|thursday|friday|saturday|sunday)s? `)
)

// ParseDate finds a day in the past in a sentence: "yesterday", "last Friday",
// "three days ago", "November 12th", "the twelfth of November". The day is at
// midnight in the zone of now.
func ParseDate(sentence string, now time.Time) (time.Time, bool) {
	text := digitOrdinals(plain(sentence))
	day := func(back int) (time.Time, bool) {
		return time.Date(now.Year(), now.Month(), now.Day()-back, 0, 0, 0, 0, now.Location()), true
	}
	if m := monthDay.FindStringSubmatch(text); m != nil {
		return inPast(m[1], m[2], now)
	}
	if m := dayMonth.FindStringSubmatch(text); m != nil {
		return inPast(m[2], m[1], now)
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		if n, ok := count(m[1]); ok {
			switch m[2] {
			case "week":
				return day(7 * n)
			case "month":
				return time.Date(now.Year(), now.Month()-time.Month(n), now.Day(), 0, 0, 0, 0, now.Location()), true
			}
			return day(n)
		}
	}
	for i, w := range []string{" today ", " yesterday ", " day before yesterday "} {
		if strings.Contains(text, w) && !(i == 1 && strings.Contains(text, " day before yesterday ")) {
			return day(i)
		}
	}
	if m := weekday.FindStringSubmatch(text); m != nil {
		for back := 1; back <= 7; back++ {
			if d, _ := day(back); strings.EqualFold(d.Weekday().String(), m[1]) {
				return d, true
			}
		}
	}
	return time.Time{}, false
}

// inPast is the latest such day that is not after now.
func inPast(month, day string, now time.Time) (time.Time, bool) {
	d, err := strconv.Atoi(day)
	if err != nil || d < 1 || d > 31 {
		return time.Time{}, false
	}
	for m := time.January; m <= time.December; m++ {
		if !strings.HasPrefix(strings.ToLower(m.String()), month[:3]) {
			continue
		}
		for back := range 5 { // the 29th of February is not in every year
			t := time.Date(now.Year()-back, m, d, 0, 0, 0, 0, now.Location())
			if t.Month() == m && !t.After(now) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// count is a small number, in digits or words.
func count(w string) (int, bool) {
	if n, err := strconv.Atoi(w); err == nil {
		return n, true
	}
	if w == "a" || w == "an" {
		return 1, true
	}
	if w == "couple" {
		return 2, true
	}
	for n, s := range small {
		if s == w {
			return n, true
		}
	}
	return 0, false
}

// digitOrdinals writes the days of a month in digits: "november twelfth" is
// "november 12".
func digitOrdinals(text string) string { return ordinalWords.Replace(text) }

var ordinalWords = func() *strings.Replacer {
	var pairs []string
	for n := 31; n >= 1; n-- { // longer ones first: "twenty first" before "first"
		word := strings.ReplaceAll(SayOrdinal(n), "-", " ")
		pairs = append(pairs, fmt.Sprintf(" %s ", word), fmt.Sprintf(" %d ", n))
	}
	return strings.NewReplacer(pairs...)
}()
