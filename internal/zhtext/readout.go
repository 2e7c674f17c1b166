package zhtext

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// ReadOut writes everything in a text that has digits in it as it is read
// out, in Chinese characters: amounts (¥199.00 is 一百九十九元), dates, times,
// percentages, ranges, counts; order and ticket numbers digit by digit with
// 幺 for 1, telephone numbers in the groups that people say. The rest of the
// text stays as it is, Latin letters too (see SpellLetters). The result has no
// digits, and reading it out again changes nothing.
func ReadOut(text string) string {
	text = narrowForReading(text)
	var b strings.Builder
	b.Grow(len(text) + 16)
	spans := false // what was read last may begin a range
	for i := 0; i < len(text); {
		if n := rangeSign(text, i, spans); n > 0 {
			b.WriteString("到")
			i += n
			continue
		}
		said, n, form := readAt(text, i)
		if n == 0 {
			_, n = utf8.DecodeRuneInString(text[i:])
			said = text[i : i+n]
		}
		spans = form != nil && form.spans
		b.WriteString(said)
		i += n
	}
	return b.String()
}

var toNumber = regexp.MustCompile(`^\s?[-~～—–]\s?¥?\d`)

// rangeSign is the length of the sign at i when it stands between the two
// ends of a range: 9:00-18:00, 11月12日-15日.
func rangeSign(text string, i int, spans bool) int {
	m := toNumber.FindString(text[i:])
	if m == "" {
		return 0
	}
	if before, _ := utf8.DecodeLastRuneInString(text[:i]); !spans && !strings.ContainsRune("年月日号点元块天件个分时秒", before) {
		return 0
	}
	return len(strings.TrimRight(m, "¥0123456789"))
}

// narrowForReading makes ASCII of the full-width letters, digits and signs
// that numbers are written with. Punctuation stays: voices pause at it.
func narrowForReading(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９', r >= 'Ａ' && r <= 'Ｚ', r >= 'ａ' && r <= 'ｚ', strings.ContainsRune("％＋－．／＄", r):
			return r - 0xFEE0
		case r == '−': // U+2212
			return '-'
		case r == '￥':
			return '¥'
		}
		return r
	}, degrees.Replace(text))
}

// degrees are signs of one meaning.
var degrees = strings.NewReplacer("℃", "摄氏度", "°C", "摄氏度", "㎡", "平方米")

// reader is one form that numbers have. say gives "" when the match turns out
// to be something else; the match of the first reader that says something is
// taken as a whole. spans: it may be the beginning of a range.
type reader struct {
	form  *regexp.Regexp
	say   func(m []string, p place) string
	spans bool
}

// place is what stands around a match.
type place struct{ before, after string }

const (
	number  = `\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?`
	through = `\s?[-~～—–至到]\s?`
	// unitWords has the longer units before those that they begin with.
	unitWords = `mAh|kWh|m²|kg|KG|Kg|km|cm|CM|mm|mg|ml|mL|ML|g|m|L|l|V|W`
)

var unitForm = regexp.MustCompile(`^\s?(?:` + unitWords + `)`)

