package zhtext

import "strings"

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
