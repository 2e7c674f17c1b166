package link_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

// The database and NATS stop again and again while copies are made, each time
// when the desk has done what it was asked and nobody knows; two workers share
// the work.
func TestCopiesWaitForTheDatabaseAndNATS(t *testing.T) {
	cluster, dsn := storetest.OwnPostgres(t)
	r := newRig(t, dsn, nil)
	r.start(quick(), prometheus.NewRegistry())
	const n, every = 15, 6
	var calls, outages atomic.Int32
	gate := make(chan struct{}, 1) // one thing is down at a time
	r.desk.Fail(func(*http.Request) tickettest.Fault {
		if k := calls.Add(1); k%every != 0 || k > 10*every {
			return tickettest.Fine
		}
		select {
		case gate <- struct{}{}:
		default:
			return tickettest.Fine
		}
		if outages.Add(1)%2 == 0 {
			r.nats.Down()
			r.nats.Up()
		} else {
			if err := cluster.Stop(); err != nil {
				t.Error(err)
			}
			if err := cluster.Start(); err != nil {
				t.Error(err)
			}
		}
		<-gate
		return tickettest.Done500 // the request has run into its time limit meanwhile, too
	})
	for i := range n {
		// A server that is down takes nothing: the orchestrator's spool says it again.
		eventually(t, "the request is taken", func() bool { return r.tryOpen(fmt.Sprint("call-", i)) == nil })
	}
	for i := range n {
		call := fmt.Sprint("call-", i)
		eventually(t, "the ticket of "+call, func() bool {
			_, err := r.db.TicketByKey(storetest.Context(t), call+":return:1")
			return err == nil
		})
	}
	eventually(t, "all copies", func() bool {
		for i := range n {
			tk, err := r.db.TicketByKey(storetest.Context(t), fmt.Sprint("call-", i, ":return:1"))
			if err != nil {
				return false
			}
			links, err := r.db.LinksOf(storetest.Context(t), tk.ID)
			if l := links[tk.ID]; err != nil || l.ExternalID == "" || l.Delivered != l.Queued || len(r.facts.synced(tk.ID)) == 0 {
				return false
			}
		}
		return true
	})
	r.quiet()
	for i := range n {
		tk := r.ticketOf(fmt.Sprint("call-", i))
		if copies, facts := r.desk.Copies(tk.ID), r.facts.synced(tk.ID); len(copies) != 1 || len(facts) != 1 {
			t.Errorf("%s has %d copies, %d facts", tk.CallID, len(copies), len(facts))
		}
	}
	if outages.Load() < 2 || len(r.dead.List()) != 0 {
		t.Errorf("%d outages, %d dead letters", outages.Load(), len(r.dead.List()))
	}
}

// A work queue that is full holds up no ticket: the work for the copies waits
// in the outbox.
func TestCopiesWaitForRoomInTheQueue(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	ctx := storetest.Context(t)
	const n = 3
	for i := range n {
		r.open(fmt.Sprint("call-", i))
		r.copied(r.ticketOf(fmt.Sprint("call-", i)))
	}
	r.quiet()
	// Work that nobody here takes fills it.
	if err := r.nats.Limit(ctx, schemas.StreamWork, 1); err != nil {
		t.Fatal(err)
	}
	cancel := &schemas.OrderCancel{CallID: "c9", IdempotencyKey: "c9:cancel:1", OrderNumber: "1", RequestedAt: time.Now()}
	if err := r.asker.PublishDurable(ctx, schemas.SubjectOrderCancel, cancel); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tk := r.ticketOf(fmt.Sprint("call-", i))
		if _, ok, err := r.db.QueueDelivery(ctx, tk.ID, store.DeliverComment, "k", ticket.Comment{Text: "还没收到退款"}); !ok || err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond) // for what must not come
	if left, err := r.db.CountPendingOutbox(ctx); left != n || err != nil {
		t.Errorf("%d wait in the outbox, %v", left, err)
	}
	if err := r.nats.Limit(ctx, schemas.StreamWork, -1); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tk := r.ticketOf(fmt.Sprint("call-", i))
		r.copied(tk)
		if c := r.desk.Copies(tk.ID); len(c) != 1 || len(c[0].Comments) != 1 {
			t.Errorf("%s: %+v", tk.CallID, c)
		}
	}
}
