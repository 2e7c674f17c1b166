package speech

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/breaker"
)

// Breaker remembers that an engine failed.
type Breaker = breaker.Breaker

// ErrNoVerdict is the outcome of a try that says nothing about health: it began
// well, and its end is reported by itself.
var ErrNoVerdict = errors.New("no verdict")

// NewBreaker makes a closed breaker; changed, which may be nil, is told when
// it opens and when it closes again.
func NewBreaker(failures int, cooldown time.Duration, changed func(open bool)) *Breaker {
	return breaker.New(breaker.Options{Failures: failures, Cooldown: cooldown, NoVerdict: noVerdict, Changed: changed})
}

// noVerdict: a caller who left, a question that is not for this engine, and a
// full one say nothing of whether it works.
func noVerdict(err error) bool {
	for _, e := range []error{ErrNoVerdict, context.Canceled, ErrUnsupported, ErrOverloaded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
