//go:build cgo

package asr_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
)

// bursts is n times a fifth of a second of noise, with silence around.
func bursts(n, rate int, gap time.Duration) []int16 {
	r := rand.New(rand.NewPCG(5, 6))
	silence := make([]int16, int(gap.Seconds()*float64(rate)))
	out := silence
	for range n {
		for range rate / 5 {
			out = append(out, int16(r.IntN(16000)-8000))
		}
		out = append(out, silence...)
	}
	return out
}

func offline(t *testing.T, change func(*asr.Config)) asr.Engine {
	t.Helper()
	model := speechdata.Counter(t, "counter", "<|yue|>")
	return builtIn(t, nil, func(c *asr.Config) {
		c.Sherpa.Model = model
		if change != nil {
			change(c)
		}
	})
}

func TestSherpaOfflineConformance(t *testing.T) {
	asrtest.Run(t, asrtest.Case{
		Engine:    func(t *testing.T) asr.Engine { return offline(t, nil) },
		Options:   asr.Options{CallID: "c", Language: "zh-CN"},
		Utterance: func(_ *testing.T, rate int) []int16 { return bursts(3, rate, 300*time.Millisecond) },
		Text:      strings.Repeat(speechdata.CounterWord, 3),
	})
}

func final(t *testing.T, s asr.Stream, n int, pcm []int16) asr.Event {
	t.Helper()
	for _, err := range []error{s.SpeechStart(n), s.Audio(pcm), s.SpeechEnd(n)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for ev := range s.Events() {
		if ev.Kind != asr.EventPartial {
			return ev
		}
	}
	t.Fatal("events ended")
	return asr.Event{}
}

// What the model says of the language comes out, and an utterance that is
// longer than the model takes loses nothing at its cuts.
func TestSherpaOfflineUtterances(t *testing.T) {
	t.Run("cut by silence", func(t *testing.T) {
		s := offlineStream(t, "")
		if ev := final(t, s, 3, bursts(12, 8000, 300*time.Millisecond)); ev.Text != strings.Repeat("响", 12) {
			t.Errorf("%q", ev.Text)
		}
	})
	t.Run("cut by voice activity", func(t *testing.T) { // which takes no noise for speech
		s := offlineStream(t, speechdata.VAD(t))
		if ev := final(t, s, 3, bursts(12, 8000, 300*time.Millisecond)); len(ev.Text) > len("响响响响") {
			t.Errorf("%q", ev.Text)
		}
	})
}

// offlineStream is a call whose longest piece of sound is 2 s, after two
// short utterances.
func offlineStream(t *testing.T, vad string) asr.Stream {
	t.Helper()
	e := offline(t, func(c *asr.Config) { c.Sherpa.Segment.VAD, c.Sherpa.Segment.Max = vad, 2*time.Second })
	t.Cleanup(func() { _ = e.Close() })
	if can := e.Capabilities(); can.Partials || can.Hints || can.Synthetic {
		t.Errorf("%+v", can)
	}
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	if ev := final(t, s, 1, bursts(2, 8000, 200*time.Millisecond)); ev.Text != "响响" || ev.Language != "zh" || ev.Dialect != "yue" || ev.Confidence != 0.85 {
		t.Errorf("%+v", ev)
	}
	if ev := final(t, s, 2, make([]int16, 4000)); ev.Text != "" || ev.Confidence != 0 {
		t.Errorf("silence: %+v", ev)
	}
	return s
}

// A dialect may have an offline model beside a streaming one; its calls are
// told that no partials come.
func TestSherpaOfflineDialect(t *testing.T) {
	e := builtIn(t, nil, func(c *asr.Config) {
		c.Sherpa.Dialects = []string{"yue=" + speechdata.Counter(t, "counter", "<|yue|>")}
	})
	defer e.Close()
	s, err := e.Start(t.Context(), asr.Options{SampleRate: 16000, Dialect: "yue"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if can := s.(asr.Particular).Capabilities(); can.Partials {
		t.Errorf("%+v", can)
	}
	if ev := final(t, s, 1, bursts(1, 16000, 200*time.Millisecond)); ev.Text != "响" || ev.Dialect != "yue" {
		t.Errorf("%+v", ev)
	}
}
