package mediabridge_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// worker serves one kind of speech slot.
type worker struct {
	r   *rig
	url string
	mu  sync.Mutex
	off bool
	on  map[*ws.Conn]bool
}

func startWorker(r *rig, kind, subprotocol string, serve func(*ws.Conn)) *worker {
	w := &worker{r: r, on: map[*ws.Conn]bool{}}
	var wg sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		conn, err := ws.Upgrade(rw, req, ws.Options{Subprotocols: []string{subprotocol}})
		if err != nil {
			return
		}
		wg.Add(1)
		defer wg.Done()
		w.mu.Lock()
		w.on[conn] = true
		w.mu.Unlock()
		serve(conn)
		conn.Abort()
		w.mu.Lock()
		delete(w.on, conn)
		w.mu.Unlock()
	}))
	w.url = "ws" + strings.TrimPrefix(srv.URL, "http") + "/v1/" + kind + "/token"
	b := r.nats.Connect(kind)
	sub, err := b.Subscribe(schemas.Prefix+".slot."+kind, "workers", func(m bus.Message) {
		w.mu.Lock()
		off := w.off
		w.mu.Unlock()
		if !off {
			_ = m.Respond(schemas.SlotGranted{Worker: kind + "-1", Engine: "test-" + kind, URL: w.url, ExpiresAt: time.Now().Add(time.Minute)})
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	_ = b.Flush(withPatience(r.t))
	r.t.Cleanup(func() {
		_ = sub.Unsubscribe()
		w.kill()
		srv.Close()
		wg.Wait()
	})
	return w
}

func withPatience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	t.Cleanup(cancel)
	return ctx
}

// kill ends every connection as a crash would.
func (w *worker) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.on {
		c.Abort()
	}
}

func readSpeech(c *ws.Conn) (schemas.SpeechMessage, []byte, error) {
	kind, b, err := c.Read()
	if err != nil || kind == ws.Binary {
		return schemas.SpeechMessage{}, b, err
	}
	var m schemas.SpeechMessage
	err = schemas.DecodeStrict(schemas.SchemaSpeech, b, &m)
	return m, nil, err
}

// asrWorker answers the end of each utterance with a text.
type asrWorker struct {
	*worker
	mu     sync.Mutex
	sound  map[int][]byte
	starts []int
	hang   bool
	bytes  atomic.Int64 // of sound, in all
	// partial is said as soon as there is sound, final at the end; partials
	// declares the first.
	partials       bool
	partial, final string
	confidence     float64 // of either
}

// understands sets what is recognised.
func (a *asrWorker) understands(partial, final string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.partial, a.final = partial, final
}

// sure sets how sure it is of it.
func (a *asrWorker) sure(confidence float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.confidence = confidence
}

func startASR(r *rig) *asrWorker {
	a := &asrWorker{sound: map[int][]byte{}, partials: r.partials, final: "我要退货", confidence: 0.9}
	a.worker = startWorker(r, "asr", schemas.SubprotocolASR, a.serve)
	return a
}

func (a *asrWorker) serve(c *ws.Conn) {
	n := 0
	for {
		kind, b, err := c.Read()
		if err != nil {
			return
		}
		a.mu.Lock()
		if kind == ws.Binary {
			a.bytes.Add(int64(len(b)))
			first := len(a.sound[n]) == 0
			a.sound[n] = append(a.sound[n], b...)
			partial, sure := a.partial, a.confidence
			a.mu.Unlock()
			if first && partial != "" {
				_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechPartial, Utterance: n, Text: partial, Confidence: sure})
			}
			continue
		}
		hang, text, sure := a.hang, a.final, a.confidence
		var m schemas.SpeechMessage
		if err := schemas.DecodeStrict(schemas.SchemaSpeech, b, &m); err != nil {
			a.r.t.Errorf("asr worker got %v", err)
		}
		if m.Type == schemas.SpeechBegin {
			n = m.Utterance
			a.sound[n] = nil
			a.starts = append(a.starts, n)
		}
		a.mu.Unlock()
		switch {
		case m.Type == schemas.SpeechStart:
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: "test-asr", Partials: a.partials, Synthetic: a.r.synthetic})
		case m.Type == schemas.SpeechEnd && !hang:
			if text != "" {
				_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechPartial, Utterance: n, Text: "我要", Confidence: sure})
			}
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinal, Utterance: n, Text: text, Confidence: sure})
		}
	}
}

func (a *asrWorker) got(n int) []int16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return audio.DecodeL16(nil, a.sound[n])
}

// ttsWorker speaks 200 ms of 1 kHz for each character, all at once.
type ttsWorker struct {
	*worker
	mu        sync.Mutex
	cancelled []string
	asked     []string
	dieAfter  int // bytes after which it dies, once
	hang      bool
}

const msPerChar = 200

func startTTS(r *rig) *ttsWorker {
	s := &ttsWorker{}
	s.worker = startWorker(r, "tts", schemas.SubprotocolTTS, s.serve)
	return s
}

func (s *ttsWorker) serve(c *ws.Conn) {
	rate := 8000
	for {
		m, _, err := readSpeech(c)
		if err != nil {
			return
		}
		switch m.Type {
		case schemas.SpeechStart:
			rate = m.SampleRate
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: "test-tts"})
		case schemas.SpeechCancel:
			s.mu.Lock()
			s.cancelled = append(s.cancelled, m.ID)
			s.mu.Unlock()
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinished, ID: m.ID, Cancelled: true})
		case schemas.SpeechSynthesize:
			if !s.speak(c, m, rate) {
				return
			}
		}
	}
}

func (s *ttsWorker) speak(c *ws.Conn, m schemas.SpeechMessage, rate int) bool {
	d := time.Duration(len([]rune(m.Text))) * msPerChar * time.Millisecond
	b := audio.AppendL16(nil, audio.Tone(1000, d, rate, 0.5))
	s.mu.Lock()
	s.asked = append(s.asked, m.Text)
	die, hang := s.dieAfter, s.hang
	s.dieAfter = 0
	s.mu.Unlock()
	if hang {
		return true
	}
	_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechStarted, ID: m.ID})
	if die > 0 {
		_ = c.WriteBinary(b[:die])
		time.Sleep(50 * time.Millisecond)
		return false
	}
	for len(b) > 0 {
		n := min(len(b), 1999) // odd on purpose
		if c.WriteBinary(b[:n]) != nil {
			return false
		}
		b = b[n:]
	}
	return c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinished, ID: m.ID}) == nil
}
