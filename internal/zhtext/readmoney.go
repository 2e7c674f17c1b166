package zhtext

import "strings"

var currencies = map[string]string{"¥": "元", "RMB": "元", "CNY": "元", "$": "美元", "€": "欧元", "£": "英镑", "HK$": "港币"}

// sayCurrency reads an amount with its sign before it, or a range of amounts.
func sayCurrency(m []string, p place) string {
	if p.goesOn() {
		return ""
	}
	sign := negative(m[1] + m[3])
	name := currencies[strings.TrimSpace(m[2])]
	if m[5] != "" {
		return sign + quantity(m[4], false) + "到" + quantity(m[5], false) + m[6] + name
	}
	if m[6] == "" && name == "元" {
		return sign + yuan(m[4])
	}
	return sign + quantity(m[4], m[6] != "" || name == "美元") + m[6] + name
}

// sayYuan reads an amount with its unit behind it.
func sayYuan(m []string, _ place) string {
	sign := negative(m[1])
	if m[3] != "" {
		return sign + quantity(m[2], true) + m[3] + m[4]
	}
	if m[4] == "元" {
		return sign + yuan(m[2])
	}
	whole, frac, _ := strings.Cut(strings.ReplaceAll(m[2], ",", ""), ".")
	if frac = strings.TrimRight(frac, "0"); frac == "" || len(frac) > 2 {
		return sign + quantity(strings.TrimSuffix(whole+"."+frac, "."), true) + m[4]
	}
	fen, ok := ParseAmount(whole + "." + frac + "元")
	if !ok {
		return sign + quantity(m[2], true) + m[4]
	}
	return sign + SayAmount(fen)
}

// yuan reads an amount of money with at most two decimals as 元, 角 and 分.
func yuan(s string) string {
	fen, ok := ParseAmount(strings.ReplaceAll(s, ",", "") + "元")
	if !ok {
		return quantity(s, true) + "元"
	}
	said := SayAmountFormally(fen)
	if whole, _, found := strings.Cut(said, "元"); found {
		// 两元, 两千元: 二 is for numbers, not for amounts.
		said = count(decimal(fen/100), true) + said[len(whole):]
	}
	return said
}
