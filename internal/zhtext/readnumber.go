package zhtext

import (
	"regexp"
	"strconv"
	"strings"
)

// digitGroup is how many digits are read out in one breath.
const digitGroup = 4

// count says a whole number given in decimal digits, 两 where people do.
func count(digits string, couple bool) string {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > maxNumber {
		return ReadDigits(digits, digitGroup)
	}
	if n == 2 && couple {
		return "两"
	}
	s := SayNumber(n)
	if rest, ok := strings.CutPrefix(s, "二"); ok && (strings.HasPrefix(rest, "千") || strings.HasPrefix(rest, "万") || strings.HasPrefix(rest, "亿")) {
		s = "两" + rest
	}
	return s
}

// quantity says a number that may have thousands separators and decimals.
func quantity(s string, couple bool) string {
	whole, frac, _ := strings.Cut(strings.ReplaceAll(s, ",", ""), ".")
	said := count(whole, couple && frac == "")
	if frac == "" {
		return said
	}
	return said + "点" + oneByOne(frac)
}

// oneByOne reads digits with 一, as in years and decimals.
func oneByOne(digits string) string {
	var b strings.Builder
	for _, c := range []byte(digits) {
		b.WriteString(numerals[c-'0'])
	}
	return b.String()
}

func sayNumber(m []string, p place) string {
	if p.goesOn() {
		return ""
	}
	sign, s := negative(m[1]), m[2]
	if sign == "" && !strings.ContainsAny(s, ",.") && p.byDigits(s) {
		return ReadDigits(s, digitGroup)
	}
	return sign + quantity(s, p.couple())
}

func sayDigits(m []string, _ place) string { return negative(m[1]) + ReadDigits(m[2], digitGroup) }

func negative(sign string) string {
	if sign == "" {
		return ""
	}
	return "负"
}

func sayRange(m []string, p place) string {
	from, to := m[1], m[2]
	if p.goesOn() || strings.HasPrefix(to, "0") && len(to) > 1 && !strings.Contains(to, ".") || len(from) > 6 || len(to) > 6 {
		return ""
	}
	return quantity(from, p.couple()) + "到" + quantity(to, p.couple())
}

// sayGroups reads a number written in groups: of a telephone, a card, an
// order. Two short groups are rather a range.
func sayGroups(m []string, p place) string {
	groups := strings.FieldsFunc(m[0], func(r rune) bool { return r == '-' || r == ' ' })
	digits := 0
	odd := called.MatchString(p.before)
	for _, g := range groups {
		digits += len(g)
		odd = odd || len(g) > 1 && g[0] == '0'
	}
	if digits < 7 || !odd && len(groups) < 3 && digits < 11 || p.measured() {
		return ""
	}
	for i, g := range groups {
		groups[i] = ReadDigits(g, digitGroup)
	}
	return strings.Join(groups, "，")
}

func sayMobile(m []string, p place) string {
	if p.goesOn() || p.measured() {
		return ""
	}
	said := ReadDigits(m[2], 3) + "，" + ReadDigits(m[3], 4) + "，" + ReadDigits(m[4], 4)
	if m[1] != "" {
		said = "加八六，" + said
	}
	return said
}

// Bounds of what counts as a code: fewer digits or longer words are a name
// (iPhone 15), of which the number is read as a number.
const (
	codeDigits  = 3
	codeLetters = 4
)

var codePart = regexp.MustCompile(`[A-Za-z]+|[0-9]+`)

// sayCode reads a number with letters in it: TG20261112-0001.
func sayCode(m []string, _ place) string {
	digits := 0
	var said strings.Builder
	for g, group := range strings.Split(m[0], "-") {
		if g > 0 {
			said.WriteString("，")
		}
		for _, part := range codePart.FindAllString(group, -1) {
			switch {
			case isDigit(part[0]):
				digits += len(part)
				said.WriteString(ReadDigits(part, digitGroup))
			case len(part) > codeLetters:
				return ""
			default:
				said.WriteString(strings.ToUpper(part))
			}
		}
	}
	if digits < codeDigits {
		return ""
	}
	return said.String()
}

// sayTimes reads sizes: 180x200.
func sayTimes(m []string, p place) string {
	if p.goesOn() {
		return ""
	}
	parts := strings.FieldsFunc(m[0], func(r rune) bool { return strings.ContainsRune("xX×*", r) })
	for i, s := range parts {
		parts[i] = count(s, false)
	}
	return strings.Join(parts, "乘")
}

func sayVersion(m []string, p place) string {
	if p.goesOn() {
		return ""
	}
	parts := strings.Split(m[0], ".")
	for i, s := range parts {
		parts[i] = count(s, false)
	}
	return strings.Join(parts, "点")
}

func sayFraction(m []string, p place) string {
	over, under := atoi(m[1]), atoi(m[2])
	if p.goesOn() || under < 2 || under > 10 || over >= under {
		return ""
	}
	return count(m[2], false) + "分之" + count(m[1], false)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s) // digits only, and few
	return n
}

func sayPercent(m []string, _ place) string {
	of := "百分之"
	if m[3] == "‰" {
		of = "千分之"
	}
	if m[2] == "100" {
		return negative(m[1]) + of + "百"
	}
	return negative(m[1]) + of + quantity(m[2], false)
}

func sayPercentRange(m []string, _ place) string {
	return "百分之" + quantity(m[1], false) + "到" + quantity(m[2], false)
}

// units in Latin letters, as they are said.
var units = map[string]string{
	"mAh": "毫安时", "kWh": "度", "m²": "平方米", "kg": "公斤", "KG": "公斤", "Kg": "公斤", "km": "公里", "cm": "厘米", "CM": "厘米",
	"mm": "毫米", "mg": "毫克", "ml": "毫升", "mL": "毫升", "ML": "毫升", "g": "克", "m": "米", "L": "升", "l": "升", "V": "伏", "W": "瓦",
}

// sayUnit reads the unit behind a number.
func sayUnit(m []string, p place) string {
	if p.before == "" || !isDigit(p.before[len(p.before)-1]) || p.after != "" && (isLatin(p.after[0]) || isDigit(p.after[0])) {
		return ""
	}
	return units[m[0]]
}

// unitFollows says whether a unit in Latin letters is next.
func (p place) unitFollows() bool {
	m := unitForm.FindString(p.after)
	rest := p.after[len(m):]
	return m != "" && (rest == "" || !isLatin(rest[0]) && !isDigit(rest[0]))
}
