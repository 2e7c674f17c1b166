package mediabridge_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

// TestTextTooLarge: ten megabytes of text, as metadata and after them.
func TestTextTooLarge(t *testing.T) {
	r := newRig(t, nil).withSpeech()
	w := r.witness()
	before := heapNow()
	for _, call := range []string{"first", "later"} {
		ev := r.listen(call)
		var conn net.Conn
		if call == "later" {
			conn = rawFork(t, r, metadata(call))
			await[schemas.MediaReady](ev, nil)
		} else {
			conn = rawHandshake(t, r, call)
		}
		peak := flood(t, conn, 0x81, 10<<20)
		if code := rawCloseCode(t, conn); code != ws.CloseTooBig {
			t.Errorf("%s: code %d", call, code)
		}
		if grown := int64(peak) - int64(before); grown > 4<<20 {
			t.Errorf("%s: the heap grew by %d KB", call, grown>>10)
		}
		if call == "later" {
			if e := await[schemas.MediaClosed](ev, nil); e.Reason != "too_large" {
				t.Errorf("closed by %s", e.Reason)
			}
		}
	}
	if n := r.metric("refused_total", "metadata"); n != 1 {
		t.Errorf("refused %v", n)
	}
	if n := r.metric("sessions_closed_total", "too_large"); n != 1 {
		t.Errorf("closed %v", n)
	}
	w.untouched()
}

func heapNow() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// flood sends one message of n bytes, without having them, and gives the
// largest heap seen meanwhile.
func flood(t testing.TB, conn net.Conn, opcode byte, n int) (peak uint64) {
	t.Helper()
	head := []byte{opcode, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint64(head[2:], uint64(n))
	if _, err := conn.Write(head); err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 64<<10)
	for range n / len(piece) {
		if _, err := conn.Write(piece); err != nil {
			break // it has had enough
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	return peak
}

func rawCloseCode(t testing.TB, conn net.Conn) int {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patient))
	all, err := io.ReadAll(conn)
	for i := 0; i+4 <= len(all); i++ { // after whatever was sent before
		if all[i] == 0x88 && int(all[i+1]) == len(all)-i-2 {
			return int(binary.BigEndian.Uint16(all[i+2:]))
		}
	}
	t.Errorf("no close frame at the end of %d bytes, %v", len(all), err)
	return 0
}

// TestManyConnects: thousands of forks that come and go, and some that never
// say anything.
func TestManyConnects(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) { c.MetadataTimeout = time.Second })
	w := r.withSpeech().witness()
	before := runtime.NumGoroutine()
	const each, clients = 100, 20
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				call := fmt.Sprintf("c%d-%d", c, i)
				tok := r.token(call, time.Minute)
				if i%10 == 9 {
					tok = "no token"
				}
				conn, err := r.dial(tok)
				if err != nil {
					continue
				}
				switch i % 4 {
				case 0:
					conn.Abort()
				case 1:
					_ = conn.WriteJSON(metadata(call))
					conn.Abort()
				case 2:
					_ = conn.WriteJSON(metadata(call))
					_ = conn.WriteBinary(make([]byte, 320))
					_ = conn.Close(ws.CloseNormal, "")
					_, _, _ = conn.Read()
				case 3:
					_ = conn.WriteBinary(make([]byte, 320))
					_, _, _ = conn.Read()
				}
			}
		})
	}
	for range 100 { // these stay, until the bridge has had enough
		conn, err := net.Dial("tcp", r.svc.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	wg.Wait()
	eventually(t, "all are gone", func() bool { return r.svc.Sessions() == 1 && r.metric("sessions") == 1 })
	if n := r.sum("refused_total"); n < clients*each/3 {
		t.Errorf("%v refused", n)
	}
	eventually(t, "nothing is left of them", func() bool { return runtime.NumGoroutine() < before+20 })
	w.untouched()
}

// TestMessageFloods: marks, nonsense and empty messages without end.
func TestMessageFloods(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	w := r.witness()
	for call, send := range map[string]func(*ws.Conn) error{
		"marks": func(c *ws.Conn) error {
			return c.WriteText([]byte(`{"type":"mark","data":{"name":"m1","event":"playout"}}`))
		},
		"unknown":  func(c *ws.Conn) error { return c.WriteText([]byte(`{"x":1}`)) },
		"nonsense": func(c *ws.Conn) error { return c.WriteText([]byte("\xff\x00{")) },
		"side":     func(c *ws.Conn) error { return c.WriteText([]byte(`{"type":"tidegate","envelope":"e30="}`)) },
		"empty":    func(c *ws.Conn) error { return c.WriteBinary(nil) },
	} {
		ev := r.listen(call)
		conn := r.open(metadata(call))
		await[schemas.MediaReady](ev, nil)
		var sender sync.WaitGroup
		sender.Go(func() {
			for send(conn) == nil {
			}
		})
		if code, reason := closeCode(t, conn); code != ws.ClosePolicy || reason != "flood" {
			t.Errorf("%s: code %d, %q", call, code, reason)
		}
		conn.Abort()
		sender.Wait()
		if e := await[schemas.MediaClosed](ev, nil); e.Reason != "flood" {
			t.Errorf("%s: closed by %s", call, e.Reason)
		}
	}
	if n := r.metric("sessions_closed_total", "flood"); n != 5 {
		t.Errorf("closed %v", n)
	}
	if a, b := r.metric("malformed_total", "switch"), r.metric("malformed_total", "side"); a < 1000 || b < 1000 {
		t.Errorf("malformed: %v of the switch, %v through it", a, b)
	}
	w.untouched()
}
