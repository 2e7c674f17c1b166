package nlu

import (
	"math"
	"slices"
	"strings"
)

// token is what features are made of: a Han character with its sound, a word
// of letters, or a run of digits.
type token struct{ char, sound, loose uint32 }

// numberToken stands for every run of digits: which ones they are says
// nothing of the intent.
var numberToken = token{1, 1, 1}

// spelled is how many digits in a row, however written, are a number that is
// spelled out; fewer Han digits are words ("一下", "三十").
const spelled = 3

// hanDigits are digits as order numbers are read.
const hanDigits = "零〇一二三四五六七八九幺两洞拐"

// tokens joins letters to words and digits to numbers.
func tokens(us []unit) []token {
	out := make([]token, 0, len(us))
	for i := 0; i < len(us); {
		digits := 0
		for i+digits < len(us) && (isDigit(us[i+digits].char) || strings.ContainsRune(hanDigits, us[i+digits].char)) {
			digits++
		}
		n := run(us[i:])
		switch {
		case digits >= spelled:
			out = append(out, numberToken)
			i += digits
		case n > 0 && isDigit(us[i].char):
			out = append(out, numberToken)
			i += n
		case n > 0:
			h := uint32(2166136261)
			for _, u := range us[i : i+n] {
				h = (h ^ uint32(u.char)) * 16777619
			}
			out = append(out, token{h, h, h})
			i += n
		default:
			out = append(out, token{uint32(us[i].char), hash(us[i].sound), hash(loosely(us[i].sound))})
			i++
		}
	}
	return out
}

// run is the length of the word or number that begins a sentence, 0 when a
// Han character does.
func run(us []unit) int {
	kind := func(u unit) int {
		switch {
		case isDigit(u.char):
			return 1
		case u.char < 0x2E80: // scripts with words of letters
			return 2
		}
		return 0
	}
	k := kind(us[0])
	if k == 0 {
		return 0
	}
	n := 1
	for n < len(us) && kind(us[n]) == k && (k == 1 || !us[n].gap && !us[n].first) {
		n++
	}
	return n
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// The kinds of features.
const (
	kindChar uint64 = iota + 1
	kindSound
	kindLoose
	kindChars
	kindSounds
	kindLooses
	kindWord
	kindWords
)

func feature(kind uint64, parts ...uint32) uint64 {
	h := kind * 0x9E3779B97F4A7C15
	for _, p := range parts {
		h = (h ^ uint64(p)) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
	}
	return h
}

// value is a feature and how much of it a sentence has.
type value struct {
	feature uint64
	weight  float32
}

// edge stands before the first and after the last token.
var edge = token{2, 2, 2}

// features are what a sentence is judged by: characters, sounds, and pairs of
// them, also with one token between, so that a syllable that was dropped or
// misheard leaves most of them. mask hides characters (not sounds), as a
// homophone does.
func features(ts []token, words *lexicon, mask func(i int) bool) []value {
	out := make([]uint64, 0, 14*len(ts)+8)
	add := func(f, w uint64) { out = append(out, f&^heavyBits|w) }
	hidden := func(i int) bool { return mask != nil && i >= 0 && i < len(ts) && mask(i) }
	at := func(i int) token {
		if i < 0 || i >= len(ts) {
			return edge
		}
		return ts[i]
	}
	for i := range len(ts) + 1 {
		a, b := at(i-1), at(i)
		if i < len(ts) {
			if !hidden(i) {
				add(feature(kindChar, b.char), most)
			}
			add(feature(kindSound, b.sound), most)
		}
		if !hidden(i-1) && !hidden(i) {
			add(feature(kindChars, a.char, b.char), whole)
		}
		add(feature(kindSounds, a.sound, b.sound), whole)
		add(feature(kindLooses, a.loose, b.loose), half)
		if i > 0 && i+1 <= len(ts) {
			c := at(i + 1)
			if !hidden(i-1) && !hidden(i+1) {
				add(feature(kindChars, a.char, c.char), half)
			}
			add(feature(kindSounds, a.sound, c.sound), half)
		}
	}
	return norm(words.features(ts, out))
}

// What a feature weighs stands in its lowest bits, the heaviest first, so that
// sorting plain numbers brings equal features together, heaviest first.
const (
	whole uint64 = iota
	most
	half
	heavyBits uint64 = 3
)

var weightOf = [...]float32{whole: 1, most: 0.7, half: 0.5, heavyBits: 0}

// norm merges equal features and makes long sentences weigh what short ones
// do, nearly: what matters is a few words of them.
func norm(fs []uint64) []value {
	slices.Sort(fs)
	out := make([]value, 0, len(fs))
	sum := 0.0
	for i, f := range fs {
		if i > 0 && f&^heavyBits == fs[i-1]&^heavyBits {
			continue
		}
		w := weightOf[f&heavyBits]
		out = append(out, value{f &^ heavyBits, w})
		sum += float64(w) * float64(w)
	}
	scale := float32(math.Pow(max(sum, 1), -lengthPower))
	for i := range out {
		out[i].weight *= scale
	}
	return out
}

// lengthPower is 0.5 for vectors of length one, 0 for none changed.
const lengthPower = 0.35
