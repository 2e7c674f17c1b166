package transcript

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"

	"github.com/tidegate/tidegate/internal/zhtext"
)

// Syllable is how a character sounds: the consonant that it begins with, and
// the rest without its tone.
type Syllable struct{ Initial, Final string }

// initials, the long ones first.
var initials = []string{
	"zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s", "y", "w",
}

var plain = pinyin.NewArgs()

// digitNames are how digits sound that are written as such.
var digitNames = []rune("零一二三四五六七八九")

// Syllables are the sounds of a text, one for each character that is spoken:
// digits by their names (幺 and 一 are the same), no punctuation.
func Syllables(text string) []Syllable {
	var out []Syllable
	for _, r := range zhtext.Narrow(text) {
		switch {
		case r >= '0' && r <= '9':
			r = digitNames[r-'0']
		case r == '幺':
			r = '一'
		case !unicode.IsLetter(r):
			continue
		}
		out = append(out, syllable(unicode.ToLower(r)))
	}
	return out
}

func syllable(r rune) Syllable {
	if !unicode.Is(unicode.Han, r) {
		return Syllable{Final: string(r)}
	}
	all := pinyin.SinglePinyin(r, plain)
	if len(all) == 0 {
		return Syllable{Final: string(r)}
	}
	for _, i := range initials {
		if rest, ok := strings.CutPrefix(all[0], i); ok && rest != "" {
			return Syllable{i, rest}
		}
	}
	return Syllable{Final: all[0]}
}

// Costs of what a listener takes for something else. Half a syllable is
// often misheard, so that it counts less than half.
const (
	costHalf  = 0.4
	costOther = 1
	costGap   = 0.8 // a syllable too many or too few
)

func cost(a, b Syllable) float64 {
	switch {
	case a == b:
		return 0
	case a.Initial == b.Initial || a.Final == b.Final:
		return costHalf
	}
	return costOther
}

// Place is where in a heard text something was said, as syllables, and how
// far from it that sounds: 0 is the same, 1 is nothing alike.
type Place struct {
	Start, End int
	Distance   float64
}

// Find looks for the place in what was heard that sounds most like a phrase,
// of equals the first. Of an empty phrase or nothing heard the distance is 1.
func Find(heard []Syllable, phrase string) Place {
	want := Syllables(phrase)
	if len(want) == 0 || len(heard) == 0 {
		return Place{Distance: 1}
	}
	// Sellers' algorithm: an alignment may begin and end anywhere in heard.
	type cell struct {
		cost  float64
		start int
	}
	row := make([]cell, len(heard)+1)
	for j := range row {
		row[j].start = j
	}
	for i, w := range want {
		diagonal := row[0]
		row[0].cost = float64(i+1) * costGap
		for j, h := range heard {
			next := cell{diagonal.cost + cost(w, h), diagonal.start}
			if c := row[j+1].cost + costGap; c < next.cost {
				next = cell{c, row[j+1].start}
			}
			if c := row[j].cost + costGap; c < next.cost {
				next = cell{c, row[j].start}
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	best := Place{Distance: 1}
	for j, c := range row {
		if d := c.cost / float64(len(want)); d < best.Distance {
			best = Place{c.start, j, d}
		}
	}
	return best
}
