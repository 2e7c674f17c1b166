package asr

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// worker runs a scheduler whose work is as much as each value says.
type labour struct {
	mu    sync.Mutex
	left  map[string]int
	order []string
	most  int // worked on together
	busy  map[string]bool
	twice bool
}

func (l *labour) work(batch []string) (more []bool) {
	l.mu.Lock()
	l.most = max(l.most, len(batch))
	for _, v := range batch {
		if l.busy[v] {
			l.twice = true
		}
		l.busy[v] = true
	}
	l.mu.Unlock()
	time.Sleep(time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range batch {
		l.busy[v] = false
		l.left[v]--
		l.order = append(l.order, v)
		more = append(more, l.left[v] > 0)
	}
	return more
}

func newLabour(left map[string]int) *labour { return &labour{left: left, busy: map[string]bool{}} }

// A long one does not keep short ones waiting.
func TestSchedulerIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabour(map[string]int{"long": 50, "a": 1, "b": 1})
		s := newScheduler(1, 1, func(int) {}, l.work)
		for _, name := range []string{"long", "a", "b"} {
			s.ready(&ticket[string]{value: name})
		}
		s.close()
		if a, b := slices.Index(l.order, "a"), slices.Index(l.order, "b"); a > 2 || b > 3 || len(l.order) != 52 {
			t.Errorf("order %v", l.order)
		}
	})
}

func TestSchedulerTakesOfOneKindTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLabour(map[string]int{"wait": 1, "a": 2, "b": 2, "c": 2, "x": 1, "alone": 1})
		var longest int
		s := newScheduler(1, 2, func(n int) { longest = max(longest, n) }, l.work)
		s.ready(&ticket[string]{value: "wait", alone: true})
		synctest.Wait()
		for name, kind := range map[string]any{"a": 1, "b": 1, "c": 1, "x": 2} {
			s.ready(&ticket[string]{value: name, kind: kind})
		}
		s.ready(&ticket[string]{value: "alone", kind: 1, alone: true})
		s.close()
		if l.most != 2 || len(l.order) != 9 || longest < 4 {
			t.Errorf("%d together, longest queue %d, order %v", l.most, longest, l.order)
		}
	})
}

// Whoever is ready again while being worked on is worked on again, and never
// by two at once.
func TestSchedulerOneAtATime(t *testing.T) {
	l := newLabour(map[string]int{})
	s := newScheduler(4, 3, func(int) {}, l.work)
	tickets := []*ticket[string]{{value: "a"}, {value: "b"}, {value: "c"}}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 100 {
				s.ready(tickets[i%3])
			}
		})
	}
	all.Wait()
	before := len(l.orderOf())
	s.ready(tickets[0])
	s.close()
	if l.twice {
		t.Error("one was worked on by two at once")
	}
	if len(l.order) <= before {
		t.Error("who was ready last was not worked on")
	}
}

func (l *labour) orderOf() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.order)
}
