//go:build cgo

package speech_test

import (
	"bufio"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/speechdata"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/tts"
)

const rate = 8000

// recogniser is the recognition engine with the built-in model, or what
// change makes of its configuration.
func recogniser(t testing.TB, change func(*asr.Config)) asr.Engine {
	t.Helper()
	cfg := asr.Defaults()
	cfg.Engine, cfg.Sherpa.Cache, cfg.Models.Dir = asr.EngineSherpa, t.TempDir(), t.TempDir()
	if change != nil {
		change(&cfg)
	}
	e, err := asr.NewEngine(cfg, asr.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// voice is what simulated callers speak with.
func voice(t testing.TB) tts.Engine {
	t.Helper()
	cfg := tts.Defaults()
	cfg.Engine = tts.EngineEspeak
	e, err := tts.NewEngine(cfg)
	if errors.Is(err, tts.ErrEspeakMissing) {
		t.Skip("espeak-ng is not installed")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// line is a sentence and the sound of it on a telephone line.
type line struct {
	text string
	pcm  []int16
}

// evaluation speaks sentences that the built-in model was not trained on, by
// voices that it was not trained on either. Every step-th sentence is taken.
func evaluation(t testing.TB, step int) []line {
	t.Helper()
	v := voice(t)
	f, err := os.Open("../../workers/asr/tinyzh/eval.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var lines []line
	sentences := bufio.NewScanner(f)
	for i := 0; sentences.Scan(); i++ {
		if i%step != 0 {
			continue
		}
		text := strings.Split(sentences.Text(), "\t")[1]
		pcm, err := tts.Speak(t.Context(), v, tts.Request{
			Text: text, Language: "zh", SampleRate: rate, Voice: speechdata.Voices()[i/step%3], Rate: []float64{0.85, 1, 1.15, 1.25}[i/step%4],
		})
		if err != nil {
			t.Fatal(err)
		}
		// The bridge sends 300 ms from before speech begins.
		pcm = append(append(audio.Silence(300e6, rate), pcm...), audio.Silence(100e6, rate)...)
		lines = append(lines, line{text, audio.DecodeALaw(nil, audio.EncodeALaw(nil, pcm))})
	}
	if len(lines) < 150/step {
		t.Fatalf("%d sentences", len(lines))
	}
	return lines
}

// wrong recognises lines, a few calls at once, and counts the errors.
func wrong(t testing.TB, e asr.Engine, lines []line) zhtext.Errors {
	t.Helper()
	const calls = 4
	var mu sync.Mutex
	var sum zhtext.Errors
	var all sync.WaitGroup
	for c := range calls {
		all.Go(func() {
			s, err := e.Start(t.Context(), asr.Options{SampleRate: rate, Language: "zh-CN"})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			for i := c; i < len(lines); i += calls {
				if err := errors.Join(s.SpeechStart(i+1), s.Audio(lines[i].pcm), s.SpeechEnd(i+1)); err != nil {
					t.Error(err)
					return
				}
				for ev := range s.Events() {
					if ev.Kind == asr.EventPartial {
						continue
					}
					if ev.Err != nil {
						t.Error(ev.Err)
					}
					mu.Lock()
					sum.Add(lines[i].text, ev.Text)
					mu.Unlock()
					break
				}
			}
		})
	}
	all.Wait()
	return sum
}

// The built-in model understands callers of the demonstration.
func TestBuiltInRecogniser(t *testing.T) {
	e := recogniser(t, nil)
	got := wrong(t, e, evaluation(t, 1))
	if got.Texts != 150 || got.Rate() > 0.15 {
		t.Errorf("%d sentences, %.1f %% of characters wrong", got.Texts, 100*got.Rate())
	}
	t.Logf("%.1f %% of %d characters wrong, %d of %d sentences right", 100*got.Rate(), got.Characters, got.Exact, got.Texts)
}

// BenchmarkBuiltInRecogniser is the quality and the speed of the built-in
// model.
func BenchmarkBuiltInRecogniser(b *testing.B) {
	lines := evaluation(b, 1)
	var seconds float64
	for _, l := range lines {
		seconds += float64(len(l.pcm)) / rate
	}
	for _, method := range []string{"modified_beam_search", "greedy_search"} {
		b.Run(method, func(b *testing.B) {
			e := recogniser(b, func(c *asr.Config) { c.Sherpa.Method = method })
			var got zhtext.Errors
			for b.Loop() {
				got = wrong(b, e, lines)
			}
			b.ReportMetric(100*got.Rate(), "%wrong")
			b.ReportMetric(seconds*float64(b.N)/b.Elapsed().Seconds(), "calls-at-once")
		})
	}
}
