package devswitch

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/sipua"
	"github.com/tidegate/tidegate/internal/ws"
)

// mediaServer is the far end of audio forks.
type mediaServer struct {
	*httptest.Server
	conns chan *mediaConn
}

type mediaConn struct {
	*ws.Conn
	texts chan string
	mu    sync.Mutex
	heard []int16
	ended chan struct{}
}

func newMediaServer(t *testing.T) *mediaServer {
	m := &mediaServer{conns: make(chan *mediaConn, 4)}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, ws.Options{Subprotocols: []string{forkProto}})
		if err != nil {
			return
		}
		c := &mediaConn{Conn: conn, texts: make(chan string, 64), ended: make(chan struct{})}
		m.conns <- c
		defer close(c.ended)
		defer conn.Abort()
		for {
			kind, body, err := conn.Read()
			if err != nil {
				return
			}
			if kind == ws.Text {
				c.texts <- string(body)
				continue
			}
			c.mu.Lock()
			c.heard = audio.DecodeL16(c.heard, body)
			c.mu.Unlock()
		}
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mediaServer) forkArgs(id, bug string) string {
	return "uuid_audio_fork ^^|" + id + "|start|ws" + strings.TrimPrefix(m.URL, "http") + "/v1/fork/t|mono|8000|" + bug +
		`|'{"a":"it\'s"}'|true|true|8000`
}

// hears waits until the server has half a second of hz.
func (c *mediaConn) hears(t *testing.T, hz float64) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		tail := append([]int16(nil), c.heard[max(0, len(c.heard)-4000):]...)
		c.mu.Unlock()
		if len(tail) == 4000 && audio.DBFS(tail) > -30 {
			if peak := audio.Peak(audio.Spectrum(tail, 8000)); peak.Hz > hz-25 && peak.Hz < hz+25 {
				return
			}
		}
	}
	t.Fatalf("the server does not hear %.0f Hz", hz)
}

