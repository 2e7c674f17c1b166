package nlu

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// ErrSaying is wrapped by every error of a pattern.
var ErrSaying = errors.New("nlu: saying")

const (
	maxSaying   = 4000 // bytes of one pattern
	maxNesting  = 6
	maxPerShape = 1 << 20 // combinations counted; more are as many
)

// Expand lists sentences that a pattern stands for: "(我要|想)退{goods}" has
// alternatives in parentheses, of which one may be empty, and words of a set
// in braces. At most limit of them are returned; of more a choice is made that
// is the same every time. Words of sets stand as they are.
func Expand(pattern string, sets map[string][]string, limit int) ([]string, error) {
	if len(pattern) > maxSaying {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrSaying, maxSaying)
	}
	p := sayingParser{text: pattern, sets: sets}
	shape, err := p.alternatives(0)
	if err == nil && p.at < len(pattern) {
		err = fmt.Errorf("%w: %q closes nothing", ErrSaying, pattern[p.at])
	}
	if err != nil {
		return nil, err
	}
	if n := shape.count(); n <= limit {
		out := make([]string, 0, n)
		for i := range n {
			out = append(out, shape.nth(i))
		}
		return distinct(out), nil
	}
	seed := uint64(hash(pattern))
	rng := rand.New(rand.NewPCG(seed, uint64(limit)))
	out := make([]string, 0, limit)
	for range limit {
		out = append(out, shape.any(rng))
	}
	return distinct(out), nil
}

func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		s = strings.TrimSpace(s)
		old := seen[s] || s == ""
		seen[s] = true
		return old
	})
}

// shape is a parsed pattern: one of several sequences, or plain text.
type shape struct {
	text string
	// ways are alternatives, each a sequence.
	ways [][]shape
}

func (s shape) count() int {
	if s.ways == nil {
		return 1
	}
	n := 0
	for _, seq := range s.ways {
		n = min(n+product(seq), maxPerShape)
	}
	return n
}

func product(seq []shape) int {
	n := 1
	for _, s := range seq {
		n = min(n*s.count(), maxPerShape)
	}
	return n
}

// nth is the i-th of all combinations.
func (s shape) nth(i int) string {
	if s.ways == nil {
		return s.text
	}
	for _, seq := range s.ways {
		n := product(seq)
		if i >= n {
			i -= n
			continue
		}
		var b strings.Builder
		for _, part := range seq {
			c := part.count()
			b.WriteString(part.nth(i % c))
			i /= c
		}
		return b.String()
	}
	return ""
}

// any picks each alternative with the same chance.
func (s shape) any(rng *rand.Rand) string {
	if s.ways == nil {
		return s.text
	}
	var b strings.Builder
	for _, part := range s.ways[rng.IntN(len(s.ways))] {
		b.WriteString(part.any(rng))
	}
	return b.String()
}

type sayingParser struct {
	text string
	at   int
	sets map[string][]string
}

func (p *sayingParser) alternatives(depth int) (shape, error) {
	if depth > maxNesting {
		return shape{}, fmt.Errorf("%w: more than %d parentheses in each other", ErrSaying, maxNesting)
	}
	out := shape{ways: [][]shape{{}}}
	add := func(s shape) {
		last := len(out.ways) - 1
		out.ways[last] = append(out.ways[last], s)
	}
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ')':
			return out, nil // whoever called sees whether it closes something
		case '|':
			p.at++
			out.ways = append(out.ways, []shape{})
		case '(':
			p.at++
			inner, err := p.alternatives(depth + 1)
			if err != nil {
				return shape{}, err
			}
			if p.at >= len(p.text) {
				return shape{}, fmt.Errorf("%w: a parenthesis is not closed", ErrSaying)
			}
			p.at++ // the closing one
			add(inner)
		case '{':
			words, err := p.set()
			if err != nil {
				return shape{}, err
			}
			add(words)
		default:
			end := strings.IndexAny(p.text[p.at:], "(){|")
			if end < 0 {
				end = len(p.text) - p.at
			}
			add(shape{text: p.text[p.at : p.at+end]})
			p.at += end
		}
	}
	return out, nil
}

func (p *sayingParser) set() (shape, error) {
	name, _, ok := strings.Cut(p.text[p.at+1:], "}")
	if !ok {
		return shape{}, fmt.Errorf("%w: a brace is not closed", ErrSaying)
	}
	p.at += len(name) + 2
	words := p.sets[name]
	if len(words) == 0 {
		return shape{}, fmt.Errorf("%w: there is no set %q", ErrSaying, name)
	}
	out := shape{}
	for _, w := range words {
		out.ways = append(out.ways, []shape{{text: w}})
	}
	return out, nil
}
