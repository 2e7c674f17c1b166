package dialog

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// slotVariant is the size or colour that goods are exchanged for.
const (
	slotVariant   = "variant"
	readerVariant = "variant"
)

// variants are the ways to name a size or a colour. What a size is compared
// with ("one larger") is kept as said, for whoever packs the parcel.
var variants = []*regexp.Regexp{
	regexp.MustCompile(`加?[大小][一两二三半](?:个)?(?:尺)?[号码]`),
	regexp.MustCompile(`[大小](?:一?点|些)(?:儿)?的`),
	regexp.MustCompile(`(?:加大|特大|[大中小均])[号码]`),
	regexp.MustCompile(`(?i)\b(?:[2-6]?x{1,4}l|xs|[sml])\b(?:码|号)?`),
	regexp.MustCompile(`(?:[一二三四五六七八九]?十[一二三四五六七八九]?|[二三四五六七八九一][零幺一二三四五六七八九]{1,2}|[0-9]{2,3}(?:\.5)?)码`),
	regexp.MustCompile(`(?:[深浅]?[黑白红蓝绿黄灰粉紫棕橙]|米白|藏青|卡其|驼|咖啡|香槟|杏|银|金)色`),
	regexp.MustCompile(`同款|一样的|一模一样`),
}

// readVariant finds size and colour in a sentence, in the order said.
func readVariant(text string) string {
	text = zhtext.Narrow(text)
	type found struct {
		at   int
		text string
	}
	var all []found
	for _, re := range variants {
		for _, at := range re.FindAllStringIndex(text, -1) {
			overlaps := slices.ContainsFunc(all, func(f found) bool { return at[0] < f.at+len(f.text) && f.at < at[1] })
			if !overlaps && len(all) < 3 && !denied(text[:at[0]]) {
				all = append(all, found{at[0], text[at[0]:at[1]]})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int { return a.at - b.at })
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = f.text
	}
	return strings.Join(words, "、")
}

// denied says whether what follows is what the caller does not want, or has.
func denied(before string) bool {
	for _, no := range []string{"不要", "不是", "别要", "买的是", "收到的是", "现在是", "发的是"} {
		if strings.HasSuffix(before, no) {
			return true
		}
	}
	return false
}

// maxVariant bounds what is taken for a size or colour as it was said, in
// characters.
const maxVariant = 20

// freeVariant takes a short answer to the question for size and colour as it
// is: shops have more sizes than anyone can list, and it is read back.
func (t *turn) freeVariant(h heard, slot string) bool {
	n := len([]rune(strings.TrimSpace(h.text)))
	if t.f.slots[slot].Reader != readerVariant || h.keyed || n < 2 || n > maxVariant ||
		h.answer != zhtext.AnswerUnknown || t.says(h, "unknown") || !strings.ContainsFunc(h.text, unicode.IsLetter) || strings.ContainsAny(h.text, "{}") {
		return false
	}
	if _, another := t.intentSure(h, t.f.policy.AcceptIntent); another {
		return false
	}
	t.set(slot, strings.Trim(h.text, " ，。！？,.!?"), h.text)
	return true
}
