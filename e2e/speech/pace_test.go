package speech

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// pace starts calls one after the other, as fast as the machine carries them:
// sound is real time, and on a machine that is late with its timers, because
// others use it too, more calls would only be heard worse.
type pace struct {
	mu   sync.Mutex
	late []time.Duration // of the last ticks
	stop chan struct{}
	done chan struct{}
}

const (
	apart    = 150 * time.Millisecond // between two calls at the least
	patient  = 2 * time.Second        // and at the most
	tick     = 20 * time.Millisecond
	recent   = 50                    // ticks
	bearable = 15 * time.Millisecond // lateness of nine ticks of ten
)

func newPace(t *testing.T) *pace {
	p := &pace{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for due := time.Now().Add(tick); ; due = due.Add(tick) {
			select {
			case <-p.stop:
				return
			case <-time.After(time.Until(due)):
				p.add(time.Since(due))
			}
			if time.Since(due) > 10*tick {
				due = time.Now()
			}
		}
	}()
	t.Cleanup(func() { close(p.stop); <-p.done })
	return p
}

func (p *pace) add(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = append(p.late, late)
	p.late = p.late[max(0, len(p.late)-recent):]
}

// keepsUp says whether the machine has been in time lately.
func (p *pace) keepsUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.late) == 0 {
		return true
	}
	sorted := slices.Sorted(slices.Values(p.late))
	return sorted[len(sorted)*9/10] < bearable
}

// next returns when another call may begin.
func (p *pace) next() {
	time.Sleep(apart)
	for end := time.Now().Add(patient - apart); !p.keepsUp() && time.Now().Before(end); {
		time.Sleep(tick)
	}
}
