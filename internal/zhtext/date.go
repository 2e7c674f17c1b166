package zhtext

import (
	"regexp"
	"strings"
	"time"
)

var nearDays = map[int]string{
	-3: "大前天", -2: "前天", -1: "昨天", 0: "今天", 1: "明天", 2: "后天", 3: "大后天",
}

// SayDate says a day as seen from now, both in now's time zone: "昨天",
// "十一月十二号", "二零二五年一月三号".
func SayDate(t, now time.Time) string {
	t = t.In(now.Location())
	if word, ok := nearDays[daysBetween(now, t)]; ok {
		return word
	}
	s := SayNumber(int64(t.Month())) + "月" + SayNumber(int64(t.Day())) + "号"
	if t.Year() != now.Year() {
		return sayYear(t.Year()) + s
	}
	return s
}

func sayYear(year int) string {
	var b strings.Builder
	for _, c := range decimal(int64(year)) {
		b.WriteString(numerals[c-'0'])
	}
	return b.String() + "年"
}

func daysBetween(from, to time.Time) int {
	return int(midnight(to).Sub(midnight(from)).Round(24*time.Hour) / (24 * time.Hour))
}

// midnight is the day's date in UTC, so that every day has 24 hours.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

const numeralClass = `[0-9零〇一二三四五六七八九十]`

var (
	fullDate = regexp.MustCompile(`(?:(` + numeralClass + `{2,4})年)?(` + numeralClass + `{1,2})月(` + numeralClass + `{1,3})[号日]?`)
	weekDay  = regexp.MustCompile(`(上上|上|这|本)个?(?:周|星期|礼拜)([一二三四五六日天1-6])`)
)

// ParseDate finds a day in a sentence, as seen from now: "大前天", "上周五",
// "十一月十二号", "双十一". A day without a year is the last such day that is not
// in the future.
func ParseDate(sentence string, now time.Time) (time.Time, bool) {
	text := Narrow(sentence)
	for _, days := range []int{-3, 3, -2, 2, -1, 1, 0} {
		if strings.Contains(text, nearDays[days]) {
			return day(now.Year(), now.Month(), now.Day()+days, now), true
		}
	}
	if m := weekDay.FindStringSubmatch(text); m != nil {
		return parseWeekday(m[1], m[2], now), true
	}
	for word, month := range map[string]time.Month{"双十一": 11, "双11": 11, "双十二": 12, "双12": 12} {
		if strings.Contains(text, word) {
			return past(month, int(month), now), true
		}
	}
	m := fullDate.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	month, ok := ParseNumber(m[2])
	dom, also := ParseNumber(m[3])
	if !ok || !also || month < 1 || month > 12 || dom < 1 || dom > 31 {
		return time.Time{}, false
	}
	if m[1] == "" {
		d := past(time.Month(month), int(dom), now)
		return d, d.Day() == int(dom)
	}
	year, ok := ParseNumber(m[1])
	if year < 100 {
		year += 2000
	}
	d := day(int(year), time.Month(month), int(dom), now)
	return d, ok && d.Day() == int(dom)
}

func parseWeekday(week, name string, now time.Time) time.Time {
	offset := map[string]int{"上上": -14, "上": -7}[week]
	target := strings.Index("一二三四五六日", name) / len("一")
	switch {
	case name == "天":
		target = 6
	case name[0] >= '1' && name[0] <= '6':
		target = int(name[0] - '1')
	}
	today := (int(now.Weekday()) + 6) % 7
	return day(now.Year(), now.Month(), now.Day()-today+target+offset, now)
}

func past(month time.Month, dom int, now time.Time) time.Time {
	d := day(now.Year(), month, dom, now)
	if d.After(now) {
		d = day(now.Year()-1, month, dom, now)
	}
	return d
}

func day(year int, month time.Month, dom int, now time.Time) time.Time {
	return time.Date(year, month, dom, 0, 0, 0, 0, now.Location())
}
