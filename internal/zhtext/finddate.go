package zhtext

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseDate finds a day in a sentence, as seen from now: "大前天", "上周五",
// "十一月十二号", "双十一那天", "上个月五号", "三天前". A day without a year, a month or a
// week is the last such day that is not in the future.
func ParseDate(sentence string, now time.Time) (time.Time, bool) {
	return findDay(sentence, now, false)
}

// ParseDateAhead is ParseDate for what is still to come, such as the day a
// courier shall call: "周五" is the next one, today included.
func ParseDateAhead(sentence string, now time.Time) (time.Time, bool) {
	return findDay(sentence, now, true)
}

const numeralClass = `[0-9零〇一二三四五六七八九十]`

var (
	fullDate   = regexp.MustCompile(`(?:(` + numeralClass + `{2,4})年|([前去今明])年的?)?(` + numeralClass + `{1,2})月份?的?(` + numeralClass + `{1,3})[号日]?`)
	writtenDay = regexp.MustCompile(`(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})`)
	weekDay    = regexp.MustCompile(`(上上|上|这|本|下下|下)?个?(?:周|星期|礼拜)([一二三四五六日天末1-6])`)
	monthDay   = regexp.MustCompile(`(上上|上|这|本|当|下)个?月的?(` + numeralClass + `{1,3})[号日]?`)
	bareDay    = regexp.MustCompile(`(?:^|[^0-9零〇一二三四五六七八九十大小第尾路街弄巷村园区栋道幢苑])(` + numeralClass + `{1,3})[号日](?:$|[^0-9楼店线码院门单])`)
	daysOff    = regexp.MustCompile(`([0-9一二两三四五六七八九十半]{1,3})(天|个?星期|个?礼拜|周|个月)(?:以|之)?(前|后)`)
	festival   = regexp.MustCompile(`(?:([前去今明])年的?)?(双十一|双11|双十二|双12|六一八|六幺八|618|光棍节|元旦|情人节|妇女节|三八节|劳动节|五一节|五一那|五一当|五一假|儿童节|国庆|圣诞)(?:节|当|假期|活动)*(前一天|前夕|后一天|第二天)?`)
)

var festivals = map[string]struct {
	month time.Month
	day   int
}{
	"双十一": {11, 11}, "双11": {11, 11}, "双十二": {12, 12}, "双12": {12, 12}, "六一八": {6, 18}, "618": {6, 18}, "六幺八": {6, 18}, "光棍节": {11, 11},
	"元旦": {1, 1}, "情人节": {2, 14}, "妇女节": {3, 8}, "三八节": {3, 8}, "劳动节": {5, 1}, "五一节": {5, 1}, "五一那": {5, 1},
	"五一当": {5, 1}, "五一假": {5, 1}, "儿童节": {6, 1}, "国庆": {10, 1}, "圣诞": {12, 25},
}

// namedDays are other names of near days.
var namedDays = []struct {
	word string
	days int
}{
	{"大前儿", -3}, {"大后儿", 3}, {"前儿", -2}, {"后儿", 2}, {"昨晚", -1}, {"昨儿", -1}, {"昨日", -1}, {"明早", 1}, {"明晚", 1}, {"明儿", 1},
	{"明日", 1}, {"明朝", 1}, {"今早", 0}, {"今晚", 0}, {"今儿", 0}, {"今日", 0}, {"寻日", -1}, {"琴日", -1}, {"听日", 1},
}

func findDay(sentence string, now time.Time, ahead bool) (time.Time, bool) {
	text := strings.ReplaceAll(Narrow(sentence), "廿", "二十")
	for _, read := range []func(string, time.Time, bool) (time.Time, bool, bool){
		nearDay, relativeDay, dayOfWeek, festivalDay, dayWithMonth, dayOfMonth, dayAlone,
	} {
		if d, found, ok := read(text, now, ahead); found {
			return d, ok
		}
	}
	return time.Time{}, false
}

func nearDay(text string, now time.Time, _ bool) (d time.Time, found, ok bool) {
	if strings.Contains(text, "大大前天") {
		return day(now.Year(), now.Month(), now.Day()-4, now), true, true
	}
	for _, days := range []int{-3, 3, -2, 2, -1, 1, 0} {
		if strings.Contains(text, nearDays[days]) {
			return day(now.Year(), now.Month(), now.Day()+days, now), true, true
		}
	}
	for _, n := range namedDays {
		if strings.Contains(text, n.word) {
			return day(now.Year(), now.Month(), now.Day()+n.days, now), true, true
		}
	}
	return d, false, false
}

// relativeDay reads "三天前", "一个星期前", "半个月前".
func relativeDay(text string, now time.Time, _ bool) (d time.Time, found, ok bool) {
	m := daysOff.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	sign := 1
	if m[3] == "前" {
		sign = -1
	}
	half := m[1] == "半"
	n, ok := ParseNumber(m[1])
	switch {
	case half && strings.HasSuffix(m[2], "月"):
		return day(now.Year(), now.Month(), now.Day()+sign*15, now), true, true
	case !ok || n > 120:
		return d, true, false
	case m[2] == "天":
		return day(now.Year(), now.Month(), now.Day()+sign*int(n), now), true, true
	case strings.HasSuffix(m[2], "月"):
		return day(now.Year(), now.Month()+time.Month(sign*int(n)), now.Day(), now), true, true
	}
	return day(now.Year(), now.Month(), now.Day()+sign*7*int(n), now), true, true
}

