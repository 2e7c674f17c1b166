package mediabridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

func TestTokensRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	sign := func(key string, c token.Claims) string { return token.Sign([]byte(key), c) }
	later := time.Now().Add(time.Minute)
	for name, c := range map[string]struct {
		tok    string
		status int
		reason string
	}{
		"garbage":   {"garbage", 401, "malformed"},
		"wrong key": {sign("another key altogether", token.Claims{CallID: "c1", Use: "fork", Expires: later}), 401, "signature"},
		"expired":   {sign(secret, token.Claims{CallID: "c1", Use: "fork", Expires: time.Now().Add(-time.Second)}), 403, "expired"},
		"for tts":   {sign(secret, token.Claims{CallID: "c1", Use: "tts", Expires: later}), 403, "use"},
	} {
		_, err := r.dial(c.tok)
		var h *ws.HandshakeError
		if !errors.As(err, &h) || h.Status != c.status {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
		if n := r.metric("refused_total", c.reason); n != 1 {
			t.Errorf("%s: counted %v times as %s", name, n, c.reason)
		}
	}
}

func TestSecondSessionOfCallRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	_, err := r.dial(r.token("c1", time.Minute))
	var h *ws.HandshakeError
	if !errors.As(err, &h) || h.Status != 409 {
		t.Fatalf("second session: %v", err)
	}
	f.close()
	await[schemas.MediaClosed](ev, nil)
	// The place is free as soon as the end is told.
	r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
}

func TestMetadataRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, c := range map[string]struct{ text, reason string }{
		"no JSON":      {"hello", "metadata"},
		"bad schema":   {`{"call_id":"c1","language":"zh-CN","sample_rate":44100,"playout":"stream"}`, "metadata"},
		"other call":   {`{"call_id":"c2","language":"zh-CN","sample_rate":8000,"playout":"stream"}`, "call_mismatch"},
		"binary first": {"", "metadata"},
	} {
		before := r.metric("refused_total", c.reason)
		conn, err := r.dial(r.token("c1", time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if c.text == "" {
			err = conn.WriteBinary(make([]byte, 320))
		} else {
			err = conn.WriteText([]byte(c.text))
		}
		if err != nil {
			t.Fatal(err)
		}
		var peer *ws.CloseError
		if _, _, err := conn.Read(); !errors.As(err, &peer) || peer.Code != ws.ClosePolicy {
			t.Errorf("%s: %v, want close code %d", name, err, ws.ClosePolicy)
		}
		if got := r.metric("refused_total", c.reason); got != before+1 {
			t.Errorf("%s: not counted as %s", name, c.reason)
		}
		eventually(t, "place free", func() bool { return r.svc.Sessions() == 0 })
	}
}

func TestMetadataMustComeInTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) { c.MetadataTimeout = 50 * time.Millisecond })
	conn, err := r.dial(r.token("c1", time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(); err == nil {
		t.Fatal("a fork without metadata stays")
	}
	eventually(t, "counted", func() bool { return r.metric("refused_total", "metadata") == 1 })
}

func TestIdleForkIsClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) { c.IdleTimeout = 300 * time.Millisecond }).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.mute.Store(true)
	if e := await[schemas.MediaClosed](ev, nil); e.Reason != "idle" {
		t.Fatalf("closed: %s", e.Reason)
	}
	eventually(t, "fork closed", f.ended)
}

func TestFramesOfAnySize(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	f.mute.Store(true)
	tone := audio.Tone(500, 500*time.Millisecond, 8000, 0.4)
	b := audio.AppendL16(nil, append(tone, audio.Silence(800*time.Millisecond, 8000)...))
	for i, size := 0, 1; len(b) > 0; i++ {
		size = (size*7 + 3) % 1501
		n := min(size+1, len(b))
		if err := f.conn.WriteBinary(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		time.Sleep(5 * time.Millisecond)
	}
	await(ev, final)
	got := r.asr.got(1)
	if peak := audio.Peak(audio.Spectrum(got, 8000)); math.Abs(peak.Hz-500) > 5 {
		t.Errorf("recogniser heard %.0f Hz, want 500", peak.Hz)
	}
}

func TestOversizedMessageEndsOnlyItsCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev1, ev2 := r.listen("c1"), r.listen("c2")
	f1 := r.fork(metadata("c1"))
	r.fork(metadata("c2"))
	await[schemas.MediaReady](ev1, nil)
	await[schemas.MediaReady](ev2, nil)
	_ = f1.conn.WriteBinary(make([]byte, 65<<10))
	if e := await[schemas.MediaClosed](ev1, nil); e.Reason != "too_large" {
		t.Fatalf("closed: %s", e.Reason)
	}
	r.send("c2", say("c2", "u1", "好", 1))
	await[schemas.MediaPlayoutEnded](ev2, nil)
}

func TestBadCommandsDisturbNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev := r.listen("c1")
	f := r.fork(metadata("c1"))
	await[schemas.MediaReady](ev, nil)
	publish := rawNATS(t, r.nats.URL())
	subject := schemas.SubjectMediaCommand("c1")
	good, err := schemas.Encode("/test", time.Now(), say("c1", "x", "好", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"{", "[]", "", `{"specversion":"1.0"}`, strings.Replace(string(good), `"epoch":1`, `"epoch":"one"`, 1), strings.Replace(string(good), "media.say", "media.sing", 1)} {
		publish(subject, raw)
	}
	r.send("c1", say("c2", "x", "别的电话", 1))                                                              // another call's
	r.send("c1", schemas.MediaState{CallID: "c1"})                                                       // no command
	_ = f.conn.WriteText([]byte("{nonsense"))                                                            // text frames too
	_ = f.conn.WriteText([]byte(`{"x":1}`))                                                              //
	_ = f.conn.WriteText([]byte(`{"type":"tidegate","envelope":"%%%"}`))                                 //
	_ = f.conn.WriteText([]byte(`{"event":"playout","name":"m1"}`))                                      // a mark is fine
	_ = f.conn.WriteText([]byte(`{"type":"tidegate","envelope":"` + strings.Repeat("QUJD", 200) + `"}`)) //
	r.send("c1", say("c1", "u1", "好", 1))
	await(ev, func(e *schemas.MediaPlayoutEnded) bool { return e.UtteranceID == "u1" })
	eventually(t, "refusals counted", func() bool {
		return r.metric("commands_total", "wrong_call") == 1 && r.metric("commands_total", "unexpected") == 1 &&
			r.metric("malformed_total", "switch") == 2 && r.metric("malformed_total", "side") == 2
	})
}

// rawNATS publishes bytes that no encoder of ours would make.
func rawNATS(t *testing.T, url string) func(subject, data string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(io.Discard, conn) }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	if _, err := io.WriteString(conn, "CONNECT {\"verbose\":false}\r\n"); err != nil {
		t.Fatal(err)
	}
	return func(subject, data string) {
		if _, err := fmt.Fprintf(conn, "PUB %s %d\r\n%s\r\n", subject, len(data), data); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGarbageFramesEndOnlyTheirCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	ev2 := r.listen("c2")
	r.fork(metadata("c2"))
	await[schemas.MediaReady](ev2, nil)
	for name, c := range map[string]struct {
		frame  []byte
		reason string
	}{
		"unmasked":         {[]byte{0x82, 0x02, 1, 2}, "protocol"},
		"reserved bits":    {[]byte{0xF2, 0x80, 0, 0, 0, 0}, "protocol"},
		"broken length":    {[]byte{0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, "too_large"},
		"truncated by end": {[]byte{0x82, 0xFE, 0x10}, "lost"},
	} {
		ev := r.listen("c1")
		conn := rawFork(t, r, metadata("c1"))
		await[schemas.MediaReady](ev, nil)
		if _, err := conn.Write(c.frame); err != nil {
			t.Fatal(err)
		}
		if c.reason == "lost" {
			_ = conn.Close()
		}
		if e := await[schemas.MediaClosed](ev, nil); e.Reason != c.reason && name != "broken length" {
			t.Errorf("%s: closed by %s, want %s", name, e.Reason, c.reason)
		}
		_ = conn.Close()
	}
	r.send("c2", say("c2", "u1", "好", 1))
	await[schemas.MediaPlayoutEnded](ev2, nil)
}

// rawFork is a fork without a websocket library, up to its metadata.
func rawFork(t *testing.T, r *rig, meta schemas.ForkMetadata) net.Conn {
	t.Helper()
	conn := rawHandshake(t, r, meta.CallID)
	b, err := json.Marshal(meta)
	if err != nil || len(b) > 0xFFFF {
		t.Fatal(err)
	}
	frame := append([]byte{0x81, 0xFE, byte(len(b) >> 8), byte(len(b)), 0, 0, 0, 0}, b...) // masked with zeros
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	return conn
}

// rawHandshake is a fork without a websocket library, before its metadata.
func rawHandshake(t *testing.T, r *rig, call string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.svc.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = fmt.Fprintf(conn, "GET /v1/fork/%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		r.token(call, time.Minute), mediabridge.Subprotocol)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			t.Fatalf("handshake: %v after %q", err, head)
		}
		head += string(b[0])
	}
	if !strings.Contains(head, "Sec-WebSocket-Protocol: "+mediabridge.Subprotocol) {
		t.Fatalf("subprotocol not selected: %q", head)
	}
	return conn
}
