package zhtext

import (
	"regexp"
	"unicode/utf8"
)

// Clock is a time of day in minutes since midnight; up to 24 hours, for the end
// of a range.
type Clock int

const hour Clock = 60

// periods are the parts of a day as people call them: how an hour of 1 to 12
// is meant in it, and the time that it means alone.
type period struct {
	afternoon bool
	from, to  Clock
}

var periods = map[string]period{
	"凌晨": {false, 0, 6 * hour}, "清早": {false, 7 * hour, 9 * hour}, "早上": {false, 8 * hour, 10 * hour}, "早晨": {false, 8 * hour, 10 * hour},
	"今早": {false, 8 * hour, 10 * hour}, "明早": {false, 8 * hour, 10 * hour}, "上午": {false, 9 * hour, 12 * hour}, "中午": {true, 12 * hour, 14 * hour},
	"午后": {true, 13 * hour, 15 * hour}, "下午": {true, 14 * hour, 18 * hour}, "傍晚": {true, 17 * hour, 19 * hour}, "晚上": {true, 18 * hour, 21 * hour},
	"今晚": {true, 18 * hour, 21 * hour}, "明晚": {true, 18 * hour, 21 * hour}, "夜里": {true, 20 * hour, 22 * hour}, "晏昼": {true, 14 * hour, 18 * hour},
	"下昼": {true, 14 * hour, 18 * hour}, "上昼": {false, 9 * hour, 12 * hour},
}

// SayClock says a time of day: "下午三点半", "上午十点零五分".
func SayClock(c Clock) string { return clockPeriod(c) + sayClock(c) }

func clockPeriod(c Clock) string {
	switch h := c / hour; {
	case c == 18*hour:
		return "下午" // an afternoon ends at six
	case h < 6:
		return "凌晨"
	case h < 9:
		return "早上"
	case h < 12:
		return "上午"
	case h < 13:
		return "中午"
	case h < 18:
		return "下午"
	}
	return "晚上"
}

// sayClock says a time of day without its part.
func sayClock(c Clock) string {
	h, m := int64(c/hour), int64(c%hour)
	if h > 12 {
		h -= 12
	}
	said := count(decimal(h), true) + "点"
	switch {
	case m == 30:
		said += "半"
	case m > 0 && m < 10:
		said += "零" + SayNumber(m) + "分"
	case m > 0:
		said += SayNumber(m) + "分"
	}
	return said
}

const (
	partClass = `凌晨|清早|早上|早晨|今早|明早|上午|中午|午后|下午|傍晚|晚上|今晚|明晚|夜里|晏昼|下昼|上昼`
	hourClass = `[0-9]{1,2}|[零〇一二两三四五六七八九]?十[一二三四五六七八九]?|[零〇一二两三四五六七八九]`
	minClass  = `半|一刻|三刻|整|[0-9]{2}|零[一二三四五六七八九]|[二三四五]?十[一二三四五六七八九]?分?|[一二三四五六七八九]分`
	hourSign  = `点钟|点|时|[:：]`
)

var clockForm = regexp.MustCompile(`(` + partClass + `)?的?(` + hourClass + `)(` + hourSign + `)(` + minClass + `)?分?`)

// FindClock finds a time of day in a sentence. Without a part of the day the
// hours from 1 to 6 are those of the afternoon, as when a shop is open.
func FindClock(sentence string) (Clock, bool) {
	text := Narrow(sentence)
	m := clockForm.FindStringSubmatchIndex(text)
	if m == nil || slipped(text, m) {
		return 0, false
	}
	return readClock(part(text, m, 1), part(text, m, 2), part(text, m, 4))
}

// part is a group of a match, "" when there is none.
func part(text string, m []int, group int) string {
	if m[2*group] < 0 {
		return ""
	}
	return text[m[2*group]:m[2*group+1]]
}

var (
	beforeClock = regexp.MustCompile(`(?:^|[\s,，。、;:从在到至是约天午上日号后一二三四五六末]|[今明昨当][早晚])$`)
	decimalNext = regexp.MustCompile(`^[0-9零一二三四五六七八九]`)
)

// slipped says whether "一点" is only a bit ("快一点"), or "三点五" a number.
func slipped(text string, m []int) bool {
	if part(text, m, 1) != "" || part(text, m, 4) != "" {
		return false
	}
	if decimalNext.MatchString(text[m[1]:]) {
		return true
	}
	h := part(text, m, 2)
	return (h == "一" || h == "1") && part(text, m, 3) == "点" && !beforeClock.MatchString(text[:m[0]])
}

func readClock(name, hours, minutes string) (Clock, bool) {
	h, ok := ParseNumber(hours)
	if !ok || h > 24 {
		return 0, false
	}
	c := Clock(h) * hour
	p, named := periods[name]
	switch {
	case h == 12 && (name == "凌晨"):
		c = 0
	case h == 12 && (name == "晚上" || name == "今晚" || name == "明晚" || name == "夜里"):
		c = 24 * hour
	case p.afternoon && h < 12 && !(name == "中午" && h >= 10), !named && h >= 1 && h <= 6:
		c += 12 * hour
	}
	m, ok := readMinutes(minutes)
	return c + m, ok && c+m <= 24*hour
}

func readMinutes(s string) (Clock, bool) {
	switch s {
	case "", "整":
		return 0, true
	case "半":
		return 30, true
	case "一刻":
		return 15, true
	case "三刻":
		return 45, true
	}
	if r, n := utf8.DecodeLastRuneInString(s); r == '分' {
		s = s[:len(s)-n]
	}
	n, ok := ParseNumber(s)
	return Clock(n), ok && n < 60
}
