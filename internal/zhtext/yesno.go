package zhtext

import (
	"regexp"
	"strings"
)

// Answer is what a reply to a yes-or-no question means.
type Answer uint8

// The answers.
const (
	AnswerUnknown Answer = iota
	AnswerYes
	AnswerNo
)

func (a Answer) String() string {
	return [...]string{"unknown", "yes", "no"}[min(a, AnswerNo)]
}

// SayYesNo says an answer in a form that ReadYesNo reads again.
func SayYesNo(a Answer) string {
	return [...]string{"", "是的", "不是"}[min(a, AnswerNo)]
}

const (
	hum  = `(?:嗯|恩|昂|唔|阿|哦|噢|啊|呃|额|哎|唉|诶|欸|那|就|哈|HM|EN)`
	tail = `(?:的|得|嘞|咧|哩|呐|哇|啊|呀|呢|吧|了|哦|呗|嘛|哈|啦|滴|哒|噢|喽|么|哟|嗯|嘅|吖|喎|㗎|额)`
)

// endsCall is a word that ends a call.
const endsCall = `(?:谢谢|多谢|再见|拜拜|再会|[就先]这样(?:子|吧|了|啊)*|麻烦了)`

// when is when something came: "昨天就收到了".
const when = `(?:大?前天|昨天|今天|昨晚|上周[一二三四五六日天]?|上个?(?:星期|礼拜)[一二三四五六日天]?|周[一二三四五六日天]|早上|上午|中午|下午|晚上)+`

var (
	// Words whose characters mislead.
	misleading = strings.NewReplacer(
		"木有", "没有", "莫得", "没有", "没得问题", "对", "木问题", "对", "可不是吗", "对", "可不是嘛", "对", "可不嘛", "对", "没有错", "对", "没有问题", "对", "没啥问题", "对", "没意见", "对", "没有意见", "对",
		"不知道", "", "不清楚", "", "不确定", "", "不记得", "", "不明白", "", "不晓得", "", "不好说", "", "没听清", "", "没听懂", "", "没听见", "", "没听到", "",
		"没想好", "", "没注意", "", "不太清楚", "", "不太明白", "", "不太懂", "", "不太记得", "", "不太确定", "", "没听明白", "", "没明白", "", "没懂", "", "没印象", "",
		"不会弄", "", "不会用", "", "不会寄", "", "不会搞", "", "不会操作", "", "没准", "", "不一定", "", "有没有搞错", "", "有没有收到", "", "收没收到", "", "收到没收到", "", "收到没有收到", "",
		"没错", "对", "没变", "对", "没换", "对", "没问题", "对", "没毛病", "对", "冇错", "对", "冇问题", "对", "係", "系", "唔该", "", "不错", "对", "不客气", "", "不好意思", "",
		"不过", "", "好像", "", "是不是", "", "对不对", "", "好不好", "", "行不行", "", "要不要", "",
		"可不可以", "", "有没有", "", "不管", "", "你好", "", "您好", "", "对不起", "", "要不", "", "不光", "",
	)
	// What ends a call says neither yes nor no: "行就这样吧谢谢", "对的谢谢再见".
	closing = regexp.MustCompile(`(?:那|就|先|啊|啦|了|哈)*` + endsCall + `(?:` + endsCall + `|你|您|啊|啦|了|哈|那|先)*$`)
	// "那我不在家怎么办" asks.
	whatThen = regexp.MustCompile(`(?:怎么办|咋办|咋整|怎么弄|咋弄|怎么搞)[啊呀呢嘛]*$`)
	onlyHum  = regexp.MustCompile(`^` + hum + `+$`)
	wholeNo  = regexp.MustCompile(`^(?:` + hum + `|我|都|也|这个|那个|这|还|完全|肯定|应该|暂时|目前|现在|先|倒|并|才|货|东西|快递|包裹|可|真|根本|一直|压根|到现在|到今天|尚|我觉得|我看|你们)*` +
		`(?:不|没|未|错|别|甭|否|免了|反了|NO|搞错|弄错|说错|听错|哪有|怎么可能|在路上|在运输|在派送|运输中|派送中|算了|取消|冇|唔(?:系|啱|要|对|使|得|好|想|同意))`)
	wholeYes = regexp.MustCompile(`^` + hum + `*(?:我|都|也|这|应该|完全|我说|你说[的得]|您说[的得]|说[的得]|已经|早就|早|刚刚|刚|都已经|我已经|我早就|我刚|货|东西|快递|包裹)?(?:` + when + `)?(?:已经?|都|就|早|刚)*` +
		`(?:对|是|好|行|可以|正确|确认|确定|同意|要|需要|当然|必须|有|成|中|妥|系|啱|得|收到|OK|YES|YEAH|YEP|没错|要的|就它|就这个?|就那个|就那件|就这件|正是|是我的?|对头|确实|肯定|麻烦[你您]?了|嗯呢|嗯哼|欧克|欧了|拿到手?|签收|到货|到手|到了|取到|收着|收了|就这么办|就?[按听照][你您]们?(?:说)?的(?:办|来)?)+` +
		`(?:` + tail + `|对|是|好|行|可以|就是|收到|这个|那个|这件|那件|货|快递|东西|有好?几天|它|这样|就行|就可以|谢谢你?|谢谢您|麻烦[你您了]*|确认)*$`)
	startYes = regexp.MustCompile(`^` + hum + `*(?:对(?:[对啊呀的了哦嘛]|就|我)|是[的啊呀]|系[啊呀嘅]|啱[啊呀嘅]|好[的啊呀]|可以的|行[啊的吧]|OK|嗯{2,})`)
)

// ReadYesNo reads yes and no in the forms callers use: "嗯", "对对对", "没错",
// "不是", "没有没有", in Cantonese "系", "唔系". The first clear clause decides; a question or a sentence
// about something else is AnswerUnknown.
func ReadYesNo(text string) Answer {
	weak := AnswerUnknown
	for _, clause := range Clauses(Narrow(text)) {
		clause = misleading.Replace(clause)
		if rest := closing.ReplaceAllString(clause, ""); rest != "" {
			clause = rest
		}
		switch {
		case clause == "" || strings.HasSuffix(clause, "吗") || whatThen.MatchString(clause):
			continue
		case onlyHum.MatchString(clause):
			if strings.ContainsAny(clause, "嗯恩昂") || strings.Contains(clause, "EN") {
				weak = AnswerYes
			}
		case wholeNo.MatchString(clause):
			return AnswerNo
		case wholeYes.MatchString(clause), startYes.MatchString(clause):
			return AnswerYes
		}
	}
	return weak
}
