package mediabridge_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/mediabridge"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/tts"
)

// gate is a synthesis engine whose second sentence waits.
type gate struct {
	opened chan struct{}
	asked  chan tts.Request
}

func (*gate) Name() string { return "gate" }
func (*gate) Close() error { return nil }

func (*gate) Capabilities() tts.Capabilities {
	return tts.Capabilities{SampleRates: []int{8000, 16000}, Voices: []string{"xiaoyu"}}
}

const gateSentence = 400 * time.Millisecond

func (g *gate) Synthesize(ctx context.Context, r tts.Request, emit tts.Emit) (tts.Result, error) {
	g.asked <- r
	var res tts.Result
	for _, hz := range []float64{1000, 2000} {
		if hz == 2000 {
			select {
			case <-g.opened:
			case <-ctx.Done():
				return res, ctx.Err()
			}
		}
		pcm := audio.Tone(hz, gateSentence, r.SampleRate, 0.5)
		if err := emit(pcm); err != nil {
			return res, err
		}
		res.Samples += len(pcm)
	}
	return res, nil
}

// TestFirstSentenceIsHeardFirst: a real worker's first sentence is at the
// switch while its second one is not made yet, and the way of speaking that
// was asked for reaches its engine.
func TestFirstSentenceIsHeardFirst(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16000} {
		r := newRig(t, func(c *mediabridge.Config) { c.SpeechTimeout = patient })
		r.asr = startASR(r)
		g := &gate{opened: make(chan struct{}), asked: make(chan tts.Request, 4)}
		cfg := tts.Defaults()
		cfg.Server.Listen = "127.0.0.1:0"
		worker, err := tts.NewWithEngine(cfg, tts.Deps{Bus: r.nats.Connect("tts")}, g)
		if err != nil {
			t.Fatal(err)
		}
		if err := worker.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := worker.Stop(withPatience(t)); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
		ev := r.listen("c1")
		meta := metadata("c1")
		meta.SampleRate = rate
		f := r.fork(meta)
		await[schemas.MediaReady](ev, nil)
		u := say("c1", "u1", "您好。请讲。", 1)
		u.Voice, u.Rate, u.Style = "xiaoyu", 1.1, "calm"
		r.send("c1", u)
		if s := await[schemas.MediaPlayoutStarted](ev, nil); s.UtteranceID != "u1" {
			t.Fatalf("started %+v", s)
		}
		sentence := audio.Samples(gateSentence, rate)
		eventually(t, "the first sentence at the switch", func() bool { return len(f.sound()) >= sentence })
		if p := audio.Power(f.sound()[:sentence], 1000, rate); p < 0.2 {
			t.Errorf("at %d Hz: power of the first sentence %.3f", rate, p)
		}
		got := <-g.asked
		want := tts.Request{Text: u.Text, Language: u.Language, Voice: "xiaoyu", Rate: 1.1, Style: "calm", SampleRate: rate}
		if got != want {
			t.Errorf("engine was asked for %+v, want %+v", got, want)
		}
		close(g.opened)
		if e := await[schemas.MediaPlayoutEnded](ev, nil); e.Reason != "finished" || e.TotalMS != 2*gateSentence.Milliseconds() {
			t.Errorf("ended %+v", e)
		}
	}
}
