package zhtext

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// noon is a Sunday.
func TestFindDates(t *testing.T) {
	for in, want := range map[string]string{
		"昨晚下的单": "2026-11-14", "昨儿个买的": "2026-11-14", "大前天": "2026-11-12", "三天前": "2026-11-12", "一个星期以前": "2026-11-08", "两周前": "2026-11-01",
		"半个月前": "2026-10-31", "一个月前": "2026-10-15", "上周五": "2026-11-06", "上上周一": "2026-10-26", "星期五买的": "2026-11-13", "周日": "2026-11-15",
		"周一": "2026-11-09", "双十一那天": "2026-11-11", "去年双十一": "2025-11-11", "双十一前一天": "2026-11-10", "双十一第二天": "2026-11-12", "六一八买的": "2026-06-18",
		"国庆节的时候": "2026-10-01", "圣诞节": "2025-12-25", "五一那天": "2026-05-01", "去年十二月三号": "2025-12-03", "上个月五号": "2026-10-05", "这个月三号": "2026-11-03",
		"十二号买的": "2026-11-12", "二十号那单": "2026-10-20", "31号": "2026-10-31", "2026-11-12": "2026-11-12", "2026/11/2": "2026-11-02", "十一月份的十二号": "2026-11-12",
		"二月二十九号": "2024-02-29", "11月12": "2026-11-12", "琴日": "2026-11-14",
	} {
		got, ok := ParseDate(in, noon)
		if !ok || got.Format(time.DateOnly) != want {
			t.Errorf("ParseDate(%q) = %v, %t, want %s", in, got, ok, want)
		}
	}
	for in, want := range map[string]string{
		"周五": "2026-11-20", "周日": "2026-11-15", "下周三": "2026-11-18", "下下周一": "2026-11-23", "这周末": "2026-11-14", "周末": "2026-11-21", "十二号": "2026-12-12",
		"二十号": "2026-11-20", "十一月二十号": "2026-11-20", "一月三号": "2027-01-03", "三天后": "2026-11-18", "明晚": "2026-11-16", "下个月一号": "2026-12-01", "元旦": "2027-01-01",
	} {
		got, ok := ParseDateAhead(in, noon)
		if !ok || got.Format(time.DateOnly) != want {
			t.Errorf("ParseDateAhead(%q) = %v, %t, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "五一二三", "三号楼", "第一号", "世纪大道十二号", "三十八号的鞋", "尾号三三七八", "上个月", "去年", "十三月一号", "十一点半"} {
		if got, ok := ParseDate(in, noon); ok {
			t.Errorf("ParseDate(%q) = %v, want none", in, got)
		}
	}
}

func TestDatesAheadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := noon.AddDate(0, 0, rapid.IntRange(0, 9000).Draw(t, "days"))
		got, ok := ParseDateAhead(SayDate(d, noon), noon)
		if !ok || midnight(got) != midnight(d) {
			t.Fatalf("%v said %q, understood %v, %t", d, SayDate(d, noon), got, ok)
		}
	})
}

