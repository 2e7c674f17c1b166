package mediabridge

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// letterKind says what a letter is.
type letterKind uint8

const (
	letterBinary letterKind = iota // data
	letterText                     // data
	letterValue                    // value
)

type letter struct {
	kind  letterKind
	data  []byte
	value any
}

// What a mailbox keeps while nothing waits in it: a call has seven of them,
// and nearly all are nearly always empty.
const (
	keepBytes   = 1 << 10 // of buffers for reuse
	keepLetters = 16      // of its ring
	firstRing   = 4
)

// mailbox is a bounded queue between two goroutines. Bytes are copied in and
// their buffers reused, so that a steady stream allocates nothing; what a
// burst needed beyond that is given back. The reader waits for the bell, which
// several mailboxes may share.
type mailbox struct {
	drops prometheus.Counter
	bell  *bell
	space chan struct{}
	size  int // letters at most

	mu      sync.Mutex
	ring    []letter // grows up to size
	head, n int
	spare   [][]byte // buffers of letters that were read; the newest is reused first
	spared  int      // their bytes
	shut    bool

	// Of a mailbox with a carrier; the letter is the carrier's.
	carry    func(*letter) bool
	carrier  func()
	carried  letter
	carrying bool
	carriers sync.WaitGroup
}

func newMailbox(size int, bell *bell, drops prometheus.Counter) *mailbox {
	return &mailbox{drops: drops, bell: bell, space: make(chan struct{}, 1), size: size}
}

// newCarriedMailbox is one whose letters are read by a goroutine of its own,
// which is there only while something waits: carry gets one after the other,
// and ends the mailbox by giving false.
func newCarriedMailbox(size int, drops prometheus.Counter, carry func(*letter) bool) *mailbox {
	m := newMailbox(size, newBell(), drops)
	m.carry, m.carrier = carry, m.run
	return m
}

func (m *mailbox) run() {
	defer m.carriers.Done()
	for m.pop(&m.carried) {
		if !m.carry(&m.carried) {
			m.close()
			return
		}
	}
}

// close takes nothing more, and forgets what waits.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bell.waiting.Add(-int32(m.n))
	m.shut, m.n = true, 0
}

// end is close that waits for the carrier: what it carries must end soon.
func (m *mailbox) end() {
	m.close()
	m.carriers.Wait()
}

// bell tells one reader of letters in any of its mailboxes.
type bell struct {
	wake chan struct{}
	// waiting counts letters: a look that costs no lock.
	waiting atomic.Int32
}

func newBell() *bell { return &bell{wake: make(chan struct{}, 1)} }

func (b *bell) ring() { signal(b.wake) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// offer puts a letter in; false says that there is no room.
func (m *mailbox) offer(kind letterKind, data []byte, value any) bool {
	m.mu.Lock()
	if m.n == m.size || m.shut {
		m.mu.Unlock()
		return false
	}
	if m.n == len(m.ring) {
		m.grow()
	}
	l := &m.ring[(m.head+m.n)%len(m.ring)]
	l.kind, l.value = kind, value
	if len(data) > 0 {
		l.data = append(m.buffer(), data...)
	}
	m.n++
	m.bell.waiting.Add(1)
	if m.carry != nil && !m.carrying {
		m.carrying = true
		m.carriers.Add(1)
		go m.carrier()
	}
	m.mu.Unlock()
	m.bell.ring()
	return true
}

func (m *mailbox) grow() {
	ring := make([]letter, min(m.size, max(firstRing, 2*len(m.ring))))
	for i := range m.n {
		ring[i] = m.ring[(m.head+i)%len(m.ring)]
	}
	m.ring, m.head = ring, 0
}

// buffer is an empty one for the next letter.
func (m *mailbox) buffer() []byte {
	if len(m.spare) == 0 {
		return nil
	}
	b := m.spare[len(m.spare)-1]
	m.spare[len(m.spare)-1] = nil
	m.spare = m.spare[:len(m.spare)-1]
	m.spared -= cap(b)
	return b[:0]
}

func (m *mailbox) reuse(b []byte) {
	if cap(b) > 0 && m.spared+cap(b) <= keepBytes {
		m.spare = append(m.spare, b)
		m.spared += cap(b)
	}
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

// pop takes the oldest letter and has l's buffer for the next one.
func (m *mailbox) pop(l *letter) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == 0 {
		m.carrying = false
		return false
	}
	m.reuse(l.data)
	from := &m.ring[m.head]
	*l, *from = *from, letter{}
	m.head = (m.head + 1) % len(m.ring)
	m.n--
	m.bell.waiting.Add(-1)
	if m.n == 0 && len(m.ring) > keepLetters {
		m.ring, m.head = nil, 0
	}
	signal(m.space)
	return true
}
