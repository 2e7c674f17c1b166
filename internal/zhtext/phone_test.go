package zhtext

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFindPhone(t *testing.T) {
	for in, want := range map[string]string{
		"我手机号是13812345678":      "13812345678",
		"幺三八，幺二三四，五六七八":         "13812345678",
		"一三八零零零零四个八":            "13800008888",
		"138 0000 双六双八":         "13800006688",
		"+86 138-1234-5678":     "13812345678",
		"八六幺三八幺二三四五六七八":         "13812345678",
		"零二幺，六二三四，五六七八":         "02162345678",
		"0571-8765432":          "05718765432",
		"四零零，八二零，八八二零":          "4008208820",
		"幺三八幺二三四五六七八，不对，最后一位是九": "13812345679",
		"电话一三八一二三四五六七五，不是五是九":   "13812345679",
		"尾号3378":              "",
		"订单号2026111200013378": "",
		"幺二三四五六七八九零幺":         "",
		"":                    "",
	} {
		if got, ok := FindPhone(in); got != want || ok != (want != "") {
			t.Errorf("FindPhone(%q) = %q, %t, want %q", in, got, ok, want)
		}
	}
	for in, want := range map[string]string{
		"13812345678": "幺三八，幺二三四，五六七八", "02162345678": "零二幺，六二三四，五六七八", "05718765432": "零五七幺，八七六五，四三二",
		"4008208820": "四零零，八二零，八八二零", "8613812345678": "幺三八，幺二三四，五六七八", "110": "幺幺零",
	} {
		if got := SayPhone(in); got != want {
			t.Errorf("SayPhone(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPhonesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.StringMatching(`1[3-9][0-9]{9}|0(10|2[0-9])[2-8][0-9]{7}|0[3-9][0-9]{2}[2-8][0-9]{6}|400[0-9]{7}`).Draw(t, "number")
		if got, ok := FindPhone("我的电话是" + SayPhone(n) + "。"); !ok || got != n {
			t.Fatalf("%s said %q, understood %q", n, SayPhone(n), got)
		}
	})
}

func TestFindAmount(t *testing.T) {
	exactly := func(fen int64) Amount { return Amount{fen, true} }
	about := func(fen int64) Amount { return Amount{fen, false} }
	for in, want := range map[string]Amount{
		"一百二十八块五":      exactly(12850),
		"付了一百二十八块五毛六呢": exactly(12856),
		"就那个128.5元的":   exactly(12850),
		"￥1,299.00":    exactly(129900),
		"两块钱":          exactly(200),
		"三毛五":          exactly(35),
		"才五毛钱":         exactly(50),
		"五分钱":          exactly(5),
		"一万二千块":        exactly(1200000),
		"1.2万元":        exactly(1200000),
		"花了三百二":        exactly(32000),
		"一共两千":         exactly(200000),
		"三块，五件":        exactly(300),
		"两千多":          about(200000),
		"两千多块":         about(200000),
		"两千五百多块钱":      about(250000),
		"一百来块":         about(10000),
		"大概三百块":        about(30000),
		"差不多是一百二十八块五":  about(12850),
		"三百块左右":        about(30000),
		"花了三百多":        about(30000),
		"十块出头":         about(1000),
	} {
		if got, ok := FindAmount(in); !ok || got != want {
			t.Errorf("FindAmount(%q) = %+v, %t, want %+v", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", "三件", "尾号三三七八", "十一月十二号", "十多天了", "两个多月", "几百块", "多少钱", "一块退", "一块儿寄", "一分钟", "一点五", "三三七八", "二十多岁", "三百二十个", "¥",
	} {
		if got, ok := FindAmount(in); ok {
			t.Errorf("FindAmount(%q) = %+v, want none", in, got)
		}
	}
}

func TestAmountsInSentencesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Amount{rapid.Int64Range(0, 100_0000_0000).Draw(t, "fen"), rapid.Bool().Draw(t, "exact")}
		if got, ok := FindAmount("那个是" + want.SayAmount() + "，对吧"); !ok || got != want {
			t.Fatalf("%+v said %q, understood %+v, %t", want, want.SayAmount(), got, ok)
		}
		if got, ok := FindAmount("那个是" + SayAmountFormally(want.Fen) + "的"); !ok || got.Fen != want.Fen {
			t.Fatalf("%d said %q, understood %+v, %t", want.Fen, SayAmountFormally(want.Fen), got, ok)
		}
	})
}
