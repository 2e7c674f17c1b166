package tts_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
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
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

type worker struct {
	*tts.Service
	bus *bus.Bus
	reg *prometheus.Registry
	log *obstest.Log
}

func run(t *testing.T, e tts.Engine, change func(*tts.Config)) worker {
	t.Helper()
	return runOn(t, bustest.Start(t).Connect("tts"), e, change)
}

func runOn(t *testing.T, b *bus.Bus, e tts.Engine, change func(*tts.Config)) worker {
	t.Helper()
	cfg := tts.Defaults()
	cfg.Engine, cfg.Server.Listen = tts.EngineTone, "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	w := worker{bus: b, reg: prometheus.NewRegistry(), log: &obstest.Log{}}
	deps := tts.Deps{Bus: w.bus, Registry: w.reg, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	var err error
	if e == nil {
		w.Service, err = tts.New(cfg, deps)
	} else {
		w.Service, err = tts.NewWithEngine(cfg, deps, e)
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

// value is the sum of a metric's series with the label.
func (w worker) value(t *testing.T, name, label, value string) float64 {
	t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := label == ""
			for _, l := range m.GetLabel() {
				matches = matches || l.GetName() == label && l.GetValue() == value
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w worker) open(t *testing.T) *speechtest.Client {
	t.Helper()
	return speechtest.Open(t, w.bus, speech.TTS, schemas.SpeechMessage{CallID: "call-1", Language: "zh-CN", SampleRate: 8000})
}

func ask(c *speechtest.Client, id, text string) {
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechSynthesize, ID: id, Text: text})
}

// heard reads up to the end of utterance id and gives its sound and its last
// message; what is not in order fails the test.
func heard(t *testing.T, c *speechtest.Client, id string) (pcm []int16, end schemas.SpeechMessage) {
	t.Helper()
	started := false
	for {
		m, sound, err := c.Next()
		switch {
		case err != nil:
			t.Fatalf("read: %v", err)
		case m == nil && !started:
			t.Fatal("sound before started")
		case m == nil:
			pcm = append(pcm, sound...)
		case m.ID != id:
			t.Fatalf("message of another utterance: %+v", m)
		case m.Type == schemas.SpeechStarted && !started:
			started = true
		case m.Type == schemas.SpeechFinished, m.Type == schemas.SpeechError:
			return pcm, *m
		default:
			t.Fatalf("message out of order: %+v", m)
		}
	}
}

func TestSession(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	ask(c, "u1", ttstest.Text)
	ask(c, "u2", "好的。")
	ask(c, "u3", ttstest.Text)
	first, m := heard(t, c, "u1")
	ttstest.Speech(t, first, 8000, 15)
	want := audio.Duration(len(first), 8000).Milliseconds()
	if m.Type != schemas.SpeechFinished || m.Cached || m.Cancelled || m.DurationMS != want {
		t.Errorf("end of the first: %+v, want %d ms", m, want)
	}
	heard(t, c, "u2")
	third, m := heard(t, c, "u3")
	if len(third) != len(first) || !m.Cached {
		t.Errorf("the same again: %d samples of %d, %+v", len(third), len(first), m)
	}
	ask(c, "u4", "。。。")
	if pcm, m := heard(t, c, "u4"); len(pcm) != 0 || m.Type != schemas.SpeechFinished || m.DurationMS != 0 {
		t.Errorf("nothing to say: %d samples, %+v", len(pcm), m)
	}
	if n := testutil.CollectAndCount(w.reg, "tidegate_tts_first_audio_latency_seconds"); n != 2 {
		t.Errorf("%d latency series", n)
	}
	if err := testutil.GatherAndCompare(w.reg, strings.NewReader(`
# HELP tidegate_tts_requests_total Requests to speak, by how they ended.
# TYPE tidegate_tts_requests_total counter
tidegate_tts_requests_total{result="cancelled"} 0
tidegate_tts_requests_total{result="failed"} 0
tidegate_tts_requests_total{result="finished"} 4
`), "tidegate_tts_requests_total"); err != nil {
		t.Error(err)
	}
	if strings.Contains(w.log.String(), "退货") {
		t.Error("a prompt's text is in the log")
	}
}

func TestCancel(t *testing.T) {
	w := run(t, nil, func(c *tts.Config) { c.Lead = 300 * time.Millisecond })
	c := w.open(t)
	long := strings.Repeat("请稍等，我查一下。", 40) // over a minute: paced, so never sent at once
	ask(c, "u1", long)
	ask(c, "u2", long)
	ask(c, "u3", "好的")
	if m := c.Message(); m.Type != schemas.SpeechStarted || m.ID != "u1" {
		t.Fatalf("first message %+v", m)
	}
	if m, pcm, err := c.Next(); m != nil || err != nil || len(pcm) == 0 {
		t.Fatalf("no sound: %+v, %v", m, err)
	}
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechCancel, ID: "u1"})
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechCancel, ID: "u2"})
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechCancel, ID: "long gone"})
	var sound int
	for {
		m, pcm, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		sound += len(pcm)
		if m == nil {
			continue
		}
		if m.Type != schemas.SpeechFinished || m.ID != "u1" || !m.Cancelled {
			t.Fatalf("end of the cancelled: %+v", m)
		}
		break
	}
	if d := audio.Duration(sound, 8000); d > 30*time.Second {
		t.Errorf("%s came of a cancelled utterance", d)
	}
	if m := c.Message(); m.Type != schemas.SpeechFinished || m.ID != "u2" || !m.Cancelled { // no sound of it at all
		t.Errorf("cancelled while it waited: %+v", m)
	}
	if pcm, m := heard(t, c, "u3"); len(pcm) == 0 || m.Cancelled {
		t.Errorf("after the cancelled ones: %d samples, %+v", len(pcm), m)
	}
}

