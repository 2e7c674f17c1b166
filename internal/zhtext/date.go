package zhtext

import (
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
