package zhtext

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReadDigits(t *testing.T) {
	for _, c := range []struct {
		in   string
		size int
		want string
	}{
		{"33781234", 4, "三三七八，幺二三四"},
		{"337812", 4, "三三七，八幺二"},
		{"12345", 4, "幺二三，四五"},
		{"2026111200013378", 4, "二零二六，幺幺幺二，零零零幺，三三七八"},
		{"TG0912", 3, "TG零，九幺二"},
		{"tg-09 12", 3, "TG零，九幺二"},
		{"７", 4, "七"},
		{"", 4, ""},
		{"12", 0, "幺，二"},
	} {
		if got := ReadDigits(c.in, c.size); got != c.want {
			t.Errorf("ReadDigits(%q, %d) = %q, want %q", c.in, c.size, got, c.want)
		}
	}
}

func TestFindDigits(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"尾号三三七八", []string{"3378 tail"}},
		{"我的订单号是二零二六一一一二", []string{"20261112"}},
		{"幺两洞拐", []string{"1207"}},
		{"洞洞拐", []string{"007"}},
		{"三个八", []string{"888"}},
		{"三个八一个六", []string{"8886"}},
		{"一个六三个八", []string{"6888"}},
		{"两个三三个八", []string{"33888"}},
		{"一个六寸的", []string{"1 counted", "6"}},
		{"尾号四个八", []string{"8888 tail"}},
		{"二零二六", []string{"2026"}},
		{"九勾洞洞", []string{"9900"}},
		{"幺幺洞洞拐拐", []string{"110077"}},
		{"A、B，字母D二零二六", []string{"ABD2026"}},
		{"大写的T，字母G，二零二六，杠，零零零一", []string{"TG20260001"}},
		{"字母达不溜三三七八", []string{"W3378"}},
		{"英文字母比三三七八", []string{"B3378"}},
		{"3378 A", []string{"3378A"}},
		{"3378，A款的", []string{"3378"}},
		{"3378 OK", []string{"3378"}},
		{"二零二六，然后是，一一，幺二", []string{"20261112"}},
		{"三三那个七八", []string{"3378"}},
		{"三、三、七、八", []string{"3378"}},
		{"前四位是二零二六", []string{"4 counted", "2026 head"}},
		{"以二零二六打头的", []string{"2026 head"}},
		{"三三七八结尾的", []string{"3378 tail"}},
		{"三三七五，不是五是九", []string{"3379"}},
		{"尾号三三七五，不对，是九", []string{"3379 tail"}},
		{"尾号三三七五不对三三七九", []string{"3379 tail"}},
		{"三三七五，不对，七九", []string{"3379"}},
		{"不是三三七五，是三三七九", []string{"3379"}},
		{"三三七八不是三三七九", []string{"3378"}},
		{"尾号三三七五，最后一位是九", []string{"3379 tail"}},
		{"不对，最后一位是三，九九二三", []string{"9923 tail"}},
		{"三三七五，第二位是四", []string{"3475"}},
		{"三三七五，倒数第二位应该是八", []string{"3385"}},
		{"一百二十八号", []string{"128"}},
		{"世纪大道1288号402室", []string{"1288 counted", "402 counted"}},
		{"三号楼二单元", []string{"3 counted", "2 counted"}},
		{"双六双八", []string{"6688"}},
		{"四个零", []string{"0000"}},
		{"后四位是 3 3 7 8", []string{"4 counted", "3378 tail"}},
		{"3378，两件都退", []string{"3378", "2 counted"}},
		{"3378，12 34", []string{"33781234"}},
		{"TG2026 1112", []string{"TG20261112"}},
		{"ｔｇ２０２６", []string{"TG2026"}},
		{"尾号三千三百七十八", []string{"3378 tail"}},
		{"我十一月十二号买的", []string{"11 counted", "12 counted"}},
		{"2026开头那个", []string{"2026 head"}},
		{"我手机号是13812345678", []string{"13812345678 phone"}},
		{"一百二十块钱", []string{"120 counted"}},
		{"衣服腰这里太大", nil},
		{"退货", nil},
		{"iPhone", nil},
		{"", nil},
	} {
		var got []string
		for _, r := range FindDigits(c.in) {
			s := r.Text
			for _, f := range []struct {
				set  bool
				name string
			}{{r.Tail, " tail"}, {r.Head, " head"}, {r.Phone, " phone"}, {r.Counted, " counted"}} {
				if f.set {
					s += f.name
				}
			}
			got = append(got, s)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("FindDigits(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestFixes(t *testing.T) {
	for _, c := range []struct{ text, number, want string }{
		{"不是五是九", "3375", "3379"},
		{"不是五，是九", "3575", "3579"},
		{"不是五啊，应该是九", "5331", "9331"},
		{"把五改成九", "3375", "3379"},
		{"最后一位是九", "3375", "3379"},
		{"最后一位应该是字母A", "3375", "337A"},
		{"第三位是八", "3375", "3385"},
		{"第三个数字不是七是八", "3375", "3385"},
		{"倒数第二位是8", "3375", "3385"},
		{"不是七五，是七九", "3375", "3379"},
		{"不是五是九", "3378", ""},
		{"第九位是一", "3378", ""},
		{"不是五号是九号", "3375", ""},
		{"不是五块是九块", "3375", ""},
		{"是不是五是九", "3375", ""},
		{"不是红色是黑色", "3375", ""},
		{"后四位是三三七八", "3375", ""},
		{"", "3375", ""},
	} {
		got := ""
		if f, ok := FindFix(c.text); ok {
			got, _ = f.Apply(c.number)
		}
		if got != c.want {
			t.Errorf("FindFix(%q) on %s = %q, want %q", c.text, c.number, got, c.want)
		}
	}
}

// TestFixOfAnyDigit: whatever digit is corrected, it and no other changes.
func TestFixOfAnyDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{4,20}`).Draw(t, "number")
		at := rapid.IntRange(0, len(number)-1).Draw(t, "at")
		to := rapid.StringMatching(`[0-9]`).Draw(t, "to")
		said := "第" + SayNumber(int64(at+1)) + "位是" + ReadDigits(to, 1)
		if at >= 9 {
			said = "倒数第" + SayNumber(int64(len(number)-at)) + "位是" + ReadDigits(to, 1)
		}
		if at >= 9 && len(number)-at >= 10 {
			return // places are counted from the nearer end
		}
		f, ok := FindFix(said)
		got, fits := f.Apply(number)
		if want := number[:at] + to + number[at+1:]; !ok || !fits || got != want {
			t.Fatalf("%q on %s: %q, want %q", said, number, got, want)
		}
	})
}

func TestDigitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{3,24}`).Draw(t, "digits")
		size := rapid.IntRange(2, 6).Draw(t, "size")
		runs := FindDigits("订单号是" + ReadDigits(s, size) + "。")
		if len(runs) != 1 || runs[0].Text != s {
			t.Fatalf("%q in %ds: read out as %q, understood as %+v", s, size, ReadDigits(s, size), runs)
		}
	})
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{
		{0, "零"}, {7, "七"}, {10, "十"}, {12, "十二"}, {20, "二十"}, {101, "一百零一"},
		{110, "一百一十"}, {123, "一百二十三"}, {1005, "一千零五"}, {1010, "一千零一十"},
		{2000, "二千"}, {10000, "一万"}, {10001, "一万零一"}, {10100, "一万零一百"},
		{120000, "十二万"}, {100000001, "一亿零一"}, {110000000, "一亿一千万"},
		{-5, "五"},
	} {
		if got := SayNumber(c.n); got != c.want {
			t.Errorf("SayNumber(%d) = %q, want %q", c.n, got, c.want)
		}
	}
	for in, want := range map[string]int64{
		"两千五": 2500, "两千零五": 2005, "三百二": 320, "一万二": 12000, "十": 10, "一十五": 15,
		"120": 120, "3万": 30000, "二零二六": 2026, "两百": 200, "１２": 12,
	} {
		if got, ok := ParseNumber(in); !ok || got != want {
			t.Errorf("ParseNumber(%q) = %d, %t, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "百", "十十", "个", "一百百", "十万万万", "一二三四五六七八九零一二三四五六"} {
		if got, ok := ParseNumber(in); ok {
			t.Errorf("ParseNumber(%q) = %d, want none", in, got)
		}
	}
}

func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, maxNumber).Draw(t, "n")
		if got, ok := ParseNumber(SayNumber(n)); !ok || got != n {
			t.Fatalf("%d said %q, understood %d, %t", n, SayNumber(n), got, ok)
		}
	})
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		fen           int64
		plain, formal string
	}{
		{1250, "十二块五", "十二元五角"}, {12350, "一百二十三块五", "一百二十三元五角"},
		{1255, "十二块五毛五", "十二元五角五分"}, {1205, "十二块零五分", "十二元零五分"},
		{200, "两块", "二元"}, {50, "五毛", "五角"}, {20, "两毛", "二角"}, {5, "五分", "五分"},
		{0, "零块", "零元"}, {39900, "三百九十九块", "三百九十九元"}, {-1250, "负十二块五", "负十二元五角"},
	} {
		if got := SayAmount(c.fen); got != c.plain {
			t.Errorf("SayAmount(%d) = %q, want %q", c.fen, got, c.plain)
		}
		if got := SayAmountFormally(c.fen); got != c.formal {
			t.Errorf("SayAmountFormally(%d) = %q, want %q", c.fen, got, c.formal)
		}
	}
	for in, want := range map[string]int64{
		"12.5元": 1250, "¥99": 9900, "￥12.34": 1234, "两块钱": 200, "三块五": 350, "五毛钱": 50,
		"一百块": 10000, "12块": 1200, "人民币八块": 800, "两块二毛五": 225,
	} {
		if got, ok := ParseAmount(in); !ok || got != want {
			t.Errorf("ParseAmount(%q) = %d, %t, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "块", "十二", "12.345元", "元五", "十二块五六", "12.5块五"} {
		if got, ok := ParseAmount(in); ok {
			t.Errorf("ParseAmount(%q) = %d, want none", in, got)
		}
	}
}

func TestAmountsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fen := rapid.Int64Range(-1_0000_0000, 100_0000_0000).Draw(t, "fen")
		for _, said := range []string{SayAmount(fen), SayAmountFormally(fen)} {
			if got, ok := ParseAmount(said); !ok || got != fen {
				t.Fatalf("%d said %q, understood %d, %t", fen, said, got, ok)
			}
		}
	})
}

