package dialog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/entext"
	"github.com/tidegate/tidegate/internal/zhtext"
)

// several are words that stand between, or for, more than one article.
var (
	several        = regexp.MustCompile(`和|跟|还有|以及|加上|、|，|,|两件|两个|两样|这两|都`)
	severalEnglish = regexp.MustCompile(`(?i)\b(?:and|both|plus|as well as|these two|the two)\b|,`)
)

// severalOrdinals finds "the first", "the third".
var (
	severalOrdinals        = regexp.MustCompile(`第([一二三四五六七八九1-9])`)
	severalEnglishOrdinals = regexp.MustCompile(`(?i)\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\b`)
)

const ordinalDigits = "一二三四五六七八九"

func (chineseEar) several(text string) (ordinals []int, ok bool) {
	text = zhtext.Narrow(text)
	for _, m := range severalOrdinals.FindAllStringSubmatch(text, -1) {
		n := strings.Index(ordinalDigits, m[1])/len("一") + 1
		if len(m[1]) == 1 {
			n = int(m[1][0] - '0')
		}
		ordinals = append(ordinals, n)
	}
	return ordinals, several.MatchString(text)
}

func (englishEar) several(text string) (ordinals []int, ok bool) {
	for _, m := range severalEnglishOrdinals.FindAllStringSubmatch(text, -1) {
		ordinals = append(ordinals, entext.ReadOrdinal("the "+m[1]))
	}
	return ordinals, severalEnglish.MatchString(text)
}

// severalLines are the articles that a sentence names, when it names more
// than one of them; nil otherwise.
func (h heard) severalLines(lines []Line) []string {
	if h.keyed {
		return nil
	}
	ordinals, many := h.f.ear.several(h.text)
	if !many || slices.ContainsFunc(lines, func(l Line) bool { return strings.Contains(l.ID, lineSeparator) }) {
		return nil
	}
	named := map[int]bool{}
	for _, n := range ordinals {
		if n >= 1 && n <= len(lines) {
			named[n-1] = true
		}
	}
	if len(named) == 0 {
		for i, l := range lines {
			if h.meansLine(l) {
				named[i] = true
			}
		}
	}
	if len(named) < 2 {
		return nil
	}
	var ids []string
	for _, i := range sortedKeys(named) {
		ids = append(ids, lines[i].ID)
	}
	return ids
}

// joinNames says several articles as one thing.
func (f *Flow) joinNames(lines []Line, ids []string) string {
	var names []string
	for _, l := range lines {
		if slices.Contains(ids, l.ID) {
			names = append(names, f.mouth.name(l.Name))
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], f.mouth.comma()) + f.words["and"] + names[len(names)-1]
}
