//go:build cgo

package asr_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/tinyzh"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
)

// listening is a worker with the built-in recogniser.
func listening(t *testing.T, change func(*asr.Config)) worker {
	t.Helper()
	return run(t, nil, func(c *asr.Config) {
		c.Engine, c.Sherpa.Cache, c.Models.Dir = asr.EngineSherpa, t.TempDir(), t.TempDir()
		if change != nil {
			change(c)
		}
	})
}

// send plays sound in frames of 20 ms, as fast as they go.
func send(t *testing.T, c *speechtest.Client, pcm []int16, rate int) {
	t.Helper()
	for frame := range slices.Chunk(audio.AppendL16(nil, pcm), rate/25) {
		if err := c.WriteBinary(frame); err != nil {
			t.Error(err)
			return
		}
	}
}

// Eight calls at once, over NATS and websockets: each gets partials before it
// has stopped speaking, and what it said.
func TestSherpaWorker(t *testing.T) {
	w := listening(t, nil)
	lines, voices := speechdata.Lines(), speechdata.Voices()
	sounds := map[string][]int16{}
	for i := range 8 {
		for _, line := range lines[:5] {
			voice := voices[i%len(voices)]
			if _, ok := sounds[voice+line.Text]; !ok {
				sounds[voice+line.Text] = speechdata.Spoken(t, voice, line, 8000)
			}
		}
	}
	var mu sync.Mutex
	var errs zhtext.Errors
	var calls sync.WaitGroup
	// All are taken before the first one's sound, which comes faster than any
	// caller speaks, fills the queue.
	var clients []*speechtest.Client
	for range 8 {
		clients = append(clients, w.open(t))
	}
	for i, c := range clients {
		calls.Go(func() {
			for n, line := range lines[:5] {
				c.Send(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: n + 1})
				send(t, c, sounds[voices[i%len(voices)]+line.Text], 8000)
				if m := c.Message(); m.Type != schemas.SpeechPartial || m.Text == "" || m.Utterance != n+1 {
					t.Errorf("while speech goes on: %+v", m)
					return
				}
				c.Send(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: n + 1})
				_, m := answer(t, c)
				if m.Type != schemas.SpeechFinal || m.Utterance != n+1 || m.Confidence <= 0 || m.Confidence > 1 {
					t.Errorf("utterance %d: %+v", n+1, m)
				}
				mu.Lock()
				errs.Add(line.Text, m.Text)
				mu.Unlock()
			}
			_ = c.Close(ws.CloseNormal, "")
		})
	}
	calls.Wait()
	if errs.Texts != 40 || errs.Rate() > 0.15 {
		t.Errorf("%d transcripts, %.1f %% of characters wrong", errs.Texts, 100*errs.Rate())
	}
	for name, least := range map[string]float64{
		"tidegate_asr_decode_seconds_total": 0.01, "tidegate_asr_decode_audio_seconds_total": 60, "tidegate_asr_model_info": 1,
	} {
		if got := total(t, w.reg, name); got < least {
			t.Errorf("%s is %v", name, got)
		}
	}
	if strings.Contains(w.log.String(), "退货") {
		t.Error("a transcript is in the log")
	}
}

func total(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func gauge(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

func TestSherpaReady(t *testing.T) {
	w := listening(t, nil)
	c := speechtest.Connect(t, speechtest.MustAcquire(t, w.bus, speech.ASR, "call-1").URL, speech.ASR)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechStart, CallID: "call-1", Language: "zh-CN", SampleRate: 16000})
	if m := c.Message(); m.Type != schemas.SpeechReady || !m.Synthetic || !m.Partials || m.Engine != asr.EngineSherpa {
		t.Errorf("%+v", m)
	}
	c = speechtest.Connect(t, speechtest.MustAcquire(t, w.bus, speech.ASR, "call-2").URL, speech.ASR)
	c.Send(schemas.SpeechMessage{Type: schemas.SpeechStart, CallID: "call-2", Language: "en-US", SampleRate: 8000})
	if m := c.Message(); m.Code != schemas.SpeechErrUnsupported {
		t.Errorf("English on a Mandarin model: %+v", m)
	}
}

