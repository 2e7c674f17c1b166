package main

import (
	"sync"
	"time"
)

// times is a histogram of tenths of milliseconds, of a fixed size, so that
// measuring takes no more memory the longer it goes.
type times struct {
	mu      sync.Mutex
	counts  [200_000]uint32
	n       int
	longest time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[max(0, min(int(d/(100*time.Microsecond)), len(t.counts)-1))]++
	t.n++
	t.longest = max(t.longest, d)
}

func (t *times) at(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	rank := int(q * float64(t.n))
	for i, c := range t.counts {
		if rank -= int(c); rank < 0 {
			return time.Duration(i+1) * 100 * time.Microsecond
		}
	}
	return t.longest
}
