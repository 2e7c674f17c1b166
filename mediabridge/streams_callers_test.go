package mediabridge_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

const (
	streamFrame = 20 * time.Millisecond
	callerRound = 5 * time.Second // 2 s of speech, 3 s of line noise
	agentPrompt = 5 * time.Second
)

// callers are forks that send sound in real time, from as few goroutines and
// bytes as will do: they share the machine with what they measure.
type callers struct {
	b     testing.TB
	conns []net.Conn
	sound [][]byte // frames as they go over the wire
	heard atomic.Int64
	late  atomic.Int64 // frames sent over 20 ms late
	sent  atomic.Int64
	quiet atomic.Bool // no more speech, only the line's noise
	stop  chan struct{}
	wg    sync.WaitGroup
}

// callerSound is a round of speech-like noise and line noise, framed and
// masked with zeros.
func callerSound() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var out [][]byte
	for at := time.Duration(0); at < callerRound; at += streamFrame {
		pcm := audio.Tone(300+100*float64(at%(240*time.Millisecond)/streamFrame)/3, streamFrame, 8000, 0.25)
		for i := range pcm {
			if at >= 2*time.Second {
				pcm[i] = 0
			}
			pcm[i] += int16(rng.IntN(65) - 32)
		}
		out = append(out, binaryFrame(audio.AppendL16(nil, pcm)))
	}
	return out
}

func binaryFrame(b []byte) []byte {
	return append(append([]byte{0x82, 0xFE, byte(len(b) >> 8), byte(len(b))}, 0, 0, 0, 0), b...)
}

// dialCallers opens n forks at addr. Their calls are c0, c1, ...
func dialCallers(b testing.TB, addr string, n int) *callers {
	b.Helper()
	c := &callers{b: b, sound: callerSound(), stop: make(chan struct{})}
	for i := range n {
		call := fmt.Sprintf("c%d", i)
		tok := token.Sign([]byte(secret), token.Claims{CallID: call, Use: mediabridge.TokenUse, Expires: time.Now().Add(time.Minute)})
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		c.conns = append(c.conns, conn)
		if err := handshake(conn, tok); err != nil {
			b.Fatal(err)
		}
		meta, err := json.Marshal(metadata(call))
		if err != nil {
			b.Fatal(err)
		}
		frame := append([]byte{0x81, 0xFE, 0, 0, 0, 0, 0, 0}, meta...)
		binary.BigEndian.PutUint16(frame[2:], uint16(len(meta)))
		if _, err := conn.Write(frame); err != nil {
			b.Fatal(err)
		}
		c.wg.Go(func() { c.read(conn) })
	}
	return c
}

func handshake(conn net.Conn, tok string) error {
	_, err := fmt.Fprintf(conn, "GET /v1/fork/%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		tok, mediabridge.Subprotocol)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 256), nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("fork refused: %s", resp.Status)
	}
	return err
}

func (c *callers) read(conn net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		c.heard.Add(int64(n))
	}
}

// talk sends sound until close, from a few goroutines a millisecond apart.
func (c *callers) talk() {
	const shards = 20
	for shard := range shards {
		c.wg.Go(func() {
			next := time.Now().Add(time.Duration(shard) * time.Millisecond)
			for at := shard * 13; ; at++ {
				select {
				case <-c.stop:
					return
				case <-time.After(time.Until(next)):
				}
				if time.Since(next) > streamFrame {
					c.late.Add(1)
				}
				next = next.Add(streamFrame)
				for i := shard; i < len(c.conns); i += shards {
					frame := c.sound[(at+7*i)%len(c.sound)]
					if c.quiet.Load() {
						frame = c.sound[len(c.sound)-1]
					}
					if _, err := c.conns[i].Write(frame); err == nil {
						c.sent.Add(1)
					}
				}
			}
		})
	}
}

func (c *callers) close() {
	close(c.stop)
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.wg.Wait()
}

// agent keeps n calls speaking: it plays orchestrator and synthesiser, and a
// recogniser when the calls have one.
type agent struct {
	r       *rig
	sound   []byte
	playing atomic.Int64
	text    string
	quiet   atomic.Bool
}

func newAgent(r *rig, recogniser bool) *agent {
	a := &agent{r: r, text: strings.Repeat("好", 10)}
	a.sound = audio.AppendL16(nil, audio.Tone(500, agentPrompt, 8000, 0.3))
	startWorker(r, "tts", schemas.SubprotocolTTS, a.speak)
	if recogniser {
		startWorker(r, "asr", schemas.SubprotocolASR, recogniseNothing)
	}
	return a
}

// speak answers each request with the same prompt.
func (a *agent) speak(c *ws.Conn) {
	for {
		m, _, err := readSpeech(c)
		if err != nil {
			return
		}
		switch m.Type {
		case schemas.SpeechStart:
			err = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: "prompt"})
		case schemas.SpeechSynthesize:
			err = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechStarted, ID: m.ID})
			for b, n := a.sound, 1600; err == nil && len(b) > 0; n = 6400 { // as the tts worker sends it
				n = min(n, len(b))
				err = c.WriteBinary(b[:n])
				b = b[n:]
			}
			if err == nil {
				err = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinished, ID: m.ID})
			}
		}
		if err != nil {
			return
		}
	}
}

func recogniseNothing(c *ws.Conn) {
	utterance := 0
	for {
		kind, b, err := c.Read()
		if err != nil {
			return
		}
		if kind == ws.Binary {
			continue
		}
		var m schemas.SpeechMessage
		if json.Unmarshal(b, &m) != nil {
			return
		}
		switch m.Type {
		case schemas.SpeechStart:
			err = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: "nothing"})
		case schemas.SpeechBegin:
			utterance = m.Utterance
		case schemas.SpeechEnd:
			err = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinal, Utterance: utterance, Text: "我要退货"})
		}
		if err != nil {
			return
		}
	}
}

// attend says something to each call that is ready, and again whenever what
// was said begins to be heard, so that none falls silent.
func (a *agent) attend() (end func()) {
	sub, err := a.r.ctl.Subscribe(schemas.Prefix+".media.*.event", "", func(m bus.Message) {
		switch e := m.Data.(type) {
		case *schemas.MediaReady:
			a.playing.Add(1)
			a.say(e.CallID)
		case *schemas.MediaPlayoutStarted:
			a.say(e.CallID)
		}
	})
	if err != nil {
		a.r.t.Fatal(err)
	}
	if err := a.r.ctl.Flush(withPatience(a.r.t)); err != nil {
		a.r.t.Fatal(err)
	}
	return func() { _ = sub.Unsubscribe() }
}

func (a *agent) say(call string) {
	if a.quiet.Load() {
		return
	}
	s := say(call, schemas.NewID(time.Now()), a.text, 1)
	s.Interruptible = false
	_ = a.r.ctl.Publish(schemas.SubjectMediaCommand(call), s) // a bus that is gone shows in what is heard
}
