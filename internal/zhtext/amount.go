package zhtext

import (
	"regexp"
	"strings"
)

// SayAmount says money as people do: 1250 fen is "十二块五", 1205 "十二块零五分".
func SayAmount(fen int64) string {
	if fen < 0 {
		return "负" + SayAmount(-fen)
	}
	yuan, jiao, cent := fen/100, fen/10%10, fen%10
	var b strings.Builder
	if yuan > 0 || fen == 0 {
		if yuan == 2 {
			b.WriteString("两")
		} else {
			b.WriteString(SayNumber(yuan))
		}
		b.WriteString("块")
	}
	switch {
	case jiao > 0 && cent > 0:
		b.WriteString(colloquial(jiao) + "毛" + numerals[cent])
	case jiao > 0 && yuan > 0:
		b.WriteString(numerals[jiao])
	case jiao > 0:
		b.WriteString(colloquial(jiao) + "毛")
	case cent > 0 && yuan > 0:
		b.WriteString("零" + numerals[cent] + "分")
	case cent > 0:
		b.WriteString(colloquial(cent) + "分")
	}
	return b.String()
}

func colloquial(d int64) string {
	if d == 2 {
		return "两"
	}
	return numerals[d]
}

// SayAmountFormally says money as a bank does: 12350 fen is "一百二十三元五角".
func SayAmountFormally(fen int64) string {
	if fen < 0 {
		return "负" + SayAmountFormally(-fen)
	}
	yuan, jiao, cent := fen/100, fen/10%10, fen%10
	var b strings.Builder
	if yuan > 0 || fen == 0 {
		b.WriteString(SayNumber(yuan) + "元")
	}
	if jiao > 0 {
		b.WriteString(numerals[jiao] + "角")
	} else if cent > 0 && yuan > 0 {
		b.WriteString("零")
	}
	if cent > 0 {
		b.WriteString(numerals[cent] + "分")
	}
	return b.String()
}

// thousands are digits with separators: 1,299.00.
var thousands = regexp.MustCompile(`^[0-9]{1,3}(?:,[0-9]{3})+(?:[^0-9,]|$)`)

// maxAmount bounds what ParseAmount accepts, in fen.
const maxAmount = maxNumber / 1000

// ParseAmount reads money, in fen: "十二块五", "一百二十三元五角", "12.5元",
// "¥99", "五毛". The whole text must be the amount.
func ParseAmount(text string) (fen int64, ok bool) {
	s := strings.TrimSpace(Narrow(text))
	if rest, neg := strings.CutPrefix(s, "负"); neg {
		fen, ok = ParseAmount(rest)
		if fen <= 0 {
			return 0, false
		}
		return -fen, ok
	}
	s = strings.TrimLeft(s, "¥￥")
	if thousands.MatchString(s) {
		s = strings.ReplaceAll(s, ",", "")
	}
	s = strings.NewReplacer("块钱", "块", "元钱", "元", "圆", "元", "毛钱", "毛", "人民币", "").Replace(s)
	whole, rest, found := cutAny(s, "块", "元")
	if !found {
		return parseSmall(s, text)
	}
	yuan, cents, ok := parseYuan(whole)
	if !ok || yuan > maxAmount || rest != "" && cents != 0 {
		return 0, false
	}
	small, ok := parseChange(rest)
	return yuan*100 + cents + small, ok
}

// parseSmall reads an amount without yuan, or a bare number after a sign.
func parseSmall(s, original string) (int64, bool) {
	if strings.ContainsAny(s, "毛角分") {
		if s == "" {
			return 0, false
		}
		return parseChange(s)
	}
	if !strings.ContainsAny(Narrow(original), "¥￥") {
		return 0, false
	}
	yuan, cents, ok := parseYuan(s)
	return yuan*100 + cents, ok && yuan <= maxAmount
}

// parseYuan reads "12", "12.5", "12.50" or a Chinese number.
func parseYuan(s string) (yuan, cents int64, ok bool) {
	whole, frac, dotted := strings.Cut(s, ".")
	if w, f, ok := strings.Cut(s, "点"); ok { // 十二点五
		whole, frac, dotted = w, digitsOf(f), true
	}
	if dotted {
		if len(frac) == 0 || len(frac) > 2 || strings.Trim(frac, "0123456789") != "" {
			return 0, 0, false
		}
		for _, c := range (frac + "0")[:2] {
			cents = cents*10 + int64(c-'0')
		}
	}
	yuan, ok = ParseNumber(whole)
	return yuan, cents, ok
}

// parseChange reads what follows the yuan: "五", "五毛", "两毛五", "零五分".
func parseChange(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	jiao, rest, found := cutAny(s, "毛", "角")
	if !found {
		if cent, ok := strings.CutSuffix(s, "分"); ok {
			return oneDigit(strings.TrimPrefix(cent, "零"))
		}
		if cent, ok := strings.CutPrefix(s, "零"); ok && cent != "" {
			return oneDigit(cent) // 一块零五
		}
		n, ok := oneDigit(s)
		return n * 10, ok
	}
	j, ok := oneDigit(strings.TrimPrefix(jiao, "零")) // 二十块零五毛
	if !ok || rest == "" {
		return j * 10, ok
	}
	c, ok := oneDigit(strings.TrimSuffix(rest, "分"))
	return j*10 + c, ok
}

// digitsOf writes spoken digits as figures; "" if there is anything else.
func digitsOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		d, ok := digitOf(r)
		if !ok {
			return ""
		}
		b.WriteByte(d)
	}
	return b.String()
}

func oneDigit(s string) (int64, bool) {
	rs := []rune(s)
	if len(rs) != 1 {
		return 0, false
	}
	d, ok := digitOf(rs[0])
	return int64(d) - '0', ok
}

func cutAny(s string, seps ...string) (before, after string, found bool) {
	for _, sep := range seps {
		if before, after, found = strings.Cut(s, sep); found {
			return before, after, true
		}
	}
	return s, "", false
}
