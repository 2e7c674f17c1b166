package mediabridge

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/schemas"
)

// maxPending bounds the utterances that wait for their final text.
const maxPending = 4

// replayBytes is the size of the pieces in which an utterance is sent again.
const replayBytes = 32 << 10

// spoken is one utterance of the caller that has no final text yet.
type spoken struct {
	n              int // the recogniser's number
	turn           int // the caller's turn; 0 while it is nobody's
	epoch          int
	left           time.Duration // how much of all prompts was left then
	startMS, endMS int64         // on the audio clock
	audio          []byte
	ended          bool
	endedAt        time.Time
	again          bool // a recogniser that said nothing was left for the next
}

// recognition sends the caller's utterances to the recogniser that is
// connected at the time, and keeps them until their final text has come, so
// that the next recogniser can have them when this one dies.
type recognition struct {
	out      *mailbox // nil while no recogniser is connected
	drop     func()
	maxBytes int
	over     prometheus.Counter // bytes-over-limit frames that a replay would miss

	count   int
	pending []*spoken
	current *spoken
	buffers *buffers
}

// buffers lends what utterances are kept in: a call has one under way for a
// small part of its time.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return nil
}

func (b *buffers) put(sound []byte) {
	if cap(sound) > 0 {
		b.pool.Put(&sound)
	}
}

// open begins an utterance with its pre-roll.
func (r *recognition) open(epoch int, startMS int64, preRoll ...[]byte) *spoken {
	r.count++
	u := &spoken{n: r.count, epoch: epoch, startMS: startMS, audio: r.buffers.get()}
	for _, b := range preRoll {
		u.audio = append(u.audio, b...)
	}
	r.current = u
	r.pending = append(r.pending, u)
	if r.out != nil {
		r.begin(u)
	}
	return u
}

// overdue takes out the oldest utterance when too many wait.
func (r *recognition) overdue() *spoken {
	if len(r.pending) <= maxPending {
		return nil
	}
	return r.take(r.pending[0].n)
}

func (r *recognition) begin(u *spoken) {
	r.text(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: u.n})
	for b := u.audio; len(b) > 0; {
		n := min(len(b), replayBytes)
		r.out.push(letterBinary, b[:n], nil)
		b = b[n:]
	}
	if u.ended {
		r.text(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: u.n})
	}
}

func (r *recognition) text(m schemas.SpeechMessage) {
	if r.out != nil {
		r.out.push(letterText, speech(m), nil)
	}
}

// frame adds sound to the open utterance.
func (r *recognition) frame(b []byte) {
	u := r.current
	if u == nil {
		return
	}
	if len(u.audio)+len(b) <= r.maxBytes {
		u.audio = append(u.audio, b...)
	} else {
		r.over.Inc()
	}
	if r.out != nil {
		r.out.push(letterBinary, b, nil)
	}
}

// close ends the open utterance.
func (r *recognition) close(endMS int64, now time.Time) *spoken {
	u := r.current
	if u == nil {
		return nil
	}
	r.current = nil
	u.ended, u.endMS, u.endedAt = true, endMS, now
	r.text(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: u.n})
	return u
}

// up connects a recogniser and gives it everything that has no text yet.
func (r *recognition) up(out *mailbox, drop func()) {
	r.out, r.drop = out, drop
	for _, u := range r.pending {
		r.begin(u)
	}
}

func (r *recognition) down() { r.out, r.drop = nil, nil }

// leave drops the connected recogniser for another one.
func (r *recognition) leave() {
	if r.drop != nil {
		r.drop()
		r.down()
	}
}

// find the utterance that waits under a number.
func (r *recognition) find(n int) *spoken {
	for _, u := range r.pending {
		if u.n == n {
			return u
		}
	}
	return nil
}

// take an utterance out: its text is final. Only one that has ended can.
func (r *recognition) take(n int) *spoken {
	for i, u := range r.pending {
		if u.n != n {
			continue
		}
		if !u.ended {
			return nil
		}
		r.pending = append(r.pending[:i], r.pending[i+1:]...)
		r.buffers.put(u.audio)
		u.audio = nil
		return u
	}
	return nil
}

// hung says whether the recogniser owes the text of an utterance that ended
// before a time. Each one is a reason to leave a recogniser once: it may be
// what none of them can make anything of.
func (r *recognition) hung(before time.Time) bool {
	for _, u := range r.pending {
		if r.out != nil && u.ended && !u.again && u.endedAt.Before(before) {
			u.again = true
			return true
		}
	}
	return false
}

// late takes out the first utterance that ended before a time.
func (r *recognition) late(before time.Time) *spoken {
	for _, u := range r.pending {
		if u.ended && u.endedAt.Before(before) {
			return r.take(u.n)
		}
	}
	return nil
}
