package zhtext

import "unicode/utf8"

// maxShortAddress bounds what ShortAddress gives, in characters.
const maxShortAddress = 10

// ShortAddress is what people who know an address call it by: its road, else
// its estate or village, without city, house and room: 世纪大道 of
// 上海市浦东新区世纪大道1288号402室. It is "" when the text names none.
func ShortAddress(text string) string {
	start := 0
	for _, kind := range []string{"province", "city", "district", "town"} {
		m := partIn(text, kind, start)
		if m == nil || kind == "province" && m[0] != 0 {
			continue
		}
		if kind == "town" && partIn(text, "road", m[1]) == nil && partIn(text, "estate", m[1]) == nil {
			return short(text[start:m[1]])
		}
		start = m[1]
	}
	for _, kind := range []string{"road", "estate"} {
		if m := partIn(text, kind, start); m != nil {
			return short(text[start:m[1]])
		}
	}
	return ""
}

// partIn is the first part of a kind behind start.
func partIn(text, kind string, start int) []int {
	for _, p := range addressParts {
		if p.name != kind {
			continue
		}
		for _, m := range p.form.FindAllStringIndex(text, -1) {
			if m[0] >= start && !p.excludes(text, "", m) {
				return m
			}
		}
	}
	return nil
}

func short(name string) string {
	if n := utf8.RuneCountInString(name); n < 2 || n > maxShortAddress {
		return ""
	}
	return name
}
