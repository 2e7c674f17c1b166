package zhtext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestReadOut(t *testing.T) {
	for in, want := range map[string]string{
		// Money
		"¥199.00":        "一百九十九元",
		"￥12.50":         "十二元五角",
		"退款¥1,299.00已到账": "退款一千二百九十九元已到账",
		"¥0.5":           "五角",
		"¥128.50":        "一百二十八元五角",
		"¥0.05":          "五分",
		"¥100-200":       "一百到二百元",
		// Places and moments
		"3号楼2单元402室":       "三号楼二单元四零二室",
		"2026-11-16T15:00": "二零二六年十一月十六日十五点",
		"11月12日15:30":      "十一月十二日十五点三十分",
		"15:00-17:00":      "十五点到十七点",
		"2026/11/12 09:05": "二零二六年十一月十二日 九点零五分",
		"工单号33781234":      "工单号三三七八，幺二三四",
		"尾号3378":           "尾号三三七八",
		"¥-20":             "负二十元",
		"-¥20":             "负二十元",
		"¥99-199":          "九十九到一百九十九元",
		"2元":               "两元",
		"2000元":            "两千元",
		"12.5元":            "十二元五角",
		"12.505元":          "十二点五零五元",
		"12.5块":            "十二块五",
		"2块钱":              "两块钱",
		"1.5万元":            "一点五万元",
		"$20":              "二十美元",
		"99元-199元":         "九十九元到一百九十九元",
		"运费12元，优惠3.05元":    "运费十二元，优惠三元零五分",
		"RMB 88":           "八十八元",
		// Dates and times
		"2026年11月12日":         "二零二六年十一月十二日",
		"2026-11-12":          "二零二六年十一月十二日",
		"2026/1/2":            "二零二六年一月二日",
		"2026.11.12":          "二零二六年十一月十二日",
		"26年3月":               "二六年三月",
		"11月12号":              "十一月十二号",
		"2月2日":                "二月二日",
		"11月12日-15日":          "十一月十二日到十五日",
		"2025-2026年":          "二零二五到二零二六年",
		"15:30":               "十五点三十分",
		"15：05":               "十五点零五分",
		"2:00":                "两点",
		"0:00":                "零点",
		"9:00-18:00":          "九点到十八点",
		"2026-11-12 15:30:20": "二零二六年十一月十二日 十五点三十分二十秒",
		"25:99":               "二十五:九十九",
		// Percentages, signs, fractions
		"50%": "百分之五十", "12.5％": "百分之十二点五", "100%": "百分之百", "-3%": "负百分之三", "5%-10%": "百分之五到百分之十",
		"5-10%": "百分之五到十", "3‰": "千分之三",
		"-3": "负三", "−3": "负三", "零下-3度": "零下负三度", "1/2": "二分之一", "0.5": "零点五", "3.14": "三点一四",
		"1.2.3": "一点二点三", "180x200": "一百八十乘二百",
		// Counts
		"2件": "两件", "第2个": "第二个", "12件": "十二件", "2号": "二号", "2楼": "二楼", "2小时": "两小时", "2个": "两个",
		"3-5天": "三到五天", "7~15个工作日": "七到十五个工作日", "2到3天": "两到三天", "7天无理由": "七天无理由", "20000": "两万",
		"1000": "一千", "110件": "一百一十件", "2kg": "两公斤", "500ml": "五百毫升", "5000mAh": "五千毫安时", "25℃": "二十五摄氏度",
		"100m²": "一百平方米",
		// Numbers of something
		"订单号12345":            "订单号幺二三，四五",
		"尾号是：0012":            "尾号是：零零幺二",
		"订单20261112000133780": "订单二零二六，幺幺幺二，零零零，幺三三，七八零",
		"20261112":            "二零二六，幺幺幺二",
		"20261112号":           "二零二六，幺幺幺二号",
		"单号是TG20261112-0001。": "单号是TG二零二六，幺幺幺二，零零零幺。",
		"tg0912":              "TG零九幺二",
		"RTX4090显卡":           "RTX四零九零显卡",
		"客服热线95338":           "客服热线九五三，三八",
		"拨打10086":             "拨打幺零零，八六",
		"验证码 8821":            "验证码 八八二幺",
		"订单2件":                "订单两件",
		"退货按1，转人工按0":          "退货按一，转人工按零",
		// Telephones
		"13812345678":     "幺三八，幺二三四，五六七八",
		"138-1234-5678":   "幺三八，幺二三四，五六七八",
		"+86 13812345678": "加八六，幺三八，幺二三四，五六七八",
		"400-820-8820":    "四零零，八二零，八八二零",
		"021-62345678":    "零二幺，六二三四，五六七八",
		"6222 0212 3456":  "六二二二，零二幺二，三四五六",
		// Names
		"iPhone15": "iPhone十五", "iPhone 15 Pro": "iPhone 十五 Pro", "A4纸": "A四纸", "500G硬盘": "五百G硬盘", "USB3.0": "USB三点零",
		"A-3": "A-三", "T恤XL码": "T恤XL码",
		// Full width, and what has no number
		"１２３": "一百二十三", "您好，请说。": "您好，请说。", "": "", "🙂": "🙂", "-": "-", "¥": "¥", "A-": "A-",
	} {
		if got := ReadOut(in); got != want {
			t.Errorf("ReadOut(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpellLetters(t *testing.T) {
	for in, want := range map[string]string{
		"T恤XL码": "提恤艾克斯艾勒码", "您好": "您好", "ab": "诶必", "": "",
	} {
		if got := SpellLetters(in); got != want {
			t.Errorf("SpellLetters(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestReadOutRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 999_999).Draw(t, "n")
		if got, ok := ParseNumber(strings.TrimSuffix(ReadOut(decimal(n)+"件"), "件")); !ok || got != n {
			t.Fatalf("%d件 read out %q, understood %d, %t", n, ReadOut(decimal(n)+"件"), got, ok)
		}
		fen := rapid.Int64Range(0, 1_0000_0000).Draw(t, "fen")
		written := "¥" + decimal(fen/100) + "." + decimal(fen%100/10) + decimal(fen%10)
		if got, ok := ParseAmount(ReadOut(written)); !ok || got != fen {
			t.Fatalf("%s read out %q, understood %d, %t", written, ReadOut(written), got, ok)
		}
		digits := rapid.StringMatching(`[0-9]{4,24}`).Draw(t, "digits")
		runs := FindDigits(ReadOut("订单号是" + digits + "。"))
		if len(runs) != 1 || runs[0].Text != digits {
			t.Fatalf("%s read out %q, understood %+v", digits, ReadOut("订单号是"+digits+"。"), runs)
		}
	})
}

func FuzzReadOut(f *testing.F) {
	for _, s := range []string{
		"¥199.00", "2026年11月12日 15:30-16:00", "-3%", "TG20261112-0001", "+86 138-1234-5678", "3-5天2kg", "\xff9-", "1,2,3", "99999999999999999999.9元",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ReadOut(s)
		if strings.ContainsAny(got, "0123456789") {
			t.Fatalf("%q read out %q", s, got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("%q read out as invalid %q", s, got)
		}
		if again := ReadOut(got); again != got {
			t.Fatalf("%q read out %q, then %q", s, got, again)
		}
		if len(got) > 16*len(s)+16 {
			t.Fatalf("%q grew to %d bytes", s, len(got))
		}
	})
}

func BenchmarkReadOut(b *testing.B) {
	const text = "您11月12日买的外套¥199.00已经退款，预计3-5天到账，单号是TG20261112-0001。"
	b.ReportAllocs()
	for b.Loop() {
		ReadOut(text)
	}
}
