package contract

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/orchestrator/esl"
)

const (
	patience = 15 * time.Second
	rate     = 8000
	bugName  = "tidegate"
)

// bench holds what stands around the switch: two orchestrators, a node link, a SIP phone and a fork server.
type bench struct {
	target Target
	first  *orchestrator
	second *orchestrator
	node   *esl.NodeLink
	phone  *sipua.UA
	forks  *forkServer
}

func newBench(t *testing.T, target Target) *bench {
	t.Helper()
	e := &bench{target: target}
	e.first = startOrchestrator(t, target.First, target.Secret)
	e.second = startOrchestrator(t, target.Second, target.Secret)
	phone, err := sipua.New(sipua.Options{Listen: "127.0.0.1:0", UserAgent: "contract"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = phone.Close() })
	e.phone = phone
	e.forks = startForks(t)
	e.node = startNode(t, target.EventSocket, target.Password)
	return e
}

func startNode(t *testing.T, address, password string) *esl.NodeLink {
	t.Helper()
	cfg := esl.NodeDefaults()
	cfg.Address, cfg.Password = address, config.Secret(password)
	n, err := esl.NewNodeLink(cfg, esl.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = n.Stop(ctx)
	})
	return n
}

// orchestrator takes calls and hands them to whoever waits.
type orchestrator struct {
	listen, secret string
	calls          chan *esl.Channel
	mu             sync.Mutex
	l              *esl.Listener
}

func startOrchestrator(t *testing.T, listen, secret string) *orchestrator {
	t.Helper()
	o := &orchestrator{listen: listen, secret: secret, calls: make(chan *esl.Channel, 8)}
	o.open(t)
	t.Cleanup(func() { o.close(t) })
	return o
}

func (o *orchestrator) open(t *testing.T) {
	t.Helper()
	cfg := esl.ListenerDefaults()
	cfg.Listen, cfg.Secret = o.listen, config.Secret(o.secret)
	l, err := esl.New(cfg, func(_ context.Context, ch *esl.Channel) {
		o.calls <- ch
		<-ch.Done()
	}, esl.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the orchestrator's address is free", func() bool { return l.Start(context.Background()) == nil })
	o.mu.Lock()
	o.l = l
	o.mu.Unlock()
}

func (o *orchestrator) close(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	l := o.l
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// next is the next call that the switch hands over.
func (o *orchestrator) next(t *testing.T) *esl.Channel {
	t.Helper()
	select {
	case ch := <-o.calls:
		return ch
	case <-time.After(patience):
		t.Fatal("the switch handed no call over")
		return nil
	}
}

// forget drops calls that a line before left behind.
func (o *orchestrator) forget() {
	for {
		select {
		case ch := <-o.calls:
			ch.Close()
		default:
			return
		}
	}
}

// caller is a phone in a call: it speaks a tone or silence all the time and keeps what it heard.
type caller struct {
	*sipua.Call
	mu    sync.Mutex
	tone  float64
	heard []int16
}

func talk(t *testing.T, call *sipua.Call) *caller {
	c := &caller{Call: call}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		end, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		_ = call.Hangup(end, sipua.CauseNormalClearing)
		group.Wait()
	})
	group.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for at := 0; ; at++ {
			select {
			case <-ctx.Done():
				return
			case <-call.Done():
				return
			case <-tick.C:
				c.mu.Lock()
				hz := c.tone
				c.mu.Unlock()
				frame := audio.Silence(20*time.Millisecond, rate)
				if hz > 0 {
					frame = audio.Tone(hz, 20*time.Millisecond, rate, 0.5)
				}
				_ = call.WriteFrame(frame)
			}
		}
	})
	group.Go(func() {
		for {
			f, err := call.ReadFrame(ctx)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.heard = append(c.heard, f.PCM...)
			if over := len(c.heard) - 2*rate; over > 0 {
				c.heard = c.heard[over:]
			}
			c.mu.Unlock()
		}
	})
	return c
}

func (c *caller) say(hz float64) {
	c.mu.Lock()
	c.tone = hz
	c.mu.Unlock()
}

// hears says whether the last 200 ms were this tone.
func (c *caller) hears(hz float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := rate / 5
	return len(c.heard) >= n && audio.Power(c.heard[len(c.heard)-n:], hz, rate) > 0.01
}

// hearsSomething says whether the last 200 ms were louder than comfort noise.
func (c *caller) hearsSomething() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := rate / 5
	return len(c.heard) >= n && audio.DBFS(c.heard[len(c.heard)-n:]) > -40
}

// dialling is a call that may not be answered yet.
type dialling struct {
	call *sipua.Call
	err  error
}

// ring places a call without waiting for an answer.
func (e *bench) ring(t *testing.T, headers map[string]string) <-chan dialling {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	result, over := make(chan dialling, 1), make(chan struct{})
	go func() {
		defer close(over)
		call, err := e.phone.Invite(ctx, sipua.InviteOptions{
			URI: "sip:95000@" + e.target.SIP, From: "13800000001", DisplayName: "Contract Caller", Headers: headers,
		})
		result <- dialling{call, err}
	}()
	t.Cleanup(func() {
		cancel()
		<-over
		select {
		case d := <-result:
			if d.call != nil {
				end, stop := context.WithTimeout(context.Background(), 2*time.Second)
				defer stop()
				_ = d.call.Hangup(end, sipua.CauseNormalClearing)
			}
		default:
		}
	})
	return result
}

