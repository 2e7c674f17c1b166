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
	hum  = `(?:嗯|恩|唔|哦|噢|啊|呃|额|哎|唉|诶|欸|那|就|哈|HM|EN)`
	tail = `(?:的|得|啊|呀|呢|吧|了|哦|呗|嘛|哈|啦|滴|哒|噢|喽|么|哟|嗯|嘅|吖|喎|㗎)`
)

var (
	// Words whose characters mislead.
	misleading = strings.NewReplacer(
		"没错", "对", "没问题", "对", "没毛病", "对", "冇错", "对", "冇问题", "对", "係", "系", "唔该", "", "不错", "对", "不客气", "", "不好意思", "",
		"不过", "", "好像", "", "是不是", "", "对不对", "", "好不好", "", "行不行", "", "要不要", "",
		"可不可以", "", "有没有", "", "不管", "", "你好", "", "您好", "", "对不起", "", "要不", "", "不光", "",
	)
	onlyHum = regexp.MustCompile(`^` + hum + `+$`)
	wholeNo = regexp.MustCompile(`^(?:` + hum + `|我|都|也|这个|那个|这|还|完全|肯定|应该)*` +
		`(?:不|没|错|别|甭|否|NO|算了|取消|冇|唔(?:系|啱|要|对|使|得|好|想|同意))`)
	wholeYes = regexp.MustCompile(`^` + hum + `*(?:我|都|也|这|应该|完全|我说)?` +
		`(?:对|是|好|行|可以|正确|确认|确定|同意|要|需要|当然|必须|有|成|中|妥|系|啱|得|收到|OK|YES|YEAH|YEP|没错|要的|就它|就这)+` +
		`(?:` + tail + `|对|是|好|行|可以|这个|那个|这件|那件|它|这样|就行|就可以|谢谢你?|谢谢您|麻烦[你您了]*|确认)*$`)
	startYes = regexp.MustCompile(`^` + hum + `*(?:对(?:[对啊呀的了哦嘛]|就|我)|是[的啊呀]|系[啊呀嘅]|啱[啊呀嘅]|好[的啊呀]|可以的|行[啊的吧]|OK|嗯{2,})`)
)

// ReadYesNo reads yes and no in the forms callers use: "嗯", "对对对", "没错",
// "不是", "没有没有", in Cantonese "系", "唔系". The first clear clause decides; a question or a sentence
// about something else is AnswerUnknown.
func ReadYesNo(text string) Answer {
	weak := AnswerUnknown
	for _, clause := range Clauses(Narrow(text)) {
		clause = misleading.Replace(clause)
		switch {
		case clause == "" || strings.HasSuffix(clause, "吗"):
			continue
		case onlyHum.MatchString(clause):
			if strings.ContainsAny(clause, "嗯恩") || strings.Contains(clause, "EN") {
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