var noon = time.Date(2026, 11, 15, 12, 0, 0, 0, time.FixedZone("", 8*3600))

func TestDates(t *testing.T) {
	at := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 9, 0, 0, 0, noon.Location()) }
	for _, c := range []struct {
		t    time.Time
		want string
	}{
		{at(2026, 11, 15), "今天"}, {at(2026, 11, 14), "昨天"}, {at(2026, 11, 12), "大前天"},
		{at(2026, 11, 17), "后天"}, {at(2026, 11, 1), "十一月一号"}, {at(2025, 12, 31), "二零二五年十二月三十一号"},
		{time.Date(2026, 11, 14, 20, 0, 0, 0, time.UTC), "今天"},
	} {
		if got := SayDate(c.t, noon); got != c.want {
			t.Errorf("SayDate(%v) = %q, want %q", c.t, got, c.want)
		}
	}
	for in, want := range map[string]string{
		"大前天买的": "2026-11-12", "就前天那个": "2026-11-13", "上周五": "2026-11-06", "上个礼拜天": "2026-11-08",
		"双十一那天": "2026-11-11", "双12买的": "2025-12-12", "十二月一号": "2025-12-01", "11月3日": "2026-11-03",
		"二零二五年三月五号": "2025-03-05", "25年3月5号": "2025-03-05", "这周三": "2026-11-11",
	} {
		got, ok := ParseDate(in, noon)
		if !ok || got.Format(time.DateOnly) != want {
			t.Errorf("ParseDate(%q) = %v, %t, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "退货", "十三月一号", "2月31号", "2025年2月30号"} {
		if got, ok := ParseDate(in, noon); ok {
			t.Errorf("ParseDate(%q) = %v, want none", in, got)
		}
	}
}

func TestDatesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := noon.AddDate(0, 0, -rapid.IntRange(0, 9000).Draw(t, "days"))
		said := SayDate(d, noon)
		got, ok := ParseDate(said, noon)
		if !ok || midnight(got) != midnight(d) {
			t.Fatalf("%v said %q, understood %v, %t", d, said, got, ok)
		}
	})
}

