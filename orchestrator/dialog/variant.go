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
	regexp.MustCompile(`[大小](?:一?点|些)?(?:儿)?的`),
	regexp.MustCompile(`(?:加大|特大|[大中小均])[号码]`),
	regexp.MustCompile(`(?i)\b(?:[2-6]?x{1,4}l|xs|[sml])\b(?:码|号)?`),
	regexp.MustCompile(`(?:[一二三四五六七八九]?十[一二三四五六七八九]?|[二三四五六七八九一][零幺一二三四五六七八九]{1,2}|[0-9]{2,3}(?:\.5)?)码`),
	regexp.MustCompile(`(?:[深浅]?[黑白红蓝绿黄灰粉紫棕橙]|米白|藏青|卡其|驼|咖啡|香槟|杏|银|金)色`),
	regexp.MustCompile(`[黑白红蓝绿黄灰粉紫]的`),
	regexp.MustCompile(`同款|一样的|一模一样`),
}

// englishSizes are the sizes of shoes and dresses, as spoken.
const englishSizes = `(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|sixteen|eighteen|twenty|thirty(?:[ -](?:two|four|six|eight))?)(?: and a half)?`

// englishVariants are those of English; a letter alone is no size, as half of
// "it's" is one.
var englishVariants = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b(?:(?:a|one|two|half a|a half|one half) sizes? (?:larger|bigger|smaller|up|down)|the next size (?:up|down)|(?:larger|bigger|smaller) (?:one|size))\b`),
	regexp.MustCompile(`(?i)\bsize (?:[0-9]{1,3}(?:\.5)?|[sml]|[2-6]?x{0,3}[sl]|` + englishSizes + `)\b`),
	regexp.MustCompile(`(?i)\b(?:` + englishSizes + `) and a half\b`),
	regexp.MustCompile(`(?i)\b(?:(?:double )?extra )?(?:small|medium|large)\b|\b(?:[2-6]?x{1,3}l|xs)\b`),
	regexp.MustCompile(`(?i)\b(?:dark |light )?(?:black|white|red|blue|green|yellow|gr[ea]y|pink|purple|brown|orange|navy(?: blue)?|beige|cream|silver|gold)\b`),
	regexp.MustCompile(`(?i)\bthe same(?: one| model| size| colou?r)?\b`),
}

func (chineseEar) variant(text string) string {
	return readVariant(zhtext.Narrow(text), variants, deniedVariant, "、")
}

func (englishEar) variant(text string) string {
	return readVariant(text, englishVariants, deniedEnglishVariant, ", ")
}

// disliked is what follows a colour or a size that is not wanted: "红色不好看".
var disliked = regexp.MustCompile(`^(?:的|太|有点|我|穿着|看着)*(?:不好看|不喜欢|不要|不想要|不合适|难看|太丑|显黑|显胖)`)

// readVariant finds size and colour in a sentence, in the order said.
func readVariant(text string, variants []*regexp.Regexp, denied func(before string) bool, comma string) string {
	type found struct {
		at   int
		text string
	}
	var all []found
	for _, re := range variants {
		for _, at := range re.FindAllStringIndex(text, -1) {
			overlaps := slices.ContainsFunc(all, func(f found) bool { return at[0] < f.at+len(f.text) && f.at < at[1] })
			if !overlaps && len(all) < 3 && !denied(text[:at[0]]) && !disliked.MatchString(text[at[1]:]) {
				all = append(all, found{at[0], text[at[0]:at[1]]})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int { return a.at - b.at })
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = f.text
	}
	return strings.Join(words, comma)
}

// addVariant is what is held with what is said besides: a colour replaces a
// colour, and leaves the size as it is.
func addVariant(held, said string) string {
	isColour := func(s string) bool {
		return strings.HasSuffix(s, "色") || strings.HasSuffix(s, "的") && !strings.ContainsAny(s, "大小样")
	}
	if held == "" || strings.ContainsAny(held+said, "、,") || isColour(held) == isColour(said) ||
		!isColour(held) && !isColour(said) || slices.ContainsFunc([]string{"同款", "一样的", "一模一样"}, func(w string) bool { return held == w || said == w }) {
		return said
	}
	return held + "、" + said
}

// deniedVariant says whether what follows is what the caller does not want, or has.
func deniedVariant(before string) bool {
	for _, no := range []string{"不要", "不是", "别要", "买的是", "收到的是", "现在是", "发的是", "太", "很", "挺", "偏", "发了个", "发了", "来了个", "寄了个", "收到个", "收到了个"} {
		if strings.HasSuffix(before, no) {
			return true
		}
	}
	return false
}

var englishDenial = regexp.MustCompile(`(?i)(?:\bnot|n't want|\bno|bought|received|got|sent me|instead of|it's|have|\btoo|\bbit|\bruns?|\bfits?|\bso|\bvery|\breally|\blittle|\bis|\bare|\bwas|they're|\bway too)(?: the| a| it in)?\s*$`)

func deniedEnglishVariant(before string) bool { return englishDenial.MatchString(before) }

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
	if _, _, timed := zhtext.FindTimeRange(h.text, t.now); timed || len(h.values) > 0 {
		return false // that is about something else
	}
	t.set(slot, strings.Trim(h.text, " ，。！？,.!?"), h.text)
	return true
}
