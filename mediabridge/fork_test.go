package mediabridge_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

// fork plays mod_audio_fork: it sends 20 ms frames in real time, silence or
// what speak was given, and keeps what comes.
type fork struct {
	t    testing.TB
	conn *ws.Conn
	rate int

	mu     sync.Mutex
	say    []int16
	heard  []byte
	texts  []string
	kills  int
	atKill int // bytes heard before the newest killAudio
	err    error
	mute   atomic.Bool
	stop   chan struct{}
	wg     sync.WaitGroup
}

func (r *rig) token(call string, life time.Duration) string {
	return token.Sign([]byte(secret), token.Claims{CallID: call, Use: mediabridge.TokenUse, Expires: time.Now().Add(life), ID: schemas.NewID(time.Now())})
}

func (r *rig) dial(tok string) (*ws.Conn, error) {
	return ws.Dial(context.Background(), r.svc.URL()+"/v1/fork/"+tok, ws.Options{Subprotocols: []string{mediabridge.Subprotocol}})
}

func metadata(call string) schemas.ForkMetadata {
	return schemas.ForkMetadata{CallID: call, Language: "zh-CN", SampleRate: 8000, Playout: "stream", Scenario: "s1"}
}

func (r *rig) fork(meta schemas.ForkMetadata) *fork {
	r.t.Helper()
	conn, err := r.dial(r.token(meta.CallID, time.Minute))
	if err != nil {
		r.t.Fatal(err)
	}
	f := &fork{t: r.t, conn: conn, rate: meta.SampleRate, stop: make(chan struct{})}
	if err := conn.WriteJSON(meta); err != nil {
		r.t.Fatal(err)
	}
	f.wg.Go(f.read)
	f.wg.Go(f.send)
	r.t.Cleanup(f.close)
	return f
}

func (f *fork) close() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
	_ = f.conn.Close(ws.CloseNormal, "")
	f.wg.Wait()
}

func (f *fork) read() {
	for {
		kind, b, err := f.conn.Read()
		f.mu.Lock()
		switch {
		case err != nil:
			f.err = err
			f.mu.Unlock()
			return
		case kind == ws.Binary:
			f.heard = append(f.heard, b...)
		default:
			f.texts = append(f.texts, string(b))
			if strings.Contains(string(b), "killAudio") {
				f.kills++
				f.atKill = len(f.heard)
			}
		}
		f.mu.Unlock()
	}
}

func (f *fork) send() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	n := f.rate / 50
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
		}
		if f.mute.Load() {
			continue
		}
		frame := make([]int16, n)
		f.mu.Lock()
		f.say = f.say[copy(frame, f.say):]
		f.mu.Unlock()
		if f.conn.WriteBinary(audio.AppendL16(nil, frame)) != nil {
			return
		}
	}
}

// speak queues speech-like sound, then silence.
func (f *fork) speak(d time.Duration) { f.play(audio.Tone(300, d, f.rate, 0.3)) }

func (f *fork) play(pcm []int16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.say = append(f.say, pcm...)
}

func (f *fork) sound() []int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return audio.DecodeL16(nil, f.heard)
}

func (f *fork) text(part string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.texts {
		if strings.Contains(s, part) {
			return s
		}
	}
	return ""
}

func (f *fork) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

func (r *rig) send(call string, data any, opts ...schemas.Option) {
	r.t.Helper()
	if err := r.ctl.Publish(schemas.SubjectMediaCommand(call), data, opts...); err != nil {
		r.t.Fatal(err)
	}
}

func say(call, id, text string, epoch int) schemas.MediaSay {
	return schemas.MediaSay{
		CallID: call, Epoch: epoch, UtteranceID: id, Text: text, Language: "zh-CN", Interruptible: true,
		Listen: schemas.ListenPolicy{Expect: schemas.ExpectOpen, EndpointMS: 300},
	}
}
