package asr_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/openai/openaitest"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

func openaiEngine(t testing.TB, reg prometheus.Registerer, s *openaitest.Server, change func(*asr.OpenAIConfig)) asr.Engine {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Denoise.Mode = asr.EngineOpenAI, asr.DenoiseOff // this machine may have a model
	cfg.OpenAI.BaseURL, cfg.OpenAI.Model, cfg.OpenAI.Timeout = s.URL(), "whisper", patience
	if change != nil {
		change(&cfg.OpenAI)
	}
	e, err := asr.NewEngine(cfg, asr.Deps{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestOpenAIConformance(t *testing.T) {
	for name, stream := range map[string]bool{"at once": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			asrtest.Run(t, asrtest.Case{
				Engine: func(t *testing.T) asr.Engine {
					return openaiEngine(t, nil, openaitest.Start(t, openaitest.Config{Delay: time.Millisecond}), func(c *asr.OpenAIConfig) { c.Stream = stream })
				},
				Options: asr.Options{CallID: "c", Language: "zh-CN"},
				Text:    "我要退货",
			})
		})
	}
}

func TestOpenAIUtterance(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Key: "sk-1", Kind: openaitest.VLLM})
	e := openaiEngine(t, nil, s, func(c *asr.OpenAIConfig) {
		c.APIKey, c.Model, c.Stream, c.Confidence = "sk-1", "whisper-large-v3", true, true
	})
	st := begin(t, e, asr.Options{Language: "zh-CN", Phrases: []string{"退货", "", strings.Repeat("长", 200), "a\x00b", "\xff", " 尾号八八 "}})
	pcm := sound()
	play(t, st, 5, pcm)
	ev, partials := await(t, st, 5)
	wantFinal(t, ev, "我要退货")
	if !reflect.DeepEqual(partials, []string{"我要", "我要退货"}) {
		t.Errorf("partials %q", partials)
	}
	asked := s.Transcriptions()[0]
	want := map[string][]string{
		"model": {"whisper-large-v3"}, "language": {"zh"}, "prompt": {"退货，尾号八八"}, "response_format": {"json"}, "stream": {"true"}, "include[]": {"logprobs"},
	}
	if !reflect.DeepEqual(asked.Fields, want) {
		t.Errorf("fields %v", asked.Fields)
	}
	if asked.WAV.Rate != 8000 || !reflect.DeepEqual(asked.WAV.Samples, pcm) {
		t.Errorf("sound: %d samples at %d Hz", len(asked.WAV.Samples), asked.WAV.Rate)
	}
	must(t, st.Hints([]string{"红色"}))
	play(t, st, 6, pcm)
	await(t, st, 6)
	if p := s.Transcriptions()[1].Fields["prompt"]; !reflect.DeepEqual(p, []string{"红色"}) {
		t.Errorf("prompt %q", p)
	}
}

func TestOpenAIConfidence(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{})
	st := begin(t, openaiEngine(t, nil, s, func(c *asr.OpenAIConfig) { c.Confidence, c.HintField = true, "keywords[]" }), asr.Options{Language: "cmn-Hans-CN", Phrases: []string{"退货", "换货"}})
	play(t, st, 1, sound())
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "我要退货")
	if ev.Confidence < 0.9 || ev.Confidence > 0.91 {
		t.Errorf("confidence %v", ev.Confidence)
	}
	if f := s.Transcriptions()[0].Fields; !reflect.DeepEqual(f["keywords[]"], []string{"退货", "换货"}) || f["prompt"] != nil || f["language"][0] != "zh" {
		t.Errorf("fields %v", f)
	}
}

func TestOpenAIShortUtteranceIsNotSent(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{})
	st := begin(t, openaiEngine(t, nil, s, nil), asr.Options{})
	play(t, st, 1, audio.Tone(300, 80*time.Millisecond, 8000, 0.3))
	ev, _ := await(t, st, 1)
	wantFinal(t, ev, "")
	if s.Requests() != 0 {
		t.Errorf("%d requests", s.Requests())
	}
}