func answered(t *testing.T, ringing <-chan dialling) *caller {
	t.Helper()
	select {
	case d := <-ringing:
		if d.err != nil {
			t.Fatalf("call not answered: %v", d.err)
		}
		return talk(t, d.call)
	case <-time.After(patience):
		t.Fatal("call not answered in time")
		return nil
	}
}

// inCall is an answered call under the first orchestrator's control.
func (e *bench) inCall(t *testing.T) (*esl.Channel, *caller) {
	t.Helper()
	ringing := e.ring(t, nil)
	ch := e.first.next(t)
	if _, err := ch.Do(t.Context(), esl.Answer{}); err != nil {
		t.Fatalf("answer: %v", err)
	}
	c := answered(t, ringing)
	expect[esl.Answered](t, ch)
	return ch, c
}

// expect waits for an event of type E and passes over others.
func expect[E esl.Event](t *testing.T, ch *esl.Channel, fits ...func(E) bool) E {
	t.Helper()
	deadline := time.After(patience)
	var passed []string
	for {
		select {
		case ev, ok := <-ch.Events():
			if !ok {
				var none E
				t.Fatalf("channel ended before %T, after %v: %v", none, passed, ch.Err())
			}
			if want, is := ev.(E); is && (len(fits) == 0 || fits[0](want)) {
				return want
			}
			passed = append(passed, typeName(ev))
		case <-deadline:
			var none E
			t.Fatalf("no %T; passed %v", none, passed)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("never came about: %s", what)
}

// forkServer is the mediabridge's side of the fork, bare.
type forkServer struct {
	url  string
	mu   sync.Mutex
	open map[string]chan *fork
}

// fork is one websocket of the module's.
type fork struct {
	conn     *ws.Conn
	protocol string
	texts    chan string
	mu       sync.Mutex
	heard    []int16
	sizes    map[int]int
	gone     chan struct{}
}

func startForks(t *testing.T) *forkServer {
	t.Helper()
	s := &forkServer{open: map[string]chan *fork{}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "ws://" + ln.Addr().String() + "/v1/fork/"
	server := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: patience}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// expectFork gives an address and what will connect to it.
func (s *forkServer) expectFork() (url string, connected <-chan *fork) {
	token := uuid.NewString()
	c := make(chan *fork, 1)
	s.mu.Lock()
	s.open[token] = c
	s.mu.Unlock()
	return s.url + token, c
}

func (s *forkServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := s.open[strings.TrimPrefix(r.URL.Path, "/v1/fork/")]
	s.mu.Unlock()
	if c == nil {
		http.NotFound(w, r)
		return
	}
	// The module's library names its own target as the origin.
	r.Header.Del("Origin")
	conn, err := ws.Upgrade(w, r, ws.Options{Subprotocols: []string{"audio.drachtio.org"}})
	if err != nil {
		return
	}
	f := &fork{conn: conn, protocol: conn.Subprotocol(), texts: make(chan string, 16), sizes: map[int]int{}, gone: make(chan struct{})}
	c <- f
	defer close(f.gone)
	defer func() { _ = conn.Close(ws.CloseNormal, "") }()
	for {
		kind, b, err := conn.Read()
		if err != nil {
			return
		}
		if kind == ws.Text {
			select {
			case f.texts <- string(b):
			default:
			}
			continue
		}
		f.mu.Lock()
		f.sizes[len(b)]++
		f.heard = append(f.heard, audio.DecodeL16(nil, b)...)
		if over := len(f.heard) - 2*rate; over > 0 {
			f.heard = f.heard[over:]
		}
		f.mu.Unlock()
	}
}

func (f *fork) hears(hz float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := rate / 5
	return len(f.heard) >= n && audio.Power(f.heard[len(f.heard)-n:], hz, rate) > 0.01
}

func (f *fork) text(t *testing.T) string {
	t.Helper()
	select {
	case s := <-f.texts:
		return s
	case <-time.After(patience):
		t.Fatal("no text from the fork")
		return ""
	}
}

// attach starts a fork on a call.
func (e *bench) attach(t *testing.T, ch *esl.Channel, metadata string) *fork {
	t.Helper()
	url, connected := e.forks.expectFork()
	_, err := ch.Do(t.Context(), esl.AudioForkStart{
		URL: url, Bug: bugName, Metadata: []byte(metadata), Streaming: e.target.Module == esl.ForkStreaming,
	})
	if err != nil {
		t.Fatalf("fork start: %v", err)
	}
	select {
	case f := <-connected:
		expect[esl.ForkConnected](t, ch)
		return f
	case <-time.After(patience):
		t.Fatal("the fork did not connect")
		return nil
	}
}
