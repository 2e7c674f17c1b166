package tts_test

import (
	"context"
	"testing"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
	"github.com/tidegate/tidegate/workers/speech/speechtest"
	"github.com/tidegate/tidegate/workers/tts"
)

// gate is an engine that speaks its second sentence when it may.
type gate struct {
	stuck
	opened chan struct{}
}

func (gate) Capabilities() tts.Capabilities { return tts.Capabilities{SampleRates: []int{8000, 16000}} }

func (g gate) Synthesize(ctx context.Context, r tts.Request, emit tts.Emit) (tts.Result, error) {
	if err := emit(make([]int16, r.SampleRate/2)); err != nil {
		return tts.Result{}, err
	}
	select {
	case <-g.opened:
	case <-ctx.Done():
		return tts.Result{}, ctx.Err()
	}
	return tts.Result{Samples: r.SampleRate}, emit(make([]int16, r.SampleRate/2))
}

// TestFirstSentenceLeavesFirst: all sound of the first sentence is on the
// websocket before the second one is made.
func TestFirstSentenceLeavesFirst(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		g := gate{opened: make(chan struct{})}
		w := run(t, g, nil)
		c := speechtest.Open(t, w.bus, speech.TTS, schemas.SpeechMessage{CallID: "call-1", Language: "zh-CN", SampleRate: rate})
		ask(c, "u1", "您好。请说。")
		if m := c.Message(); m.Type != schemas.SpeechStarted || m.SampleRate != rate {
			t.Fatalf("first message %+v", m)
		}
		for got := 0; got < rate/2; {
			m, sound, err := c.Next()
			if err != nil || m != nil {
				t.Fatalf("%+v, %v after %d samples", m, err, got)
			}
			got += len(sound)
		}
		close(g.opened)
		rest := 0
		for {
			m, sound, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			rest += len(sound)
			if m != nil {
				if m.Type != schemas.SpeechFinished || m.DurationMS != 1000 {
					t.Errorf("at %d Hz: end %+v", rate, m)
				}
				break
			}
		}
		if rest != rate/2 {
			t.Errorf("at %d Hz: %d samples of the second sentence", rate, rest)
		}
	}
}
