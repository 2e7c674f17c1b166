package nlu

import "math"

// Training of the linear part: plain stochastic gradient descent on the
// cross-entropy, its steps smaller with each round.
const (
	rounds   = 24
	stepSize = 0.8
	decay    = 1e-5
)

// feature is one of a sentence's, with its weight; a sentence's are of length 1.
type feature struct {
	id     int
	weight float64
}

// linear is multinomial logistic regression.
type linear struct {
	weights [][]float64 // by feature, then by class
	bias    []float64
}

// fit learns from sentences and their classes. Every class counts the same,
// however many examples it has; the order is another one each round, and the
// same in every run.
func fit(docs [][]feature, owner []int, features, classes int) linear {
	l := linear{weights: make([][]float64, features), bias: make([]float64, classes)}
	flat := make([]float64, features*classes)
	for i := range l.weights {
		l.weights[i] = flat[i*classes : (i+1)*classes : (i+1)*classes]
	}
	count := make([]float64, classes)
	for _, c := range owner {
		count[c]++
	}
	share := make([]float64, classes)
	for c, n := range count {
		if n > 0 {
			share[c] = math.Pow(float64(len(owner))/(float64(classes)*n), 0.5)
		}
	}
	p := make([]float64, classes)
	for round := range rounds {
		step := stepSize / (1 + float64(round)/4)
		stride := coprime(len(docs), round)
		for i := range docs {
			at := i * stride % len(docs)
			l.probabilities(docs[at], p)
			for c := range p {
				g := p[c]
				if c == owner[at] {
					g--
				}
				p[c] = step * g * share[owner[at]]
				l.bias[c] -= 0.1 * p[c]
			}
			for _, f := range docs[at] {
				w := l.weights[f.id]
				for c := range w {
					w[c] -= p[c]*f.weight + step*decay*w[c]
				}
			}
		}
	}
	return l
}

// coprime is a stride that meets all of n, far from the order that they have:
// near the golden section of n, another one each round.
func coprime(n, round int) int {
	s := max(1, int(float64(n)*0.618)-7*round)
	for gcd(s, n) != 1 {
		s++
	}
	return s
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// probabilities of each class, into p.
func (l linear) probabilities(doc []feature, p []float64) {
	copy(p, l.bias)
	for _, f := range doc {
		for c, w := range l.weights[f.id] {
			p[c] += w * f.weight
		}
	}
	top := math.Inf(-1)
	for _, v := range p {
		top = max(top, v)
	}
	sum := 0.0
	for c, v := range p {
		p[c] = math.Exp(v - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
}
