package oms_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// A worker dies when it has told that a write is given up, before the work is
// among the dead letters: the write stays given up, and nobody tries it again
// behind the back of the people who were told to do it.
func TestAWriteThatWasGivenUpStaysSo(t *testing.T) {
	system := &broken{err: store.ErrUnavailable, times: 1000}
	cfg := writing()
	cfg.Writes.MaxAttempts = 1
	var published atomic.Int64
	d := newDesk(t, cfg, func(s oms.System) oms.System { system.System = s; return system }, func(deps *oms.Deps) {
		deps.Reached = func(p oms.Point) {
			if p == oms.PointPublished && published.Add(1) == 2 { // the first is the work
				runtime.Goexit()
			}
		}
	})
	ticket := d.open(returnOf("c1", d.shop.Delivered))
	eventually(t, "a dead letter", func() bool { return len(d.dead.list()) == 1 })
	if w := d.writes(ticket); len(w) != 1 || w[0].Status != store.OMSWriteRejected || w[0].Code != "exhausted" || w[0].Attempts != 1 {
		t.Errorf("noted %+v", w)
	}
	if n := system.calls.Load(); n != 1 {
		t.Errorf("the system was asked %d times", n)
	}
	if f, ok := d.told(1)[0].Data.(*schemas.OrderWriteRejected); !ok || f.Code != "exhausted" {
		t.Errorf("fact %+v", d.facts.list()[0].Data)
	}
}
