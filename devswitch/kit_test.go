package devswitch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

func startService(t *testing.T, change func(*Config)) *Service {
	t.Helper()
	cfg := Defaults()
	cfg.SIPListen, cfg.EventSocketListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Heartbeat = 100 * time.Millisecond
	cfg.TempDir = t.TempDir()
	cfg.Sockets = nil
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newCaller(t *testing.T) *sipua.UA {
	t.Helper()
	u, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dialIn places a call in the background; the result comes on the channel.
func dialIn(t *testing.T, u *sipua.UA, s *Service, headers map[string]string) <-chan *sipua.Call {
	t.Helper()
	ctx := within(t)
	calls := make(chan *sipua.Call, 1)
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		call, err := u.Invite(ctx, sipua.InviteOptions{
			URI: "sip:4000@" + s.SIPAddr(), From: "13800138000", DisplayName: "Wang", Headers: headers,
		})
		if err != nil {
			t.Logf("invite: %v", err)
		}
		calls <- call
	}()
	return calls
}

func take[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// wireMessage is one message of the event socket, as it came.
type wireMessage struct {
	textproto.MIMEHeader
	body string
}

// event decodes a text/event-plain body.
func (m wireMessage) event() map[string]string {
	out := make(map[string]string)
	head, body, _ := strings.Cut(m.body, "\n\n")
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if v, err := url.PathUnescape(value); err == nil {
			value = v
		}
		out[name] = value
	}
	out["_body"] = body
	return out
}

// wire is a client of the event socket made of text.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	held []wireMessage // events read while waiting for a reply
}

func newWire(t *testing.T, conn net.Conn) *wire {
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// link logs in to the inbound socket.
func link(t *testing.T, s *Service) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", s.EventSocketAddr())
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, conn)
	if got := w.read().Get("Content-Type"); got != "auth/request" {
		t.Fatalf("greeted with %q", got)
	}
	if got := w.ask("auth ClueCon"); got != "+OK accepted" {
		t.Fatalf("auth: %q", got)
	}
	return w
}

func (w *wire) read() wireMessage {
	w.t.Helper()
	m, err := w.next()
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *wire) next() (wireMessage, error) {
	head, err := textproto.NewReader(w.in).ReadMIMEHeader()
	if err != nil {
		return wireMessage{}, err
	}
	n, _ := strconv.Atoi(head.Get("Content-Length"))
	body := make([]byte, n)
	_, err = io.ReadFull(w.in, body)
	return wireMessage{head, string(body)}, err
}

func (w *wire) write(s string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, s); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads to the reply of a command; events on the way are kept.
func (w *wire) answer() wireMessage {
	w.t.Helper()
	for {
		m := w.read()
		switch m.Get("Content-Type") {
		case "command/reply", "api/response":
			return m
		}
		w.held = append(w.held, m)
	}
}

func (w *wire) ask(command string) string {
	w.t.Helper()
	w.write(command + "\n\n")
	return w.answer().Get("Reply-Text")
}

func (w *wire) api(command string) string {
	w.t.Helper()
	w.write("api " + command + "\n\n")
	return w.answer().body
}

// await reads to an event of that name (CUSTOM: subclass) that fits.
func (w *wire) await(name string, fits ...string) map[string]string {
	w.t.Helper()
	for {
		var m wireMessage
		if len(w.held) > 0 {
			m, w.held = w.held[0], w.held[1:]
		} else {
			m = w.read()
		}
		if m.Get("Content-Type") != "text/event-plain" {
			continue
		}
		e := m.event()
		if e["Event-Name"] != name && e["Event-Subclass"] != name {
			continue
		}
		ok := true
		for i := 0; i+1 < len(fits); i += 2 {
			ok = ok && e[fits[i]] == fits[i+1]
		}
		if ok {
			return e
		}
	}
}

func (w *wire) execute(app, arg, id string) {
	w.t.Helper()
	w.write(fmt.Sprintf("sendmsg\ncall-command: execute\nexecute-app-name: %s\nexecute-app-arg: %s\nevent-lock: true\nEvent-UUID: %s\n\n", app, arg, id))
	if got := w.answer().Get("Reply-Text"); got != "+OK" {
		w.t.Fatalf("execute %s: %q", app, got)
	}
}

// orchestrator listens for outbound sockets.
type orchestrator struct {
	net.Listener
	t *testing.T
}

func listen(t *testing.T) *orchestrator {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &orchestrator{l, t}
}

func (o *orchestrator) address() string { return o.Addr().String() }

// accept takes one call and says connect; the answer holds the channel's data.
func (o *orchestrator) accept() (*wire, map[string]string) {
	o.t.Helper()
	_ = o.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := o.Accept()
	if err != nil {
		o.t.Fatal(err)
	}
	w := newWire(o.t, conn)
	w.write("connect\n\n")
	data := make(map[string]string)
	for name, values := range w.answer().MIMEHeader {
		data[name], _ = url.PathUnescape(values[0])
	}
	return w, data
}

// subscribe is what an orchestrator asks for.
func (w *wire) subscribe() {
	w.t.Helper()
	for command, want := range map[string]string{
		"linger 30":      "+OK will linger 30 seconds",
		"myevents plain": "+OK Events Enabled",
		"event plain PLAYBACK_START PLAYBACK_STOP CUSTOM mod_audio_fork::connect mod_audio_fork::connect_failed mod_audio_fork::disconnect " +
			"mod_audio_fork::json mod_audio_fork::play_audio mod_audio_fork::kill_audio callcenter::info": "+OK event listener enabled plain",
	} {
		if got := w.ask(command); got != want {
			w.t.Fatalf("%s: %q", command, got)
		}
	}
}

// speak paces a tone into a call until it ends or the test does.
func speak(t *testing.T, call *sipua.Call, hz float64) {
	done, stop := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	pcm := audio.Tone(hz, time.Second, 8000, 0.5)
	go func() {
		defer close(done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for at := 0; ; at = (at + 160) % len(pcm) {
			select {
			case <-ticker.C:
				if call.WriteFrame(pcm[at:at+160]) != nil {
					return
				}
			case <-stop:
				return
			}
		}
	}()
}

// hears reads until half a second of sound has hz as its strongest part.
func hears(t *testing.T, call *sipua.Call, hz float64) {
	t.Helper()
	ctx := within(t)
	var window []int16
	for {
		f, err := call.ReadFrame(ctx)
		if err != nil {
			t.Fatalf("%.0f Hz not heard: %v", hz, err)
		}
		window = append(window, f.PCM...)
		if len(window) < 4000 {
			continue
		}
		window = window[len(window)-4000:]
		if audio.DBFS(window) > -30 {
			if peak := audio.Peak(audio.Spectrum(window, 8000)); peak.Hz > hz-25 && peak.Hz < hz+25 {
				return
			}
		}
	}
}
