package zhtext

import "strings"

func sayNumericDate(m []string, p place) string {
	month, day := atoi(m[3]), atoi(m[5])
	if m[2] != m[4] || month < 1 || month > 12 || day < 1 || day > 31 || p.goesOn() && !strings.HasSuffix(m[0], "T") {
		return ""
	}
	return oneByOne(m[1]) + "年" + count(m[3], false) + "月" + count(m[5], false) + "日"
}

func sayYearMonth(m []string, _ place) string {
	if month := atoi(m[2]); month < 1 || month > 12 {
		return ""
	}
	return oneByOne(m[1]) + "年" + count(m[2], false) + "月"
}

func sayYearAlone(m []string, _ place) string { return oneByOne(m[1]) + "年" }

func sayYears(m []string, _ place) string { return oneByOne(m[1]) + "到" + oneByOne(m[2]) + "年" }

// sayTime reads 15:30 and 15:30:20.
func sayTime(m []string, p place) string {
	if atoi(m[1]) > 24 || atoi(m[2]) > 59 || atoi(m[3]) > 59 || p.goesOn() {
		return ""
	}
	said := count(m[1], true) + "点"
	if m[2] != "00" || m[3] != "" {
		said += minutes(m[2]) + "分"
	}
	if m[3] != "" {
		said += minutes(m[3]) + "秒"
	}
	return said
}

// minutes keeps the zero of 15:05.
func minutes(s string) string {
	if s[0] == '0' {
		return "零" + strings.TrimPrefix(count(s[1:], false), "零")
	}
	return count(s, false)
}