func dayOfWeek(text string, now time.Time, ahead bool) (d time.Time, found, ok bool) {
	m := weekDay.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	name := m[2]
	target := strings.Index("一二三四五六日", name) / len("一")
	switch {
	case name == "天":
		target = 6
	case name == "末":
		target = 5
	case name[0] >= '1' && name[0] <= '6':
		target = int(name[0] - '1')
	}
	today := (int(now.Weekday()) + 6) % 7
	off := target - today
	week, named := map[string]int{"上上": -14, "上": -7, "这": 0, "本": 0, "下": 7, "下下": 14}[m[1]]
	switch {
	case named:
		off += week
	case ahead && off < 0:
		off += 7
	case !ahead && off > 0:
		off -= 7
	}
	return day(now.Year(), now.Month(), now.Day()+off, now), true, true
}

func festivalDay(text string, now time.Time, ahead bool) (d time.Time, found, ok bool) {
	m := festival.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	f := festivals[m[2]]
	if m[1] != "" {
		d, ok = dayOf(now.Year()+yearOff[m[1]], int64(f.month), int64(f.day), now)
	} else {
		d, ok = nearest(int64(f.month), int64(f.day), now, ahead)
	}
	switch m[3] {
	case "前一天", "前夕":
		d = d.AddDate(0, 0, -1)
	case "后一天", "第二天":
		d = d.AddDate(0, 0, 1)
	}
	return d, true, ok
}

var yearOff = map[string]int{"前": -2, "去": -1, "今": 0, "明": 1}

func dayWithMonth(text string, now time.Time, ahead bool) (d time.Time, found, ok bool) {
	if m := writtenDay.FindStringSubmatch(text); m != nil {
		d, ok = dayOf(atoi(m[1]), int64(atoi(m[2])), int64(atoi(m[3])), now)
		return d, true, ok
	}
	m := fullDate.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	month, ok := ParseNumber(m[3])
	dom, also := ParseNumber(m[4])
	if !ok || !also {
		return d, true, false
	}
	switch {
	case m[2] != "":
		d, ok = dayOf(now.Year()+yearOff[m[2]], month, dom, now)
	case m[1] == "":
		d, ok = nearest(month, dom, now, ahead)
	default:
		year, fine := ParseNumber(m[1])
		if year < 100 {
			year += 2000
		}
		d, ok = dayOf(int(year), month, dom, now)
		ok = ok && fine
	}
	return d, true, ok
}

// dayOfMonth reads "上个月五号".
func dayOfMonth(text string, now time.Time, _ bool) (d time.Time, found, ok bool) {
	m := monthDay.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	dom, ok := ParseNumber(m[2])
	off := map[string]int{"上上": -2, "上": -1, "下": 1}[m[1]]
	first := day(now.Year(), now.Month()+time.Month(off), 1, now)
	if ok {
		d, ok = dayOf(first.Year(), int64(first.Month()), dom, now)
	}
	return d, true, ok
}

// dayAlone reads "十二号": of this month, or the nearest that has come (or is
// to come).
func dayAlone(text string, now time.Time, ahead bool) (d time.Time, found, ok bool) {
	m := bareDay.FindStringSubmatch(text)
	if m == nil {
		return d, false, false
	}
	dom, ok := ParseNumber(m[1])
	if !ok || dom < 1 || dom > 31 || utf8.RuneCountInString(m[1]) == 3 && dom < 20 {
		return d, true, false
	}
	for n := range 12 {
		off := -n
		if ahead {
			off = n
		}
		first := day(now.Year(), now.Month()+time.Month(off), 1, now)
		d, ok = dayOf(first.Year(), int64(first.Month()), dom, now)
		if ok && (ahead && daysBetween(now, d) >= 0 || !ahead && daysBetween(now, d) <= 0) {
			return d, true, true
		}
	}
	return d, true, false
}

// nearest is the last such day that is not in the future, or the next that is
// not in the past. The 29th of February may be eight years away.
func nearest(month, dom int64, now time.Time, ahead bool) (time.Time, bool) {
	for n := range 9 {
		year := now.Year() - n
		if ahead {
			year = now.Year() + n
		}
		d, ok := dayOf(year, month, dom, now)
		if ok && (ahead && daysBetween(now, d) >= 0 || !ahead && daysBetween(now, d) <= 0) {
			return d, true
		}
	}
	return time.Time{}, false
}

// dayOf is the day, if there is such a one.
func dayOf(year int, month, dom int64, now time.Time) (time.Time, bool) {
	if month < 1 || month > 12 || dom < 1 || dom > 31 {
		return time.Time{}, false
	}
	d := day(year, time.Month(month), int(dom), now)
	return d, d.Day() == int(dom)
}

func day(year int, month time.Month, dom int, now time.Time) time.Time {
	return time.Date(year, month, dom, 0, 0, 0, 0, now.Location())
}
