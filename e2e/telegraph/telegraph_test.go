package telegraph

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
	"github.com/tidegate/tidegate/workers/asr/asrtest"
	"github.com/tidegate/tidegate/workers/tts"
	"github.com/tidegate/tidegate/workers/tts/ttstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestVoiceConformance(t *testing.T) {
	ttstest.Run(t, ttstest.Case{Engine: func(*testing.T) tts.Engine { return NewVoice(NewBook()) }})
}

func TestEarsConformance(t *testing.T) {
	book := NewBook()
	asrtest.Run(t, asrtest.Case{
		Engine: func(*testing.T) asr.Engine { return NewEars(book) },
		Text:   ttstest.Text,
		Utterance: func(t *testing.T, rate int) []int16 {
			pcm, err := tts.Speak(t.Context(), NewVoice(book), tts.Request{Text: ttstest.Text, SampleRate: rate})
			if err != nil {
				t.Fatal(err)
			}
			return pcm
		},
	})
}

// TestNumbersArrive: every number comes out of its sound wherever the measures
// fall, also from a sound whose beginning is missing and after a telephone's
// coding.
func TestNumbersArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, base*base*base-1).Draw(t, "number")
		rate := rapid.SampledFrom(rates).Draw(t, "rate")
		pcm := send(n, 2, rate)
		pcm = pcm[rapid.IntRange(0, audio.Samples(codeTime, rate)).Draw(t, "missing"):]
		pcm = append(audio.Silence(time.Duration(rapid.IntRange(0, 40).Draw(t, "before"))*time.Millisecond, rate), pcm...)
		pcm = audio.DecodeULaw(nil, audio.EncodeULaw(nil, pcm))
		if got := receive(pcm, rate); len(got) != 1 || got[0] != n {
			t.Fatalf("number %d arrives as %v", n, got)
		}
	})
}

// TestNothingIsNoNumber: what is not sent is not heard.
func TestNothingIsNoNumber(t *testing.T) {
	for name, pcm := range map[string][]int16{
		"silence": audio.Silence(3*time.Second, 8000), "a tone": audio.Tone(hertz(mark), 3*time.Second, 8000, 0.5),
		"nothing": nil, "cut short": send(77, 1, 8000)[:audio.Samples(codeTime-toneTime, 8000)],
	} {
		if got := receive(pcm, 8000); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFullBook(t *testing.T) {
	b := NewBook()
	for i := range base * base * base {
		if n, ok := b.number(strings.Repeat("x", i+1)); !ok || n != i {
			t.Fatalf("sentence %d has number %d, %t", i, n, ok)
		}
	}
	if _, ok := b.number("one more"); ok {
		t.Error("no end to the book")
	}
	if n, ok := b.number("x"); !ok || n != 0 {
		t.Errorf("a known sentence has number %d, %t", n, ok)
	}
}