// A worker that is behind sends calls elsewhere, and drops what one call
// sends too much of; memory stays what was configured.
func TestSherpaOverload(t *testing.T) {
	w := listening(t, func(c *asr.Config) {
		c.Sherpa.Queue, c.Sherpa.Buffer, c.Sherpa.Instances = time.Second, 5*time.Second, 1
		c.MaxUtterance = time.Hour
		c.Server.MaxFrame = 1 << 20
	})
	busy := make([]*speechtest.Client, 6)
	for i := range busy {
		busy[i] = w.open(t)
	}
	sound := audio.AppendL16(nil, audio.Tone(300, 4*time.Second, 8000, 0.3))
	for _, c := range busy {
		c.Send(schemas.SpeechMessage{Type: schemas.SpeechBegin, Utterance: 1})
	}
	dropped := func() bool {
		return counter(t, w.reg, "tidegate_asr_audio_dropped_frames_total", "queue_full") > 0
	}
	refused := false
	for deadline := time.Now().Add(speechtest.Deadline); !(refused && dropped()) && time.Now().Before(deadline); {
		for _, c := range busy {
			for range 4 {
				if err := c.WriteBinary(sound); err != nil {
					t.Fatal(err)
				}
			}
		}
		c := speechtest.Connect(t, speechtest.MustAcquire(t, w.bus, speech.ASR, "late").URL, speech.ASR)
		c.Send(schemas.SpeechMessage{Type: schemas.SpeechStart, CallID: "late", Language: "zh-CN", SampleRate: 8000})
		m := c.Message()
		overloaded := m.Code == schemas.SpeechErrOverloaded
		if overloaded && !m.Retryable {
			t.Errorf("%+v", m)
		}
		refused = refused || overloaded
		c.Abort()
	}
	if !refused {
		t.Error("no call was refused")
	}
	if !dropped() { // what was sent is not yet read when calls are refused
		t.Error("no sound was dropped")
	}
	for _, c := range busy {
		c.Send(schemas.SpeechMessage{Type: schemas.SpeechEnd, Utterance: 1})
		if _, m := answer(t, c); m.Type != schemas.SpeechFinal {
			t.Errorf("a call of a busy worker: %+v", m)
		}
	}
}

