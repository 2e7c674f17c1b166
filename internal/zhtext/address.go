package zhtext

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is a place that a caller names, kept as text: what it is made of is
// for the courier to understand, and for the caller to confirm.
type Address struct {
	// Text is without the words around it and without pauses; house numbers
	// are in digits.
	Text string
	// Kinds counts the kinds of its parts: province, city, district, town,
	// road, estate, house number.
	Kinds int
	// Place is true when a road, a village or an estate is named, House when
	// a house or a room is.
	Place, House bool
}

// maxAddress bounds an address, in characters.
const maxAddress = 60

// addressPart is one kind of part, with what tells it; the name before it is
// at least one character.
type addressPart struct {
	name string
	form *regexp.Regexp
	// not are words that end like the part and are none.
	not []string
}

const houseNumber = `[0-9零〇一二两三四五六七八九十百千幺A-Z]{1,8}`

var addressParts = []addressPart{
	{"province", regexp.MustCompile(`北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|省|自治区`), []string{"节省", "省得", "省事", "省钱", "省心"}},
	{"city", regexp.MustCompile(`市|自治州|地区`), []string{"超市", "城市", "门市", "市场", "上市", "同市", "市区", "市面"}},
	{"district", regexp.MustCompile(`区|县|旗`), []string{"小区", "社区", "校区", "园区", "地区", "区别", "专区", "城区", "市区", "片区", "旗舰", "治区", "厂区", "县城"}},
	{"town", regexp.MustCompile(`街道|镇|乡|村|屯|林场|农场`), []string{"老乡", "家乡", "乡下", "新村", "农村", "城镇", "冰镇", "镇上", "乡镇"}},
	{"road", regexp.MustCompile(`大街|大道|街|路|巷|弄|胡同|里弄`), []string{"路上", "走路", "一路", "顺路", "马路", "路过", "在路", "路由", "街道", "上街", "逛街", "带路", "半路", "套路", "线路", "电路", "弄错", "弄坏", "弄丢", "弄脏", "弄好", "弄的", "怎么弄", "弄个", "弄一", "弄破", "弄完", "搞弄"}},
	{"estate", regexp.MustCompile(`小区|花园|家园|公寓|大厦|大楼|广场|新村|社区|校区|大学|学院|中学|小学|医院|工业园|科技园|产业园|软件园|园区|写字楼|宿舍|别墅|雅苑|新苑|豪庭|名苑|华庭|公馆|新城|商城|家属院|大院|厂区|菜鸟驿站|驿站`), []string{"大学生", "小学生", "中学生"}},
	{"house", regexp.MustCompile(`(?:` + houseNumber + `)(?:号楼|号院|号|栋|幢|座|单元|室|楼|层|门|弄|房)`), []string{"楼道", "一层楼", "一座城", "门口"}},
}

var (
	leadIn = regexp.MustCompile(`地址(?:是|在|为|改成|改到|改为|换成|写|:)?|住址(?:是|在)?|收货(?:是|在)|住在|住|家在|就在|我在|在|送到|寄到|寄回|寄往|发到|来到|上门到|上门|到|来|去|是|就是|改成|改到|换成|换到|位于|那个|这个|我家|我们|我|:`)
	// trailing is what may follow the last part: the room, or where to leave it.
	trailing    = regexp.MustCompile(`^(?:[东南西北中][一二三]?段)?(?:[0-9零〇一二两三四五六七八九幺]{2,5})?(?:[东南西北]?门口|[东南西北]门|旁边|对面|附近|前台|门卫|物业|传达室|保安室|快递柜|菜鸟驿站|驿站)?`)
	question    = regexp.MustCompile(`吗|呢$|多少|什么|怎么|哪|几[天号点]`)
	houseSuffix = regexp.MustCompile(`([0-9零〇一二两三四五六七八九十百千幺]{1,8})(号楼|号院|号|栋|幢|座|单元|室|楼|层|门|弄|房|$)`)
	numberOnly  = regexp.MustCompile(`^[0-9零〇一二三四五六七八九幺]+$`)
	houseOnly   = regexp.MustCompile(`^(?:$|[0-9零一二两三四五六七八九十A-Z]|门口|旁边|对面|院|弄)`)
	// roadOne is a road that ends like 一路 ("all the way").
	roadOne  = regexp.MustCompile(`[五东西南北中山经纬环港区镇市海江]一路$`)
	unitLast = regexp.MustCompile(`(?:号楼|栋|幢|座|单元)$`)
	roomOnly = regexp.MustCompile(`^[0-9零〇一二两三四五六七八九幺]{2,5}$`)
	// nameless is what stands before a kind of place that is not named.
	nameless    = regexp.MustCompile(`[的们个这那住]$`)
	monthBefore = regexp.MustCompile(`月$`)
)

// FindAddress finds an address in a sentence by what places are named with:
// province, city, district, town, road, estate, house numbers. An address has a
// road, a town or an estate, and at least two kinds of parts.
func FindAddress(sentence string) (Address, bool) {
	a, _ := FindPlace(sentence)
	return a, a.Kinds >= 2 && a.Place
}

