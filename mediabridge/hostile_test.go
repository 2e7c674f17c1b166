package mediabridge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

// witness is a call beside one that does what it should not.
type witness struct {
	r  *rig
	f  *fork
	ev *events
}

const witnessCall = "witness"

func (r *rig) witness() *witness {
	r.t.Helper()
	w := &witness{r: r, ev: r.listen(witnessCall)}
	w.f = r.fork(metadata(witnessCall))
	await[schemas.MediaReady](w.ev, nil)
	r.send(witnessCall, say(witnessCall, "meanwhile", strings.Repeat("好", 10), 1))
	await[schemas.MediaPlayoutStarted](w.ev, nil)
	return w
}

// untouched says that all was heard that was said meanwhile, and that the
// call goes on.
func (w *witness) untouched() {
	w.r.t.Helper()
	if e := await[schemas.MediaPlayoutEnded](w.ev, nil); e.Reason != "finished" {
		w.r.t.Errorf("the other call's prompt: %+v", e)
	}
	const want = 8000 * 10 * msPerChar / 1000
	eventually(w.r.t, "the other call's sound", func() bool { return len(w.f.sound()) >= want })
	for at := 0; at < want; at += 160 {
		if p := audio.Power(w.f.sound()[at:at+160], 1000, 8000); math.Abs(p-0.25) > 0.02 {
			w.r.t.Fatalf("the other call's tone has a power of %.3f after %s", p, audio.Duration(at, 8000))
		}
	}
	w.f.speak(500 * time.Millisecond)
	if e := await(w.ev, final); e.Text != "我要退货" {
		w.r.t.Errorf("the other call's transcript: %+v", e)
	}
	if w.f.ended() {
		w.r.t.Error("the other call has ended")
	}
}

// closeCode waits for the end of a connection and gives the peer's code.
func closeCode(t testing.TB, conn *ws.Conn) (int, string) {
	t.Helper()
	defer time.AfterFunc(patient, conn.Abort).Stop()
	for {
		_, _, err := conn.Read()
		var peer *ws.CloseError
		if errors.As(err, &peer) {
			return peer.Code, peer.Reason
		}
		if err != nil {
			t.Fatalf("ended without a code: %v", err)
		}
	}
}

// open is a fork that the test itself speaks for.
func (r *rig) open(meta schemas.ForkMetadata) *ws.Conn {
	r.t.Helper()
	conn, err := r.dial(r.token(meta.CallID, time.Minute))
	if err == nil {
		err = conn.WriteJSON(meta)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(conn.Abort)
	return conn
}

// stream sends pieces of sound, each when it is due, until a write fails.
func stream(conn *ws.Conn, every time.Duration, pieces [][]byte) {
	next := time.Now()
	for _, b := range pieces {
		if conn.WriteBinary(b) != nil {
			return
		}
		next = next.Add(every)
		time.Sleep(time.Until(next))
	}
}

// TestWrongRate: sound at another rate than the metadata say.
func TestWrongRate(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	w := r.witness()
	var calls sync.WaitGroup
	for call, c := range map[string]struct{ declared, sent int }{"fast": {8000, 16000}, "slow": {16000, 8000}} {
		ev := r.listen(call)
		meta := metadata(call)
		meta.SampleRate = c.declared
		conn := r.open(meta)
		calls.Go(func() { stream(conn, 20*time.Millisecond, slices.Repeat([][]byte{make([]byte, c.sent/50*2)}, 1000)) })
		calls.Go(func() {
			if code, reason := closeCode(t, conn); code != ws.CloseInvalid || reason != "rate" {
				t.Errorf("%s: code %d, %q", call, code, reason)
			}
			if e := await[schemas.MediaClosed](ev, nil); e.Reason != "rate" {
				t.Errorf("%s: closed by %s", call, e.Reason)
			}
		})
	}
	calls.Wait()
	if n := r.metric("sessions_closed_total", "rate"); n != 2 {
		t.Errorf("counted %v times", n)
	}
	w.untouched()
}

// known is sound that is speech to the detector and nowhere the same.
func known(d time.Duration, amplitude float64) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	pcm := audio.Silence(d, 8000)
	for i := range pcm {
		pcm[i] = int16((rng.Float64()*2 - 1) * amplitude * 32767)
	}
	return audio.AppendL16(nil, pcm)
}

// loud is what the recogniser got, without frames of pure silence: those that
// end the utterance, and those that stand where a machine held the sound up.
func (a *asrWorker) loud() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []byte
	for n := 1; a.sound[n] != nil; n++ {
		for b := a.sound[n]; len(b) >= 320; b = b[320:] {
			if !bytes.Equal(b[:320], make([]byte, 320)) {
				out = append(out, b[:320]...)
			}
		}
	}
	return out
}

