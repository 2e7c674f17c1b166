package zhtext

import (
	"regexp"
	"strings"
)

// Amount is money that a caller speaks of.
type Amount struct {
	// Fen is 1/100 yuan. Of "两千多" it is the 2,000 yuan that are sure.
	Fen int64
	// Exact is false for "大概三百", "两千多", "一百来块".
	Exact bool
}

// SayAmount says the amount as people do, one that is not exact with 大概.
func (a Amount) SayAmount() string {
	if a.Exact {
		return SayAmount(a.Fen)
	}
	return "大概" + SayAmount(a.Fen)
}

const amountNumber = `(?:[0-9][0-9,]*(?:\.[0-9]{1,2})?|[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]{1,2})?)`

var (
	// withUnit has the number, what makes it vague, the unit and the change.
	withUnit = regexp.MustCompile(`(负)?(` + amountNumber + `)(多|来|几|好几)?([万千百])?(块钱|块|元钱|元|圆)(多|左右|上下)?` +
		`(零?[零〇一二两三四五六七八九0-9](?:[毛角][零〇一二两三四五六七八九0-9]?分?|分)?)?(钱)?`)
	onlyChange = regexp.MustCompile(`([零〇一二两三四五六七八九0-9])([毛角])([零〇一二两三四五六七八九0-9]?分?)|([零一二两三四五六七八九0-9])分(?:钱|$|[^钟之])`)
	signed     = regexp.MustCompile(`¥\s?([0-9][0-9,]*(?:\.[0-9]{1,2})?)`)
	// vague is a number that is no count of anything but money: "两千多".
	vague = regexp.MustCompile(`(` + amountNumber + `)(多|来)([^0-9零〇一二两三四五六七八九十百千万个件天年月号点次人岁双只条家公里斤分小位米]|$)`)
	// priced is a number behind a word for a price: "花了三百二".
	priced   = regexp.MustCompile(`(?:花了?|付了?|价格是?|价钱是?|金额是?|总共|一共|卖|才|实付|退款?了?我?|退给我)(` + amountNumber + `)(多)?(?:吧|左右|的那|那[个件单笔])?[ ,，。的]*$`)
	together = regexp.MustCompile(`^(?:儿|[退买寄换送发给拿收下过来])`)
	// pieces are goods that 块 counts.
	pieces     = regexp.MustCompile(`^(?:手?表|香皂|肥皂|毛巾|方巾|抹布|围巾|布|面料|地毯|地垫|垫|坐垫|电池|屏|[电主钢模]?板|蛋糕|巧克力|牛?肉|牛排|木|[瓷地墙]?砖|玻璃|饼|糖|玉|硬盘|显卡|内存|窗帘|冰|积木|拼图)`)
	thisPiece  = regexp.MustCompile(`[这那哪每]$`)
	roughly    = regexp.MustCompile(`(?:大概|大约|大致|差不多|约|好像|可能|将近|不到|快|左右|上下|估计)[有是花了付 ]*$`)
	roughAfter = regexp.MustCompile(`^(?:左右|上下|多|出头|不到)`)
)

// FindAmount finds money in a sentence: "一百二十八块五", "¥128.50", "花了三百二",
// "两千多" (not exact). Numbers that may be something else are none.
func FindAmount(sentence string) (Amount, bool) {
	text := strings.ReplaceAll(Narrow(sentence), "￥", "¥")
	if m := signed.FindStringSubmatchIndex(text); m != nil {
		return amountAt(text, m, "¥"+text[m[2]:m[3]], false)
	}
	if m := withUnit.FindStringSubmatchIndex(text); m != nil {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		change := group(7)
		if change != "" && counts(text[m[15]:]) {
			change = "" // "三块，五件": the five are something else
		}
		if group(2) == "一" && group(5) == "块" && group(7)+group(8) == "" && together.MatchString(text[m[1]:]) {
			return Amount{}, false // "一块退": together
		}
		if group(5) == "块" && group(7)+group(8) == "" && (pieces.MatchString(text[m[1]:]) || thisPiece.MatchString(text[:m[0]]) && group(2) == "一") {
			return Amount{}, false // "两块香皂", "这一块"
		}
		said := group(1) + group(2) + group(4)
		if strings.Contains(group(2), ".") && group(4) != "" {
			said = group(1) + shift(group(2), zeros[group(4)])
		}
		return amountAt(text, m, said+"块"+change, group(3) != "" || group(6) != "")
	}
	if m := onlyChange.FindStringSubmatchIndex(text); m != nil {
		said := text[m[0]:m[1]]
		if m[8] >= 0 {
			said = text[m[8]:m[9]] + "分"
		}
		return amountAt(text, m, said, false)
	}
	for _, form := range []*regexp.Regexp{vague, priced} {
		if m := form.FindStringSubmatchIndex(text); m != nil {
			return amountAt(text, m, text[m[2]:m[3]]+"块", m[4] >= 0)
		}
	}
	return Amount{}, false
}

var zeros = map[string]int{"百": 2, "千": 3, "万": 4}

// shift moves the decimal point: "1.2" by 4 is "12000".
func shift(number string, places int) string {
	whole, frac, _ := strings.Cut(number, ".")
	return whole + (frac + strings.Repeat("0", places))[:places]
}

// counts says whether what follows makes the number before it a count.
func counts(after string) bool {
	if strings.HasPrefix(after, "包邮") {
		return false
	}
	for _, r := range after {
		return strings.ContainsRune(measureWords+"点号月年折", r)
	}
	return false
}

func amountAt(text string, m []int, said string, vague bool) (Amount, bool) {
	fen, ok := ParseAmount(strings.ReplaceAll(said, ",", ""))
	if !ok {
		return Amount{}, false
	}
	rough := vague || roughly.MatchString(text[:m[0]]) || roughAfter.MatchString(text[m[1]:]) || strings.Contains(text[m[0]:m[1]], "左右")
	return Amount{Fen: fen, Exact: !rough}, true
}
