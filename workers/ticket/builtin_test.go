package ticket_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

// The built-in system keeps the same contract as the connectors.
func TestBuiltInConformance(t *testing.T) {
	// Nobody answers: a PostgreSQL server that has ended.
	cluster, gone := storetest.OwnPostgres(t)
	away := openStore(t, gone)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			db := openStore(t, make(t))
			stored := func(t testing.TB, id string) store.Ticket {
				got, err := db.Ticket(storetest.Context(t), id)
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			var n atomic.Int64
			tickettest.Run(t, tickettest.Other{
				System: ticket.NewBuiltIn(db), Away: ticket.NewBuiltIn(away), Opened: "open",
				Open: func(t testing.TB) ticket.Ticket {
					call := fmt.Sprint("call-", n.Add(1))
					got, _, err := db.OpenTicket(storetest.Context(t), schemas.TicketOpen{
						IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, RequestedAt: time.Now(),
					}, schemas.GroupAfterSales)
					if err != nil {
						t.Fatal(err)
					}
					return ticket.Told(got, "")
				},
				Copies: func(t testing.TB, key string) int {
					if stored(t, key).ID == key {
						return 1
					}
					return 0
				},
				Status: func(t testing.TB, e ticket.External) string { return string(stored(t, e.ID).Status) },
			})
		})
	}
}
