package asr

import (
	"fmt"
	"slices"
	"sync"
)

// journal is what a stream was told and has not answered yet. The stream's
// callers write it without waiting; the goroutine that serves the stream
// reads it, as often as it has to begin anew: at another server, or at
// another engine.
type journal struct {
	limit int // samples kept of one utterance; what is over it is left out

	mu      sync.Mutex
	wake    chan struct{} // holds one entry while there is something to read
	closed  bool
	last    int // number of the utterance that began last
	pending []*passage
	spare   []int16 // room of an answered utterance, for the next one's sound
	phrases []string
	hints   int // how often the phrases were replaced
}

// passage is one stretch of speech. Its fields belong to the journal's
// lock; sound that has been written does not change until it is answered.
type passage struct {
	n     int
	pcm   []int16
	ended bool
}

// maxPending bounds the utterances of a stream that wait for their end.
const maxPending = 16

func newJournal(limit int, phrases []string) *journal {
	return &journal{limit: limit, wake: make(chan struct{}, 1), phrases: slices.Clone(phrases)}
}

func (j *journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// current is the utterance under way, or nil; j.mu is held.
func (j *journal) current() *passage {
	if len(j.pending) == 0 {
		return nil
	}
	if u := j.pending[len(j.pending)-1]; !u.ended {
		return u
	}
	return nil
}

func (j *journal) start(n int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return ErrClosed
	case j.current() != nil || n <= j.last:
		return fmt.Errorf("%w: start of %d after %d", ErrOrder, n, j.last)
	case len(j.pending) >= maxPending:
		return fmt.Errorf("%w: %d utterances wait", ErrOverloaded, maxPending)
	}
	j.last = n
	j.pending = append(j.pending, &passage{n: n, pcm: j.spare})
	j.spare = nil
	j.signal()
	return nil
}

func (j *journal) audio(pcm []int16) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	u := j.current()
	switch {
	case j.closed:
		return ErrClosed
	case u == nil:
		return fmt.Errorf("%w: sound outside an utterance", ErrOrder)
	}
	pcm = pcm[:min(len(pcm), max(0, j.limit-len(u.pcm)))]
	u.pcm = append(u.pcm, pcm...)
	j.signal()
	return nil
}

func (j *journal) end(n int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	u := j.current()
	switch {
	case j.closed:
		return ErrClosed
	case u == nil || u.n != n:
		return fmt.Errorf("%w: end of %d", ErrOrder, n)
	}
	u.ended = true
	j.signal()
	return nil
}

func (j *journal) hint(phrases []string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	j.phrases = slices.Clone(phrases)
	j.hints++
	j.signal()
	return nil
}

// close refuses everything from now on.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
}

// expected are the phrases in force and their number.
func (j *journal) expected() (phrases []string, hints int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.phrases, j.hints
}

// oldest is the number of the utterance whose end is due next, and whether
// its speech has ended; ok is false when none waits.
func (j *journal) oldest() (n int, ended, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) == 0 {
		return 0, false, false
	}
	return j.pending[0].n, j.pending[0].ended, true
}

// sound is that of the oldest utterance.
func (j *journal) sound() []int16 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) == 0 {
		return nil
	}
	pcm := j.pending[0].pcm
	return pcm[:len(pcm):len(pcm)]
}

// answered forgets the oldest utterance and its sound: whoever read it may
// hold none of it any more.
func (j *journal) answered() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) == 0 {
		return
	}
	j.spare = j.pending[0].pcm[:0]
	j.pending = slices.Delete(j.pending, 0, 1)
	j.signal() // of those that wait, another may be due
}

// cursor is how far a reader has come.
type cursor struct {
	n       int // utterance read last, or under way
	began   bool
	samples int // of it
	ended   bool
}

// entry is the next thing to pass on: a start, sound, or an end of utterance n.
type entry struct {
	kind stepKind
	n    int
	pcm  []int16
}

type stepKind int

const (
	stepNone stepKind = iota
	stepStart
	stepAudio
	stepEnd
)

// next gives the step after the cursor and moves it on. The zero cursor
// begins with the oldest utterance that waits.
func (j *journal) next(c *cursor) entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, u := range j.pending {
		if u.n < c.n || u.n == c.n && c.ended {
			continue
		}
		if u.n > c.n || !c.began {
			*c = cursor{n: u.n, began: true}
			return entry{kind: stepStart, n: u.n}
		}
		if from := c.samples; from < len(u.pcm) {
			c.samples = len(u.pcm)
			return entry{kind: stepAudio, n: u.n, pcm: u.pcm[from:len(u.pcm):len(u.pcm)]}
		}
		if u.ended {
			c.ended = true
			return entry{kind: stepEnd, n: u.n}
		}
		break
	}
	return entry{}
}
