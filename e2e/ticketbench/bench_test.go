package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
)

// The test's binary plays the bench's other processes.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func TestTimes(t *testing.T) {
	var all times
	for i := range 1000 {
		all.add(time.Duration(i) * time.Millisecond)
	}
	all.add(time.Hour)
	if m, p := all.at(.5), all.at(.99); m < 499*time.Millisecond || m > 502*time.Millisecond || p < 989*time.Millisecond || p > 992*time.Millisecond || all.longest != time.Hour {
		t.Errorf("median %v, p99 %v, longest %v", m, p, all.longest)
	}
	var none times
	if none.at(.5) != 0 {
		t.Error("times of nothing")
	}
}

func TestCosts(t *testing.T) {
	was := costs{asker: time.Second}
	now := costs{service: 2 * time.Second, database: time.Second, asker: 1500 * time.Millisecond}
	if got := now.since(was, 1000); got != "2.00 | 1.00 | 0.00 | 0.50" {
		t.Error(got)
	}
	if self := resident(os.Getpid()); self < 1 {
		t.Errorf("%v MB resident", self)
	}
}

// Each kind of run, in small, with everything that it starts.
func TestRuns(t *testing.T) {
	small := options{
		rate: 50, orders: 400, lookupRate: 50, connections: store.Defaults().MaxOpen, inFlight: ticket.Defaults().MaxInFlight,
		places: oms.Defaults().System.MaxConcurrent, during: 2 * time.Second,
	}
	steady, shop, all, assigned := small, small, small, small
	assigned.assign, assigned.agents, assigned.open = "least_loaded", 20, 400
	steady.steady, steady.plain, shop.lookups, all.bare = 4*time.Second, true, true, true
	for name, c := range map[string]struct {
		o    options
		want []string
	}{
		"tickets":  {all, []string{"encryption on", "| half rate |", "| full rate |", "| as many as go |", "bare loop", "exactly one ticket"}},
		"assigned": {assigned, []string{"people: 20, with 400 open tickets; assign: least_loaded", "exactly one ticket"}},
		"steady":   {steady, []string{"encryption off", "live heap", "| 4s |"}},
		"look-ups": {shop, []string{"400 orders", "| number |", "orders.get", "last four"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var out bytes.Buffer
			err := run(ctx, c.o, &out)
			if errors.Is(err, storetest.ErrNotInstalled) {
				t.Skip(err)
			}
			// So short a run is no measure of memory.
			if err != nil && !(name == "steady" && strings.Contains(err.Error(), "memory grows")) {
				t.Fatalf("%v\n%s", err, &out)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
		})
	}
}
