package resilience_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/internal/resilience"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("away")

func away(err error) bool { return errors.Is(err, errAway) }

func quick() resilience.Config {
	cfg := resilience.Defaults()
	cfg.Timeout, cfg.RetryDelay, cfg.MaxWait, cfg.Cooldown = 50*time.Millisecond, time.Millisecond, time.Millisecond, 100*time.Millisecond
	cfg.MaxConcurrent, cfg.Failures = 1, 3
	return cfg
}

func TestTriesAgainOnlyWhatIsAway(t *testing.T) {
	retried := 0
	g := resilience.New(quick(), resilience.Hooks{Unwell: away, Retried: func() { retried++ }})
	calls := 0
	err := g.Do(t.Context(), func(context.Context) error {
		if calls++; calls == 1 {
			return errAway
		}
		return nil
	})
	if err != nil || calls != 2 || retried != 1 {
		t.Errorf("%v after %d calls, %d retries", err, calls, retried)
	}
	final := errors.New("refused")
	if err := g.Do(t.Context(), func(context.Context) error { calls++; return final }); !errors.Is(err, final) || calls != 3 {
		t.Errorf("%v, %d calls", err, calls)
	}
}

func TestLeavesAloneAndComesBack(t *testing.T) {
	var states []resilience.State
	g := resilience.New(quick(), resilience.Hooks{Unwell: away, Changed: func(s resilience.State) { states = append(states, s) }})
	calls := 0
	fail := func(context.Context) error { calls++; return errAway }
	for range 10 {
		_ = g.Do(t.Context(), fail)
	}
	if err := g.Do(t.Context(), fail); !errors.Is(err, resilience.ErrLeftAlone) || calls != 3 || !g.Open() {
		t.Errorf("%v after %d calls", err, calls)
	}
	for deadline := time.Now().Add(20 * time.Second); g.Open() || g.Do(t.Context(), func(context.Context) error { return nil }) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("never closed again")
		}
		time.Sleep(10 * time.Millisecond)
		if g.Do(t.Context(), func(context.Context) error { return nil }) == nil {
			break
		}
	}
	if want := []resilience.State{resilience.Open, resilience.HalfOpen, resilience.Closed}; !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
}

func TestTimeAndTurns(t *testing.T) {
	cfg := quick()
	cfg.Retries, cfg.Failures = 0, 100
	turns := 0
	g := resilience.New(cfg, resilience.Hooks{Unwell: away, Turn: func(d int) { turns += d }})
	if err := g.Do(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); !errors.Is(err, resilience.ErrTimeout) {
		t.Errorf("hanging: %v", err)
	}
	cfg.Timeout = 20 * time.Second
	g = resilience.New(cfg, resilience.Hooks{Unwell: away})
	err := g.Do(t.Context(), func(context.Context) error {
		return g.Do(t.Context(), func(context.Context) error { return nil })
	})
	if !errors.Is(err, resilience.ErrBusy) || turns != 0 {
		t.Errorf("two at a time: %v, turns %d", err, turns)
	}
}

// TestOnceSharesTheSystem: writes are not tried again, and know of the reads'
// failures and turns.
func TestOnceSharesTheSystem(t *testing.T) {
	cfg := quick()
	cfg.Retries, cfg.Failures, cfg.Timeout, cfg.Cooldown = 5, 3, 20*time.Second, time.Hour
	g := resilience.New(cfg, resilience.Hooks{Unwell: away, Again: func(error) bool { return false }})
	write := g.Once(20 * time.Millisecond)
	err := g.Do(t.Context(), func(context.Context) error { return write.Do(t.Context(), func(context.Context) error { return nil }) })
	if !errors.Is(err, resilience.ErrBusy) {
		t.Errorf("a read and a write at a time: %v", err)
	}
	calls := 0
	if err := write.Do(t.Context(), func(ctx context.Context) error { calls++; <-ctx.Done(); return ctx.Err() }); !errors.Is(err, resilience.ErrTimeout) || calls != 1 {
		t.Errorf("hanging: %v after %d calls", err, calls)
	}
	fail := func(context.Context) error { calls++; return errAway }
	for range 2 {
		if err := g.Do(t.Context(), fail); !errors.Is(err, errAway) {
			t.Error(err)
		}
	}
	if err := write.Do(t.Context(), fail); !errors.Is(err, resilience.ErrLeftAlone) || calls != 3 || !write.Open() {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	var stack []byte
	g := resilience.New(quick(), resilience.Hooks{Unwell: away, Panicked: func(s []byte) { stack = s }})
	err := g.Do(t.Context(), func(context.Context) error { panic("boom") })
	if !errors.Is(err, resilience.ErrPanicked) || !strings.Contains(string(stack), "TestAPanicIsAnError") {
		t.Errorf("%v, stack %s", err, stack)
	}
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	err := resilience.Config{Retries: -1, MaxWait: -1}.Validate()
	for _, key := range []string{"timeout", "retries", "retry_delay", "max_concurrent", "max_wait", "failures", "cooldown"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("error does not name %s: %v", key, err)
		}
	}
}
