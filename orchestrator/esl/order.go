package esl

import (
	"container/heap"
	"time"
)

// order puts a channel's events back in the order of their Event-Sequence. Each waits for hold, so that one
// that left the switch earlier and arrives later still comes first; then it goes, with everything of a lower
// number. Gaps mean nothing: the core counts the events of all its calls. It has no clock and no goroutine.
type order struct {
	hold  time.Duration
	queue sequence
	top   uint64 // highest number seen
	seen  [256]uint64
	at    int
}

type queued struct {
	seq  uint64
	due  time.Time
	from int // arrival, so that events without a number keep it
	ev   Event
}

// arrival says what push made of an event.
type arrival int

const (
	inOrder   arrival = iota
	reordered         // came after one with a higher number, and will be released before it if that still waits
	duplicate         // came twice; dropped
)

func (o *order) push(ev Event, now time.Time) arrival {
	seq := ev.Origin().Sequence
	state := inOrder
	if seq == 0 {
		seq = o.top
	} else {
		for _, s := range o.seen {
			if s == seq {
				return duplicate
			}
		}
		o.seen[o.at%len(o.seen)] = seq
		if seq < o.top {
			state = reordered
		}
		o.top = max(o.top, seq)
	}
	o.at++
	heap.Push(&o.queue, queued{seq: seq, due: now.Add(o.hold), from: o.at, ev: ev})
	return state
}

// release gives what is due at now, in order. The result is valid until the next call.
func (o *order) release(now time.Time, into []Event) []Event {
	upTo, any := uint64(0), false
	for _, q := range o.queue {
		if !q.due.After(now) {
			upTo, any = max(upTo, q.seq), true
		}
	}
	if !any {
		return into
	}
	return o.pop(upTo, into)
}

// flush gives all that is left, when nothing more can come.
func (o *order) flush(into []Event) []Event { return o.pop(^uint64(0), into) }

func (o *order) pop(upTo uint64, into []Event) []Event {
	for len(o.queue) > 0 && o.queue[0].seq <= upTo {
		q := heap.Pop(&o.queue).(queued)
		into = append(into, q.ev)
	}
	return into
}

// next is when release has something to do; ok is false when nothing waits.
func (o *order) next() (due time.Time, ok bool) {
	for _, q := range o.queue {
		if !ok || q.due.Before(due) {
			due, ok = q.due, true
		}
	}
	return due, ok
}

type sequence []queued

func (s sequence) Len() int { return len(s) }
func (s sequence) Less(i, j int) bool {
	if s[i].seq != s[j].seq {
		return s[i].seq < s[j].seq
	}
	return s[i].from < s[j].from
}
func (s sequence) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *sequence) Push(x any)   { *s = append(*s, x.(queued)) }
func (s *sequence) Pop() any {
	old := *s
	x := old[len(old)-1]
	old[len(old)-1] = queued{}
	*s = old[:len(old)-1]
	return x
}
