package nlu

import (
	"math"
	"math/rand/v2"
)

// linear is a softmax regression over sparse features.
type linear struct {
	classes int
	ids     map[uint64]int32
	// weights holds, for each feature, one weight a class; the first feature
	// is the bias.
	weights []float32
}

// doc is one example as features, clean and as a recogniser may hear it.
type doc struct {
	class  int
	clean  []indexed
	heard  []indexed
	weight float32
}

type indexed struct {
	id     int32
	weight float32
}

// The training. With AdaGrad these serve for a dozen examples and for ten
// thousand.
const (
	// epochs is how often every example is seen, more often when there are
	// so few that it would come to less than minSteps. Of every three times
	// the first is clean; ending with that one keeps what is out of scope out.
	epochs, maxEpochs = 4, 60
	minSteps          = 20000
	rate              = 0.7
	decay             = 2e-6
	// smoothing is the share of a target that goes to all classes: examples
	// are sometimes wrong.
	smoothing = 0.005
)

func newLinear(classes int) *linear {
	return &linear{classes: classes, ids: map[uint64]int32{}}
}

// learn indexes features, those not known yet too.
func (l *linear) learn(vs []value) []indexed {
	out := make([]indexed, 0, len(vs)+1)
	out = append(out, indexed{0, 1})
	for _, v := range vs {
		id, ok := l.ids[v.feature]
		if !ok {
			id = int32(len(l.ids) + 1)
			l.ids[v.feature] = id
		}
		out = append(out, indexed{id, v.weight})
	}
	return out
}

// train fits the weights. It depends on nothing but the documents.
func (l *linear) train(docs []doc) {
	l.weights = make([]float32, (len(l.ids)+1)*l.classes)
	if len(docs) == 0 {
		return
	}
	squares := make([]float32, len(l.ids)+1)
	order := make([]int, len(docs))
	for i := range order {
		order[i] = i
	}
	rng := rand.New(rand.NewPCG(2026, 11)) // a fixed order, not the examples' own
	p := make([]float32, l.classes)
	rounds := max(epochs, min(minSteps/len(docs), maxEpochs))
	for round := range rounds {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			d := docs[i]
			x := d.clean
			if round%3 > 0 {
				x = d.heard
			}
			l.step(x, d, p, squares)
		}
	}
}

func (l *linear) step(x []indexed, d doc, p, squares []float32) {
	l.scores(x, p)
	softmax(p)
	k := l.classes
	var grad float32
	for c := range p {
		target := float32(smoothing) / float32(k)
		if c == d.class {
			target += 1 - smoothing
		}
		p[c] = (p[c] - target) * d.weight
		grad += p[c] * p[c]
	}
	if grad < 1e-5 {
		return
	}
	for _, f := range x {
		squares[f.id] += f.weight * f.weight * grad
		eta := rate * f.weight / float32(math.Sqrt(float64(squares[f.id])+1e-3))
		w := l.weights[int(f.id)*k : int(f.id)*k+k]
		for c := range w {
			w[c] -= eta*p[c] + decay*w[c]
		}
	}
}

// scores adds up the weights of a document into p.
func (l *linear) scores(x []indexed, p []float32) {
	clear(p)
	for _, f := range x {
		w := l.weights[int(f.id)*l.classes : (int(f.id)+1)*l.classes]
		for c := range w {
			p[c] += f.weight * w[c]
		}
	}
}

// known indexes the features that the model knows, and says which share of
// the sentence they are.
func (l *linear) known(vs []value) (x []indexed, share float64) {
	x = append(make([]indexed, 0, len(vs)+1), indexed{0, 1})
	var all, seen float64
	for _, v := range vs {
		all += float64(v.weight)
		if id, ok := l.ids[v.feature]; ok {
			x = append(x, indexed{id, v.weight})
			seen += float64(v.weight)
		}
	}
	if all == 0 {
		return x, 0
	}
	return x, seen / all
}

func softmax(p []float32) {
	top := p[0]
	for _, v := range p[1:] {
		top = max(top, v)
	}
	var sum float32
	for i, v := range p {
		p[i] = float32(math.Exp(float64(v - top)))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}
