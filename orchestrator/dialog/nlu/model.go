package nlu

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// maxUnits bounds the work on one sentence; a longer one is cut.
const maxUnits = 160

// OutOfScope is the intent of what no class claims.
const OutOfScope = "out_of_scope"

// Class is one intent to tell apart.
type Class struct {
	Name string
	// Priority decides when one sentence carries several intents.
	Priority int
	Examples []string
	// Evidence are words that speak for the intent with their weight
	// (1 is likely, 2 is nearly certain; negative speaks against).
	Evidence map[string]float64
	// Core are the words that name the intent: after a negation they deny it,
	// and in a clause of their own they make it one of several.
	Core []string
}

// Scored is an intent with its confidence in [0,1].
type Scored struct {
	Intent     string  `json:"intent"`
	Confidence float64 `json:"confidence"`
}

// Result is what a sentence means.
type Result struct {
	Scored
	// Ranked holds every intent that is above the rejection, best first.
	Ranked []Scored
	// Intents holds all that are meant, the one of Scored first, then by
	// priority. It is empty when the sentence is out of scope.
	Intents []Scored
}

// Options tune a model.
type Options struct {
	// Reject is the confidence below which a sentence is out of scope.
	Reject float64
	// Negations are words that deny what comes after them, Links what may
	// stand between.
	Negations, Links []string
	// Corrections are words after which the caller says it anew, Joints those
	// that begin another wish.
	Corrections, Joints []string
	// Openers and Closers are what callers say around what they want; the
	// model learns from examples with and without them.
	Openers, Closers []string
	// Stories are what callers tell before and after what they want, which
	// says nothing of it: the model learns from examples within them too.
	Stories []string
	// Sets are words that are as good as each other, by the name of the set.
	Sets map[string][]string
}

// Model is a trained classifier; immutable and safe for concurrent use.
type Model struct {
	opts     Options
	classes  []Class
	outside  int // the class OutOfScope, -1 when there is none
	linear   *linear
	words    *lexicon
	evidence [][]clue
	core     [][]Phrase

	negations, links, corrections, joints []Phrase
}

// clue is one piece of keyword evidence.
type clue struct {
	units  []unit
	weight float64
}

// Train builds a model. The result depends on nothing but its arguments.
func Train(classes []Class, opts Options) *Model {
	m := &Model{
		opts: opts, classes: slices.Clone(classes), outside: -1,
		negations: Compile(opts.Negations), links: Compile(opts.Links),
		corrections: Compile(opts.Corrections), joints: Compile(opts.Joints),
	}
	slices.SortFunc(m.classes, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	for ci, c := range m.classes {
		if c.Name == OutOfScope {
			m.outside = ci
		}
		m.evidence = append(m.evidence, clues(c.Evidence))
		m.core = append(m.core, Compile(core(c)))
	}
	m.words = newLexicon(opts.Sets)
	m.linear = newLinear(len(m.classes))
	m.linear.train(m.documents())
	return m
}

func clues(evidence map[string]float64) []clue {
	out := make([]clue, 0, len(evidence))
	for _, word := range slices.Sorted(maps.Keys(evidence)) {
		out = append(out, clue{units(word, maxUnits), evidence[word]})
	}
	return out
}

// core are a class's own words; without any, its strong evidence.
func core(c Class) []string {
	if len(c.Core) > 0 {
		return c.Core
	}
	var out []string
	for _, word := range slices.Sorted(maps.Keys(c.Evidence)) {
		if c.Evidence[word] >= 1 {
			out = append(out, word)
		}
	}
	return out
}

// Classify names the intent of a sentence.
func (m *Model) Classify(text string) Result {
	return m.Judge(Listen(text))
}

// Judge is Classify for a sentence already listened to.
func (m *Model) Judge(u Utterance) Result {
	if len(m.classes) == 0 || len(u.units) == 0 {
		return Result{Scored: Scored{OutOfScope, 1}}
	}
	us := m.corrected(u.units)
	us, denied := m.affirmed(us)
	if len(us) < 2 && slices.Contains(denied, true) {
		us = nil // nothing but what is not wanted
	}
	p := m.probabilities(us, denied)
	ranked := m.ranked(p)
	meant := m.meant(us, p, denied)
	if len(meant) == 0 {
		return Result{Scored: Scored{OutOfScope, m.rejection(p)}}
	}
	return Result{Scored: meant[0], Ranked: ranked, Intents: meant}
}

// ranked lists what is above the rejection, best first.
func (m *Model) ranked(p []float64) []Scored {
	var out []Scored
	for ci, v := range p {
		if ci != m.outside && v >= m.opts.Reject {
			out = append(out, Scored{m.classes[ci].Name, round(v)})
		}
	}
	slices.SortStableFunc(out, func(a, b Scored) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return out
}

// rejection is how sure the model is that a sentence is out of scope.
func (m *Model) rejection(p []float64) float64 {
	best := 0.0
	for ci, v := range p {
		if ci != m.outside {
			best = max(best, v)
		}
	}
	return round(1 - best)
}

// probabilities is the confidence in each class; what is denied counts as out
// of scope.
func (m *Model) probabilities(us []unit, denied []bool) []float64 {
	out := make([]float64, len(m.classes))
	if len(us) == 0 {
		if m.outside >= 0 {
			out[m.outside] = 1
		}
		return out
	}
	x, share := m.linear.known(features(tokens(us), m.words, nil))
	p := make([]float32, len(m.classes))
	m.linear.scores(x, p)
	for ci := range p {
		p[ci] += evidenceScale * float32(m.weigh(m.evidence[ci], us))
	}
	if m.outside >= 0 {
		p[m.outside] -= willing
	}
	softmax(p)
	// What no example has makes every wish less likely.
	trust := min(1, math.Pow(share/trusted, 2))
	for ci, v := range p {
		out[ci] = float64(v)
		if ci != m.outside {
			out[ci] *= trust
		}
		if ci < len(denied) && denied[ci] {
			out[ci] = 0
		}
	}
	if m.outside >= 0 {
		rest := 1.0
		for ci, v := range out {
			if ci != m.outside {
				rest -= v
			}
		}
		out[m.outside] = rest
	}
	return out
}

const (
	// evidenceScale is what a weight of 1 adds to a class's score.
	evidenceScale = 1
	// willing is taken from the score of what is out of scope: asking again
	// costs a caller more than an intent that the next sentence puts right.
	willing = 0.3
	// trusted is the share of known features that a sentence of the subject
	// has at least.
	trusted = 0.3
)

// weigh adds up the keyword evidence found in a sentence.
func (m *Model) weigh(cs []clue, us []unit) float64 {
	sum := 0.0
	for _, c := range cs {
		at, exact := find(us, c.units)
		if at < 0 {
			continue
		}
		w := c.weight
		if !exact {
			w *= 0.85
		}
		sum += w
	}
	return sum
}

// round keeps four digits: more would be noise in records and snapshots, and
// would differ with the order of additions.
func round(v float64) float64 { return math.Round(min(max(v, 0), 1)*1e4) / 1e4 }
