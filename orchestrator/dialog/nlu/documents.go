package nlu

import (
	"math"
	"math/rand/v2"
)

// documents turns the classes' examples into what the model is trained on:
// each as it is written, and once as it may be heard, with the words that
// callers put around it, a syllable dropped, characters replaced by their
// homophones.
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
		for _, text := range c.Examples {
			us := units(text, maxUnits)
			d := doc{class: ci, weight: float32(min(max(weight, 0.5), 2))}
			d.clean = m.linear.learn(features(tokens(us), nil))
			d.noisy = m.linear.learn(m.misheard(us, rng))
			out = append(out, d)
		}
	}
	return out
}

func (m *Model) misheard(us []unit, rng *rand.Rand) []value {
	ts := tokens(us)
	if len(ts) > 3 && rng.IntN(2) == 0 {
		i := rng.IntN(len(ts))
		ts = append(ts[:i:i], ts[i+1:]...)
	}
	ts = append(around(m.opts.Openers, rng), append(ts, around(m.opts.Closers, rng)...)...)
	hidden := make([]bool, len(ts))
	for i := range hidden {
		hidden[i] = rng.IntN(7) == 0
	}
	return features(ts, func(i int) bool { return hidden[i] })
}

// around takes one of what callers say before or after, half the time.
func around(words []string, rng *rand.Rand) []token {
	n := rng.IntN(2 * max(len(words), 1))
	if n >= len(words) {
		return nil
	}
	return tokens(units(words[n], maxUnits))
}
