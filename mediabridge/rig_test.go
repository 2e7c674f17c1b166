package mediabridge_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret  = "a secret only for these tests"
	patient = 20 * time.Second
)

// rig is a bridge with NATS and speech workers on loopback.
type rig struct {
	t    testing.TB
	nats *bustest.Server
	ctl  *bus.Bus // the orchestrator's connection
	svc  *mediabridge.Service
	reg  *prometheus.Registry
	asr  *asrWorker
	tts  *ttsWorker
}

func newRig(t testing.TB, change func(*mediabridge.Config)) *rig {
	t.Helper()
	r := &rig{t: t, nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	r.ctl = r.nats.Connect("orchestrator")
	cfg := mediabridge.Defaults()
	cfg.Listen, cfg.ForkSecret = "127.0.0.1:0", secret
	cfg.SlotTimeout = 5 * time.Second
	if change != nil {
		change(&cfg)
	}
	svc, err := mediabridge.New(cfg, mediabridge.Deps{Bus: r.nats.Connect("mediabridge"), Registry: r.reg})
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	r.svc = svc
	return r
}

// withSpeech starts one worker of each kind.
func (r *rig) withSpeech() *rig {
	r.asr, r.tts = startASR(r), startTTS(r)
	return r
}

func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tidegate_mediabridge_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.t.Fatalf("no metric %s %v", name, labels)
	return 0
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// events collects what the bridge says of one call.
type events struct {
	t   testing.TB
	mu  sync.Mutex
	all []any
	at  int // how far await has read
}

func (r *rig) listen(call string) *events {
	r.t.Helper()
	e := &events{t: r.t}
	sub, err := r.ctl.Subscribe(schemas.SubjectMediaEvent(call), "", func(m bus.Message) { e.put(m.Data) })
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := r.ctl.Flush(withPatience(r.t)); err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (e *events) put(data any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, data)
}

func (e *events) list() []any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]any(nil), e.all...)
}

// await returns the next event of a type for which ok holds.
func await[T any](e *events, ok func(*T) bool) *T {
	e.t.Helper()
	end := time.Now().Add(patient)
	for {
		e.mu.Lock()
		for e.at < len(e.all) {
			d := e.all[e.at]
			e.at++
			if v, is := d.(*T); is && (ok == nil || ok(v)) {
				e.mu.Unlock()
				return v
			}
		}
		e.mu.Unlock()
		if time.Now().After(end) {
			var zero T
			e.t.Fatalf("no %T among %d events: %s", zero, len(e.list()), kinds(e.list()))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func final(m *schemas.MediaTranscript) bool { return m.Final }

func kinds(all []any) string {
	var b strings.Builder
	for _, d := range all {
		if m, ok := d.(*schemas.MediaTranscript); ok && !m.Final {
			continue
		}
		b.WriteString(strings.TrimPrefix(schemas.TypeOf(d), schemas.Prefix+".media.") + " ")
	}
	return strings.TrimSpace(b.String())
}

// seqOf reads the number of any event.
func seqOf(d any) uint64 {
	raw, _ := json.Marshal(d)
	var m schemas.MediaEvent
	_ = json.Unmarshal(raw, &m)
	return m.Seq
}

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

func (w *worker) full(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
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
}

func startASR(r *rig) *asrWorker {
	a := &asrWorker{sound: map[int][]byte{}}
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
			a.sound[n] = append(a.sound[n], b...)
			a.mu.Unlock()
			continue
		}
		hang := a.hang
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
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechReady, Engine: "test-asr"})
		case m.Type == schemas.SpeechEnd && !hang:
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechPartial, Utterance: n, Text: "我要"})
			_ = c.WriteJSON(schemas.SpeechMessage{Type: schemas.SpeechFinal, Utterance: n, Text: "我要退货", Confidence: 0.9})
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

// sideData reads the envelope out of a {"type":"json"} text frame.
func sideData(t testing.TB, frame string) any {
	t.Helper()
	var f struct {
		Type string              `json:"type"`
		Data schemas.SideMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(frame), &f); err != nil || f.Type != "json" {
		t.Fatalf("side frame: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(f.Data.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	_, data, err := schemas.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
