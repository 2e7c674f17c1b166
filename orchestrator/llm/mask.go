package llm

import (
	"regexp"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// What masked things are called; a model understands them.
const (
	maskedNumber  = "〔号码〕"
	maskedAddress = "〔地址〕"
	maskedMail    = "〔邮箱〕"
)

// minMasked is the shortest run of digits that can say who somebody is: the
// last four of an order or a telephone number, less one.
const minMasked = 3

var (
	mail = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)
	// address is a place from a province, town or road down to a house; two of
	// its parts have to be there, or a house number.
	address = regexp.MustCompile(
		`(?:[\p{Han}]{1,8}?(?:省|自治区|市|区|县|镇|乡|街道|村|路|街|巷|弄|道|大道|小区|花园|大厦|广场|公寓|校区)){1,6}` +
			`(?:[0-9零〇一二三四五六七八九十百千幺]{1,6}(?:号楼|号院|号|弄|栋|幢|单元|座|楼|层|室)){1,6}` +
			`|[\p{Han}]{1,8}?(?:省|自治区|市)[\p{Han}]{1,8}?(?:市|区|县|镇)(?:[\p{Han}]{1,8}?(?:镇|乡|街道|村|路|街|巷|小区|花园|大厦|广场|公寓))?`)
)

// Mask takes out of a sentence what says who or where somebody is: numbers of
// three digits or more, as written or as spoken, addresses, e-mail addresses.
// Counts, dates and prices ("三百二十块") stay.
func Mask(text string) string {
	text = mail.ReplaceAllString(text, maskedMail)
	text = address.ReplaceAllString(text, maskedAddress)
	rs := []rune(text)
	var b strings.Builder
	at := 0
	for _, run := range zhtext.FindDigits(text) {
		if len(run.Text) < minMasked || run.Counted && !run.Tail || run.Start < at || run.End > len(rs) {
			continue
		}
		b.WriteString(string(rs[at:run.Start]))
		b.WriteString(maskedNumber)
		at = run.End
	}
	b.WriteString(string(rs[at:]))
	return b.String()
}
