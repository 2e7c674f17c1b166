package asr

import "sync"

// scheduler shares a few workers among many streams. A stream that has work
// waits in one queue with the others, is worked on by one worker at a time,
// for one helping, and goes to the end of the queue if there is more: nobody
// waits for another's long sentence. Workers take several streams of one kind
// at once, as recognisers decode those in less time.
type scheduler[T any] struct {
	work   func(batch []T) (more []bool)
	batch  int
	length func(n int) // told of the queue's length

	mu     sync.Mutex
	some   *sync.Cond // the queue has something, or is closed
	queue  []*ticket[T]
	closed bool
	all    sync.WaitGroup
}

// ticket is a stream's place in a scheduler.
type ticket[T any] struct {
	value T
	kind  any  // those of one kind may be worked on together
	alone bool // never together with others

	// Of the scheduler, under its lock.
	queued, running, again bool
}

func newScheduler[T any](workers, batch int, length func(int), work func([]T) []bool) *scheduler[T] {
	s := &scheduler[T]{work: work, batch: batch, length: length}
	s.some = sync.NewCond(&s.mu)
	for range workers {
		s.all.Go(s.run)
	}
	return s
}

// ready says that a stream has work.
func (s *scheduler[T]) ready(t *ticket[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case t.running:
		t.again = true
	case !t.queued:
		s.push(t)
	}
}

func (s *scheduler[T]) push(t *ticket[T]) {
	t.queued = true
	s.queue = append(s.queue, t)
	s.length(len(s.queue))
	s.some.Signal()
}

func (s *scheduler[T]) run() {
	for batch := s.take(); batch != nil; batch = s.take() {
		values := make([]T, len(batch))
		for i, t := range batch {
			values[i] = t.value
		}
		more := s.work(values)
		s.mu.Lock()
		for i, t := range batch {
			t.running = false
			if more[i] || t.again {
				t.again = false
				s.push(t)
			}
		}
		s.mu.Unlock()
	}
}

// take waits for work; nil when the scheduler is closed and nothing is left.
func (s *scheduler[T]) take() []*ticket[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.closed {
			return nil
		}
		s.some.Wait()
	}
	first := s.queue[0]
	batch := []*ticket[T]{first}
	rest := s.queue[:0]
	for _, t := range s.queue[1:] {
		if !first.alone && !t.alone && t.kind == first.kind && len(batch) < s.batch {
			batch = append(batch, t)
		} else {
			rest = append(rest, t)
		}
	}
	clear(s.queue[len(rest):])
	s.queue = rest
	for _, t := range batch {
		t.queued, t.running = false, true
	}
	s.length(len(s.queue))
	if len(s.queue) > 0 {
		s.some.Signal()
	}
	return batch
}

// close waits until the work that there is has been done.
func (s *scheduler[T]) close() {
	s.mu.Lock()
	s.closed = true
	s.some.Broadcast()
	s.mu.Unlock()
	s.all.Wait()
}