// TestTakeover kills the first orchestrator: the second has the same call,
// the fork goes on.
func TestTakeover(t *testing.T) {
	first, second, media := listen(t), listen(t), newMediaServer(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := dead.Addr().String()
	_ = dead.Close()
	s := startService(t, func(c *Config) {
		c.Sockets = []string{refused, refused + "|" + first.address(), second.address()}
	})
	calls := dialIn(t, newCaller(t), s, nil)
	w, data := first.accept()
	id := data["Unique-Id"]
	w.subscribe()
	w.execute("answer", "", "e-1")
	call := take(t, calls)
	speak(t, call, 900)
	if got := w.api(media.forkArgs(id, "tidegate")); got != forkOK {
		t.Fatalf("start: %q", got)
	}
	conn := take(t, media.conns)
	if got := take(t, conn.texts); got != `{"a":"it's"}` {
		t.Errorf("metadata %q", got)
	}
	w.await("mod_audio_fork::connect")
	conn.hears(t, 900)
	w.execute("set", "before=kept", "e-2")
	w.await("CHANNEL_EXECUTE_COMPLETE", "Application-UUID", "e-2")

	_ = w.conn.(*net.TCPConn).SetLinger(0)
	_ = w.conn.Close() // as if killed
	w, data = second.accept()
	if data["Unique-Id"] != id || data["Answer-State"] != "answered" {
		t.Fatalf("second socket got %s %s", data["Unique-Id"], data["Answer-State"])
	}
	w.subscribe()
	if got := w.api("uuid_getvar " + id + " before"); got != "kept" {
		t.Errorf("variable: %q", got)
	}
	if got := w.api("uuid_buglist " + id); !strings.Contains(got, "<function>tidegate</function>") {
		t.Errorf("bugs: %q", got)
	}
	if got := w.api(media.forkArgs(id, "tidegate")); got != forkFailed {
		t.Errorf("second start: %q", got)
	}
	select {
	case <-conn.ended:
		t.Fatal("the fork's websocket ended with the orchestrator")
	default:
	}
	sendTone(t, conn, 1300, time.Second)
	hears(t, call, 1300)
	_ = w.conn.Close() // nobody is left: the dialplan's fallback hangs up
	take(t, call.Done())
	if cause := call.EndCause(); cause.Q850 != 41 {
		t.Errorf("%+v", cause)
	}
}

func sendTone(t *testing.T, conn *mediaConn, hz float64, d time.Duration) {
	t.Helper()
	if err := conn.WriteBinary(audio.AppendL16(nil, audio.Tone(hz, d, 8000, 0.5))); err != nil {
		t.Fatal(err)
	}
}

func TestForkCommands(t *testing.T) {
	o, media := listen(t), newMediaServer(t)
	s := startService(t, func(c *Config) { c.Sockets = []string{o.address()} })
	calls := dialIn(t, newCaller(t), s, nil)
	w, data := o.accept()
	id := data["Unique-Id"]
	w.subscribe()
	w.execute("answer", "", "e")
	call := take(t, calls)
	if got := w.api(media.forkArgs(id, "b")); got != forkOK {
		t.Fatal(got)
	}
	conn := take(t, media.conns)
	take(t, conn.texts)
	if conn.Subprotocol() != forkProto {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	say := func(s string) {
		if err := conn.WriteText([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	say(`{ "type": "json", "data": {"x": 1} }`)
	if e := w.await("mod_audio_fork::json"); e["_body"] != `{"type":"json","data":{"x":1}}` || e["Unique-ID"] != id {
		t.Errorf("%v", e)
	}
	say(`{"type":"mark","data":{"name":"m1"}}`)
	sendTone(t, conn, 1100, 400*time.Millisecond)
	if got := take(t, conn.texts); !strings.Contains(got, `"name":"m1", "event": "playout"`) {
		t.Errorf("mark: %q", got)
	}
	hears(t, call, 1100)
	say(`{"type":"mark","data":{"name":"m2"}}`)
	sendTone(t, conn, 1100, 30*time.Second)
	hears(t, call, 1100)
	take(t, conn.texts)
	say(`{"type":"mark","data":{"name":"m3"}}`)
	say(`{"type":"killAudio"}`)
	w.await("mod_audio_fork::kill_audio")
	if got := take(t, conn.texts); !strings.Contains(got, `"name":"m3", "event": "cleared"`) {
		t.Errorf("cleared mark: %q", got)
	}
	quiet(t, call)
	if got := w.api("uuid_audio_fork ^^|" + id + "|send_text|b|'{\"to\":\"server\"}'"); got != forkOK {
		t.Errorf("send_text: %q", got)
	}
	if got := take(t, conn.texts); got != `{"to":"server"}` {
		t.Errorf("text %q", got)
	}
	say(`{"type":"disconnect","data":{"why":"test"}}`)
	if e := w.await("mod_audio_fork::disconnect"); e["_body"] != `{"why":"test"}` {
		t.Errorf("%v", e)
	}
	for _, verb := range []string{"pause", "resume"} {
		if got := w.api("uuid_audio_fork " + id + " " + verb + " b"); got != forkOK {
			t.Errorf("%s: %q", verb, got)
		}
	}
	if got := w.api("uuid_audio_fork ^^|" + id + "|stop|b|'{\"final\":1}'"); got != forkOK {
		t.Errorf("stop: %q", got)
	}
	if got := take(t, conn.texts); got != `{"final":1}` {
		t.Errorf("final text %q", got)
	}
	take(t, conn.ended)
	if got := w.api("uuid_audio_fork " + id + " stop b"); got != forkFailed {
		t.Errorf("second stop: %q", got)
	}

	// the server goes away: told, but the bug stays
	if got := w.api(media.forkArgs(id, "b")); got != forkOK {
		t.Fatal(got)
	}
	conn = take(t, media.conns)
	w.await("mod_audio_fork::connect")
	conn.Abort()
	if e := w.await("mod_audio_fork::disconnect"); e["_body"] != "" {
		t.Errorf("%v", e)
	}
	if got := w.api(media.forkArgs(id, "b")); got != forkFailed {
		t.Errorf("start on a dead fork: %q", got)
	}
	if got := w.api("uuid_audio_fork " + id + " stop b"); got != forkOK {
		t.Errorf("stop of a dead fork: %q", got)
	}
	if got := w.api("uuid_audio_fork ^^|" + id + "|start|ws://127.0.0.1:1/x|mono|8000|b|''|true|true|8000"); got != forkOK {
		t.Errorf("start to nowhere: %q", got)
	}
	w.await("mod_audio_fork::connect_failed")
	_ = call.Hangup(within(t), 16)
}

// quiet waits for half a second without sound above comfort noise.
func quiet(t *testing.T, call *sipua.Call) {
	t.Helper()
	ctx := within(t)
	var run int
	for run < 25 {
		f, err := call.ReadFrame(ctx)
		if err != nil {
			t.Fatal("still loud:", err)
		}
		if run++; audio.DBFS(f.PCM) > -40 {
			run = 0
		}
	}
}

func TestPlayAudioFile(t *testing.T) {
	o, media := listen(t), newMediaServer(t)
	s := startService(t, func(c *Config) { c.Sockets, c.ForkStreaming = []string{o.address()}, false })
	calls := dialIn(t, newCaller(t), s, nil)
	w, data := o.accept()
	id := data["Unique-Id"]
	w.subscribe()
	w.execute("answer", "", "e")
	call := take(t, calls)
	if got := w.api("uuid_audio_fork"); strings.Contains(got, "bidirectionalAudio") {
		t.Errorf("usage: %q", got)
	}
	if got := w.api("uuid_audio_fork " + id + " start ws" + strings.TrimPrefix(media.URL, "http") + "/x mono 16000 b {}"); got != forkOK {
		t.Fatal(got)
	}
	conn := take(t, media.conns)
	take(t, conn.texts)
	pcm := audio.AppendL16(nil, audio.Tone(650, time.Second, 8000, 0.5))
	if err := conn.WriteJSON(map[string]any{"type": "playAudio", "data": map[string]any{
		"audioContentType": "raw", "sampleRate": 8000, "audioContent": pcm, "id": "p1",
	}}); err != nil {
		t.Fatal(err)
	}
	e := w.await("mod_audio_fork::play_audio")
	_, rest, _ := strings.Cut(e["_body"], `"file":"`)
	file, _, _ := strings.Cut(rest, `"`)
	if !strings.HasSuffix(file, ".tmp.r8") || strings.Contains(e["_body"], "audioContent\"") {
		t.Fatalf("%s", e["_body"])
	}
	w.execute("playback", file, "e-2")
	hears(t, call, 650)
	_ = call.Hangup(within(t), 16)
}

func TestBridgeOut(t *testing.T) {
	o := listen(t)
	s := startService(t, func(c *Config) { c.Sockets = []string{o.address()} })
	agent := newCaller(t)
	agentCalls := make(chan *sipua.Call, 4)
	agent.OnInvite(func(c *sipua.Call) {
		if c.To() == "busy" {
			_ = c.Reject(486, "")
			return
		}
		_ = c.Ringing()
		_ = c.Answer(t.Context())
		agentCalls <- c
	})
	calls := dialIn(t, newCaller(t), s, nil)
	w, _ := o.accept()
	w.subscribe()
	w.execute("answer", "", "e")
	call := take(t, calls)
	w.execute("bridge", "sofia/internal/busy@"+agent.Addr(), "b-1")
	if e := w.await("CHANNEL_EXECUTE_COMPLETE", "Application-UUID", "b-1"); e["Application-Response"] != "USER_BUSY" {
		t.Errorf("%v", e["Application-Response"])
	}
	w.execute("bridge", "{sip_h_X-Tidegate-Intent=return,origination_caller_id_number=4000}sofia/internal/sip:agent@"+agent.Addr(), "b-2")
	leg := take(t, agentCalls)
	if leg.Header("X-Tidegate-Intent") != "return" || leg.From() != "4000" || leg.To() != "agent" {
		t.Errorf("headers %v from %q", leg.Headers(), leg.From())
	}
	if e := w.await("CHANNEL_BRIDGE"); e["Bridge-B-Unique-ID"] == "" || e["Other-Leg-Unique-ID"] != e["Bridge-B-Unique-ID"] {
		t.Errorf("%v", e)
	}
	speak(t, call, 500)
	speak(t, leg, 1500)
	hears(t, leg, 500)
	hears(t, call, 1500)
	if err := call.SendDTMF(within(t), '5', 60*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if d := take(t, leg.Digits()); d.Digit != '5' {
		t.Errorf("%+v", d)
	}
	_ = leg.Hangup(within(t), 16)
	w.await("CHANNEL_UNBRIDGE")
	if e := w.await("CHANNEL_HANGUP_COMPLETE"); e["Hangup-Cause"] != "NORMAL_CLEARING" || e["variable_bridge_stamp"] == "" {
		t.Errorf("%v", e)
	}
	take(t, call.Done())
}

func TestOriginateAndUUIDBridge(t *testing.T) {
	o := listen(t)
	s := startService(t, func(c *Config) { c.Sockets = []string{o.address()} })
	agent := newCaller(t)
	legs := make(chan *sipua.Call, 1)
	agent.OnInvite(func(c *sipua.Call) {
		if c.To() == "no" {
			_ = c.Reject(603, "")
			return
		}
		_ = c.Answer(t.Context())
		legs <- c
	})
	calls := dialIn(t, newCaller(t), s, nil)
	w, data := o.accept()
	w.subscribe()
	w.execute("answer", "", "e")
	call := take(t, calls)
	node := link(t, s)
	if got := node.api("originate {originate_timeout=5}sofia/internal/no@" + agent.Addr() + " '&park()'"); got != "-ERR CALL_REJECTED\n" {
		t.Errorf("refused originate: %q", got)
	}
	got := node.api("originate {origination_uuid=leg-1}sofia/internal/yes@" + agent.Addr() + " '&park()'")
	if got != "+OK leg-1\n" {
		t.Fatalf("originate: %q", got)
	}
	leg := take(t, legs)
	if got := node.api("uuid_bridge " + data["Unique-Id"] + " leg-1"); got != "+OK leg-1\n" {
		t.Fatalf("bridge: %q", got)
	}
	w.await("CHANNEL_BRIDGE")
	speak(t, call, 500)
	speak(t, leg, 1500)
	hears(t, leg, 500)
	hears(t, call, 1500)
	_ = call.Hangup(within(t), 16)
	take(t, leg.Done())
	w.await("CHANNEL_HANGUP_COMPLETE")
}

func TestFallback(t *testing.T) {
	s := startService(t, func(c *Config) {
		c.Dialplan = []string{"socket 127.0.0.1:1 async full", "answer", "playback tone_stream://%(400,0,800)", "callcenter support", "hangup"}
		c.QueueTimeout = time.Second
	})
	node := link(t, s)
	if got := node.ask("event plain CHANNEL_PARK CUSTOM callcenter::info"); !strings.HasPrefix(got, "+OK") {
		t.Fatal(got)
	}
	call := take(t, dialIn(t, newCaller(t), s, nil))
	hears(t, call, 800)
	hears(t, call, 440)
	if e := node.await("callcenter::info", "CC-Action", "member-queue-start"); e["CC-Queue"] != "support" {
		t.Errorf("%v", e)
	}
	if e := node.await("callcenter::info", "CC-Action", "member-queue-end"); e["CC-Cancel-Reason"] != "TIMEOUT" {
		t.Errorf("%v", e)
	}
	take(t, call.Done())
}

func TestRefusesOverLimits(t *testing.T) {
	s := startService(t, func(c *Config) { c.Dialplan, c.MaxSessions = []string{"answer", "park"}, 1 })
	u := newCaller(t)
	expect := func(status int) {
		t.Helper()
		_, err := u.Invite(within(t), sipua.InviteOptions{URI: "sip:1@" + s.SIPAddr()})
		var refused *sipua.StatusError
		if !errors.As(err, &refused) || refused.Status != status {
			t.Errorf("%v", err)
		}
	}
	call := take(t, dialIn(t, u, s, nil))
	expect(503)
	node := link(t, s)
	if got := node.api("originate sofia/internal/x@127.0.0.1:1 &park()"); got != "-ERR DESTINATION_OUT_OF_ORDER\n" {
		t.Errorf("originate: %q", got)
	}
	if got := node.api("fsctl pause inbound"); got != "+OK\n" {
		t.Error(got)
	}
	_ = call.Hangup(within(t), 16)
	for s.Channels() > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	expect(503)
	node.api("fsctl resume inbound")
	call = take(t, dialIn(t, u, s, nil))
	_ = call.Hangup(within(t), 16)
	if err := s.Drain(within(t)); err != nil {
		t.Error(err)
	}
}

// TestGarbageOnEventSocket must not disturb a call.
func TestGarbageOnEventSocket(t *testing.T) {
	s := startService(t, func(c *Config) { c.Dialplan = []string{"playback tone_stream://%(60000,0,800)"} })
	conn, err := net.Dial("tcp", s.EventSocketAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "auth ClueCon\nContent-Length: 99999999999\n\n"+strings.Repeat("x", 100<<10)); err != nil {
		t.Log(err)
	}
	_, _ = io.Copy(io.Discard, conn) // ends: the switch has closed it
	u := newCaller(t)
	flows := make(chan struct{}, 4)
	done := make(chan error, 1)
	go func() {
		_, err := u.Invite(within(t), sipua.InviteOptions{URI: "sip:1@" + s.SIPAddr(), OnProgress: func(_ int, media bool) {
			if media {
				flows <- struct{}{}
			}
		}})
		done <- err
	}()
	take(t, flows)
	for _, c := range s.list() {
		c.hangup(21)
	}
	var refused *sipua.StatusError
	if err := take(t, done); !errors.As(err, &refused) || refused.Status != 603 {
		t.Errorf("%v", err)
	}
}
