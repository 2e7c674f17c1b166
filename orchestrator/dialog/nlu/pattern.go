package nlu

import (
	"fmt"
	"strings"
)

// maxPattern bounds the sentences that are taken of one pattern.
const maxPattern = 48

// Expand gives sentences of a pattern such as "(我要|我想)退(货|这个)": one
// alternative of each group in brackets, which may be empty and may not nest.
// Of more than 48 it gives 48, spread evenly, the same ones each time.
func Expand(pattern string) ([]string, error) {
	var groups [][]string
	for rest := pattern; rest != ""; {
		open := strings.IndexAny(rest, "()|")
		switch {
		case open < 0:
			groups = append(groups, []string{rest})
			rest = ""
			continue
		case rest[open] != '(':
			return nil, fmt.Errorf("pattern %q: %q outside brackets", pattern, rest[open])
		}
		inner, after, ok := strings.Cut(rest[open+1:], ")")
		if !ok || strings.Contains(inner, "(") {
			return nil, fmt.Errorf("pattern %q: brackets do not pair", pattern)
		}
		if open > 0 {
			groups = append(groups, []string{rest[:open]})
		}
		groups = append(groups, strings.Split(inner, "|"))
		rest = after
	}
	total := 1
	for _, g := range groups {
		if total *= len(g); total > 1<<20 {
			return nil, fmt.Errorf("pattern %q: over a million sentences", pattern)
		}
	}
	n := min(total, maxPattern)
	out := make([]string, 0, n)
	for k := range n {
		// A step that shares no factor with the size of a group meets all of
		// its alternatives.
		i := k
		if total > n {
			i = int(uint64(k) * 2654435761 % uint64(total))
		}
		var b strings.Builder
		for _, g := range groups {
			b.WriteString(g[i%len(g)])
			i /= len(g)
		}
		if s := b.String(); s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}
