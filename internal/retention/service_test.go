package retention_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/retention"
	"github.com/tidegate/tidegate/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// records has so many calls past their time, and fails while away; while stuck,
// another kind does.
type records struct {
	left, transactions atomic.Int64
	away, stuck        atomic.Bool
}

var errStuck = errors.New("turns: stuck")

func (r *records) Retain(_ context.Context, _ store.RetentionConfig, batch int) (map[store.Kind]int64, bool, error) {
	if r.away.Load() {
		return nil, false, store.ErrUnavailable
	}
	r.transactions.Add(1)
	n := min(r.left.Load(), int64(batch))
	r.left.Add(-n)
	var err error
	if r.stuck.Load() {
		err = errStuck
	}
	return map[store.Kind]int64{store.KindCalls: n}, n == int64(batch), err
}

func TestAKindThatFailsEndsNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &records{}
		rec.left.Store(1234)
		rec.stuck.Store(true)
		n, err := retention.Run(t.Context(), rec, retention.Defaults())
		if !errors.Is(err, errStuck) || n[store.KindCalls] != 1234 {
			t.Errorf("%v, %v", n, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		rec.left.Store(1234)
		if _, err := retention.Run(ctx, rec, retention.Defaults()); !errors.Is(err, errStuck) || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestItDeletesInBatchesAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		rec := &records{}
		rec.left.Store(1234)
		s, err := retention.New(retention.Defaults(), retention.Deps{Records: rec, Registry: reg})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if rec.left.Load() != 0 || rec.transactions.Load() != 3 {
			t.Errorf("%d left after %d transactions", rec.left.Load(), rec.transactions.Load())
		}
		rec.away.Store(true)
		rec.left.Store(10)
		time.Sleep(time.Hour)
		rec.away.Store(false)
		time.Sleep(time.Hour)
		if rec.left.Load() != 0 {
			t.Errorf("%d left after the database came back", rec.left.Load())
		}
		if n, err := testutil.GatherAndCount(reg, "tidegate_retention_runs_total"); n != 2 || err != nil {
			t.Errorf("%d series, %v", n, err)
		}
		for range 2 {
			if err := errors.Join(s.Drain(t.Context()), s.Stop(t.Context()), s.Ready()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestARunEndsWithItsContext(t *testing.T) {
	rec := &records{}
	rec.left.Store(1 << 40)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := retention.Defaults()
	cfg.Pause = time.Hour
	n, err := retention.Run(ctx, rec, cfg)
	if !errors.Is(err, context.Canceled) || n[store.KindCalls] != int64(cfg.Batch) {
		t.Errorf("%v, %v", n, err)
	}
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	if err := retention.Defaults().Validate(); err != nil {
		t.Error(err)
	}
	bad := retention.Config{Keep: store.RetentionConfig{Outbox: 1, Audit: 1}, Pause: -1}
	if n := len(config.Errors(bad.Validate())); n != 5 {
		t.Errorf("%d errors: %v", n, bad.Validate())
	}
	if _, err := retention.New(bad, retention.Deps{Records: &records{}}); err == nil {
		t.Error("a service with a wrong configuration")
	}
}