func TestReadYesNo(t *testing.T) {
	for want, texts := range map[Answer][]string{
		AnswerYes: {"嗯", "嗯嗯", "对", "对对对", "是", "是的", "是啊", "好", "好的", "行", "可以", "没错", "没问题",
			"确认", "嗯对", "嗯，是的", "对，就是那件", "对啊我就是要退那件", "OK", "ok的", "要", "需要", "当然可以",
			"是这个", "就是这个", "对的没错", "好的谢谢", "那好吧", "嗯对对", "不错", "收到", "没有问题吗，对"},
		AnswerNo: {"不", "不是", "不对", "没有", "没有没有", "不用", "不用了", "不要", "错了", "不行", "嗯不是",
			"还没收到呢", "都不是", "我不要", "算了", "不是的，是另一个", "那不是", "没", "别", "不好意思不是", "no"},
		AnswerUnknown: {"", "啊", "运费谁出", "是不是要收运费", "我是想问运费", "请问你们几点下班", "是什么", "对不起", "你好", "对吗", "🙂"},
	} {
		for _, text := range texts {
			if got := ReadYesNo(text); got != want {
				t.Errorf("ReadYesNo(%q) = %v, want %v", text, got, want)
			}
		}
	}
	for _, a := range []Answer{AnswerYes, AnswerNo, AnswerUnknown} {
		if got := ReadYesNo(SayYesNo(a)); got != a {
			t.Errorf("%v said %q, understood %v", a, SayYesNo(a), got)
		}
	}
}

