package speech

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Breaker remembers that something failed, so that the next call need not
// wait to find it out again. After failures in a row it is open: nothing may
// be tried until the cooldown is over, and then one try at a time until its
// outcome is known. Safe for concurrent use.
type Breaker struct {
	cb *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// ErrNoVerdict is the outcome of a try that says nothing about health: it began
// well, and its end is reported by itself.
var ErrNoVerdict = errors.New("no verdict")

// NewBreaker makes a closed breaker; changed, which may be nil, is told when
// it opens and when it closes again.
func NewBreaker(failures int, cooldown time.Duration, changed func(open bool)) *Breaker {
	return &Breaker{gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     cooldown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= failures },
		IsExcluded:  noVerdict,
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if changed != nil && to != gobreaker.StateHalfOpen {
				changed(to == gobreaker.StateOpen)
			}
		},
	})}
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

// Try says whether a try may be made. done has to be called with its outcome
// when it may.
func (b *Breaker) Try() (done func(error), ok bool) {
	done, err := b.cb.Allow()
	return done, err == nil
}

// Report tells an outcome that belongs to no try.
func (b *Breaker) Report(err error) {
	if done, ok := b.Try(); ok {
		done(err)
	}
}

// Open says whether nothing may be tried now.
func (b *Breaker) Open() bool { return b.cb.State() == gobreaker.StateOpen }