func form(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)`) }

// readers in order of precedence.
var readers = []reader{
	{form(`(-?)([¥$€£]|HK\$|RMB ?|CNY ?)\s?(-?)(` + number + `)(?:` + through + `[¥$€£]?(` + number + `))?([万亿]?)元?`), sayCurrency, false},
	{form(`(-?)(` + number + `)([万亿]?)(元|块钱|块)`), sayYuan, true},
	{form(`(\d{4})([-/.])(\d{1,2})([-/.])(\d{1,2})T?`), sayNumericDate, true},
	{form(`(\d{4})` + through + `(\d{4})年`), sayYears, false},
	{form(`(\d{4}|\d{2})年(\d{1,2})月`), sayYearMonth, false},
	{form(`(\d{4})年`), sayYearAlone, false},
	{form(`(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?`), sayTime, true},
	{form(`(-?)(` + number + `)\s?([%‰])`), sayPercent, true},
	{form(`(` + number + `)` + through + `(` + number + `)\s?%`), sayPercentRange, false},
	{form(`(\+?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})`), sayMobile, false},
	{form(`\d+(?:[- ]\d+)+`), sayGroups, false},
	{form(`\d{1,4}(?:[xX×*]\d{1,4})+`), sayTimes, false},
	{form(unitWords), sayUnit, true},
	{form(`[A-Za-z]+(?:-?[A-Za-z0-9]+)*`), sayCode, false},
	{form(`\d+[A-Za-z]+\d[A-Za-z0-9]*`), sayCode, false},
	{form(`(\d{1,2})/(\d{1,2})`), sayFraction, false},
	{form(`\d+(?:\.\d+){2,}`), sayVersion, false},
	{form(`(` + number + `)` + through + `(` + number + `)`), sayRange, false},
	{form(`(-?)(` + number + `)`), sayNumber, false},
	{form(`(-?)(\d+)`), sayDigits, false}, // whatever it is, no digit stays
}

// Bounds in bytes of one reading and of the text before it that counts, so
// that the time grows with the text and not faster.
const (
	longest  = 128
	lookBack = 64
)

// readAt reads what begins at text[i:]; n is its length in bytes, 0 when
// nothing there is read otherwise than it is written.
func readAt(text string, i int) (said string, n int, by *reader) {
	if !startsReading(text, i) {
		return "", 0, nil
	}
	before := text[max(0, i-lookBack):i]
	window := text[i:min(len(text), i+longest)]
	for k := range readers {
		r := &readers[k]
		m := r.form.FindStringSubmatch(window)
		if m == nil {
			continue
		}
		if said := r.say(m, place{before, text[i+len(m[0]):]}); said != "" {
			return said, len(m[0]), r
		}
	}
	return "", 0, nil
}

// startsReading says whether a number, or a word that may hold one, begins at
// i. A minus after a letter or a digit is a hyphen.
func startsReading(text string, i int) bool {
	switch c := text[i]; {
	case isDigit(c):
		return true
	case isLatin(c):
		return i == 0 || !isLatin(text[i-1])
	case c == '-':
		return i+1 < len(text) && (isDigit(text[i+1]) || strings.HasPrefix(text[i+1:], "¥")) &&
			(i == 0 || !isDigit(text[i-1]) && !isLatin(text[i-1]) && text[i-1] != '-')
	case c == '+':
		return strings.HasPrefix(text[i:], "+86")
	default:
		return strings.HasPrefix(text[i:], "¥") || strings.HasPrefix(text[i:], "$") ||
			strings.HasPrefix(text[i:], "€") || strings.HasPrefix(text[i:], "£")
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLatin(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

// goesOn says whether digits follow at once, so that a match is only a part.
func (p place) goesOn() bool { return p.after != "" && isDigit(p.after[0]) }

// measureWords follow counts; before them 2 is 两.
const measureWords = "件个双只条次天周套遍位张盒瓶箱种款项家名台部份包袋斤本枚颗根把层箱筐支块间万亿"

// measured says whether what follows makes a number a count.
func (p place) measured() bool {
	r, _ := utf8.DecodeRuneInString(p.after)
	return p.unitFollows() || r != utf8.RuneError && strings.ContainsRune(measureWords+"元年月日号点分秒小岁米克升吨公厘毫倍人度折楼", r)
}

// couple says whether a 2 here is 两.
func (p place) couple() bool {
	if strings.HasSuffix(p.before, "第") {
		return false
	}
	if p.unitFollows() {
		return true
	}
	for _, w := range []string{"小时", "分钟", "公斤", "公里", "年", "倍", "人", "点", "米", "升", "吨", "秒", "元"} {
		if strings.HasPrefix(p.after, w) {
			return true
		}
	}
	r, _ := utf8.DecodeRuneInString(p.after)
	return r != utf8.RuneError && strings.ContainsRune(measureWords, r)
}

// called are the words before a number that is read digit by digit.
var called = regexp.MustCompile(`(?:尾号|单号|编号|号码|订单|工单|流水号|运单|取件码|取货码|验证码|密码|卡号|账号|帐号|手机号?|电话|热线|客服|分机号?|拨打|致电|呼叫|工号|座机|四位|[Nn][Oo]\.?)[是为：:，, ]*$`)

// byDigits says whether a whole number is read digit by digit here.
func (p place) byDigits(digits string) bool {
	switch n := len(digits); {
	case n >= 7 && strings.HasPrefix(p.after, "号"),
		n >= 3 && (strings.HasPrefix(p.after, "室") || strings.HasPrefix(p.after, "房间")): // 402室
		return true
	case p.measured():
		return false
	case n > 1 && digits[0] == '0', n >= 7:
		return true
	case n == 5 || n == 6:
		return serviceNumber.MatchString(digits) || called.MatchString(p.before)
	default:
		return called.MatchString(p.before)
	}
}

// serviceNumber are numbers of carriers, banks and public services.
var serviceNumber = regexp.MustCompile(`^(?:1[02]\d{3}|9[56]\d{3,4})$`)
