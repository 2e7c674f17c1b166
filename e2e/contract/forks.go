package contract

import (
	"encoding/json"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/orchestrator/esl"
)

const awkward = `{"call":"c-1","note":"it's \"here\", \\ | ^^ 100% 退货 a;b=c"}`

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(g)
	b, _ := json.Marshal(w)
	if string(a) != string(b) {
		t.Errorf("got %s\nwant %s", a, b)
	}
}

func forkConnects(t *testing.T, e *bench) {
	ch, c := e.inCall(t)
	if m, err := ch.ForkModule(t.Context()); err != nil || m != e.target.Module {
		t.Errorf("module %v, %v", m, err)
	}
	f := e.attach(t, ch, awkward)
	if f.protocol != "audio.drachtio.org" {
		t.Errorf("subprotocol %q", f.protocol)
	}
	sameJSON(t, f.text(t), awkward)
	c.say(450)
	eventually(t, "the fork hears the caller", func() bool { return f.hears(450) })
	f.mu.Lock()
	defer f.mu.Unlock()
	for size := range f.sizes {
		if size%320 != 0 {
			t.Errorf("frames of %d bytes", size)
		}
	}
	if f.sizes[320] == 0 {
		t.Errorf("no frame of 20 ms: %v", f.sizes)
	}
}

func forkTwice(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	e.attach(t, ch, "")
	if there, err := ch.ForkAttached(t.Context(), bugName); err != nil || !there {
		t.Errorf("attached: %v %v", there, err)
	}
	url, _ := e.forks.expectFork()
	r, err := ch.Do(t.Context(), esl.AudioForkStart{URL: url, Bug: bugName, Streaming: true})
	if !errors.Is(err, esl.ErrRefused) || r.Text != "-ERR Operation Failed" {
		t.Errorf("%q %v", r.Text, err)
	}
}

func forkPlays(t *testing.T, e *bench) {
	if e.target.Module != esl.ForkStreaming {
		t.Skip("this module does not stream")
	}
	ch, c := e.inCall(t)
	f := e.attach(t, ch, "")
	// Three seconds at once: the module's queue has no flow control, and none of it may be left after killAudio.
	if err := f.conn.WriteBinary(audio.AppendL16(nil, audio.Tone(600, 3*time.Second, rate, 0.5))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the caller hears the fork", func() bool { return c.hears(600) })
	if err := f.conn.WriteText([]byte(`{"type":"killAudio"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the sound ends", func() bool { return !c.hears(600) })
	time.Sleep(300 * time.Millisecond)
	if c.hears(600) {
		t.Error("the sound came back")
	}
	if err := f.conn.WriteBinary(audio.AppendL16(nil, audio.Tone(1000, time.Second, rate, 0.5))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the caller hears what comes after", func() bool { return c.hears(1000) })
	if _, err := ch.Do(t.Context(), esl.UUIDExists{}); err != nil {
		t.Errorf("control lost: %v", err)
	}
}

func forkText(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	f := e.attach(t, ch, "")
	said := `{"type":"json","data":{"said":"要退货","odd":"it's \\ | \"x\"; $5 ${y}"}}`
	if err := f.conn.WriteText([]byte(said)); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, string(expect[esl.ForkMessage](t, ch).JSON), said)
	if _, err := ch.Do(t.Context(), esl.AudioForkSendText{Bug: bugName, JSON: []byte(`{"price":"$5 ${x}","a":` + awkward + `}`)}); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, f.text(t), `{"price":"$5 ${x}","a":`+awkward+`}`)
}

func forkEnds(t *testing.T, e *bench) {
	ch, _ := e.inCall(t)
	f := e.attach(t, ch, "")
	if _, err := ch.Do(t.Context(), esl.AudioForkStop{Bug: bugName}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.gone:
	case <-time.After(patience):
		t.Fatal("websocket still open")
	}
	eventually(t, "the fork is detached", func() bool {
		there, err := ch.ForkAttached(t.Context(), bugName)
		return err == nil && !there
	})
	if r, err := ch.Do(t.Context(), esl.AudioForkStop{Bug: bugName}); !errors.Is(err, esl.ErrRefused) {
		t.Errorf("stop without a fork: %q %v", r.Text, err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "ws://" + ln.Addr().String() + "/v1/fork/x"
	_ = ln.Close()
	if _, err := ch.Do(t.Context(), esl.AudioForkStart{URL: dead, Bug: bugName, Streaming: true}); err != nil {
		t.Fatalf("start is an attempt, not a connection: %v", err)
	}
	if failed := expect[esl.ForkFailed](t, ch); failed.Reason == "" {
		t.Error("no reason")
	}
	if _, err := ch.Do(t.Context(), esl.AudioForkStop{Bug: bugName}); err != nil && !errors.Is(err, esl.ErrRefused) {
		t.Fatal(err)
	}
	f = e.attach(t, ch, "")
	f.conn.Abort()
	if gone := expect[esl.ForkDisconnected](t, ch); !gone.Dropped {
		t.Error("a lost websocket looks like a goodbye")
	}
	if there, err := ch.ForkAttached(t.Context(), bugName); err != nil || !there {
		t.Errorf("the bug stays when the websocket is lost: %v %v", there, err)
	}
	if _, err := ch.Do(t.Context(), esl.AudioForkStop{Bug: bugName}); err != nil {
		t.Error(err)
	}
	f = e.attach(t, ch, "")
	if err := f.conn.WriteText([]byte(`{"type":"disconnect","data":{"reason":"done"}}`)); err != nil {
		t.Fatal(err)
	}
	if gone := expect[esl.ForkDisconnected](t, ch); gone.Dropped {
		t.Error("a goodbye looks like a loss")
	}
}
