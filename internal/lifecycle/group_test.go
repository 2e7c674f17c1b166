package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newGroup(calls *[]string, block chan struct{}) *Group {
	var mu sync.Mutex // drains and cuts run side by side
	say := func(what string) { mu.Lock(); defer mu.Unlock(); *calls = append(*calls, what) }
	g := &Group{Log: slog.New(slog.DiscardHandler), DrainLimit: time.Minute, StopLimit: time.Minute}
	for _, name := range []string{"bus", "switch"} {
		_ = g.Start(context.Background(), Part{
			Name:  name,
			Start: func(context.Context) error { say("start " + name); return nil },
			Drain: func(ctx context.Context) error {
				say("drain " + name)
				if block == nil {
					return nil
				}
				select {
				case <-block:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			Cut:  func() { say("cut " + name) },
			Stop: func(context.Context) error { say("stop " + name); return nil },
		})
	}
	return g
}

func TestOneSignalDrainsBackwards(t *testing.T) {
	var calls []string
	g := newGroup(&calls, nil)
	signals := make(chan struct{}, 2)
	signals <- struct{}{}
	if err := g.Wait(signals); err != nil {
		t.Fatal(err)
	}
	want := []string{"start bus", "start switch", "drain switch", "drain bus", "stop switch", "stop bus"}
	if !slices.Equal(calls, want) {
		t.Fatalf("%v", calls)
	}
	if err := g.Stop(); err != nil || len(calls) != len(want) {
		t.Fatalf("a second stop did something: %v %v", err, calls)
	}
}

func TestSecondSignalCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		block := make(chan struct{})
		g := newGroup(&calls, block)
		signals := make(chan struct{}, 2)
		signals <- struct{}{}
		signals <- struct{}{}
		began := time.Now()
		_ = g.Wait(signals)
		if took := time.Since(began); took != cutGrace {
			t.Fatalf("took %s", took)
		}
		if !slices.Contains(calls, "cut switch") || !slices.Contains(calls, "cut bus") {
			t.Fatalf("%v", calls)
		}
	})
}

func TestDrainLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		g := newGroup(&calls, make(chan struct{}))
		signals := make(chan struct{}, 1)
		signals <- struct{}{}
		if err := g.Wait(signals); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestFailedStartKeepsTheEarlierOnes(t *testing.T) {
	var calls []string
	g := newGroup(&calls, nil)
	boom := errors.New("boom")
	err := g.Start(context.Background(), Part{Name: "x", Start: func(context.Context) error { return boom }, Stop: func(context.Context) error { panic("never started") }})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if err := g.Stop(); err != nil || calls[len(calls)-1] != "stop bus" {
		t.Fatalf("%v %v", err, calls)
	}
}
