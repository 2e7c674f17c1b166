package asr_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/obs/obstest"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
)

type worker struct {
	*asr.Service
	bus *bus.Bus
	reg *prometheus.Registry
	log *obstest.Log
}

func run(t *testing.T, e asr.Engine, change func(*asr.Config)) worker {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Server.Listen, cfg.Scripted.Delay = asr.EngineScripted, "127.0.0.1:0", 0
	if change != nil {
		change(&cfg)
	}
	w := worker{bus: bustest.Start(t).Connect("asr"), reg: prometheus.NewRegistry(), log: &obstest.Log{}}
	deps := asr.Deps{
		Bus: w.bus, Registry: w.reg, Lines: script("我要退货", "尾号八八"),
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var err error
	if e == nil {
		w.Service, err = asr.New(cfg, deps)
	} else {
		w.Service, err = asr.NewWithEngine(cfg, deps, e)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), speechtest.Deadline)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return w
}

func (w worker) open(t *testing.T) *speechtest.Client {
	t.Helper()
	return speechtest.Open(t, w.bus, speech.ASR, schemas.SpeechMessage{
		CallID: "call-1", Language: "zh-CN", SampleRate: 8000, Scenario: "return",
	})
}

// say plays utterance n, 0.8 s long, in frames of odd length.
func say(t *testing.T, c *speechtest.Client, n int) {
	t.Helper()
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: n})
	l16 := audio.AppendL16(nil, audio.Tone(300, 800*time.Millisecond, 8000, 0.3))
	for len(l16) > 0 {
		k := min(319, len(l16))
		if err := c.WriteBinary(l16[:k]); err != nil {
			t.Fatal(err)
		}
		l16 = l16[k:]
	}
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: n})
}

// answer reads up to the message that ends an utterance.
func answer(t *testing.T, c *speechtest.Client) (partials int, end schemas.SpeechMessage) {
	t.Helper()
	for {
		m := c.Message()
		if m.Type != schemas.SpeechPartial {
			return partials, m
		}
		partials++
	}
}

func TestSession(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechHints, Phrases: []string{"退货"}})
	for i, want := range []string{"我要退货", "尾号八八", ""} {
		say(t, c, i+1)
		partials, m := answer(t, c)
		if m.Type != schemas.SpeechFinal || m.Utterance != i+1 || m.Text != want {
			t.Errorf("utterance %d: %+v", i+1, m)
		}
		if want != "" && (partials == 0 || m.Confidence != 0.95) {
			t.Errorf("utterance %d: %d partials, confidence %v", i+1, partials, m.Confidence)
		}
	}
	_ = c.Close(ws.CloseNormal, "")
	err := testutil.GatherAndCompare(w.reg, strings.NewReader(`
# HELP tidegate_asr_utterances_total Utterances that ended, by what came of them.
# TYPE tidegate_asr_utterances_total counter
tidegate_asr_utterances_total{result="empty"} 1
tidegate_asr_utterances_total{result="failed"} 0
tidegate_asr_utterances_total{result="understood"} 2
# HELP tidegate_asr_audio_seconds_total Sound that went into recognition.
# TYPE tidegate_asr_audio_seconds_total counter
tidegate_asr_audio_seconds_total 2.4
`), "tidegate_asr_utterances_total")
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(w.log.String(), "退货") {
		t.Error("a transcript is in the log")
	}
}

func TestSessionTakesOver(t *testing.T) {
	w := run(t, nil, nil)
	first := w.open(t)
	say(t, first, 1)
	answer(t, first)
	first.Abort()
	second := w.open(t)
	say(t, second, 2)
	if _, m := answer(t, second); m.Text != "尾号八八" {
		t.Errorf("second utterance in a new session: %+v", m)
	}
}

func TestSessionMistakes(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	for _, m := range []schemas.SpeechMessage{
		{Type: schemas.SpeechStart, SampleRate: 8000},
		{Type: schemas.SpeechSynthesize, ID: "u", Text: "您好"},
		{Type: schemas.SpeechBegin},
		{Type: schemas.SpeechEnd, Utterance: 1},
	} {
		c.Send(m)
		if got := c.Message(); got.Type != schemas.SpeechError || got.Code != schemas.SpeechErrProtocol {
			t.Errorf("answer to %+v: %+v", m, got)
		}
	}
	if err := c.WriteBinary(make([]byte, 320)); err != nil { // outside an utterance: dropped
		t.Fatal(err)
	}
	say(t, c, 1)
	if _, m := answer(t, c); m.Text != "我要退货" {
		t.Errorf("after mistakes: %+v", m)
	}
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: 1})
	if m := c.Message(); m.Code != schemas.SpeechErrProtocol {
		t.Errorf("an utterance number again: %+v", m)
	}
	err := testutil.GatherAndCompare(w.reg, strings.NewReader(`
# HELP tidegate_asr_audio_dropped_frames_total Sound frames that were not recognised, by reason.
# TYPE tidegate_asr_audio_dropped_frames_total counter
tidegate_asr_audio_dropped_frames_total{reason="outside_utterance"} 1
tidegate_asr_audio_dropped_frames_total{reason="queue_full"} 0
tidegate_asr_audio_dropped_frames_total{reason="too_long"} 0
`), "tidegate_asr_audio_dropped_frames_total")
	if err != nil {
		t.Error(err)
	}
}

