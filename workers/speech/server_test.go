package speech_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/token"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret for tests only"

type fixture struct {
	*speech.Server
	bus *bus.Bus
	reg *prometheus.Registry
}

// start runs a server whose sessions answer each message with the same.
func start(t *testing.T, b *bus.Bus, change func(*speech.Config)) fixture {
	t.Helper()
	cfg := speech.Defaults()
	cfg.Capacity, cfg.Secret = 2, secret
	if change != nil {
		change(&cfg)
	}
	reg := prometheus.NewRegistry()
	s, err := speech.New(speech.ASR, cfg, speech.Deps{Bus: b, Registry: reg, Engine: "echo", Serve: echo,
		Accept: func(r schemas.SlotAcquire) error {
			if r.Language == "tlh" {
				return speech.ErrUnsupported
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return fixture{s, b, reg}
}

func stop(t *testing.T, s *speech.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), speechtest.Deadline)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func echo(_ context.Context, s *speech.Session) {
	start, err := s.Open(func(schemas.SpeechMessage) error { return nil })
	if err != nil {
		return
	}
	start.Type = schemas.SpeechReady
	for err == nil {
		if err = s.Send(start); err != nil {
			return
		}
		var f speech.Frame
		if f, err = s.Read(); err == nil && f.Message != nil {
			start = *f.Message
		}
	}
}

func (f fixture) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if len(labels) == 0 || m.GetLabel()[0].GetValue() == labels[0] {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %v", name, labels)
	return 0
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(speechtest.Deadline); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

func startMessage(callID string) schemas.SpeechMessage {
	return schemas.SpeechMessage{Type: schemas.SpeechStart, CallID: callID, Language: "zh-CN", SampleRate: 8000}
}

func TestFullWorkerDoesNotAnswer(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, nil)
	a := speechtest.Open(t, b, speech.ASR, startMessage("call-a"))
	granted := speechtest.MustAcquire(t, b, speech.ASR, "call-b")
	if granted.Engine != "echo" || granted.Worker != b.Source() {
		t.Errorf("grant %+v", granted)
	}
	eventually(t, "full worker has no subscription", func() bool {
		_, err := speechtest.Acquire(t.Context(), b, speech.ASR, "call-c")
		return errors.Is(err, bus.ErrNoResponders)
	})
	if n := f.metric(t, "tidegate_asr_slots_in_use", "granted"); n != 1 {
		t.Errorf("granted places: %v", n)
	}
	a.Abort() // a client that dies gives its place back
	c := speechtest.Open(t, b, speech.ASR, startMessage("call-c"))
	_ = c.Close(ws.CloseNormal, "")
}

func TestAnotherWorkerAnswersForAFullOne(t *testing.T) {
	srv := bustest.Start(t)
	one := func(c *speech.Config) { c.Capacity = 1 }
	start(t, srv.Connect("first"), one)
	start(t, srv.Connect("second"), one)
	b := srv.Connect("bridge")
	first := speechtest.MustAcquire(t, b, speech.ASR, "call-a")
	second := speechtest.MustAcquire(t, b, speech.ASR, "call-b")
	if first.Worker == second.Worker {
		t.Errorf("both places at %s", first.Worker)
	}
}

func TestGrantExpires(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, func(c *speech.Config) { c.Capacity, c.GrantTTL = 1, time.Second })
	g := speechtest.MustAcquire(t, b, speech.ASR, "call-a")
	again := speechtest.MustAcquire(t, b, speech.ASR, "call-b") // only after the first has expired
	if _, err := speechtest.Dial(t.Context(), g.URL, speech.ASR); status(err) != 410 {
		t.Errorf("connection to an expired place: %v", err)
	}
	if n := f.metric(t, "tidegate_asr_slot_expiries_total"); n < 1 {
		t.Errorf("expiries: %v", n)
	}
	_ = again
}

func status(err error) int {
	var h *ws.HandshakeError
	if errors.As(err, &h) {
		return h.Status
	}
	return 0
}

func TestConnectionsRefused(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, nil)
	g := speechtest.MustAcquire(t, b, speech.ASR, "call-a")
	used := speechtest.Connect(t, g.URL, speech.ASR)
	sign := func(key, use string, expires time.Time) string {
		return f.Addr() + "/v1/asr/" + token.Sign([]byte(key), token.Claims{CallID: "x", Use: use, ID: "i", Expires: expires})
	}
	later := time.Now().Add(time.Hour)
	tests := []struct {
		reason, url, protocol string
		status                int
	}{
		{"malformed", f.Addr() + "/v1/asr/nonsense", schemas.SubprotocolASR, 401},
		{"signature", sign("another secret of a test", "asr", later), schemas.SubprotocolASR, 401},
		{"use", sign(secret, "tts", later), schemas.SubprotocolASR, 403},
		{"expired", sign(secret, "asr", time.Now().Add(-time.Minute)), schemas.SubprotocolASR, 410},
		{"spent", g.URL, schemas.SubprotocolASR, 410},
		{"subprotocol", speechtest.MustAcquire(t, b, speech.ASR, "call-b").URL, schemas.SubprotocolTTS, 400},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			c, err := ws.Dial(t.Context(), tt.url, ws.Options{Subprotocols: []string{tt.protocol}})
			if err == nil {
				c.Abort()
			}
			if status(err) != tt.status {
				t.Errorf("status of %v, want %d", err, tt.status)
			}
			if n := f.metric(t, "tidegate_asr_connections_refused_total", tt.reason); n != 1 {
				t.Errorf("counted %v", n)
			}
		})
	}
	used.Send(startMessage("call-a"))
	if m := used.Message(); m.Type != schemas.SpeechReady {
		t.Errorf("the other connection was disturbed: %+v", m)
	}
	eventually(t, "refused connections hold no place", func() bool {
		return f.metric(t, "tidegate_asr_slots_in_use", "connected") == 1 && f.metric(t, "tidegate_asr_slots_in_use", "granted") == 0
	})
}

