package tts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestPreparedWaitsForCallers: what is prepared ahead of time does not begin
// while a caller waits for sound, and pauses between its pieces.
func TestPreparedWaitsForCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &slow{pause: time.Second, pieces: 4}
		c := newCache(e, 1<<20, nil, newMetrics(nil))
		began := time.Now()
		var wg sync.WaitGroup
		prepared := func(text string, want time.Duration) {
			wg.Go(func() {
				if _, err := c.prepare(t.Context(), Request{Text: text, SampleRate: 8000}); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != want {
					t.Errorf("%s was prepared after %s, want %s", text, took, want)
				}
			})
		}
		prepared("一", 6500*time.Millisecond) // its second piece ends at 2 s, the pause at 4 s, and so on
		time.Sleep(1500 * time.Millisecond)
		wg.Go(func() { // from 1.5 s to 5.5 s
			if _, err := c.Synthesize(t.Context(), Request{Text: "二", SampleRate: 8000}, count(new(int))); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != 5500*time.Millisecond {
				t.Errorf("a caller waited until %s", took)
			}
		})
		synctest.Wait()
		prepared("三", 9500*time.Millisecond) // begins when the caller has all
		wg.Wait()
		_ = c.Close()
	})
}

// TestCallerTakesOverWhatIsPrepared: a prompt that waits its turn is made at
// once when a caller wants it.
func TestCallerTakesOverWhatIsPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(&slow{pause: time.Second, pieces: 2}, 1<<20, nil, newMetrics(nil))
		began := time.Now()
		r := Request{Text: "一", SampleRate: 8000}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Synthesize(t.Context(), Request{Text: "二", SampleRate: 8000}, count(new(int))) })
		synctest.Wait()
		wg.Go(func() {
			if _, err := c.prepare(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if res, err := c.Synthesize(t.Context(), r, count(new(int))); err != nil || !res.Cached || time.Since(began) != 2*time.Second {
			t.Errorf("after %s: %+v, %v", time.Since(began), res, err)
		}
		wg.Wait()
		_ = c.Close()
	})
}

func TestPreparedEndsWithTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(&slow{pause: time.Second, pieces: 100}, 1<<20, nil, newMetrics(nil))
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Synthesize(t.Context(), Request{Text: "二", SampleRate: 8000}, count(new(int))) })
		synctest.Wait()
		wg.Go(func() {
			if _, err := c.prepare(t.Context(), Request{Text: "一", SampleRate: 8000}); !errors.Is(err, context.Canceled) {
				t.Errorf("prepared until %v", err)
			}
		})
		synctest.Wait()
		_ = c.Close()
		wg.Wait()
	})
}

// broken fails for one text.
type broken struct{ slow }

func (b *broken) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	if r.Text == "坏的" {
		return Result{}, errors.New("model broke")
	}
	return b.slow.Synthesize(ctx, r, emit)
}

func TestProgress(t *testing.T) {
	cfg := Defaults()
	cfg.Engine = EngineTone
	s := &Service{cfg: cfg, log: discard, metrics: newMetrics(nil), batches: make(chan batch, 1)}
	s.engine = newCache(&broken{slow{pieces: 1}}, 1<<20, nil, s.metrics)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.prepareAll(ctx) })
	defer running.Wait()
	defer cancel()
	requests := []Request{{Text: "坏的", SampleRate: 8000}}
	for i := range 19 {
		requests = append(requests, Request{Text: fmt.Sprint(i % 10), SampleRate: 8000})
	}
	var last Progress
	calls := 0
	err := <-s.Prepare(requests, func(p Progress) { last, calls = p, calls+1 })
	if err == nil || last.Done != 20 || last.Total != 20 || last.Failed != 1 || last.Kept < 1 || calls != 20 {
		t.Errorf("%d reports, the last %+v, %v", calls, last, err)
	}
	for what, v := range map[string][2]float64{
		"remaining": {testutil.ToFloat64(s.metrics.remaining), 0},
		"finished":  {testutil.ToFloat64(s.metrics.prewarmed.WithLabelValues(resultFinished)), 19},
		"failed":    {testutil.ToFloat64(s.metrics.prewarmed.WithLabelValues(resultFailed)), 1},
	} {
		if v[0] != v[1] {
			t.Errorf("%s: %v, want %v", what, v[0], v[1])
		}
	}
	if err := <-s.Prepare(make([]Request, maxBatch+1), nil); !errors.Is(err, ErrOverloaded) {
		t.Errorf("too many at once: %v", err)
	}
}

// full has no room for a while.
type full struct {
	slow
	times int64
}

func (f *full) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	if f.runs.Add(1) <= f.times {
		return Result{}, ErrOverloaded
	}
	return Result{Samples: 100}, emit(make([]int16, 100))
}

func TestPrepareAsksAFullEngineAgain(t *testing.T) {
	for times, want := range map[int64]error{3: nil, 1000: ErrOverloaded} {
		synctest.Test(t, func(t *testing.T) {
			e := &full{times: times}
			s := &Service{metrics: newMetrics(nil), log: discard}
			s.engine = newCache(e, 1<<20, nil, s.metrics)
			if _, err := s.prepareOne(t.Context(), Request{Text: "您好", SampleRate: 8000}); !errors.Is(err, want) {
				t.Errorf("full %d times: %v, want %v", times, err, want)
			}
			if n := e.runs.Load(); n != min(times+1, fullTries) {
				t.Errorf("full %d times: asked %d times", times, n)
			}
			_ = s.engine.Close()
		})
	}
}

// TestPrepareIsBounded: batches that nobody takes are dropped, and those that
// wait are told when the worker ends.
func TestPrepareIsBounded(t *testing.T) {
	s := &Service{log: discard, metrics: newMetrics(nil), batches: make(chan batch, 1)}
	waits := s.Prepare([]Request{{Text: "一", SampleRate: 8000}}, nil)
	if err := <-s.Prepare([]Request{{Text: "二", SampleRate: 8000}}, nil); !errors.Is(err, ErrOverloaded) {
		t.Errorf("the second: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.dropBatches(ctx.Err())
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if got := testutil.ToFloat64(s.metrics.remaining); got != 0 {
		t.Errorf("%v remain", got)
	}
	if got := testutil.ToFloat64(s.metrics.prewarmed.WithLabelValues(resultDropped)); got != 1 {
		t.Errorf("%v dropped", got)
	}
}

func TestUnprepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Service{}
		s.cfg.PrewarmWait = 10 * time.Second
		s.started.Store(time.Now().UnixNano())
		if err := s.unprepared(); err != nil {
			t.Errorf("nothing to prepare: %v", err)
		}
		s.preparing.Add(1)
		time.Sleep(9 * time.Second)
		if err := s.unprepared(); !errors.Is(err, errPreparing) {
			t.Errorf("while prompts are prepared: %v", err)
		}
		time.Sleep(time.Second)
		if err := s.unprepared(); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}
