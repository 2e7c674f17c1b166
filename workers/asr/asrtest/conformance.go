// Package asrtest is the conformance suite of recognition engines: what every
// engine must hold to be driven by the service.
package asrtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/workers/asr"
)

// Case is one engine under test.
type Case struct {
	// Engine makes a fresh engine; the suite closes it.
	Engine func(t *testing.T) asr.Engine
	// Options of every session; the rate is set by the suite.
	Options asr.Options
	// Utterance is sound that the engine understands as Text, at a rate.
	// Without it a tone is played and any text is right.
	Utterance func(t *testing.T, rate int) []int16
	Text      string
	// Wrong is the share of characters that may be wrong, as
	// zhtext.ErrorRate counts them.
	Wrong float64
	// Fill brings an engine that bounds its work to where it takes no more;
	// nil leaves that out.
	Fill func(t *testing.T, e asr.Engine, rate int)
	// Deadline bounds each wait; 0 is 20 s.
	Deadline time.Duration
}

const defaultDeadline = 20 * time.Second

// Run runs the suite.
func Run(t *testing.T, c Case) {
	if c.Deadline == 0 {
		c.Deadline = defaultDeadline
	}
	t.Run("declares itself", c.declares)
	t.Run("one final for each end of speech", c.finals)
	t.Run("numbers may begin anywhere", c.resumes)
	t.Run("speech marks out of order", c.order)
	t.Run("utterance without sound", c.silent)
	t.Run("close", c.closes)
	t.Run("context", c.context)
	t.Run("sessions side by side", c.parallel)
	t.Run("partials while speech goes on", c.partials)
	t.Run("hints of every kind", c.hints)
	t.Run("sounds that are no speech", c.sounds)
	t.Run("close while it works", c.interrupted)
	if c.Fill != nil {
		t.Run("overload", c.overload)
	}
}

func (c Case) engine(t *testing.T) asr.Engine {
	t.Helper()
	e := c.Engine(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close engine: %v", err)
		}
	})
	return e
}