func TestRequestsRefused(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	start(t, b, nil)
	tests := []struct {
		name string
		req  schemas.SlotAcquire
		code int
	}{
		{"other kind", schemas.SlotAcquire{Kind: "tts", CallID: "c", SampleRate: 8000}, 400},
		{"no call", schemas.SlotAcquire{Kind: "asr", SampleRate: 8000}, 400},
		{"long call id", schemas.SlotAcquire{Kind: "asr", CallID: strings.Repeat("x", 65), SampleRate: 8000}, 400},
		{"language", schemas.SlotAcquire{Kind: "asr", CallID: "c", Language: "tlh", SampleRate: 8000}, 422},
		{"rate", schemas.SlotAcquire{Kind: "asr", CallID: "c", SampleRate: 44100}, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.Request(t.Context(), schemas.SubjectSlotASR, tt.req)
			var re *bus.RemoteError
			if !errors.As(err, &re) || re.Code != tt.code {
				t.Errorf("error %v, want code %d", err, tt.code)
			}
		})
	}
}

func TestSessionStart(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	start(t, b, nil)
	tests := []struct {
		name, send, code string
	}{
		{"another message", `{"type":"hints"}`, schemas.SpeechErrProtocol},
		{"another call", `{"type":"start","call_id":"call-x","sample_rate":8000}`, schemas.SpeechErrProtocol},
		{"rate", `{"type":"start","sample_rate":44100}`, schemas.SpeechErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := speechtest.Connect(t, speechtest.MustAcquire(t, b, speech.ASR, "call-a").URL, speech.ASR)
			c.SendText(tt.send)
			if m := c.Message(); m.Type != schemas.SpeechError || m.Code != tt.code {
				t.Errorf("answer %+v, want %s", m, tt.code)
			}
			wantClose(t, c, ws.ClosePolicy)
		})
	}
}

func wantClose(t *testing.T, c *speechtest.Client, code int) {
	t.Helper()
	err := c.UntilClosed()
	var ce *ws.CloseError
	if !errors.As(err, &ce) || ce.Code != code {
		t.Errorf("closed with %v, want %d", err, code)
	}
}

func TestNoStartInTime(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	start(t, b, func(c *speech.Config) { c.StartTimeout = 50 * time.Millisecond })
	c := speechtest.Connect(t, speechtest.MustAcquire(t, b, speech.ASR, "call-a").URL, speech.ASR)
	wantClose(t, c, ws.ClosePolicy)
}

