package esl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testSecret = "s3cret-for-tests"
	testCall   = "6a7f3c10-0000-4000-8000-000000000001"
	testCore   = "c0ffee00-0000-4000-8000-000000000001"
	patience   = 10 * time.Second
)

// message writes one message the way mod_event_socket.c does.
func message(contentType, body string, headers ...string) string {
	var b strings.Builder
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\n", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\n", headers[i], headers[i+1])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n", len(body))
	}
	return b.String() + "\n" + body
}

func reply(text string) string { return message("command/reply", "", "Reply-Text", text) }

// event writes a plain event with its values percent-encoded.
func event(name string, seq int, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Event-Name: %s\nCore-UUID: %s\nEvent-Sequence: %d\nUnique-ID: %s\nEvent-Date-Timestamp: 1790000000000000\n",
		name, testCore, seq, testCall)
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\n", headers[i], url.PathEscape(headers[i+1]))
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n", len(body))
	}
	b.WriteString("\n" + body)
	return fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", b.Len(), b.String())
}

func connectReply(secret string, headers ...string) string {
	all := append([]string{
		"Event-Name", "CHANNEL_DATA", "Core-UUID", testCore, "FreeSWITCH-Hostname", "node-a", "Unique-ID", testCall,
		"Answer-State", "ringing", "Caller-Caller-ID-Number", "13800000001", "Caller-Caller-ID-Name", url.PathEscape("王小明"),
		"Caller-Destination-Number", "95000", "variable_sip_call_id", "abc%40host", "variable_" + SecretVariable, secret,
		"Channel-Read-Codec-Name", "PCMA", "Channel-Read-Codec-Rate", "8000", "Reply-Text", "%2BOK%0A",
	}, headers...)
	return message("command/reply", "", all...)
}

// peer is a switch's end of a connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	mu   sync.Mutex
}

func newPeer(t testing.TB, c net.Conn) *peer {
	t.Helper()
	p := &peer{t: t, conn: c, in: bufio.NewReader(c)}
	t.Cleanup(func() { _ = c.Close() })
	return p
}

// command reads one command: its lines up to the empty one. ok is false when the connection ended.
func (p *peer) command() (lines []string, ok bool) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return lines, false
		}
		line = strings.TrimRight(line, "\r\n")
		if line != "" {
			lines = append(lines, line)
			continue
		}
		if len(lines) > 0 {
			return lines, true
		}
	}
}

func (p *peer) send(parts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.conn, strings.Join(parts, ""))
}

func (p *peer) expect(prefix string) []string {
	p.t.Helper()
	lines, ok := p.command()
	if !ok || !strings.HasPrefix(lines[0], prefix) {
		p.t.Fatalf("expected command %q, got %q (open: %v)", prefix, lines, ok)
	}
	return lines
}

// admit answers the handshake of a call.
func (p *peer) admit(headers ...string) {
	p.t.Helper()
	p.expect("connect")
	p.send(connectReply(testSecret, headers...))
	for _, want := range []string{"linger", "myevents plain", "event plain PLAYBACK_START"} {
		p.expect(want)
		p.send(reply("+OK"))
	}
	p.expect("api uuid_setvar_multi " + testCall + " socket_resume='false'")
	p.send(message("api/response", "+OK\n"))
}

// closed waits for the other side to end the connection.
func (p *peer) closed() bool {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, p.in)
	var timeout net.Error
	return !(errors.As(err, &timeout) && timeout.Timeout())
}

// passed answers the handshake of a call that is not to be taken: it must be told to resume, or FreeSWITCH would park
// it for ever.
func (p *peer) passed(secret string) bool {
	p.t.Helper()
	p.expect("connect")
	p.send(connectReply(secret))
	p.expect("resume")
	p.send(reply("+OK"))
	return p.closed()
}

func testListener(t testing.TB, handler Handler, change ...func(*ListenerConfig)) *Listener {
	t.Helper()
	cfg := ListenerDefaults()
	cfg.Listen, cfg.Secret, cfg.Hold = "127.0.0.1:0", testSecret, 10*time.Millisecond
	for _, c := range change {
		c(&cfg)
	}
	l, err := New(cfg, handler, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return l
}

func dial(t testing.TB, l *Listener) *peer {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c)
}

// channelOf opens a call and gives both ends of it.
func channelOf(t testing.TB, change ...func(*ListenerConfig)) (*Channel, *peer) {
	t.Helper()
	got, release := make(chan *Channel, 1), make(chan struct{})
	l := testListener(t, func(_ context.Context, ch *Channel) { got <- ch; <-release }, change...)
	t.Cleanup(func() { close(release) })
	p := dial(t, l)
	p.admit()
	select {
	case ch := <-got:
		return ch, p
	case <-time.After(patience):
		t.Fatal("no channel")
		return nil, nil
	}
}

func take(t testing.TB, from <-chan Event) Event {
	t.Helper()
	select {
	case ev, ok := <-from:
		if !ok {
			return nil
		}
		return ev
	case <-time.After(patience):
		t.Fatal("no event")
		return nil
	}
}