func TestUtteranceTooLong(t *testing.T) {
	w := run(t, nil, func(c *asr.Config) { c.MaxUtterance = time.Second })
	c := w.open(t)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: 1})
	for range 4 {
		if err := c.WriteBinary(make([]byte, 8000)); err != nil { // half a second each
			t.Fatal(err)
		}
	}
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: 1})
	if _, m := answer(t, c); m.Text != "我要退货" {
		t.Errorf("final: %+v", m)
	}
	if n := counter(t, w.reg, "tidegate_asr_audio_dropped_frames_total", "too_long"); n != 2 {
		t.Errorf("dropped frames: %v", n)
	}
}

func counter(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// failing is an engine whose sessions fail in a chosen way.
type failing struct {
	startErr, endErr error
	event            error // sent instead of a final
	dies             bool  // the stream ends at the first end of speech
}

func (f failing) Name() string { return "failing" }
func (f failing) Capabilities() asr.Capabilities {
	return asr.Capabilities{SampleRates: []int{8000}, Languages: []string{"zh"}}
}
func (f failing) Close() error { return nil }

func (f failing) Start(context.Context, asr.Options) (asr.Stream, error) {
	if f.startErr != nil {
		return nil, f.startErr
	}
	return &failingStream{failing: f, events: make(chan asr.Event, 8)}, nil
}

type failingStream struct {
	failing
	events chan asr.Event
	once   sync.Once
}

func (s *failingStream) SpeechStart(int) error    { return nil }
func (s *failingStream) Audio([]int16) error      { return nil }
func (s *failingStream) Hints([]string) error     { return nil }
func (s *failingStream) Events() <-chan asr.Event { return s.events }
func (s *failingStream) Close() error             { s.once.Do(func() { close(s.events) }); return nil }
func (s *failingStream) SpeechEnd(n int) error {
	if s.dies {
		return s.Close()
	}
	if s.event != nil {
		s.events <- asr.Event{Kind: asr.EventError, Utterance: n, Err: s.event}
	}
	return s.endErr
}

func TestEngineFailures(t *testing.T) {
	broken := errors.New("model broke")
	tests := []struct {
		name      string
		engine    failing
		code      string
		retryable bool
		utterance int
	}{
		{"start", failing{startErr: broken}, schemas.SpeechErrEngine, true, 0},
		{"full", failing{startErr: asr.ErrOverloaded}, schemas.SpeechErrOverloaded, true, 0},
		{"end of speech", failing{endErr: asr.ErrOverloaded}, schemas.SpeechErrOverloaded, true, 1},
		{"utterance", failing{event: broken}, schemas.SpeechErrEngine, true, 1},
		{"unsupported utterance", failing{event: asr.ErrUnsupported}, schemas.SpeechErrUnsupported, false, 1},
		{"stream", failing{dies: true}, schemas.SpeechErrEngine, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := run(t, tt.engine, nil)
			c := speechtest.Connect(t, speechtest.MustAcquire(t, w.bus, speech.ASR, "call-1").URL, speech.ASR)
			c.Send(schemas.SpeechMessage{Type: schemas.SpeechStart, SampleRate: 8000})
			m := c.Message()
			if m.Type == schemas.SpeechReady {
				say(t, c, 1)
				m = c.Message()
			}
			if m.Type != schemas.SpeechError || m.Code != tt.code || m.Retryable != tt.retryable || m.Utterance != tt.utterance {
				t.Errorf("answer %+v", m)
			}
		})
	}
}

func TestLanguageRefused(t *testing.T) {
	w := run(t, failing{}, nil)
	_, err := w.bus.Request(t.Context(), schemas.SubjectSlotASR, schemas.SlotAcquire{Kind: "asr", CallID: "c", Language: "en-US", SampleRate: 8000})
	var re *bus.RemoteError
	if !errors.As(err, &re) || re.Code != 422 {
		t.Errorf("place for another language: %v", err)
	}
	c := speechtest.Connect(t, speechtest.MustAcquire(t, w.bus, speech.ASR, "call-1").URL, speech.ASR)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechStart, Language: "en-US", SampleRate: 8000})
	if m := c.Message(); m.Code != schemas.SpeechErrUnsupported {
		t.Errorf("session in another language: %+v", m)
	}
}

func TestDrain(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	drained := make(chan error, 1)
	go func() { drained <- w.Drain(t.Context()) }()
	say(t, c, 1)
	if _, m := answer(t, c); m.Text != "我要退货" {
		t.Errorf("utterance while draining: %+v", m)
	}
	_ = c.Close(ws.CloseNormal, "")
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if w.Ready() == nil {
		t.Error("a drained worker is ready")
	}
}
