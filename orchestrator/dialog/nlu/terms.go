package nlu

import "slices"

// Term is what sentences are compared by: a character, a pair of neighbours,
// or how either sounds, so that homophones still have something in common.
type Term struct {
	// Sound is true when Text is a way to sound.
	Sound bool
	// Pair is true for two neighbours.
	Pair bool
	Text string
}

// Terms lists a sentence's terms, each once, in the order of the sentence.
func (u Utterance) Terms() []Term {
	seen := make(map[Term]bool, 4*len(u.units))
	out := make([]Term, 0, 4*len(u.units))
	add := func(t Term) {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	for i, x := range u.units {
		add(Term{Text: string(x.char)})
		add(Term{Sound: true, Text: x.sound})
		if i > 0 {
			add(Term{Pair: true, Text: string(u.units[i-1].char) + string(x.char)})
			add(Term{Pair: true, Sound: true, Text: u.units[i-1].sound + " " + x.sound})
		}
	}
	return out
}

// Without leaves out what matches one of the phrases by its characters; of
// several at one place the longest.
func (u Utterance) Without(phrases []Phrase) Utterance {
	out := make([]unit, 0, len(u.units))
	for i := 0; i < len(u.units); {
		n := 0
		for _, p := range phrases {
			if end := i + len(p.units); len(p.units) > n && end <= len(u.units) && matches(u.units[i:end], p.units, true) {
				n = len(p.units)
			}
		}
		if n == 0 {
			out = append(out, u.units[i])
			n = 1
		}
		i += n
	}
	return Utterance{slices.Clip(out)}
}