func TestClocks(t *testing.T) {
	for in, want := range map[string]Clock{
		"下午三点": 15 * hour, "三点": 15 * hour, "上午九点半": 9*hour + 30, "三点一刻": 15*hour + 15, "三点三刻": 15*hour + 45, "十点二十": 10*hour + 20,
		"三点零五分": 15*hour + 5, "15:30": 15*hour + 30, "十五点": 15 * hour, "晚上八点钟": 20 * hour, "中午十二点": 12 * hour, "中午一点": 13 * hour, "凌晨一点": hour,
		"早上七点": 7 * hour, "晚上十二点": 24 * hour, "一点钟": 13 * hour, "明天一点": 13 * hour, "下午的4点": 16 * hour, "三点十五分": 15*hour + 15,
	} {
		if got, ok := FindClock(in); !ok || got != want {
			t.Errorf("FindClock(%q) = %d, %t, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "快一点", "便宜一点", "大一点的", "三点五", "几点", "25点", "三十点", "有一点小"} {
		if got, ok := FindClock(in); ok {
			t.Errorf("FindClock(%q) = %d, want none", in, got)
		}
	}
	for c := Clock(0); c < 24*hour; c++ {
		if got, ok := FindClock("大概" + SayClock(c) + "吧"); !ok || got != c {
			t.Errorf("%d said %q, understood %d, %t", c, SayClock(c), got, ok)
		}
	}
}

func TestTimeRanges(t *testing.T) {
	for in, want := range map[string]string{
		"明天下午三点到五点":      "2026-11-16 15:00-17:00",
		"明天下午三到五点":       "2026-11-16 15:00-17:00",
		"明天三点到五点之间吧":     "2026-11-16 15:00-17:00",
		"后天上午":           "2026-11-17 09:00-12:00",
		"后天上午十点到下午两点":    "2026-11-17 10:00-14:00",
		"上午十点到两点":        "2026-11-16 10:00-14:00",
		"周六上午九点半到十一点":    "2026-11-21 09:30-11:00",
		"明天15:00-17:00":  "2026-11-16 15:00-17:00",
		"今天下午三点以后":       "2026-11-15 15:00-18:00",
		"今天六点以后":         "2026-11-15 18:00-21:00",
		"明天下午三点之前":       "2026-11-16 09:00-15:00",
		"明天三点左右":         "2026-11-16 14:30-15:30",
		"明天下午三点":         "2026-11-16 15:00-16:00",
		"下周三全天都可以":       "2026-11-18 09:00-18:00",
		"明天上午下午都行":       "2026-11-16 09:00-18:00",
		"明天下午都行":         "2026-11-16 14:00-18:00",
		"今晚":             "2026-11-15 18:00-21:00",
		"明天下班以后":         "2026-11-16 18:00-21:00",
		"十一月二十号下午":       "2026-11-20 14:00-18:00",
		"明天不行，后天下午三点到五点": "2026-11-17 15:00-17:00",
		"后天没空明天上午吧":      "2026-11-16 09:00-12:00",
		"下午三点到五点":        "2026-11-15 15:00-17:00",
		"上午九点到十点":        "2026-11-16 09:00-10:00",
		"听日下昼":           "2026-11-16 14:00-18:00",
	} {
		r, clear, ok := FindTimeRange(in, noon)
		if got := r.From.Format("2006-01-02 15:04") + r.To.Format("-15:04"); !ok || !clear || got != want {
			t.Errorf("FindTimeRange(%q) = %s, %t, %t, want %s", in, got, clear, ok, want)
		}
	}
	if r, clear, ok := FindTimeRange("明天吧", noon); !ok || clear || r.String() != "2026-11-16T09:00+08:00/2026-11-16T18:00+08:00" {
		t.Errorf("a day alone: %v, %t, %t", r, clear, ok)
	}
	for _, in := range []string{"", "昨天下午三点", "昨天", "今天上午", "快一点", "不知道", "尾号三三七八", "明天没空", "三号楼"} {
		if r, _, ok := FindTimeRange(in, noon); ok {
			t.Errorf("FindTimeRange(%q) = %v, want none", in, r)
		}
	}
}

func TestTimeRangesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := noon.AddDate(0, 0, rapid.IntRange(1, 400).Draw(t, "days"))
		from := rapid.IntRange(0, 23*60).Draw(t, "from")
		to := rapid.IntRange(from+1, 24*60).Draw(t, "to")
		at := func(m int) time.Time { return time.Date(d.Year(), d.Month(), d.Day(), 0, m, 0, 0, noon.Location()) }
		want := TimeRange{at(from), at(to)}
		said := SayTimeRange(want, noon)
		got, clear, ok := FindTimeRange("那就"+said+"吧", noon)
		if !ok || !clear || !got.From.Equal(want.From) || !got.To.Equal(want.To) {
			t.Fatalf("%v said %q, understood %v, %t, %t", want, said, got, clear, ok)
		}
		back, err := ParseTimeRange(want.String())
		if err != nil || !back.From.Equal(want.From) || !back.To.Equal(want.To) {
			t.Fatalf("%v written %s, read %v: %v", want, want, back, err)
		}
	})
	for _, s := range []string{"", "/", "2026-11-16T15:00+08:00", "2026-11-16T15:00+08:00/17:00"} {
		if r, err := ParseTimeRange(s); err == nil {
			t.Errorf("ParseTimeRange(%q) = %v", s, r)
		}
	}
}

func FuzzTimes(f *testing.F) {
	for _, s := range []string{"明天下午三点到五点", "双十一前一天", "上个月三十一号", "24点到24点", "明天不行，后天没空", "\xff点半", "二十五点六十分", "明天上午不行，三四点", "七点以后，后天不行"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ParseDate(s, noon)
		ParseDateAhead(s, noon)
		if c, ok := FindClock(s); ok && (c < 0 || c > 24*hour) {
			t.Fatalf("%q is %d", s, c)
		}
		r, _, ok := FindTimeRange(s, noon)
		if ok && (!r.To.After(r.From) || !r.To.After(noon) || r.To.Sub(r.From) > 24*time.Hour) {
			t.Fatalf("%q is %v", s, r)
		}
	})
}
