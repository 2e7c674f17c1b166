package asrtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/asr"
)

// partials: an engine that promises them gives them before speech has ended,
// each another one than that before it, and none of an utterance after its
// end.
func (c Case) partials(t *testing.T) {
	e := c.engine(t)
	if !e.Capabilities().Partials {
		t.Skip("the engine gives none")
	}
	for _, rate := range e.Capabilities().SampleRates {
		s := c.start(t.Context(), t, e, rate)
		for n := 1; n <= 2; n++ {
			must(t, s.SpeechStart(n))
			c.play(t, s, c.sound(t, rate), rate)
			shown := c.partial(t, s, n, "")
			must(t, s.SpeechEnd(n))
			for {
				ev := c.next(t, s, n)
				if ev.Kind == asr.EventPartial {
					if ev.Text == shown {
						t.Errorf("partial %q twice in a row", ev.Text)
					}
					shown = ev.Text
					continue
				}
				if ev.Kind != asr.EventFinal {
					t.Fatalf("utterance %d at %d Hz: %v", n, rate, ev.Err)
				}
				if n == 1 {
					c.compare(t, rate, ev)
				}
				break
			}
		}
	}
}

// partial waits for the first partial of an utterance.
func (c Case) partial(t *testing.T, s asr.Stream, n int, before string) string {
	t.Helper()
	ev := c.next(t, s, n)
	if ev.Kind != asr.EventPartial || ev.Text == "" || ev.Text == before {
		t.Fatalf("%v %q while speech goes on, want a partial", ev.Kind, ev.Text)
	}
	return ev.Text
}

// next is the next event, which must be one of utterance n.
func (c Case) next(t *testing.T, s asr.Stream, n int) asr.Event {
	t.Helper()
	select {
	case ev, ok := <-s.Events():
		if !ok {
			t.Fatal("events ended")
		}
		if ev.Utterance != n {
			t.Fatalf("event of utterance %d, want %d", ev.Utterance, n)
		}
		return ev
	case <-time.After(c.Deadline):
		t.Fatalf("no event of utterance %d", n)
	}
	return asr.Event{}
}

// play gives sound in frames of 20 ms.
func (c Case) play(t *testing.T, s asr.Stream, pcm []int16, rate int) {
	t.Helper()
	for frame := rate / 50; len(pcm) > 0; {
		k := min(frame, len(pcm))
		must(t, s.Audio(pcm[:k]))
		pcm = pcm[k:]
	}
}

// hints: words to expect come from orders and flows, and are not always
// words. None of them ends a session.
func (c Case) hints(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	many := make([]string, 200)
	for i := range many {
		many[i] = strings.Repeat(string(rune('一'+i)), 3)
	}
	c.Options.Phrases = []string{"退货", "运费险"}
	s := c.start(t.Context(), t, e, rate)
	for n, phrases := range [][]string{
		nil, {}, {"退货"}, {"", " ", "\x00", "\n", ":", ":2.0", ":x", "#", "@", "/", "<unk>", "▁"}, {"羽绒服 :9", "a/b", "订单:abc #1 @x"},
		{"TB2024", "ＩＰＨＯＮＥ１５", "iPhone 15 Pro", "꧁𠀀꧂", "\xff\xfe"}, many, {strings.Repeat("长", 5000)},
	} {
		must(t, s.Hints(phrases))
		must(t, s.SpeechStart(n+1))
		must(t, s.Hints(phrases)) // in mid-utterance too
		c.play(t, s, c.sound(t, rate), rate)
		must(t, s.SpeechEnd(n+1))
		if ev := c.await(t, s, n+1); ev.Kind != asr.EventFinal {
			t.Fatalf("with hints %.80q: %v", phrases, ev.Err)
		}
	}
}

// sounds: whatever a line carries, an utterance ends, and the next one is
// understood.
func (c Case) sounds(t *testing.T) {
	e := c.engine(t)
	for _, rate := range e.Capabilities().SampleRates {
		s := c.start(t.Context(), t, e, rate)
		loud := make([]int16, 3*rate)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range loud {
			loud[i] = int16(random.IntN(1 << 16))
		}
		full := make([]int16, rate)
		for i := range full {
			full[i] = 32767 - int16(i/40%2)*32767
		}
		var keys []int16
		for _, digit := range "159*0#" {
			keys = append(keys, audio.DTMFTone(digit, 100*time.Millisecond, rate)...)
		}
		for n, pcm := range [][]int16{make([]int16, 5*rate), loud, full, keys, {1}, make([]int16, rate/100)} {
			must(t, s.SpeechStart(n+1))
			c.play(t, s, pcm, rate)
			must(t, s.SpeechEnd(n+1))
			if ev := c.await(t, s, n+1); ev.Kind != asr.EventFinal {
				t.Fatalf("sound %d at %d Hz: %v", n, rate, ev.Err)
			}
		}
	}
}

// interrupted: a call may end while its sound is being recognised.
func (c Case) interrupted(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	sound := c.sound(t, rate)
	for i := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		s := c.start(ctx, t, e, rate)
		must(t, s.SpeechStart(1))
		c.play(t, s, sound, rate)
		if i%2 == 0 {
			must(t, s.SpeechEnd(1))
		}
		if i%4 < 2 {
			must(t, s.Close())
		} else {
			cancel()
		}
		c.drained(t, s)
		must(t, s.Close())
		cancel()
	}
	s := c.start(t.Context(), t, e, rate)
	c.speak(t, s, 1, rate)
	c.await(t, s, 1)
}

func (c Case) overload(t *testing.T) {
	e := c.engine(t)
	rate := e.Capabilities().SampleRates[0]
	c.Fill(t, e, rate)
	o := c.Options
	o.SampleRate = rate
	if s, err := e.Start(t.Context(), o); !errors.Is(err, asr.ErrOverloaded) {
		if err == nil {
			must(t, s.Close())
		}
		t.Errorf("start of a full engine: %v, want ErrOverloaded", err)
	}
}
