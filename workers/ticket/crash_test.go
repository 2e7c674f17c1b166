package ticket_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

const pointCommitting ticket.Point = killtest.Committing

// startChild starts the worker of a process that will be killed.
func startChild(ctx context.Context, w *killtest.Worker) error {
	work := quick()
	if w.Passes == 0 {
		work.SweepInterval = time.Hour // only the request's own way is tested
	}
	s, err := ticket.New(work, ticket.Deps{Bus: w.Bus, Tickets: w.Store, Reached: func(p ticket.Point) { w.Reached(string(p)) }})
	if err != nil {
		return err
	}
	return s.Start(ctx)
}

// A worker killed at any step of a request leaves exactly one ticket and one
// fact, once another worker goes on.
func TestAKilledWorkerLeavesOneTicket(t *testing.T) {
	for name, make := range storetest.Databases() {
		for _, point := range []ticket.Point{ticket.PointReceived, pointCommitting, ticket.PointCommitted, ticket.PointPublished} {
			t.Run(name+"/"+string(point), func(t *testing.T) {
				t.Parallel()
				dsn, server := make(t), bustest.Start(t)
				db := openStore(t, dsn)
				asker := server.Connect("asker")
				seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
				send(t, asker, request("call-1"))

				killtest.Death{Point: string(point), DSN: dsn, NATS: server.URL()}.Start(t)()
				committed := 0
				if point == ticket.PointCommitted || point == ticket.PointPublished {
					committed = 1
				}
				tickets(t, db, committed)

				start(t, quick(), ticket.Deps{Bus: server.Connect("second"), Tickets: db})
				eventually(t, "one fact and an empty outbox", func() bool {
					n, err := db.CountPendingOutbox(storetest.Context(t))
					return err == nil && n == 0 && len(seen.List()) == 1
				})
				// The request has to be gone from the work queue, or it would come again.
				eventually(t, "an empty work queue", func() bool {
					_, found, err := asker.LastMessage(storetest.Context(t), schemas.StreamWork, schemas.SubjectTicketOpen)
					return err == nil && !found
				})
				tickets(t, db, 1)
				if f, ok := seen.List()[0].Data.(*schemas.TicketOpened); !ok || f.Existing || len(seen.List()) != 1 {
					t.Errorf("facts %+v", seen.List())
				}
			})
		}
	}
}

func tickets(t *testing.T, db *store.Store, want int) {
	t.Helper()
	list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, "")
	if err != nil || len(list) != want {
		t.Errorf("%d tickets, want %d, %v", len(list), want, err)
	}
}