func TestOpenAIInOrder(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Delay: 20 * time.Millisecond, Said: func(r openaitest.Transcription) string {
		return strings.Repeat("字", len(r.WAV.Samples)/1600)
	}})
	st := begin(t, openaiEngine(t, nil, s, nil), asr.Options{})
	for n := 1; n <= 3; n++ {
		play(t, st, n, make([]int16, 1600*n))
	}
	for n := 1; n <= 3; n++ {
		ev, _ := await(t, st, n)
		wantFinal(t, ev, strings.Repeat("字", n))
	}
	if s.Most() != 1 {
		t.Errorf("%d requests of a call at once", s.Most())
	}
}

func TestOpenAIWaitingUtterancesAreBounded(t *testing.T) {
	s := openaitest.Start(t, openaitest.Config{Fault: func(int) openaitest.Fault { return openaitest.FaultHang }})
	st := begin(t, openaiEngine(t, nil, s, nil), asr.Options{})
	var err error
	n := 0
	for err == nil && n < 1000 {
		n++
		if err = st.SpeechStart(n); err == nil {
			err = errors.Join(st.Audio(make([]int16, 1600)), st.SpeechEnd(n))
		}
	}
	if !errors.Is(err, asr.ErrOverloaded) || n > 100 {
		t.Errorf("utterance %d: %v", n, err)
	}
}

func TestOpenAIFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  openaitest.Fault
		result string
		want   error
	}{
		"busy":      {429, "busy", asr.ErrOverloaded},
		"denied":    {401, "denied", nil},
		"refused":   {422, "refused", asr.ErrUnsupported},
		"broken":    {500, "failed", nil},
		"malformed": {openaitest.FaultMalformed, "bad_answer", nil},
		"oversized": {openaitest.FaultOversize, "bad_answer", nil},
		"hangs":     {openaitest.FaultHang, "timeout", nil},
		"cut off":   {openaitest.FaultCutOff, "cut_off", nil},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			s := openaitest.Start(t, openaitest.Config{Fault: func(n int) openaitest.Fault {
				if n == 1 {
					return tt.fault
				}
				return openaitest.FaultNone
			}})
			st := begin(t, openaiEngine(t, reg, s, func(c *asr.OpenAIConfig) {
				c.Stream = tt.fault == openaitest.FaultCutOff
				if tt.fault == openaitest.FaultHang {
					c.Timeout = 200 * time.Millisecond
				}
			}), asr.Options{})
			play(t, st, 1, sound())
			ev, _ := await(t, st, 1)
			if ev.Kind != asr.EventError || tt.want != nil && !errors.Is(ev.Err, tt.want) {
				t.Errorf("event %+v", ev)
			}
			if n := counter(t, reg, "tidegate_asr_openai_requests_total", tt.result); n != 1 {
				t.Errorf("%v requests %s", n, tt.result)
			}
			if tt.fault == openaitest.FaultHang {
				return // a busy machine may miss so short a limit again
			}
			play(t, st, 2, sound())
			ev, _ = await(t, st, 2)
			wantFinal(t, ev, "我要退货")
		})
	}
}

func TestOpenAIConfig(t *testing.T) {
	cfg := asr.Defaults()
	cfg.Engine, cfg.OpenAI.BaseURL, cfg.OpenAI.Model = asr.EngineOpenAI, "https://api.openai.com/v1", "gpt-4o-transcribe"
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, []byte("no certificate"), 0o600))
	cfg.OpenAI = asr.OpenAIConfig{BaseURL: "ftp://x", HintField: "words", Dialects: []string{"klingon"}, MinSound: time.Hour, CAFile: ca}
	err := cfg.Validate()
	for _, part := range []string{"openai.base_url:", "openai.model:", "openai.hint_field:", "openai.dialects:", "openai.min_sound:", "openai.timeout:", "openai.ca_file: holds no certificate"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing said of %s in %v", part, err)
		}
	}
}
