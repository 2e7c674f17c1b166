// Package breaker is a circuit breaker: it remembers that something failed, so
// that the next call need not wait to find it out again.
package breaker

import (
	"time"

	"github.com/sony/gobreaker/v2"
)

// Breaker is closed until so many failures in a row; then it is open: nothing
// may be tried until the cooldown is over, and after it one try at a time until
// its outcome is known. Safe for concurrent use.
type Breaker struct {
	cb *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// Options of a breaker.
type Options struct {
	// Failures in a row open it for Cooldown.
	Failures int
	Cooldown time.Duration
	// NoVerdict says which outcomes tell nothing of health; nil is none.
	NoVerdict func(error) bool
	// Changed, which may be nil, is told when it opens and when it closes again.
	Changed func(open bool)
}

// New makes a closed breaker.
func New(o Options) *Breaker {
	return &Breaker{gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     o.Cooldown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= o.Failures },
		IsExcluded:  o.NoVerdict,
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if o.Changed != nil && to != gobreaker.StateHalfOpen {
				o.Changed(to == gobreaker.StateOpen)
			}
		},
	})}
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
