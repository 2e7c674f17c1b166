package zhtext

import (
	"strconv"
	"strings"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

var numerals = []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}

// maxNumber is the largest number that is said: 9999 times 10^12, less one
// myriad step, stays well inside int64.
const maxNumber = 9_999_9999_9999

// SayNumber says a count: 12 is "十二", 123 "一百二十三". Numbers outside
// 0..9999亿 are read out digit by digit.
func SayNumber(n int64) string {
	if n < 0 || n > maxNumber {
		return ReadDigits(decimal(n), 4)
	}
	if n == 0 {
		return numerals[0]
	}
	var b strings.Builder
	gap := false
	for _, unit := range []struct {
		size int64
		name string
	}{{1_0000_0000, "亿"}, {1_0000, "万"}, {1, ""}} {
		part := n / unit.size % 1_0000
		if part == 0 {
			gap = b.Len() > 0
			continue
		}
		if b.Len() > 0 && (gap || part < 1000) {
			b.WriteString(numerals[0])
		}
		b.WriteString(myriad(part, b.Len() == 0))
		b.WriteString(unit.name)
		gap = false
	}
	return b.String()
}

// myriad says 1..9999; at the front of a number ten is 十, inside 一十.
func myriad(n int64, front bool) string {
	var b strings.Builder
	zero := false
	for _, unit := range []struct {
		size int64
		name string
	}{{1000, "千"}, {100, "百"}, {10, "十"}, {1, ""}} {
		d := n / unit.size % 10
		if d == 0 {
			zero = b.Len() > 0
			continue
		}
		if zero {
			b.WriteString(numerals[0])
			zero = false
		}
		if unit.size != 10 || d != 1 || b.Len() > 0 || !front {
			b.WriteString(numerals[d])
		}
		b.WriteString(unit.name)
	}
	return b.String()
}

// ParseNumber reads a count in Chinese or Arabic numerals: "一百二十三", "两千五"
// (2500), "120", "3万". The whole text must be the number.
func ParseNumber(text string) (int64, bool) {
	rs := []rune(Narrow(text))
	if len(rs) == 0 || len(rs) > 24 {
		return 0, false
	}
	p := numberParser{lastUnit: 1}
	for _, r := range rs {
		if !p.take(r) {
			return 0, false
		}
	}
	return p.finish()
}

// numberParser adds a number up from left to right.
type numberParser struct {
	total, section, digits int64
	count                  int
	// lastUnit is the unit said last, for "两千五"; zero is true after a 零,
	// which turns "两千零五" into 2005.
	lastUnit int64
	zero     bool
	any      bool
}

func (p *numberParser) take(r rune) bool {
	if d, ok := digitOf(r); ok {
		p.any = true
		if d == '0' && p.count == 0 {
			p.zero = true
		}
		p.digits = p.digits*10 + int64(d-'0')
		p.count++
		return p.count <= 13
	}
	unit := map[rune]int64{'十': 10, '百': 100, '千': 1000, '万': 1_0000, '亿': 1_0000_0000}[r]
	if unit == 0 {
		return false
	}
	if unit >= 1_0000 {
		return p.big(unit)
	}
	if p.count == 0 || p.digits == 0 {
		if unit != 10 {
			return false
		}
		p.digits = 1
	}
	if p.section > 0 && unit >= p.lastUnit {
		return false
	}
	p.section += p.digits * unit
	p.digits, p.count, p.zero, p.any = 0, 0, false, true
	p.lastUnit = unit
	return p.section < 1_0000_0000
}

func (p *numberParser) big(unit int64) bool {
	v := p.section + p.digits
	if v == 0 || v >= 1_0000_0000 || p.total > 0 && p.total%(unit*10) != 0 {
		return false
	}
	p.total += v * unit
	p.section, p.digits, p.count, p.zero, p.any = 0, 0, 0, false, true
	p.lastUnit = unit
	return p.total <= maxNumber
}

func (p *numberParser) finish() (int64, bool) {
	if p.count == 1 && !p.zero && p.lastUnit >= 100 {
		p.digits *= p.lastUnit / 10
	}
	n := p.total + p.section + p.digits
	return n, p.any && n <= maxNumber
}
