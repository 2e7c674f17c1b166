package resilience_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/resilience"
)

// Who gives up says nothing of the system: neither that it is well, which would
// close its breaker, nor that it is not.
func TestWhoGivesUpSaysNothingOfTheSystem(t *testing.T) {
	cfg := quick()
	cfg.Retries, cfg.Failures, cfg.Timeout, cfg.Cooldown = 0, 2, 20*time.Second, 20*time.Millisecond
	var states []resilience.State
	g := resilience.New(cfg, resilience.Hooks{Unwell: away, Changed: func(s resilience.State) { states = append(states, s) }})
	fail := func(context.Context) error { return errAway }
	giveUp := func() error {
		ctx, cancel := context.WithCancel(t.Context())
		return g.Do(ctx, func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() })
	}
	_ = g.Do(t.Context(), fail)
	if err := giveUp(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _ = g.Do(t.Context(), fail); !g.Open() {
		t.Error("two failures, with somebody who gave up between them, are not two in a row")
	}
	for deadline := time.Now().Add(20 * time.Second); !errors.Is(giveUp(), context.Canceled); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is never tried again")
		}
	}
	if g.State() == resilience.Closed {
		t.Errorf("somebody gave up, and the system counts as well: %v", states)
	}
	// It can still be found to be well.
	for deadline := time.Now().Add(20 * time.Second); g.State() != resilience.Closed; time.Sleep(time.Millisecond) {
		if _ = g.Do(t.Context(), func(context.Context) error { return nil }); time.Now().After(deadline) {
			t.Fatal("it never closes again")
		}
	}
}