// FindPlace is FindAddress for the answer to a question for an address, where
// one part of it is enough: "世纪大道". Question words make it none.
func FindPlace(sentence string) (Address, bool) {
	var best, now Address
	kinds := map[string]bool{}
	flush := func() {
		if now.Kinds > best.Kinds {
			best = now
		}
		now = Address{}
		clear(kinds)
	}
	for _, clause := range addressClauses(sentence) {
		text, found := placeIn(clause, now.Text)
		if unitLast.MatchString(now.Text) && roomOnly.MatchString(clause) {
			text = clause // "A座，幺二零幺"
		}
		if text == "" {
			flush()
			continue
		}
		if utf8.RuneCountInString(now.Text)+utf8.RuneCountInString(text) > maxAddress {
			break
		}
		now.Text += text
		for k := range found {
			kinds[k] = true
		}
		now.Kinds = len(kinds)
		now.House = kinds["house"]
		now.Place = kinds["road"] || kinds["town"] || kinds["estate"]
	}
	flush()
	best.Text = housesInDigits(best.Text)
	return best, best.Kinds > 0 && utf8.RuneCountInString(best.Text) >= 3
}

// addressClauses are the clauses of a sentence without fillers, those that are
// questions left out as "".
func addressClauses(sentence string) []string {
	clauses := strings.FieldsFunc(Narrow(sentence), func(r rune) bool {
		return r != '-' && r != '#' && !unicode.IsSpace(r) && (unicode.IsPunct(r) || unicode.IsSymbol(r))
	})
	var out []string
	for _, c := range clauses {
		c = strings.Join(strings.Fields(c), "")
		c = strings.Trim(c, "嗯呃额啊哦那就 ")
		switch {
		case question.MatchString(c):
			out = append(out, "")
		case c != "":
			out = append(out, c)
		}
	}
	return out
}

// placeIn is the part of a clause that is an address, and its kinds; before is
// what the clauses before it hold.
func placeIn(clause, before string) (string, map[string]bool) {
	first := before == ""
	kinds := map[string]bool{}
	start, end := len(clause), 0
	for _, p := range addressParts {
		for _, m := range p.form.FindAllStringIndex(clause, -1) {
			if m[0] == 0 && p.name != "house" && p.name != "province" && first || p.excludes(clause, before, m) {
				continue
			}
			kinds[p.name] = true
			start, end = min(start, m[0]), max(end, m[1])
		}
	}
	if len(kinds) == 0 {
		return "", nil
	}
	if len(kinds) == 1 && kinds["house"] && first {
		return "", nil // a number of something
	}
	if !provinceAt(clause[start:]) {
		start = nameStart(clause, start)
	}
	end += len(trailing.FindString(clause[end:]))
	text := clause[start:end]
	if utf8.RuneCountInString(text) > maxAddress {
		return "", nil
	}
	return text, kinds
}

var namedProvince = regexp.MustCompile(`^(?:北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门)`)

func provinceAt(s string) bool { return namedProvince.MatchString(s) }

// excludes says whether a match is another word that ends alike.
func (p addressPart) excludes(clause, before string, m []int) bool {
	if p.name == "road" && roadOne.MatchString(clause[:m[1]]) {
		return false
	}
	if p.name == "estate" && before == "" && nameless.MatchString(clause[:m[0]]) {
		return true // "我住的小区进不去"
	}
	for _, w := range p.not {
		for at := max(0, m[0]-len(w)); at < m[1] && at+len(w) <= len(clause); at++ {
			if at+len(w) > m[0] && clause[at:at+len(w)] == w {
				return true
			}
		}
	}
	if p.name != "house" {
		return false
	}
	text := clause[m[0]:m[1]]
	if strings.HasSuffix(text, "号") {
		if m[0] == 0 && before != "" && !houseOnly.MatchString(clause[m[1]:]) {
			return true // "世纪大道，十二号来取": a day
		}
		return monthBefore.MatchString(clause[:m[0]]) || !strings.ContainsAny(before+clause[:m[0]], "路街道巷弄村园区苑院镇乡栋厦")
	}
	return strings.HasSuffix(text, "门") && strings.Contains(clause[:m[1]], "上门")
}

// nameStart is where the name before the first part begins: behind the words
// that lead in, of which a name keeps those that it has itself ("来安县").
func nameStart(clause string, at int) int {
	start := 0
	for _, m := range leadIn.FindAllStringIndex(clause[:at], -1) {
		if utf8.RuneCountInString(clause[m[1]:at]) >= 2 || m[0] == 0 && m[1] < at {
			start = m[1]
		}
	}
	return start
}

// housesInDigits writes the numbers of houses and rooms in digits.
func housesInDigits(text string) string {
	return houseSuffix.ReplaceAllStringFunc(text, func(m string) string {
		sub := houseSuffix.FindStringSubmatch(m)
		return inDigits(sub[1]) + sub[2]
	})
}

func inDigits(s string) string {
	if numberOnly.MatchString(s) {
		var b strings.Builder
		for _, r := range s {
			d, _ := digitOf(r)
			b.WriteByte(d)
		}
		return b.String()
	}
	if n, ok := ParseNumber(s); ok {
		return decimal(n)
	}
	return s
}

// SayAddress reads an address back: house and room numbers of three digits and
// more one by one, with a short pause before the house.
func SayAddress(text string) string {
	parts := houseInDigits.FindAllStringSubmatchIndex(text, -1)
	var b strings.Builder
	at := 0
	for i, m := range parts {
		b.WriteString(ReadOut(text[at:m[0]]))
		if i == 0 && m[0] > 0 {
			b.WriteString("，")
		}
		number, unit := text[m[2]:m[3]], text[m[4]:m[5]]
		if len(number) >= 3 || number[0] == '0' {
			b.WriteString(ReadDigits(number, len(number)))
		} else {
			b.WriteString(count(number, slices.Contains([]string{"栋", "层"}, unit)))
		}
		b.WriteString(unit)
		at = m[1]
	}
	b.WriteString(ReadOut(text[at:]))
	return b.String()
}

var houseInDigits = regexp.MustCompile(`([0-9]{1,8})(号楼|号院|号|栋|幢|座|单元|室|楼|层|门|弄|房|$)`)