func (c Case) start(ctx context.Context, t *testing.T, e asr.Engine, rate int) asr.Stream {
	t.Helper()
	o := c.Options
	o.SampleRate = rate
	s, err := e.Start(ctx, o)
	if err != nil {
		t.Fatalf("start at %d Hz: %v", rate, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (c Case) sound(t *testing.T, rate int) []int16 {
	t.Helper()
	if c.Utterance != nil {
		return c.Utterance(t, rate)
	}
	return audio.Tone(440, 900*time.Millisecond, rate, 0.3)
}

// speak plays one utterance in frames of 20 ms.
func (c Case) speak(t *testing.T, s asr.Stream, n, rate int) {
	t.Helper()
	must(t, s.SpeechStart(n))
	pcm, frame := c.sound(t, rate), rate/50
	for len(pcm) > 0 {
		k := min(frame, len(pcm))
		must(t, s.Audio(pcm[:k]))
		pcm = pcm[k:]
	}
	must(t, s.SpeechEnd(n))
}

// await reads events up to the one that ends utterance n.
func (c Case) await(t *testing.T, s asr.Stream, n int) asr.Event {
	t.Helper()
	timeout := time.After(c.Deadline)
	for {
		select {
		case ev, ok := <-s.Events():
			if !ok {
				t.Fatalf("events closed before the end of utterance %d", n)
			}
			if ev.Utterance != n {
				t.Fatalf("event of utterance %d, want %d: %v", ev.Utterance, n, ev.Kind)
			}
			if ev.Confidence < 0 || ev.Confidence > 1 {
				t.Fatalf("confidence %v", ev.Confidence)
			}
			switch ev.Kind {
			case asr.EventPartial:
			case asr.EventFinal, asr.EventError:
				return ev
			default:
				t.Fatalf("event of kind %v", ev.Kind)
			}
		case <-timeout:
			t.Fatalf("utterance %d did not end", n)
		}
	}
}

func (c Case) declares(t *testing.T) {
	e := c.engine(t)
	if e.Name() == "" {
		t.Error("engine has no name")
	}
	if len(e.Capabilities().SampleRates) == 0 {
		t.Error("engine declares no sample rate")
	}
	if l := c.Options.Language; !e.Capabilities().Speaks(l) {
		t.Errorf("engine does not speak %q", l)
	}
}

func (c Case) finals(t *testing.T) {
	e := c.engine(t)
	for _, rate := range e.Capabilities().SampleRates {
		s := c.start(t.Context(), t, e, rate)
		must(t, s.Hints([]string{"退货"}))
		for n := 1; n <= 3; n++ {
			c.speak(t, s, n, rate)
			ev := c.await(t, s, n)
			if ev.Kind != asr.EventFinal {
				t.Fatalf("utterance %d at %d Hz: %v", n, rate, ev.Err)
			}
			if n == 1 {
				c.compare(t, rate, ev)
			}
		}
	}
}

func (c Case) compare(t *testing.T, rate int, ev asr.Event) {
	t.Helper()
	wrong, characters := zhtext.ErrorRate(c.Text, ev.Text)
	if c.Text != "" && float64(wrong) > c.Wrong*float64(characters) {
		t.Errorf("at %d Hz: text %q, want %q", rate, ev.Text, c.Text)
	}
	if ev.Text == "" && ev.Confidence != 0 {
		t.Errorf("confidence %v in no text", ev.Confidence)
	}
}

func (c Case) resumes(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	s := c.start(t.Context(), t, e, rate)
	for _, n := range []int{4, 5, 9} {
		c.speak(t, s, n, rate)
		c.await(t, s, n)
	}
}

func (c Case) order(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	s := c.start(t.Context(), t, e, rate)
	wantOrder(t, "end before start", s.SpeechEnd(1))
	wantOrder(t, "sound before start", s.Audio(make([]int16, rate/50)))
	must(t, s.SpeechStart(2))
	wantOrder(t, "start within an utterance", s.SpeechStart(3))
	wantOrder(t, "end of another utterance", s.SpeechEnd(3))
	must(t, s.SpeechEnd(2))
	c.await(t, s, 2)
	wantOrder(t, "start of an old number", s.SpeechStart(2))
	c.speak(t, s, 3, rate)
	c.await(t, s, 3)
}

func (c Case) silent(t *testing.T) {
	e := c.engine(t)
	s := c.start(t.Context(), t, e, e.Capabilities().SampleRates[0])
	must(t, s.SpeechStart(1))
	must(t, s.SpeechEnd(1))
	c.await(t, s, 1)
}

func (c Case) closes(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	s := c.start(t.Context(), t, e, rate)
	c.speak(t, s, 1, rate)
	must(t, s.SpeechStart(2))
	must(t, s.Close())
	must(t, s.Close())
	c.drained(t, s)
	if err := s.SpeechEnd(2); !errors.Is(err, asr.ErrClosed) {
		t.Errorf("end of speech after close: %v, want ErrClosed", err)
	}
}

func (c Case) context(t *testing.T) {
	e := c.engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := c.start(ctx, t, e, e.Capabilities().SampleRates[0])
	must(t, s.SpeechStart(1))
	cancel()
	c.drained(t, s)
	must(t, s.Close())
}

// drained waits for the end of the events.
func (c Case) drained(t *testing.T, s asr.Stream) {
	t.Helper()
	timeout := time.After(c.Deadline)
	for {
		select {
		case _, ok := <-s.Events():
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("events did not end")
		}
	}
}

func (c Case) parallel(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	a, b := c.start(t.Context(), t, e, rate), c.start(t.Context(), t, e, rate)
	c.speak(t, a, 1, rate)
	c.speak(t, b, 1, rate)
	must(t, a.Close())
	c.await(t, b, 1)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantOrder(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, asr.ErrOrder) {
		t.Errorf("%s: %v, want ErrOrder", what, err)
	}
}