func TestGarbage(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, func(c *speech.Config) { c.MaxMistakes = 3; c.MaxFrame = 4096 })
	other := speechtest.Open(t, b, speech.ASR, startMessage("other"))
	c := speechtest.Open(t, b, speech.ASR, startMessage("call-a"))
	for _, garbage := range []string{"not JSON", `{"type":"sing"}`} {
		c.SendText(garbage)
		if m := c.Message(); m.Type != schemas.SpeechError || m.Code != schemas.SpeechErrProtocol {
			t.Fatalf("answer to %q: %+v", garbage, m)
		}
	}
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechHints})
	if m := c.Message(); m.Type != schemas.SpeechHints {
		t.Fatalf("after garbage: %+v", m)
	}
	c.SendText(`{"type":7}`)
	wantClose(t, c, ws.CloseProtocol)
	if n := f.metric(t, "tidegate_asr_errors_total", schemas.SpeechErrProtocol); n != 3 {
		t.Errorf("errors counted: %v", n)
	}

	big := speechtest.Open(t, b, speech.ASR, startMessage("call-b"))
	_ = big.WriteBinary(make([]byte, 5000))
	wantClose(t, big, ws.CloseTooBig)
	other.Send(schemas.SpeechMessage{Type: schemas.SpeechHints})
	if m := other.Message(); m.Type != schemas.SpeechHints {
		t.Errorf("the other connection was disturbed: %+v", m)
	}
}

func TestDrain(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, nil)
	if err := f.Ready(); err != nil {
		t.Fatalf("ready: %v", err)
	}
	connected := speechtest.Open(t, b, speech.ASR, startMessage("call-a"))
	granted := speechtest.MustAcquire(t, b, speech.ASR, "call-b")
	drained := make(chan error, 1)
	go func() { drained <- f.Drain(t.Context()) }()
	eventually(t, "draining", func() bool { return errors.Is(f.Ready(), speech.ErrDraining) })
	if _, err := speechtest.Acquire(t.Context(), b, speech.ASR, "call-c"); err == nil {
		t.Error("a draining worker gave out a place")
	}
	late := speechtest.Connect(t, granted.URL, speech.ASR) // granted before: still good
	late.Send(startMessage("call-b"))
	late.Message()
	select {
	case err := <-drained:
		t.Fatalf("drained with two calls: %v", err)
	default:
	}
	connected.Abort()
	_ = late.Close(ws.CloseNormal, "")
	select {
	case err := <-drained:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(speechtest.Deadline):
		t.Fatal("not drained")
	}
	if err := f.Drain(t.Context()); err != nil {
		t.Errorf("second drain: %v", err)
	}
}

func TestStopClosesConnections(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, nil)
	c := speechtest.Open(t, b, speech.ASR, startMessage("call-a"))
	closed := make(chan error, 1)
	go func() { closed <- c.UntilClosed() }()
	stop(t, f.Server)
	stop(t, f.Server)
	var ce *ws.CloseError
	if err := <-closed; !errors.As(err, &ce) || ce.Code != ws.CloseGoingAway {
		t.Errorf("closed with %v", err)
	}
	if f.Ready() == nil {
		t.Error("a stopped server is ready")
	}
	if err := f.Start(t.Context()); !errors.Is(err, speech.ErrStarted) {
		t.Errorf("start after stop: %v", err)
	}
}

func TestBusAwayAndBack(t *testing.T) {
	srv := bustest.Start(t)
	b := srv.Connect("slots")
	f := start(t, b, nil)
	c := speechtest.Open(t, b, speech.ASR, startMessage("call-a"))
	srv.Down()
	eventually(t, "not ready without the bus", func() bool { return f.Ready() != nil })
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechHints})
	if m := c.Message(); m.Type != schemas.SpeechHints {
		t.Errorf("session without the bus: %+v", m)
	}
	srv.Up()
	speechtest.MustAcquire(t, b, speech.ASR, "call-b")
}

func TestMetricsPreset(t *testing.T) {
	b := bustest.Start(t).Connect("slots")
	f := start(t, b, nil)
	if n := testutil.CollectAndCount(f.reg, "tidegate_asr_connections_refused_total"); n != 10 {
		t.Errorf("%d reasons preset", n)
	}
}
