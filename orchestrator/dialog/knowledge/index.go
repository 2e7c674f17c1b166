package knowledge

import (
	"cmp"
	"math"
	"slices"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// Entry is one thing that is known, with ways to ask for it.
type Entry struct {
	ID        string
	Questions []string
	// Words name the subject. A sentence that has none of them, written or
	// sounding like it, is hardly about the entry.
	Words []string
}

// Found is an entry and how well a sentence asks for it, in [0,1].
type Found struct {
	ID    string
	Score float64
}

// How much counts what only the caller said, and what only the known question
// has: callers say more than the question, but who leaves its words out asks
// for something else.
const (
	weightSaid  = 0.35
	weightKnown = 0.65
)

// unknownTerm is the weight of a term that no question has, in proportion to
// one that a single question has.
const unknownTerm = 0.6

// What an entry's own words do to its score.
const (
	withWord    = 0.30 // of what is missing to 1 is added
	withoutWord = 0.55 // is what remains
)

// Index is a searchable knowledge base. It is immutable and safe for
// concurrent use.
type Index struct {
	ids       []string
	words     [][]nlu.Phrase
	questions []question
	postings  map[nlu.Term][]int
	weights   map[nlu.Term]float64
	rarest    float64
	fillers   []nlu.Phrase
}

type question struct {
	entry  int
	weight float64 // of all its terms
}

// New builds an index. Fillers are words that say nothing of the subject and
// are left out of every sentence. The result depends on nothing else.
func New(entries []Entry, fillers []string) *Index {
	x := &Index{postings: map[nlu.Term][]int{}, weights: map[nlu.Term]float64{}, fillers: nlu.Compile(fillers)}
	var terms [][]nlu.Term
	for _, e := range entries {
		x.ids = append(x.ids, e.ID)
		x.words = append(x.words, nlu.Compile(e.Words))
		for _, q := range e.Questions {
			ts := nlu.Listen(q).Without(x.fillers).Terms()
			for _, t := range ts {
				x.postings[t] = append(x.postings[t], len(terms))
			}
			terms = append(terms, ts)
			x.questions = append(x.questions, question{entry: len(x.ids) - 1})
		}
	}
	x.rarest = math.Log(1 + float64(len(terms)))
	for t, in := range x.postings {
		x.weights[t] = kindWeight(t) * math.Log(1+float64(len(terms))/float64(len(in)))
	}
	for i, ts := range terms {
		for _, t := range ts {
			x.questions[i].weight += x.weights[t]
		}
	}
	return x
}

// kindWeight: pairs say more than single characters, and being written alike
// is only a little more than sounding alike.
func kindWeight(t nlu.Term) float64 {
	w := 0.5
	if t.Pair {
		w = 1
	}
	if !t.Sound {
		w *= 0.8
	}
	return w
}

// Len is the number of entries.
func (x *Index) Len() int { return len(x.ids) }

// Find lists the entries that a sentence may ask for, the best first, at most
// limit of them; of equals, the one defined first.
func (x *Index) Find(u nlu.Utterance, limit int) []Found {
	said := u.Without(x.fillers).Terms()
	if len(said) == 0 || len(x.questions) == 0 {
		return nil
	}
	shared := make([]float64, len(x.questions))
	whole := 0.0
	for _, t := range said { // in the order of the sentence, so that sums come out the same
		w, known := x.weights[t]
		if !known {
			w = unknownTerm * kindWeight(t) * x.rarest
		}
		whole += w
		for _, q := range x.postings[t] {
			shared[q] += w
		}
	}
	best := make([]float64, len(x.ids))
	for i, q := range x.questions {
		s := shared[i]
		if s == 0 {
			continue
		}
		score := s / (s + weightSaid*(whole-s) + weightKnown*(q.weight-s))
		best[q.entry] = max(best[q.entry], score)
	}
	for i, words := range x.words {
		if best[i] == 0 {
			continue
		}
		if _, named := u.Find(words); named {
			best[i] += withWord * (1 - best[i])
		} else if len(words) > 0 {
			best[i] *= withoutWord
		}
	}
	return x.rank(best, limit)
}

func (x *Index) rank(scores []float64, limit int) []Found {
	var out []Found
	for i, s := range scores {
		if s > 0 {
			// Four digits: more would differ with the order of additions.
			out = append(out, Found{x.ids[i], math.Round(s*1e4) / 1e4})
		}
	}
	slices.SortStableFunc(out, func(a, b Found) int { return cmp.Compare(b.Score, a.Score) })
	return out[:min(limit, len(out))]
}