func FuzzReaders(f *testing.F) {
	for _, s := range []string{"尾号三三七八", "双六", "三个八", "一百二十三元五角", "上周五", "不是", "￥12.5", "三千三百", "\xff九", "是九不是五", "三三七五，最后两位是七九",
		"第一个是幺", "五改成九", "三三七八，哦不，三三七九", "一百二十块零五毛", "两块香皂", "1,299.00元", "上午不行，三四点", "廿五号"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := len([]rune(Narrow(s)))
		last := 0
		for _, r := range FindDigits(s) {
			if r.Start < last || r.End <= r.Start || r.End > n || r.Digits() == 0 {
				t.Fatalf("%q: bad run %+v", s, r)
			}
			last = r.End
		}
		if f, ok := FindFix(s); ok {
			for _, number := range []string{"", "3", "3375", "TG20261112"} {
				if got, ok := f.Apply(number); ok && (got == "" || f.Place != 0 && len(got) != len(number)) {
					t.Fatalf("%q on %s: %q", s, number, got)
				}
			}
		}
		ReadYesNo(s)
		ParseDate(s, noon)
		if v, ok := ParseNumber(s); ok && (v < 0 || v > maxNumber) {
			t.Fatalf("ParseNumber(%q) = %d", s, v)
		}
		if v, ok := ParseAmount(s); ok {
			if back, ok := ParseAmount(SayAmount(v)); !ok || back != v {
				t.Fatalf("%q is %d fen, said %q, understood %d", s, v, SayAmount(v), back)
			}
		}
	})
}
