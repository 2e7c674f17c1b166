package esl

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrOverflow: the events of a call were not taken in time, and its connection was closed, so that the next
// orchestrator in the dialplan takes over instead of one that lags behind.
var ErrOverflow = errors.New("event queue overflow")

// inbox takes the events of one channel from eslgo's goroutines and gives them out in order.
type inbox struct {
	mu       sync.Mutex
	order    order
	limit    int
	overflow bool
	ended    bool
	wake     chan struct{}
	out      chan Event
	metrics  *metrics
}

func newInbox(hold time.Duration, limit int, m *metrics) *inbox {
	return &inbox{order: order{hold: hold}, limit: limit, wake: make(chan struct{}, 1), out: make(chan Event, limit), metrics: m}
}

func (b *inbox) push(ev Event) {
	b.mu.Lock()
	switch {
	case b.ended:
		b.metrics.late.Inc()
	case len(b.order.queue) >= b.limit:
		b.overflow = true
	default:
		switch b.order.push(ev, time.Now()) {
		case reordered:
			b.metrics.reordered.Inc()
		case duplicate:
			b.metrics.duplicates.Inc()
		case inOrder:
		}
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run gives events out until the terminal one or the end of ctx, then says with last why it ends (nothing
// after HangupComplete) and closes out. It returns the reason.
func (b *inbox) run(ctx context.Context, last func(error) Event) error {
	defer close(b.out)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due []Event
	for {
		wait := time.Hour
		b.mu.Lock()
		overflow := b.overflow
		due = b.order.release(time.Now(), due[:0])
		if at, ok := b.order.next(); ok {
			wait = time.Until(at)
		}
		b.mu.Unlock()
		done, err := b.give(due)
		if err == nil && overflow {
			err = ErrOverflow
		}
		if done || err != nil {
			return b.finish(nil, err, last)
		}
		timer.Reset(wait)
		select {
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
			b.mu.Lock()
			due = b.order.flush(due[:0])
			b.mu.Unlock()
			done, err := b.give(due)
			if done {
				return b.finish(nil, nil, last)
			}
			return b.finish(context.Cause(ctx), err, last)
		}
	}
}

// give hands events over; done is true after HangupComplete, behind which nothing of this call counts.
func (b *inbox) give(events []Event) (done bool, err error) {
	for _, ev := range events {
		select {
		case b.out <- ev:
		default:
			return false, ErrOverflow
		}
		if _, ok := ev.(HangupComplete); ok {
			return true, nil
		}
	}
	return false, nil
}

func (b *inbox) finish(cause, err error, last func(error) Event) error {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	if err != nil {
		b.metrics.overflows.Inc()
		return err // the reader is behind: closing the queue is all it can still be told
	}
	if cause != nil {
		select {
		case b.out <- last(cause):
		default:
		}
	}
	return cause
}
