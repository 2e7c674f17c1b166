package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What comes while the only lane is busy is done together, in order, and
// each hears how its own went.
func TestGatherTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		g := &gather[int]{lanes: 1, most: 3, run: func(_ context.Context, batch []int) []error {
			time.Sleep(time.Second)
			batches = append(batches, batch)
			errs := make([]error, len(batch))
			for i, n := range batch {
				if n == 3 {
					errs[i] = errors.New("no threes")
				}
			}
			return errs
		}}
		var failed atomic.Int64
		var callers sync.WaitGroup
		for n := range 6 {
			callers.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				if g.do(t.Context(), n) != nil {
					failed.Add(int64(n))
				}
			})
		}
		callers.Wait()
		if got := fmt.Sprint(batches); got != "[[0] [1 2 3] [4 5]]" || failed.Load() != 3 {
			t.Errorf("batches %s, failed %d", got, failed.Load())
		}
	})
}

// A batch is cancelled when nobody in it wants it any more, and not before.
func TestGatherIsCancelledByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []time.Duration
		began := time.Now()
		g := &gather[int]{lanes: 1, most: 2, run: func(ctx context.Context, batch []int) []error {
			<-ctx.Done()
			ended = append(ended, time.Since(began))
			return slices.Repeat([]error{ctx.Err()}, len(batch))
		}}
		var callers sync.WaitGroup
		for n := range 3 {
			callers.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n+1)*time.Second)
				defer cancel()
				if err := g.do(ctx, n); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		callers.Wait()
		if len(ended) != 2 || ended[0] != time.Second || ended[1] != 3*time.Second+2*time.Millisecond {
			t.Errorf("batches ended at %v", ended)
		}
	})
}
