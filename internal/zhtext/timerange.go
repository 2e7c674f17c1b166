package zhtext

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// TimeRange is a stretch of one day, such as when a courier may call.
type TimeRange struct{ From, To time.Time }

// minuteLayout is ISO 8601 without seconds.
const minuteLayout = "2006-01-02T15:04Z07:00"

// String is the range as an ISO 8601 interval:
// 2026-11-16T15:00+08:00/2026-11-16T17:00+08:00.
func (r TimeRange) String() string {
	return r.From.Format(minuteLayout) + "/" + r.To.Format(minuteLayout)
}

// ParseTimeRange reads what String writes.
func ParseTimeRange(s string) (TimeRange, error) {
	from, to, _ := strings.Cut(s, "/")
	var r TimeRange
	var err error
	if r.From, err = time.Parse(minuteLayout, from); err != nil {
		return TimeRange{}, fmt.Errorf("time range: %w", err)
	}
	if r.To, err = time.Parse(minuteLayout, to); err != nil {
		return TimeRange{}, fmt.Errorf("time range: %w", err)
	}
	return r, nil
}

// SayTimeRange says a range as seen from now, in now's time zone:
// "明天下午三点到五点", "十一月二十号上午九点到下午五点".
func SayTimeRange(r TimeRange, now time.Time) string {
	from, to := r.From.In(now.Location()), r.To.In(now.Location())
	a := clockOf(from)
	b := clockOf(to) + Clock(daysBetween(from, to))*24*hour
	said := SayDate(from, now) + SayClock(a) + "到"
	switch {
	case b > 24*hour:
		return said + SayDate(to, now) + SayClock(clockOf(to))
	case clockPeriod(a) == clockPeriod(b):
		return said + sayClock(b)
	}
	return said + SayClock(b)
}

func clockOf(t time.Time) Clock { return Clock(t.Hour())*hour + Clock(t.Minute()) }

// openingFrom and openingTo bound a day when no time of it is named.
const (
	openingFrom = 9 * hour
	openingTo   = 18 * hour
	eveningTo   = 21 * hour
)

var (
	spanForm = regexp.MustCompile(`(` + partClass + `)?的?(` + hourClass + `)(?:(` + hourSign + `)(` + minClass + `)?分?)?(?:左右)?` +
		`\s?(?:到|至|[-~～—–])\s?(` + partClass + `)?的?(` + hourClass + `)(` + hourSign + `)(` + minClass + `)?分?`)
	wholeDay  = regexp.MustCompile(`全天|整天|一天都|都可以|都行|都在|都有空|随时|什么时候都|几点都`)
	afterWork = regexp.MustCompile(`下了?班(?:以后|之后|后|了)?`)
	partForm  = regexp.MustCompile(partClass)
	afterward = regexp.MustCompile(`^(?:钟)?(?:以后|之后|过后|后)`)
	until     = regexp.MustCompile(`^(?:钟)?(?:以前|之前|前)`)
	around    = regexp.MustCompile(`^(?:钟)?(?:左右|前后|上下|那会儿?|的样子)`)
	whether   = regexp.MustCompile(`行不行|可不可以|方不方便|有没有空|有没有时间|在不在`) // "下午行不行" refuses nothing
	busy      = regexp.MustCompile(`不行|没空|没时间|不在|不方便|不可以|没有时间|没有空|上班`)
)

// FindTimeRange finds when something may happen, seen from now, in now's time
// zone: "明天下午三点到五点", "后天上午", "周六全天", "今天六点以后". Without a day it is
// today, if that is still to come, else tomorrow. Clear is false when only a
// day was named, which is then meant whole. What lies in the past is none.
func FindTimeRange(sentence string, now time.Time) (r TimeRange, clear, ok bool) {
	text := eitherHours(whether.ReplaceAllString(Narrow(sentence), ""))
	if at := busy.FindAllStringIndex(text, -1); at != nil {
		// "明天不行，后天下午": what counts is behind the last refusal.
		last := at[len(at)-1]
		return amongRefusals(text[:last[0]], text[last[1]:], now)
	}
	d, dated := ParseDateAhead(text, now)
	from, to, clear := findSpan(text)
	if !clear && !dated || to <= from {
		return TimeRange{}, false, false
	}
	today := !dated || daysBetween(now, d) == 0
	if m := bareHour.FindStringIndex(text); m != nil && today && from >= 7*hour && from < 9*hour && clockOf(now) > from && clockOf(now) < from+12*hour &&
		!partForm.MatchString(text) {
		// "七点以后" of a day whose morning is over.
		from, to, clear = findSpan(text[:m[0]] + "晚上" + text[m[0]:])
	}
	at := func(d time.Time, c Clock) time.Time {
		return time.Date(d.Year(), d.Month(), d.Day(), int(c/hour), int(c%hour), 0, 0, now.Location())
	}
	if !dated {
		d = now
		switch soonest := (clockOf(now) + hour - 1) / hour * hour; {
		case !at(d, from).Before(now):
		case beforeHour.MatchString(text) && soonest+hour <= to:
			from = soonest // "下午五点之前", said at noon
		default:
			d = day(now.Year(), now.Month(), now.Day()+1, now)
		}
	}
	r = TimeRange{at(d, from), at(d, to)}
	return r, clear, r.To.After(now)
}

