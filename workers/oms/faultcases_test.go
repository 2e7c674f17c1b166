package oms_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// Whatever becomes of the order system's answers, each ticket has one return.
func TestLostAnswersMakeNoSecondReturn(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, make(t))
			f.shop.fault = func(call int) string {
				if call > 40 {
					return ""
				}
				return []string{"500", "hang", "garbage", "", ""}[call%5]
			}
			cfg := writing()
			cfg.System.WriteTimeout, cfg.Writes.MaxAttempts = 200*time.Millisecond, 1000
			f.start(cfg, nil)
			f.start(cfg, nil)
			const n = 20
			for i := range n {
				f.open(returnOf(fmt.Sprint("c", i), "20261112003378"))
			}
			f.settled(n)
		})
	}
}

// The same write is worked on twice at the same time: the first hand stays in
// the middle of it until another one is through.
func TestTwoWorkersWithTheSameWrite(t *testing.T) {
	for _, point := range []oms.Point{oms.PointReceived, oms.PointWritten, oms.PointCommitted, oms.PointPublished} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			f := newFar(t, storetest.SQLite(t))
			var held, passed atomic.Int32
			skip := int32(0)
			if point == oms.PointPublished {
				skip = 1 // the first is the work's, of the ticket's fact
			}
			var through sync.Once
			finished := make(chan struct{})
			reached := func(p oms.Point) {
				if p == point && passed.Add(1) > skip && held.CompareAndSwap(0, 1) {
					select {
					case <-finished:
					case <-time.After(20 * time.Second):
					}
				} else if p == oms.PointReceived && held.Load() != 0 {
					through.Do(func() { time.AfterFunc(200*time.Millisecond, func() { close(finished) }) })
				}
			}
			f.start(writing(), reached)
			f.start(writing(), reached)
			f.open(returnOf("c1", f.desk.shop.Delivered))
			eventually(t, "another hand", func() bool {
				select {
				case <-finished:
					return true
				default:
					return false
				}
			})
			f.settled(1)
		})
	}
}

// Tickets' facts come twice and in any order; NATS stops in between.
func TestWritesWaitForNATSAndCountOnce(t *testing.T) {
	f := newFar(t, storetest.SQLite(t))
	f.start(writing(), nil)
	const n = 10
	tickets := make([]store.Ticket, n)
	for i := range n {
		tickets[i] = f.open(returnOf(fmt.Sprint("c", i), f.desk.shop.Delivered))
	}
	f.nats.Down()
	f.nats.Up()
	for i := range n {
		fact := tickets[n-1-i].Opened(true)
		eventually(t, "the fact again", func() bool {
			return f.bus.PublishDurable(storetest.Context(t), schemas.SubjectTicketFact(fact.CallID, "opened"), &fact, schemas.ForCall(fact.CallID)) == nil
		})
	}
	f.settled(n)
}

// The database that the notes are in stops in the middle: what the shop was
// asked meanwhile is asked once more, and no attempt is counted for it.
func TestWritesWaitForTheDatabase(t *testing.T) {
	cluster, dsn := storetest.OwnPostgres(t)
	f := newFar(t, dsn)
	cfg := writing()
	cfg.Writes.MaxAttempts = 2
	var once sync.Once
	f.start(cfg, func(p oms.Point) {
		if p == oms.PointWritten {
			once.Do(func() {
				if err := cluster.Stop(); err != nil {
					t.Error(err)
				}
				time.AfterFunc(500*time.Millisecond, func() { // longer than two attempts take
					if err := cluster.Start(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	})
	f.open(returnOf("c1", f.desk.shop.Delivered))
	f.settled(1)
}

// A work queue that takes nothing more keeps the tickets' facts from being
// acknowledged; their writes are done when there is room again.
func TestWritesWaitForRoomInTheQueue(t *testing.T) {
	f := newFar(t, storetest.SQLite(t))
	f.start(writing(), nil)
	ctx := storetest.Context(t)
	if err := f.nats.Limit(ctx, schemas.StreamWork, 1); err != nil {
		t.Fatal(err)
	}
	// Nobody here takes requests for tickets, so that it stays.
	other := &schemas.TicketOpen{CallID: "c9", IdempotencyKey: "c9:return:1", Kind: schemas.KindReturn, OrderNumber: "1", Contact: "1", RequestedAt: time.Now()}
	if err := f.bus.PublishDurable(ctx, schemas.SubjectTicketOpen, other); err != nil {
		t.Fatal(err)
	}
	const n = 5
	for i := range n {
		f.open(returnOf(fmt.Sprint("c", i), f.desk.shop.Delivered))
	}
	time.Sleep(200 * time.Millisecond) // for what must not come
	if made := f.shop.count(); made != 0 {
		t.Errorf("%d returns through a full queue", made)
	}
	if err := f.nats.Limit(ctx, schemas.StreamWork, -1); err != nil {
		t.Fatal(err)
	}
	f.told(n)
	if made := f.shop.count(); made != n || len(f.facts.list()) != n || len(f.dead.list()) != 0 {
		t.Errorf("%d returns, %d facts, %d dead letters", made, len(f.facts.list()), len(f.dead.list()))
	}
}
