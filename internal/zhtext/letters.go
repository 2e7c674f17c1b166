package zhtext

import (
	"slices"
	"strings"
)

// letterNames are the Latin letters as Mandarin speakers name them, in
// characters that every Chinese voice knows.
var letterNames = [26]string{
	"诶", "必", "西", "弟", "衣", "艾弗", "寄", "艾尺", "爱", "杰", "开", "艾勒", "艾姆", "恩", "欧", "批", "扣", "阿尔", "艾斯", "提",
	"优", "维", "达不溜", "艾克斯", "歪", "贼",
}

// SpellLetters writes the Latin letters of a text by their names, for voices
// that know Chinese characters only.
func SpellLetters(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r < 0x80 && isLatin(byte(r)) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 && isLatin(byte(r)) {
			b.WriteString(letterNames[(r|0x20)-'a'])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// letterMarks say that a letter follows.
var letterMarks = splitWords("英文字母的 英文字母 大写字母 小写字母 大写的 小写的 字母的 字母 大写 小写 英文的 英文")

// spokenLetters are what recognisers make of letters; those of one character
// are ordinary words unless a mark stands before them.
var spokenLetters = func() map[string]rune {
	out := map[string]rune{
		"哎": 'A', "欸": 'A', "比": 'B', "闭": 'B', "币": 'B', "地": 'D', "低": 'D', "迪": 'D', "一": 'E', "艾福": 'F', "鸡": 'G', "基": 'G',
		"艾尺": 'H', "哀": 'I', "艾": 'I', "勾": 'J', "街": 'J', "科": 'K', "克": 'K', "恩": 'N', "嗯": 'N', "屁": 'P', "皮": 'P',
		"球": 'Q', "啊": 'R', "阿": 'R', "踢": 'T', "梯": 'T', "有": 'U', "威": 'V', "微": 'V', "达不流": 'W', "达布溜": 'W', "达布流": 'W',
		"叉": 'X', "艾克思": 'X', "外": 'Y', "歪": 'Y', "在": 'Z', "贼": 'Z',
	}
	for i, name := range letterNames {
		out[name] = 'A' + rune(i)
	}
	return out
}()

// readLetter reads one letter of an order number: "A", "字母D", "大写的达不溜"; n
// is the runes taken, 0 when there is none.
func readLetter(text []rune) (letter rune, n int) {
	if len(text) > 0 && isLetter(text[0]) {
		return text[0], 1
	}
	mark := 0
	for _, w := range letterMarks {
		if len(text) > len(w) && slices.Equal(text[:len(w)], w) {
			mark = len(w)
			break
		}
	}
	if mark > 0 && isLetter(text[mark]) {
		return text[mark], mark + 1
	}
	least := 3
	if mark > 0 {
		least = 1
	}
	for size := 3; size >= least; size-- {
		if len(text) < mark+size {
			continue
		}
		if r, ok := spokenLetters[string(text[mark:mark+size])]; ok {
			return r, mark + size
		}
	}
	return 0, 0
}