func TestMistakes(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	for _, m := range []schemas.SpeechMessage{
		{Type: schemas.SpeechSynthesize, ID: "u"},
		{Type: schemas.SpeechSynthesize, Text: "您好"},
		{Type: schemas.SpeechCancel},
		{Type: schemas.SpeechBegin, Utterance: 1},
		{Type: schemas.SpeechStart, SampleRate: 8000},
	} {
		c.Send(m)
		if got := c.Message(); got.Type != schemas.SpeechError || got.Code != schemas.SpeechErrProtocol || got.ID != m.ID {
			t.Errorf("answer to %+v: %+v", m, got)
		}
	}
	if err := c.WriteBinary(make([]byte, 320)); err != nil {
		t.Fatal(err)
	}
	if got := c.Message(); got.Code != schemas.SpeechErrProtocol {
		t.Errorf("answer to sound: %+v", got)
	}
	ask(c, "u1", "您好")
	if pcm, _ := heard(t, c, "u1"); len(pcm) == 0 {
		t.Error("no sound after mistakes")
	}
}

func TestUnknownVoiceIsReplaced(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	for _, id := range []string{"u1", "u2"} {
		c.Send(schemas.SpeechMessage{Type: schemas.SpeechSynthesize, ID: id, Text: "您好", Voice: "xiaoyun"})
		if pcm, m := heard(t, c, id); len(pcm) == 0 || m.Type != schemas.SpeechFinished {
			t.Errorf("%d samples, %+v", len(pcm), m)
		}
	}
	if n := strings.Count(w.log.String(), "does not have the voice"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// stuck is an engine that gives one piece and then waits for its context, or
// fails.
type stuck struct {
	tts.Engine
	err error
}

func (s stuck) Name() string { return "stuck" }
func (s stuck) Capabilities() tts.Capabilities {
	return tts.Capabilities{SampleRates: []int{8000}, Languages: []string{"zh"}}
}
func (s stuck) Close() error { return nil }

func (s stuck) Synthesize(ctx context.Context, _ tts.Request, emit tts.Emit) (tts.Result, error) {
	if err := emit(make([]int16, 800)); err != nil {
		return tts.Result{}, err
	}
	if s.err != nil {
		return tts.Result{}, s.err
	}
	<-ctx.Done()
	return tts.Result{}, ctx.Err()
}

func TestEngineFails(t *testing.T) {
	tests := []struct {
		err       error
		code      string
		retryable bool
	}{
		{errors.New("model broke"), schemas.SpeechErrEngine, true},
		{tts.ErrOverloaded, schemas.SpeechErrOverloaded, true},
		{tts.ErrUnsupported, schemas.SpeechErrUnsupported, false},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			c := run(t, stuck{err: tt.err}, nil).open(t)
			ask(c, "u1", "您好")
			pcm, m := heard(t, c, "u1")
			if len(pcm) != 800 || m.Type != schemas.SpeechError || m.Code != tt.code || m.Retryable != tt.retryable {
				t.Errorf("%d samples, %+v", len(pcm), m)
			}
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	w := run(t, stuck{}, func(c *tts.Config) { c.Queue = 1 })
	c := w.open(t)
	ask(c, "u1", "一")
	if m := c.Message(); m.Type != schemas.SpeechStarted { // taken out of the queue
		t.Fatalf("%+v", m)
	}
	if _, pcm, _ := c.Next(); len(pcm) != 800 {
		t.Fatal("no sound")
	}
	ask(c, "u1", "二")
	if m := c.Message(); m.Code != schemas.SpeechErrProtocol {
		t.Errorf("an id in use: %+v", m)
	}
	ask(c, "u2", "三")
	ask(c, "u3", "四")
	if m := c.Message(); m.ID != "u3" || m.Code != schemas.SpeechErrOverloaded || !m.Retryable {
		t.Errorf("one too many: %+v", m)
	}
}

func TestDyingClientFreesItsPlace(t *testing.T) {
	w := run(t, stuck{}, func(c *tts.Config) { c.Server.Capacity = 1 })
	c := w.open(t)
	ask(c, "u1", "您好")
	c.Message()
	c.Abort()
	again := w.open(t) // waits for the place
	_ = again.Close(ws.CloseNormal, "")
}

func TestDrainLetsUtterancesEnd(t *testing.T) {
	w := run(t, nil, nil)
	c := w.open(t)
	drained := make(chan error, 1)
	go func() { drained <- w.Drain(t.Context()) }()
	ask(c, "u1", "再见。")
	if pcm, m := heard(t, c, "u1"); len(pcm) == 0 || m.Type != schemas.SpeechFinished {
		t.Errorf("while draining: %d samples, %+v", len(pcm), m)
	}
	_ = c.Close(ws.CloseNormal, "")
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestLanguageRefused(t *testing.T) {
	w := run(t, stuck{}, nil)
	_, err := w.bus.Request(t.Context(), schemas.SubjectSlotTTS, schemas.SlotAcquire{Kind: "tts", CallID: "c", Language: "en-US", SampleRate: 8000})
	var re *bus.RemoteError
	if !errors.As(err, &re) || re.Code != 422 {
		t.Errorf("place for another language: %v", err)
	}
}