// TestSoundInAnyPieces: however the bytes are cut or put together, the
// recogniser gets every one, in order, once.
func TestSoundInAnyPieces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		length, every time.Duration
		size          func(i int) int // of piece i
	}{
		"odd":                      {2 * time.Second, 20 * time.Millisecond, func(int) int { return 321 }},
		"byte by byte":             {200 * time.Millisecond, 0, func(int) int { return 1 }},
		"fifty at once":            {3 * time.Second, time.Second, func(int) int { return 50 * 320 }},
		"nearly fifty at once":     {3 * time.Second, time.Second, func(i int) int { return 50*320 - 1 + i/2*3 }},
		"cut at every position":    {6400 * time.Millisecond, 10 * time.Millisecond, func(i int) int { return [2]int{i/2%320 + 1, 319 - i/2%320}[i%2] }},
		"frames and odd leftovers": {time.Second, 20 * time.Millisecond, func(i int) int { return 320 + i%3 - 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil).withSpeech()
			ev := r.listen("c1")
			conn := r.open(metadata("c1"))
			await[schemas.MediaReady](ev, nil)
			sound := known(c.length, 0.3)
			var pieces [][]byte
			for i, b := 0, sound; len(b) > 0; i++ {
				n := min(max(c.size(i), 0), len(b))
				pieces = append(pieces, b[:n])
				b = b[n:]
			}
			stream(conn, c.every, append(pieces, nil))
			stream(conn, 20*time.Millisecond, slices.Repeat([][]byte{make([]byte, 320)}, 60))
			await(ev, final)
			if got := r.asr.loud(); !bytes.Equal(got[:min(len(got), len(sound))], sound) || len(got) >= len(sound)+320 {
				t.Errorf("of %d bytes the recogniser got %d, not all of them once", len(sound), len(got))
			}
		})
	}
}

// TestHostileMetadata: what a fork may say of itself before anything else.
func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil).withSpeech()
	w := r.witness()
	good := map[string]any{"call_id": "c1", "language": "zh-CN", "sample_rate": 8000, "playout": "stream"}
	with := func(key string, value any) string {
		m := map[string]any{key: value}
		for k, v := range good {
			if k != key {
				m[k] = v
			}
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"no rate":          with("sample_rate", 0),
		"negative rate":    with("sample_rate", -8000),
		"vast rate":        with("sample_rate", 1e300),
		"rate as text":     with("sample_rate", "8000"),
		"rate of 8000.5":   with("sample_rate", 8000.5),
		"rate of 44100":    with("sample_rate", 44100),
		"other play-out":   with("playout", "stream\x00"),
		"call with a path": with("call_id", "../c1"),
		"call with a dot":  with("call_id", "c1.command"),
		"call with > ":     with("call_id", ">"),
		"call of 10 KB":    with("call_id", strings.Repeat("c", 10<<10)),
		"language of 1 KB": with("language", strings.Repeat("z", 1<<10)),
		"voice of 1 KB":    with("voice", strings.Repeat("v", 1<<10)),
		"201 hints":        with("hints", slices.Repeat([]string{"退货"}, 201)),
		"hints as object":  with("hints", map[string]any{"a": 1}),
		"no object":        `["c1"]`,
		"nothing":          ``,
		"null":             `null`,
		"deep":             strings.Repeat(`[`, 30<<10),
		"deep object":      strings.Repeat(`{"a":`, 10<<10),
		"two values":       with("voice", "v") + with("voice", "v"),
		"no UTF-8":         "{\"call_id\":\"\xff\xfe\"}",
		"only spaces":      strings.Repeat(" ", 60<<10),
	} {
		t.Run(name, func(t *testing.T) {
			before := r.metric("refused_total", "metadata")
			conn, err := r.dial(r.token("c1", time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Abort()
			if err := conn.WriteText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if code, reason := closeCode(t, conn); code != ws.ClosePolicy || reason != "metadata" {
				t.Errorf("code %d, %q", code, reason)
			}
			eventually(t, "place free", func() bool { return r.svc.Sessions() == 1 })
			if got := r.metric("refused_total", "metadata"); got != before+1 {
				t.Errorf("counted %v times", got-before)
			}
		})
	}
	w.untouched()
}

// TestSwitchStopsReading: its socket takes no more of what the agent says.
func TestSwitchStopsReading(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) { c.WriteTimeout = 500 * time.Millisecond }).withSpeech()
	w := r.witness()
	var calls sync.WaitGroup
	for _, playout := range []string{"stream", "file"} {
		calls.Go(func() {
			ev := r.listen(playout)
			meta := metadata(playout)
			meta.Playout, meta.SampleRate = playout, 16000
			conn := rawFork(t, r, meta)
			_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			await[schemas.MediaReady](ev, nil)
			stop := make(chan struct{})
			defer close(stop)
			go func() { // it goes on sending
				frame := binaryFrame(make([]byte, 640))
				for {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if _, err := conn.Write(frame); err != nil {
						return
					}
				}
			}()
			r.send(playout, say(playout, "u1", strings.Repeat("好", 100), 1))
			if e := await[schemas.MediaClosed](ev, nil); e.Reason != "stalled" {
				t.Errorf("%s: closed by %s", playout, e.Reason)
			}
		})
	}
	calls.Wait()
	if n := r.metric("sessions_closed_total", "stalled"); n != 2 {
		t.Errorf("closed %v", n)
	}
	if n := r.metric("write_errors_total", "fork"); n != 2 {
		t.Errorf("write errors %v", n)
	}
	w.untouched()
}

// TestSwitchVanishes: no frame, no pong, no end of the connection.
func TestSwitchVanishes(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *mediabridge.Config) {
		c.PingInterval, c.PongTimeout = 200*time.Millisecond, time.Second
	}).withSpeech()
	w := r.witness()
	ev := r.listen("c1")
	rawFork(t, r, metadata("c1"))
	if e := await[schemas.MediaClosed](ev, nil); e.Reason != "lost" {
		t.Errorf("closed by %s", e.Reason)
	}
	if n := r.metric("sessions_closed_total", "lost"); n != 1 {
		t.Errorf("closed %v", n)
	}
	w.untouched()
}
