package ws

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs h for each connection and returns the address.
func serve(t *testing.T, o Options, h func(*Conn)) string {
	t.Helper()
	var wg sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wg.Add(1) // before the hijack, after which the server no longer counts the connection
		defer wg.Done()
		c, err := Upgrade(w, r, o)
		if err != nil {
			return
		}
		defer c.Abort()
		h(c)
	}))
	t.Cleanup(func() { s.Close(); wg.Wait() })
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func dial(t *testing.T, url string, o Options) *Conn {
	t.Helper()
	c, err := Dial(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c
}

func echo(c *Conn) {
	for {
		kind, b, err := c.Read()
		if err != nil {
			return
		}
		if kind == Text {
			err = c.WriteText(b)
		} else {
			err = c.WriteBinary(b)
		}
		if err != nil {
			return
		}
	}
}

func TestEcho(t *testing.T) {
	o := Options{Subprotocols: []string{"x.v1"}}
	c := dial(t, serve(t, o, echo), o)
	if c.Subprotocol() != "x.v1" {
		t.Fatalf("subprotocol %q", c.Subprotocol())
	}
	big := bytes.Repeat([]byte("ab"), 50000)
	for _, m := range []struct {
		kind Kind
		data []byte
	}{{Text, []byte("hello")}, {Binary, []byte{0, 1}}, {Binary, nil}, {Binary, big}} {
		send := c.WriteBinary
		if m.kind == Text {
			send = c.WriteText
		}
		if err := send(m.data); err != nil {
			t.Fatal(err)
		}
		kind, got, err := c.Read()
		if err != nil || kind != m.kind || !bytes.Equal(got, m.data) {
			t.Fatalf("kind %d, %d bytes, %v", kind, len(got), err)
		}
	}
}

func TestHandshakeRefused(t *testing.T) {
	url := serve(t, Options{Subprotocols: []string{"x.v1"}}, echo)
	for name, c := range map[string]struct {
		o      Options
		status int
	}{
		"other subprotocol": {Options{Subprotocols: []string{"y"}}, 400},
		"no subprotocol":    {Options{}, 400},
		"browser":           {Options{Subprotocols: []string{"x.v1"}, Header: http.Header{"Origin": {"https://example.org"}}}, 403},
	} {
		_, err := Dial(context.Background(), url, c.o)
		var h *HandshakeError
		if !errors.As(err, &h) || h.Status != c.status {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
	}
}

func TestServerThatChoosesNoSubprotocol(t *testing.T) {
	url := serve(t, Options{}, echo)
	offer := Options{Subprotocols: []string{"x.v1"}}
	if _, err := Dial(context.Background(), url, offer); !errors.Is(err, ErrSubprotocol) {
		t.Errorf("strict: %v", err)
	}
	offer.AnySubprotocol = true
	if c := dial(t, url, offer); c.Subprotocol() != "" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := Upgrade(w, r, Options{}); err == nil {
			echo(c)
			c.Abort()
		}
	}))
	t.Cleanup(s.Close)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is refused
	url := "wss" + strings.TrimPrefix(s.URL, "https")
	var unknown x509.UnknownAuthorityError
	if _, err := Dial(context.Background(), url, Options{}); !errors.As(err, &unknown) {
		t.Errorf("certificate of nobody known: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c := dial(t, url, Options{TLS: &tls.Config{RootCAs: pool}})
	if err := c.WriteText([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDialErrorHidesAddress(t *testing.T) {
	_, err := Dial(context.Background(), "ws://127.0.0.1:1/v1/fork/verysecret", Options{})
	if err == nil || strings.Contains(err.Error(), "verysecret") {
		t.Fatalf("%v", err)
	}
}

func TestOversizedMessageEndsConnection(t *testing.T) {
	got := make(chan error, 1)
	c := dial(t, serve(t, Options{ReadLimit: 100}, func(c *Conn) {
		_, _, err := c.Read()
		got <- err
	}), Options{})
	_ = c.WriteBinary(make([]byte, 101))
	if err := <-got; !errors.Is(err, ErrTooLarge) {
		t.Fatalf("%v, want ErrTooLarge", err)
	}
	var peer *CloseError
	if _, _, err := c.Read(); errors.As(err, &peer) && peer.Code != CloseTooBig {
		t.Fatalf("close code %d, want %d", peer.Code, CloseTooBig)
	}
}

func TestClosePolite(t *testing.T) {
	serverGot := make(chan error, 1)
	c := dial(t, serve(t, Options{}, func(c *Conn) {
		_, _, err := c.Read()
		serverGot <- err
	}), Options{})
	if err := c.Close(CloseNormal, "done"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(CloseNormal, "again"); err != nil {
		t.Fatalf("second close: %v", err)
	}
	var peer *CloseError
	if err := <-serverGot; !errors.As(err, &peer) || peer.Code != CloseNormal || peer.Reason != "done" {
		t.Fatalf("server got %v", err)
	}
	if _, _, err := c.Read(); !errors.Is(err, ErrClosed) {
		t.Fatalf("read after close: %v", err)
	}
	if err := c.WriteText([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Fatalf("write after close: %v", err)
	}
}

// A peer that goes on sending must still get what was sent before Close.
func TestLastMessageArrivesWhilePeerTalks(t *testing.T) {
	url := serve(t, Options{}, func(c *Conn) {
		_, _, _ = c.Read()
		_ = c.WriteText([]byte("last"))
		_ = c.Close(CloseNormal, "")
		_, _, _ = c.Read()
	})
	c := dial(t, url, Options{})
	for range 200 {
		if c.WriteBinary(make([]byte, 320)) != nil {
			break
		}
	}
	if _, b, err := c.Read(); err != nil || string(b) != "last" {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestSilentPeerTimesOut(t *testing.T) {
	got := make(chan error, 1)
	url := serve(t, Options{PongTimeout: 50 * time.Millisecond}, func(c *Conn) {
		_, _, err := c.Read()
		got <- err
	})
	dial(t, url, Options{})
	if err := <-got; !errors.Is(err, ErrTimeout) {
		t.Fatalf("%v, want ErrTimeout", err)
	}
}

func TestPingsKeepQuietPeerAlive(t *testing.T) {
	url := serve(t, Options{PingInterval: 20 * time.Millisecond, PongTimeout: 2 * time.Second}, echo)
	c := dial(t, url, Options{PongTimeout: 2 * time.Second})
	// The client reads, so it answers pings; its own deadline moves with them.
	go func() { time.Sleep(100 * time.Millisecond); _ = c.WriteText([]byte("late")) }()
	if _, b, err := c.Read(); err != nil || string(b) != "late" {
		t.Fatalf("%q, %v", b, err)
	}
}

func TestOnlyQuietPeerIsPinged(t *testing.T) {
	url := serve(t, Options{PingInterval: 100 * time.Millisecond, PongTimeout: 400 * time.Millisecond}, func(c *Conn) {
		for {
			if _, _, err := c.Read(); err != nil {
				return
			}
		}
	})
	raw := rawHandshake(t, url)
	var b [2]byte
	for range 100 { // for some intervals of pings
		if _, err := raw.Write([]byte{0x82, 0x80, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		_ = raw.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if n, _ := raw.Read(b[:]); n > 0 {
			t.Fatalf("a peer that sends all the time got % x", b[:n])
		}
	}
	_ = raw.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(raw, b[:]); err != nil || b[0] != 0x89 {
		t.Fatalf("a quiet peer got % x, %v, want a ping", b, err)
	}
}

func TestGarbageIsProtocolError(t *testing.T) {
	for name, frame := range map[string][]byte{
		"unmasked":        {0x82, 0x01, 'x'},
		"reserved opcode": {0x83, 0x80, 0, 0, 0, 0},
		"reserved bits":   {0xF2, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan error, 1)
			url := serve(t, Options{}, func(c *Conn) {
				_, _, err := c.Read()
				got <- err
			})
			raw := rawHandshake(t, url)
			if _, err := raw.Write(frame); err != nil {
				t.Fatal(err)
			}
			if err := <-got; !errors.Is(err, ErrProtocol) {
				t.Fatalf("%v, want ErrProtocol", err)
			}
		})
	}
}

func TestTruncatedFrameIsLost(t *testing.T) {
	got := make(chan error, 1)
	url := serve(t, Options{}, func(c *Conn) {
		_, _, err := c.Read()
		got <- err
	})
	raw := rawHandshake(t, url)
	_, _ = raw.Write([]byte{0x82, 0xFE, 0x10})
	_ = raw.Close()
	if err := <-got; !errors.Is(err, ErrLost) {
		t.Fatalf("%v, want ErrLost", err)
	}
}

func rawHandshake(t *testing.T, url string) net.Conn {
	t.Helper()
	host := strings.TrimPrefix(url, "ws://")
	raw, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	_, _ = raw.Write([]byte("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))
	head := make([]byte, 0, 512)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := raw.Read(b[:]); err != nil {
			t.Fatal(err)
		}
		head = append(head, b[0])
	}
	return raw
}

func TestWritesFromManyGoroutines(t *testing.T) {
	const writers, each = 8, 50
	c := dial(t, serve(t, Options{}, func(c *Conn) {
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					_ = c.WriteBinary([]byte("0123456789"))
				}
			})
		}
		wg.Wait()
		_ = c.Close(CloseNormal, "")
		_, _, _ = c.Read()
	}), Options{})
	for n := 0; ; n++ {
		_, b, err := c.Read()
		if err != nil {
			if n != writers*each {
				t.Fatalf("%d messages, then %v", n, err)
			}
			return
		}
		if string(b) != "0123456789" {
			t.Fatalf("message %d is %q", n, b)
		}
	}
}

func BenchmarkServerWrite(b *testing.B) {
	done := make(chan struct{})
	var once sync.Once
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Upgrade(w, r, Options{})
		if err != nil {
			return
		}
		defer c.Abort()
		frame := make([]byte, 320)
		b.ReportAllocs()
		for b.Loop() {
			if c.WriteBinary(frame) != nil {
				break
			}
		}
		once.Do(func() { close(done) })
	}))
	defer s.Close()
	c, err := Dial(context.Background(), "ws"+strings.TrimPrefix(s.URL, "http"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for {
		if _, _, err := c.Read(); err != nil {
			break
		}
	}
	<-done
}
