package nlu

import (
	"math"
	"math/rand/v2"
	"slices"
)

// documents turns the classes' examples into what the model is trained on:
// each as it is written, and as it may be heard: with the words that callers
// put around it, a syllable dropped, characters replaced by their homophones,
// or, every other one, in the middle of a story, as callers tell it who take
// their time.
func (m *Model) documents() []doc {
	total := 0
	for _, c := range m.classes {
		total += len(c.Examples)
	}
	out := make([]doc, 0, total)
	rng := rand.New(rand.NewPCG(4, 2026))
	for ci, c := range m.classes {
		// Classes with few examples count for more, those with many for less.
		weight := math.Sqrt(float64(total) / float64(len(m.classes)) / float64(max(len(c.Examples), 1)))
		for n, text := range c.Examples {
			us := units(text, maxUnits)
			d := doc{class: ci, weight: float32(min(max(weight, 0.5), 2))}
			d.clean = m.linear.learn(features(tokens(us), m.words, nil))
			if n%2 == 0 {
				d.heard = m.linear.learn(m.misheard(us, rng))
			} else {
				d.heard = m.linear.learn(m.told(us, c.Priority > idle || ci == m.outside, rng))
			}
			out = append(out, d)
		}
	}
	return out
}

// told is an example with a story before it, after it or both, misheard too. A
// greeting in a story is none, so that those are left without.
func (m *Model) told(us []unit, story bool, rng *rand.Rand) []value {
	ts := tokens(us)
	if n := len(m.opts.Stories); story && n > 0 {
		where := rng.IntN(4)
		if where != 0 {
			ts = append(tokens(units(m.opts.Stories[rng.IntN(n)], maxUnits)), ts...)
		}
		if where < 2 {
			ts = append(ts, tokens(units(m.opts.Stories[rng.IntN(n)], maxUnits))...)
		}
	}
	return m.hear(ts, rng)
}

func (m *Model) misheard(us []unit, rng *rand.Rand) []value {
	ts := tokens(us)
	if len(ts) > 3 && rng.IntN(2) == 0 {
		i := rng.IntN(len(ts))
		ts = append(ts[:i:i], ts[i+1:]...)
	}
	return m.hear(append(around(m.opts.Openers, rng), append(ts, around(m.opts.Closers, rng)...)...), rng)
}

// hear hides characters as homophones do.
func (m *Model) hear(ts []token, rng *rand.Rand) []value {
	hidden := make([]bool, len(ts))
	for i := range hidden {
		hidden[i] = rng.IntN(7) == 0
	}
	vs := features(ts, m.words, func(i int) bool { return hidden[i] })
	return slices.DeleteFunc(vs, func(value) bool { return rng.Float64() < forgotten })
}

// forgotten is the share of what a sentence has that is left out of it when
// it is learnt as heard: a class must not rest on one word of its examples,
// which strangers say otherwise.
const forgotten = 0.35

// around takes one of what callers say before or after, half the time.
func around(words []string, rng *rand.Rand) []token {
	n := rng.IntN(2 * max(len(words), 1))
	if n >= len(words) {
		return nil
	}
	return tokens(units(words[n], maxUnits))
}
