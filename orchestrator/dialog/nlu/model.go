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
}

// Options tune a model.
type Options struct {
	// Reject is the confidence below which a sentence is out of scope.
	Reject float64
	// Negations are words that turn the evidence after them around.
	Negations []string
}

// Model is a trained classifier; immutable and safe for concurrent use.
type Model struct {
	opts    Options
	classes []Class
	ids     map[string]int
	idf     []float64
	// postings lists, for each feature, the examples that have it.
	postings [][]posting
	// owner is each example's class.
	owner     []int
	linear    linear
	evidence  [][]clue
	negations [][]unit
}

type posting struct {
	example int
	weight  float64
}

// clue is one piece of keyword evidence.
type clue struct {
	units  []unit
	weight float64
}

// Train builds a model. The result depends on nothing but its arguments.
func Train(classes []Class, opts Options) *Model {
	m := &Model{opts: opts, classes: slices.Clone(classes), ids: map[string]int{}}
	slices.SortFunc(m.classes, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	var docs []map[int]float64
	var seen []int
	for ci, c := range m.classes {
		for _, text := range c.Examples {
			doc := map[int]float64{}
			for f, n := range features(units(text, maxUnits)) {
				id, ok := m.ids[f]
				if !ok {
					id = len(m.ids)
					m.ids[f] = id
					seen = append(seen, 0)
				}
				seen[id]++
				doc[id] = n
			}
			docs = append(docs, doc)
			m.owner = append(m.owner, ci)
		}
		m.evidence = append(m.evidence, clues(c.Evidence))
	}
	m.index(docs, seen)
	weighted := make([][]feature, len(docs))
	for i, doc := range docs {
		weighted[i] = m.weighted(doc, 0)
	}
	m.linear = fit(weighted, m.owner, len(seen), len(m.classes))
	for _, n := range opts.Negations {
		m.negations = append(m.negations, units(n, maxUnits))
	}
	return m
}

func (m *Model) index(docs []map[int]float64, seen []int) {
	m.idf = make([]float64, len(seen))
	for id, n := range seen {
		m.idf[id] = math.Log(1 + float64(len(docs))/float64(n))
	}
	m.postings = make([][]posting, len(seen))
	for ex, doc := range docs {
		for id := range doc {
			doc[id] *= m.idf[id]
		}
		norm := length(doc)
		for id, w := range doc {
			m.postings[id] = append(m.postings[id], posting{ex, w / norm})
		}
	}
}

// weighted is a sentence as the linear part takes it, in a fixed order;
// unknown is the square of the weight of what no example has.
func (m *Model) weighted(doc map[int]float64, unknown float64) []feature {
	norm := math.Sqrt(math.Pow(length(doc), 2) + unknown)
	out := make([]feature, 0, len(doc))
	for _, id := range slices.Sorted(maps.Keys(doc)) {
		out = append(out, feature{id, doc[id] / norm})
	}
	return out
}

func clues(evidence map[string]float64) []clue {
	out := make([]clue, 0, len(evidence))
	for _, word := range slices.Sorted(maps.Keys(evidence)) {
		out = append(out, clue{units(word, maxUnits), evidence[word]})
	}
	return out
}

// Classify names the intent of a sentence.
func (m *Model) Classify(text string) Result {
	return m.Judge(Listen(text))
}

// Judge is Classify for a sentence already listened to.
func (m *Model) Judge(u Utterance) Result {
	us := u.units
	likeness := m.likeness(us)
	evidence := make([]float64, len(m.classes))
	for ci := range m.classes {
		evidence[ci] = m.weigh(m.evidence[ci], us)
	}
	ranked := make([]Scored, 0, len(m.classes))
	for ci, c := range m.classes {
		conf := combine(likeness[ci], evidence[ci])
		if c.Name == OutOfScope {
			// Who names a request means it, whatever else is said with it.
			conf = round(conf * math.Exp(-max(0, slices.Max(evidence))))
		}
		if conf >= m.opts.Reject {
			ranked = append(ranked, Scored{c.Name, conf})
		}
	}
	slices.SortStableFunc(ranked, func(a, b Scored) int { return cmp.Compare(b.Confidence, a.Confidence) })
	if len(ranked) == 0 {
		return Result{Scored: Scored{OutOfScope, m.rejection(likeness)}}
	}
	if ranked[0].Intent == OutOfScope {
		return Result{Scored: ranked[0]}
	}
	ranked = slices.DeleteFunc(ranked, func(s Scored) bool { return s.Intent == OutOfScope })
	return Result{Scored: m.pick(ranked), Ranked: ranked}
}

// pick takes the best intent, or one nearly as good that matters more: who
// complains and asks for a human wants the human.
func (m *Model) pick(ranked []Scored) Scored {
	const perStep = 0.05
	best := ranked[0]
	for _, s := range ranked[1:] {
		steps := m.priority(s.Intent) - m.priority(best.Intent)
		if steps > 0 && s.Confidence >= 0.6 && best.Confidence-s.Confidence <= perStep*float64(steps) {
			best = s
		}
	}
	return best
}

func (m *Model) priority(intent string) int {
	i, ok := slices.BinarySearchFunc(m.classes, intent, func(c Class, name string) int {
		return cmp.Compare(c.Name, name)
	})
	if !ok {
		return 0
	}
	return m.classes[i].Priority
}

// rejection is how sure the model is that a sentence is out of scope.
func (m *Model) rejection(likeness []float64) float64 {
	best := 0.0
	for ci, v := range likeness {
		if m.classes[ci].Name != OutOfScope {
			best = max(best, v)
		}
	}
	return round(1 - best)
}

// nearness is the share of the nearest example in the likeness to a class;
// the linear part has the rest.
const nearness = 0.2

// likeness is, for each class, the cosine to its nearest example and what the
// linear part makes of the whole sentence.
func (m *Model) likeness(us []unit) []float64 {
	doc := map[int]float64{}
	unknown := 0.0
	for f, n := range features(us) {
		if id, ok := m.ids[f]; ok {
			doc[id] = n * m.idf[id]
		} else {
			// What no example has still makes the sentence less alike.
			unknown += n * n
		}
	}
	sentence := m.weighted(doc, unknown)
	cos := make([]float64, len(m.owner))
	for _, f := range sentence {
		for _, p := range m.postings[f.id] {
			cos[p.example] += f.weight * p.weight
		}
	}
	best := make([]float64, len(m.classes))
	for ex, v := range cos {
		best[m.owner[ex]] = max(best[m.owner[ex]], v)
	}
	p := make([]float64, len(m.classes))
	m.linear.probabilities(sentence, p)
	for c := range best {
		best[c] = nearness*best[c] + (1-nearness)*p[c]
	}
	return best
}

// keywords is how much the words that speak for an intent count beside what
// was learned; those against it count in full, as examples say little of them.
const keywords = 0.6

// weigh adds up the keyword evidence found in a sentence.
func (m *Model) weigh(cs []clue, us []unit) float64 {
	var speaks, denies float64
	for _, c := range cs {
		at, exact := find(us, c.units)
		if at < 0 {
			continue
		}
		w := c.weight
		if !exact {
			w *= 0.85
		}
		if w > 0 && negated(us, at, m.negations) {
			w = -w
		}
		if w > 0 {
			speaks += w
		} else {
			denies += w
		}
	}
	return speaks*keywords + denies
}

// combine turns likeness and evidence into one confidence.
func combine(likeness, evidence float64) float64 {
	s := 0.95 * math.Pow(likeness, 0.5)
	if evidence < 0 {
		return round(s * math.Exp(evidence))
	}
	return round(1 - (1-s)*math.Exp(-evidence))
}

// features counts what a sentence is compared by: characters and their pairs,
// sounds and their pairs. Pairs weigh more.
func features(us []unit) map[string]float64 {
	out := make(map[string]float64, 4*len(us))
	for i, u := range us {
		out["c"+string(u.char)] = 0.6
		out["s"+u.sound] = 0.8
		if i > 0 {
			out["C"+string(us[i-1].char)+string(u.char)] = 1
			out["S"+us[i-1].sound+" "+u.sound] = 1.2
		}
	}
	return out
}

// length is the Euclidean norm, summed in a fixed order so that it is the same
// in every run.
func length(doc map[int]float64) float64 {
	sum := 0.0
	for _, id := range slices.Sorted(maps.Keys(doc)) {
		sum += doc[id] * doc[id]
	}
	return max(math.Sqrt(sum), 1e-9)
}

// round keeps four digits: more would be noise in records and snapshots, and
// would differ with the order of additions.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }
