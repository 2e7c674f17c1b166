// Package ttstest is the conformance suite of synthesis engines: what every
// engine must hold to be driven by the service.
package ttstest

import (
	"context"
	"errors"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/tts"
)

// Case is one engine under test.
type Case struct {
	// Engine makes a fresh engine; the suite closes it.
	Engine   func(t *testing.T) tts.Engine
	Language string // empty is zh-CN
}

// Text of the suite: two sentences of seven and eight syllables.
const Text = "您好，请说订单号。退货已经为您办好了！"

const sentences, syllables = 2, 15

// Run runs the suite.
func Run(t *testing.T, c Case) {
	if c.Language == "" {
		c.Language = "zh-CN"
	}
	t.Run("speaks", c.speaks)
	t.Run("rate", c.rate)
	t.Run("nothing to say", c.nothing)
	t.Run("refuses", c.refuses)
	t.Run("cancel", c.cancel)
	t.Run("emit fails", c.emitFails)
	t.Run("side by side", c.parallel)
}

func (c Case) engine(t *testing.T) tts.Engine {
	t.Helper()
	e := c.Engine(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close engine: %v", err)
		}
	})
	return e
}

func (c Case) request(text string, rate int) tts.Request {
	return tts.Request{Text: text, Language: c.Language, SampleRate: rate}
}

func (c Case) speaks(t *testing.T) {
	e := c.engine(t)
	if e.Name() == "" || len(e.Capabilities().SampleRates) == 0 {
		t.Fatal("engine does not declare itself")
	}
	for _, rate := range e.Capabilities().SampleRates {
		var pcm []int16
		pieces := 0
		res, err := e.Synthesize(t.Context(), c.request(Text, rate), func(p []int16) error {
			pieces++
			pcm = append(pcm, p...)
			return nil
		})
		if err != nil {
			t.Fatalf("at %d Hz: %v", rate, err)
		}
		if res.Samples != len(pcm) {
			t.Errorf("at %d Hz: result says %d samples of %d", rate, res.Samples, len(pcm))
		}
		if pieces < sentences {
			t.Errorf("at %d Hz: %d pieces for %d sentences", rate, pieces, sentences)
		}
		Speech(t, pcm, rate, syllables)
	}
}

// Speech fails the test when sound is not like speech of so many syllables:
// 80 to 500 ms each, at a usual level, in the telephone band, not clipped.
func Speech(t *testing.T, pcm []int16, rate, syllables int) {
	t.Helper()
	if len(pcm) == 0 {
		t.Error("no sound")
		return
	}
	d := audio.Duration(len(pcm), rate)
	if per := d / time.Duration(syllables); per < 80*time.Millisecond || per > 500*time.Millisecond {
		t.Errorf("%s for %d syllables", d, syllables)
	}
	if level := audio.DBFS(pcm); level < -32 || level > -12 {
		t.Errorf("level %.1f dBFS", level)
	}
	if slices.Max(pcm) == 32767 || slices.Min(pcm) == -32768 {
		t.Error("clipped")
	}
	var band, all float64
	part := pcm[:1<<(bits.Len(uint(len(pcm)))-1)] // the FFT is slow on lengths that are no power of two
	for _, bin := range audio.Spectrum(part, rate) {
		all += bin.Power
		if bin.Hz >= 80 && bin.Hz <= 3600 {
			band += bin.Power
		}
	}
	if band < 0.8*all {
		t.Errorf("%.0f %% of the energy in the telephone band", 100*band/all)
	}
}

func (c Case) rate(t *testing.T) {
	e := c.engine(t)
	length := func(speed float64) int {
		r := c.request(Text, 8000)
		r.Rate = speed
		pcm, err := tts.Speak(t.Context(), e, r)
		if err != nil {
			t.Fatal(err)
		}
		return len(pcm)
	}
	slow, normal, fast := length(0.7), length(1), length(1.5)
	if slow <= normal || normal <= fast {
		t.Errorf("samples at rates 0.7, 1, 1.5: %d, %d, %d", slow, normal, fast)
	}
	if unset := length(0); unset != normal {
		t.Errorf("rate 0 gives %d samples, rate 1 %d", unset, normal)
	}
}

func (c Case) nothing(t *testing.T) {
	e := c.engine(t)
	for _, text := range []string{"", "   ", "。！？……", "\n\n"} {
		pcm, err := tts.Speak(t.Context(), e, c.request(text, 8000))
		if err != nil || len(pcm) > 0 {
			t.Errorf("%q: %d samples, %v", text, len(pcm), err)
		}
	}
}

func (c Case) refuses(t *testing.T) {
	e := c.engine(t)
	odd, long := c.request(Text, 44100), c.request(strings.Repeat("货", tts.MaxTextBytes), 8000)
	for name, r := range map[string]tts.Request{"rate": odd, "length": long} {
		if _, err := tts.Speak(t.Context(), e, r); !errors.Is(err, tts.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func (c Case) cancel(t *testing.T) {
	e := c.engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	pieces := 0
	_, err := e.Synthesize(ctx, c.request(strings.Repeat(Text, 50), 8000), func([]int16) error {
		pieces++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || pieces != 1 {
		t.Errorf("%d pieces after the cancel, %v", pieces-1, err)
	}
}

func (c Case) emitFails(t *testing.T) {
	e := c.engine(t)
	gone := errors.New("listener is gone")
	if _, err := e.Synthesize(t.Context(), c.request(Text, 8000), func([]int16) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}

func (c Case) parallel(t *testing.T) {
	e := c.engine(t)
	var wg sync.WaitGroup
	lengths := make([]int, 6)
	for i := range lengths {
		wg.Go(func() {
			pcm, err := tts.Speak(t.Context(), e, c.request(Text, 8000))
			if err != nil {
				t.Error(err)
			}
			lengths[i] = len(pcm)
		})
	}
	wg.Wait()
	for _, n := range lengths {
		if n != lengths[0] {
			t.Errorf("lengths differ: %v", lengths)
		}
	}
}