// amongRefusals is what counts beside the last refusal: what stands behind it,
// of the day whose other hours were refused ("明天上午不行，下午三点"), or else what
// stands before ("明天三点后，后天不行").
func amongRefusals(before, rest string, now time.Time) (r TimeRange, clear, ok bool) {
	clause, others := before, ""
	if at := strings.LastIndexAny(before, ",，。、;； "); at >= 0 {
		_, size := utf8.DecodeRuneInString(before[at:])
		others, clause = before[:at], before[at+size:]
	}
	if _, dated := ParseDateAhead(rest, now); !dated {
		_, _, hours := findSpan(clause)
		d, named := ParseDateAhead(clause, now)
		if _, _, clear := findSpan(rest); hours && named && clear {
			rest = SayDate(d, now) + rest
		}
	}
	if r, clear, ok := FindTimeRange(rest, now); ok {
		return r, clear, true
	}
	if others == "" || !strings.ContainsFunc(clause, unicode.IsLetter) {
		return TimeRange{}, false, false
	}
	return FindTimeRange(others, now)
}

var (
	// bareHour is an hour that may be of the morning or the evening.
	bareHour   = regexp.MustCompile(`[78七八]点`)
	beforeHour = regexp.MustCompile(`[点半刻分钟](?:以前|之前|前)`)
)

// either is "三四点": from three to four.
var either = regexp.MustCompile(`(^|[^十0-9零〇一二两三四五六七八九])([一二两三四五六七八九])([二三四五六七八九十])(点钟?)`)

func eitherHours(text string) string {
	return either.ReplaceAllStringFunc(text, func(s string) string {
		m := either.FindStringSubmatch(s)
		a, _ := ParseNumber(m[2])
		b, _ := ParseNumber(m[3])
		if b != a+1 {
			return s
		}
		return m[1] + m[2] + "点到" + m[3] + m[4]
	})
}

// findSpan finds the stretch of a day; clear is false when none is named.
func findSpan(text string) (from, to Clock, clear bool) {
	if m := spanForm.FindStringSubmatchIndex(text); m != nil && (part(text, m, 3) != "" || part(text, m, 7) != "") {
		if from, to, ok := readSpan(text, m); ok {
			return from, to, true
		}
	}
	if m := clockForm.FindStringSubmatchIndex(text); m != nil && !slipped(text, m) {
		if c, ok := readClock(part(text, m, 1), part(text, m, 2), part(text, m, 4)); ok {
			from, to = about(c, text[m[1]:])
			return from, to, true
		}
	}
	if afterWork.MatchString(text) {
		return openingTo, eveningTo, true
	}
	parts := partForm.FindAllString(text, -1)
	if wholeDay.MatchString(text) && len(parts) != 1 {
		return openingFrom, openingTo, true
	}
	if len(parts) > 0 {
		return periods[parts[0]].from, periods[parts[len(parts)-1]].to, true
	}
	return openingFrom, openingTo, false
}

// about is the time around one that was named.
func about(c Clock, after string) (from, to Clock) {
	switch {
	case afterward.MatchString(after) && c < openingTo:
		return c, openingTo
	case afterward.MatchString(after) && c < eveningTo:
		return c, eveningTo
	case until.MatchString(after) && c >= hour:
		return min(openingFrom, c-hour), c
	case around.MatchString(after) && c >= 30:
		return c - 30, min(c+30, 24*hour)
	}
	return c, min(c+hour, 24*hour)
}

// readSpan reads both ends; the second is in the same part of the day as the
// first unless that would end before it begins.
func readSpan(text string, m []int) (from, to Clock, ok bool) {
	first, second := part(text, m, 1), part(text, m, 5)
	from, ok = readClock(first, part(text, m, 2), part(text, m, 4))
	if second == "" {
		second = first
	}
	to, also := readClock(second, part(text, m, 6), part(text, m, 8))
	if to <= from && to+12*hour <= 24*hour {
		to += 12 * hour
	}
	return from, to, ok && also && to > from
}
