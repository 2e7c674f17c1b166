package dialog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// several are words that stand between, or for, more than one article.
var several = regexp.MustCompile(`和|跟|还有|以及|加上|、|，|,|两件|两个|两样|这两|都`)

// severalOrdinals finds "the first", "the third".
var severalOrdinals = regexp.MustCompile(`第([一二三四五六七八九1-9])`)

const ordinalDigits = "一二三四五六七八九"

// severalLines are the articles that a sentence names, when it names more
// than one of them; nil otherwise.
func (h heard) severalLines(lines []Line) []string {
	text := zhtext.Narrow(h.text)
	if h.keyed || !several.MatchString(text) || slices.ContainsFunc(lines, func(l Line) bool { return strings.Contains(l.ID, lineSeparator) }) {
		return nil
	}
	named := map[int]bool{}
	for _, m := range severalOrdinals.FindAllStringSubmatch(text, -1) {
		n := strings.Index(ordinalDigits, m[1]) / len("一")
		if len(m[1]) == 1 {
			n = int(m[1][0] - '1')
		}
		if n < len(lines) {
			named[n] = true
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
func joinNames(lines []Line, ids []string, and string) string {
	var names []string
	for _, l := range lines {
		if slices.Contains(ids, l.ID) {
			names = append(names, spokenName(l.Name))
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], "、") + and + names[len(names)-1]
}
