package mediabridge

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// letterKind says what a letter is.
type letterKind uint8

const (
	letterBinary letterKind = iota // data
	letterText                     // data
	letterClose                    // data is the reason; nothing follows
	letterValue                    // value
)

type letter struct {
	kind  letterKind
	data  []byte
	value any
}

// keepBytes bounds the buffers that a mailbox keeps for reuse.
const keepBytes = 8 << 10

// mailbox is a bounded queue between two goroutines. Bytes are copied in and
// their buffers reused, so that a steady stream allocates nothing. The reader
// waits on wake, which several mailboxes may share.
type mailbox struct {
	drops prometheus.Counter
	wake  chan struct{}
	space chan struct{}

	mu      sync.Mutex
	ring    []letter
	head, n int
}

func newMailbox(size int, wake chan struct{}, drops prometheus.Counter) *mailbox {
	return &mailbox{drops: drops, wake: wake, space: make(chan struct{}, 1), ring: make([]letter, size)}
}

func newWake() chan struct{} { return make(chan struct{}, 1) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// offer puts a letter in; false says that there is no room.
func (m *mailbox) offer(kind letterKind, data []byte, value any) bool {
	m.mu.Lock()
	if m.n == len(m.ring) {
		m.mu.Unlock()
		return false
	}
	l := &m.ring[(m.head+m.n)%len(m.ring)]
	l.kind, l.value = kind, value
	l.data = append(l.data[:0], data...)
	m.n++
	m.mu.Unlock()
	signal(m.wake)
	return true
}

// push is offer that counts a letter without room as dropped.
func (m *mailbox) push(kind letterKind, data []byte, value any) bool {
	if m.offer(kind, data, value) {
		return true
	}
	m.drops.Inc()
	return false
}

// pushWait waits for room, for senders that may be held up; false says that
// done came first.
func (m *mailbox) pushWait(done <-chan struct{}, kind letterKind, data []byte, value any) bool {
	for !m.offer(kind, data, value) {
		select {
		case <-m.space:
		case <-done:
			return false
		}
	}
	return true
}

// pop takes the oldest letter and leaves l's buffer for the next one.
func (m *mailbox) pop(l *letter) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == 0 {
		return false
	}
	from := &m.ring[m.head]
	if cap(l.data) > keepBytes {
		l.data = nil
	}
	l.kind, l.value = from.kind, from.value
	l.data, from.data, from.value = from.data, l.data[:0], nil
	m.head = (m.head + 1) % len(m.ring)
	m.n--
	signal(m.space)
	return true
}

// discardBinary takes out all sound that still waits and keeps the rest.
func (m *mailbox) discardBinary() {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := 0
	for i := range m.n {
		from := &m.ring[(m.head+i)%len(m.ring)]
		if from.kind == letterBinary {
			continue
		}
		to := &m.ring[(m.head+kept)%len(m.ring)]
		if to != from {
			*to, *from = *from, *to
		}
		kept++
	}
	m.n = kept
}
