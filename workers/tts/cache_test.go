package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"
)

// slow is the tone engine with a pause before each piece of 100 samples; it
// counts its syntheses.
type slow struct {
	pause  time.Duration
	pieces int
	fail   error // returned after the pieces
	runs   atomic.Int64
}

func (*slow) Name() string               { return "slow" }
func (*slow) Capabilities() Capabilities { return tone{}.Capabilities() }
func (*slow) Close() error               { return nil }

func (s *slow) Synthesize(ctx context.Context, _ Request, emit Emit) (Result, error) {
	s.runs.Add(1)
	for i := range s.pieces {
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
		if err := emit(make([]int16, 100)); err != nil {
			return Result{Samples: 100 * i}, err
		}
	}
	return Result{Samples: 100 * s.pieces}, s.fail
}

var discard = slog.New(slog.DiscardHandler)

func count(pcm *int) Emit {
	return func(p []int16) error { *pcm += len(p); return nil }
}

func TestCacheShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slow{pause: time.Second, pieces: 5}
		m := newMetrics(nil)
		c := newCache(e, 1<<20, nil, m)
		r := Request{Text: "您好", SampleRate: 8000}
		ask := func(wantCached bool) {
			var samples int
			res, err := c.Synthesize(t.Context(), r, count(&samples))
			if err != nil || samples != 500 || res.Samples != 500 || res.Cached != wantCached {
				t.Errorf("%d samples, %+v, %v", samples, res, err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { ask(false) })
		for i := range 3 { // join at the beginning and in the middle
			time.Sleep(time.Duration(i)*time.Second + time.Millisecond)
			wg.Go(func() { ask(true) })
		}
		wg.Wait()
		ask(true)
		if n := e.runs.Load(); n != 1 {
			t.Errorf("%d syntheses", n)
		}
		for result, want := range map[string]float64{cacheMiss: 1, cacheJoined: 3, cacheHit: 1} {
			if got := testutil.ToFloat64(m.cacheRequests.WithLabelValues(levelMemory, result)); got != want {
				t.Errorf("%s: %v, want %v", result, got, want)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.Synthesize(t.Context(), r, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

func TestCacheFirstListenerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slow{pause: time.Second, pieces: 5}
		c := newCache(e, 1<<20, nil, newMetrics(nil))
		r := Request{Text: "您好", SampleRate: 8000}
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Synthesize(ctx, r, count(new(int))); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			var samples int
			if _, err := c.Synthesize(t.Context(), r, count(&samples)); err != nil || samples != 500 {
				t.Errorf("who stayed: %d samples, %v", samples, err)
			}
		})
		synctest.Wait()
		leave()
		wg.Wait()

		// Nobody stays: the synthesis ends, nothing is kept, and the next
		// request begins anew.
		r.Text = "再见"
		ctx, leave = context.WithCancel(t.Context())
		wg.Go(func() { _, _ = c.Synthesize(ctx, r, count(new(int))) })
		synctest.Wait()
		leave()
		wg.Wait()
		var samples int
		if res, err := c.Synthesize(t.Context(), r, count(&samples)); err != nil || res.Cached || samples != 500 {
			t.Errorf("after all had left: %d samples, %+v, %v", samples, res, err)
		}
		_ = c.Close()
	})
}

func TestCacheKeepsNoFailure(t *testing.T) {
	broke := errors.New("broke")
	e := &slow{pieces: 2, fail: broke}
	c := newCache(e, 1<<20, nil, newMetrics(nil))
	defer c.Close()
	for range 2 {
		var samples int
		_, err := c.Synthesize(t.Context(), Request{Text: "您好", SampleRate: 8000}, count(&samples))
		if !errors.Is(err, broke) || samples != 200 {
			t.Errorf("%d samples, %v", samples, err)
		}
	}
	if n := e.runs.Load(); n != 2 {
		t.Errorf("%d syntheses", n)
	}
}

func TestCacheKey(t *testing.T) {
	e := &slow{pieces: 1}
	c := newCache(e, 1<<20, nil, newMetrics(nil))
	defer c.Close()
	base := Request{Text: "您好", SampleRate: 8000, Language: "zh-CN", Voice: "f2", Rate: 1}
	same := base
	same.Text, same.Rate = " 您好\n", 0
	others := []Request{base, base, base, base, base, base}
	others[0].Text = "你好"
	others[1].SampleRate = 16000
	others[2].Language = "en-US"
	others[3].Voice = ""
	others[4].Rate = 1.2
	others[5].Style = "calm"
	calm := base
	calm.Style = "安抚"
	for i, r := range append([]Request{base, same}, append(others, calm)...) {
		res, err := c.Synthesize(t.Context(), r, count(new(int)))
		if err != nil || res.Cached != (i == 1 || i == 8) {
			t.Errorf("request %d: %+v, %v", i, res, err)
		}
	}
}

// TestCacheLRU compares the cache with a plain list.
func TestCacheLRU(t *testing.T) {
	const entry = 200 + 1 + cacheOverhead // of 100 samples and one byte of text
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(0, 5).Draw(t, "room")
		m := newMetrics(prometheus.NewRegistry())
		c := newCache(&slow{pieces: 1}, int64(room)*entry, nil, m)
		defer c.Close()
		var model []string // most recently used first
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			text := fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "text"))
			res, err := c.Synthesize(context.Background(), Request{Text: text, SampleRate: 8000}, count(new(int)))
			if err != nil {
				t.Fatal(err)
			}
			at := -1
			for i, s := range model {
				if s == text {
					at = i
				}
			}
			if res.Cached != (at >= 0) {
				t.Fatalf("%s cached: %v, model %q", text, res.Cached, model)
			}
			if at >= 0 {
				model = append(model[:at], model[at+1:]...)
			}
			model = append([]string{text}, model...)
			model = model[:min(len(model), room)]
			if got := testutil.ToFloat64(m.cacheBytes.WithLabelValues(levelMemory)); got != float64(len(model)*entry) {
				t.Fatalf("%v bytes for %d entries", got, len(model))
			}
		}
	})
}

func TestCacheEntryOverTheLimit(t *testing.T) {
	c := newCache(&slow{pieces: 10}, 1000, nil, newMetrics(nil))
	defer c.Close()
	for range 2 {
		if res, err := c.Synthesize(t.Context(), Request{Text: "您好", SampleRate: 8000}, count(new(int))); err != nil || res.Cached {
			t.Errorf("%+v, %v", res, err)
		}
	}
}

// BenchmarkCacheHit is the time to the whole sound of a prompt of three
// seconds at each level.
func BenchmarkCacheHit(b *testing.B) {
	r := Request{Text: "好的，您的退货申请已经提交。", SampleRate: 8000}
	none := func([]int16) error { return nil }
	for _, level := range []string{levelMemory, levelDisk} {
		b.Run(level, func(b *testing.B) {
			m := newMetrics(nil)
			d, err := openDisk(b.TempDir(), 1<<20, m, discard)
			if err != nil {
				b.Fatal(err)
			}
			var memory int64 // none: every request goes to disk
			if level == levelMemory {
				memory = 1 << 20
			}
			c := newCache(tone{}, memory, d, m)
			defer c.Close()
			if _, err := c.prepare(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if res, err := c.Synthesize(b.Context(), r, none); err != nil || !res.Cached {
					b.Fatal(res, err)
				}
			}
		})
	}
}
