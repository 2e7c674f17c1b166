package mediabridge

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMailbox(t *testing.T) {
	drops := newMetrics(nil).drops.WithLabelValues("commands")
	m := newMailbox(3, newBell(), drops)
	for i, k := range []letterKind{letterBinary, letterText, letterBinary} {
		if !m.push(k, []byte{byte(i)}, nil) {
			t.Fatal("full too early")
		}
	}
	if m.push(letterText, []byte{9}, nil) || counterValue(drops) != 1 {
		t.Fatal("more than its size, or not counted")
	}
	var l letter
	var got []byte
	for m.pop(&l) {
		got = append(got, l.data...)
	}
	if !bytes.Equal(got, []byte{0, 1, 2}) {
		t.Errorf("%v", got)
	}
	m.close()
	if m.offer(letterText, []byte{1}, nil) || m.pop(&l) {
		t.Error("closed, and takes or has a letter")
	}
}

// TestMailboxKeepsLittle: what a burst needed is given back.
func TestMailboxKeepsLittle(t *testing.T) {
	m := newMailbox(256, newBell(), prometheus.NewCounter(prometheus.CounterOpts{}))
	var l letter
	for range 3 {
		for range 256 {
			m.push(letterBinary, make([]byte, 1000), nil)
		}
		for m.pop(&l) {
		}
		kept := 0
		for _, b := range m.spare {
			kept += cap(b)
		}
		if len(m.ring) > keepLetters || kept > keepBytes || kept != m.spared {
			t.Fatalf("%d letters and %d bytes are kept, %d are known of", len(m.ring), kept, m.spared)
		}
	}
}

// TestCarriedMailbox: letters come one after the other, in order, from a
// goroutine that is not there when there are none.
func TestCarriedMailbox(t *testing.T) {
	const letters = 2000
	before := runtime.NumGoroutine()
	var mu sync.Mutex
	var got []uint32
	m := newCarriedMailbox(64, prometheus.NewCounter(prometheus.CounterOpts{}), func(l *letter) bool {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, binary.BigEndian.Uint32(l.data))
		return len(got) < letters
	})
	for n := range uint32(letters) {
		m.pushWait(nil, letterBinary, binary.BigEndian.AppendUint32(nil, n), nil)
		if n%100 == 0 {
			m.carriers.Wait()
			if now := runtime.NumGoroutine(); now > before+1 {
				t.Fatalf("%d goroutines with nothing to carry, %d before", now, before)
			}
		}
	}
	m.carriers.Wait()
	for n := range uint32(letters) {
		if got[n] != n {
			t.Fatalf("letter %d is %d", n, got[n])
		}
	}
	if m.offer(letterBinary, []byte{1, 2, 3, 4}, nil) {
		t.Error("a letter is taken after the carrier has ended the mailbox")
	}
	m.end()
}

func TestMailboxAllocatesNothing(t *testing.T) {
	done := make(chan struct{})
	m := newCarriedMailbox(64, prometheus.NewCounter(prometheus.CounterOpts{}), func(*letter) bool { done <- struct{}{}; return true })
	frame := make([]byte, 320)
	if n := testing.AllocsPerRun(1000, func() { m.push(letterBinary, frame, nil); <-done }); n != 0 {
		t.Errorf("%v allocations for a letter", n)
	}
	m.end()
}