// tinyFolder is a copy of the built-in model under a name of its own.
func tinyFolder(t *testing.T, name string, dialects ...string) string {
	t.Helper()
	i, err := tinyzh.Install(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, role := range []string{"encoder", "decoder", "joiner"} {
		files[role] = filepath.Join(i.Dir, role+".onnx")
	}
	files["tokens"] = filepath.Join(i.Dir, "tokens.txt")
	return speechdata.Folder(t, speechmodel.Manifest{
		Name: name, Use: speechmodel.UseStreaming, Kind: "lstm-transducer", Languages: []string{"zh"}, Dialects: dialects, SampleRate: 16000,
	}, files)
}

// A file that is not the manifest's never reaches the library.
func TestSherpaWrongModels(t *testing.T) {
	start := func(change func(*asr.Config)) error {
		cfg := asr.Defaults()
		cfg.Engine, cfg.Sherpa.Cache, cfg.Models.Dir = asr.EngineSherpa, t.TempDir(), t.TempDir()
		change(&cfg)
		e, err := asr.NewEngine(cfg, asr.Deps{})
		if err == nil {
			_ = e.Close()
		}
		return err
	}
	damaged := tinyFolder(t, "damaged")
	b, err := os.ReadFile(filepath.Join(damaged, "encoder.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(filepath.Join(damaged, "encoder.onnx"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	short := tinyFolder(t, "short")
	if err := os.Remove(filepath.Join(short, "joiner.onnx")); err != nil {
		t.Fatal(err)
	}
	vad := speechdata.Folder(t, speechmodel.Manifest{Name: "for-vad", Use: speechmodel.UseVAD, Kind: "silero", SampleRate: 16000},
		map[string]string{"model": filepath.Join(damaged, "encoder.onnx")})
	for name, tt := range map[string]struct {
		change func(*asr.Config)
		want   error
		text   string
	}{
		"damaged":              {func(c *asr.Config) { c.Sherpa.Model = damaged }, speechmodel.ErrChecksum, "sherpa.model"},
		"short":                {func(c *asr.Config) { c.Sherpa.Model = short }, speechmodel.ErrChecksum, "joiner.onnx"},
		"not installed":        {func(c *asr.Config) { c.Sherpa.Model = "sherpa-onnx-none" }, speechmodel.ErrNotInstalled, "sherpa.model"},
		"dialect":              {func(c *asr.Config) { c.Sherpa.Dialects = []string{"yue=sherpa-onnx-none"} }, speechmodel.ErrNotInstalled, "sherpa.dialects: yue"},
		"punctuation":          {func(c *asr.Config) { c.Sherpa.Punctuation = "none" }, speechmodel.ErrNotInstalled, "sherpa.punctuation"},
		"another use":          {func(c *asr.Config) { c.Sherpa.Model = vad }, nil, "is a model for vad"},
		"punctuation by a vad": {func(c *asr.Config) { c.Sherpa.Punctuation = vad }, nil, "is a model for vad"},
	} {
		err := start(tt.change)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Calls of a dialect get the model that is configured for it, or for the
// wider dialect that theirs is part of.
func TestSherpaDialects(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := builtIn(t, reg, func(c *asr.Config) {
		c.Sherpa.Dialects = []string{"yue=" + tinyFolder(t, "for-yue", "yue"), "wuu = " + tinyFolder(t, "for-wuu", "wuu")}
	})
	defer e.Close()
	if got := e.Capabilities().Dialects; !slices.Equal(got, []string{"wuu", "yue", "zh"}) {
		t.Errorf("dialects %q", got)
	}
	streams := func(model string) float64 { return gauge(t, reg, "tidegate_asr_decode_streams", model) }
	for dialect, model := range map[string]string{"yue": "for-yue", "zh": "tiny-zh", "zh-shanghai": "for-wuu", "": "tiny-zh", "zh-sichuan": "tiny-zh", "atlantis": "tiny-zh"} {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := e.Start(ctx, asr.Options{SampleRate: 8000, Dialect: dialect})
		if err != nil {
			t.Fatal(err)
		}
		if got := streams(model); got != 1 {
			t.Errorf("%s: %s serves %v calls", dialect, model, got)
		}
		if can := s.(asr.Particular).Capabilities(); !can.Partials || can.Synthetic == (model != "tiny-zh") {
			t.Errorf("%s: %+v", dialect, can)
		}
		cancel()
		for range s.Events() {
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := streams(model); got != 0 {
			t.Errorf("%s: %s serves %v calls after the last", dialect, model, got)
		}
	}
}

// A hot word of the call changes what is understood.
func TestSherpaHints(t *testing.T) {
	e := builtIn(t, nil, func(c *asr.Config) { c.Sherpa.HotwordsScore = 2 })
	defer e.Close()
	line := speechdata.Lines()[4]
	sound := speechdata.Spoken(t, "m6", line, 8000)
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hear := func(n int) string {
		if err := errors.Join(s.SpeechStart(n), s.Audio(sound), s.SpeechEnd(n)); err != nil {
			t.Fatal(err)
		}
		for ev := range s.Events() {
			if ev.Kind == asr.EventFinal {
				return ev.Text
			}
		}
		return ""
	}
	without := hear(1)
	if without == line.Text {
		t.Fatal("the sentence is understood without help: choose another one")
	}
	if err := s.Hints([]string{"人工客服", "请帮我"}); err != nil {
		t.Fatal(err)
	}
	if with := hear(2); with != line.Text {
		t.Errorf("with hints %q, without %q", with, without)
	}
	if err := s.Hints(nil); err != nil {
		t.Fatal(err)
	}
	if again := hear(3); again != without {
		t.Errorf("after the hints %q, before %q", again, without)
	}
}
