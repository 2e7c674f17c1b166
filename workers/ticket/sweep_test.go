package ticket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// The stream of work is full, and more of it lies in the outbox than one sweep
// takes: facts, which go elsewhere, do not wait behind it.
func TestFactsDoNotWaitBehindWorkThatFindsNoRoom(t *testing.T) {
	ctx, server := storetest.Context(t), bustest.Start(t)
	cfg := store.Defaults()
	cfg.DSN = config.Secret(storetest.SQLite(t))
	db, err := store.Open(ctx, cfg, store.Deps{Vault: storetest.Vault(t), TicketSystem: func(string) string { return "rest" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	other := &schemas.OrderCancel{CallID: "call-x", IdempotencyKey: "call-x:cancel:1", OrderNumber: "20261112003378", RequestedAt: time.Now()}
	if err := asker.PublishDurable(ctx, schemas.SubjectOrderCancel, other); err != nil {
		t.Fatal(err)
	}
	if err := server.Limit(ctx, schemas.StreamWork, 1); err != nil {
		t.Fatal(err)
	}
	const tickets = 120 // each with a fact, and with work for its copy
	for i := range tickets {
		if _, _, err := db.OpenTicket(ctx, *request(fmt.Sprint("call-", i)), schemas.GroupAfterSales); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all facts to be out", func() bool { return len(seen.List()) == tickets })
	if err := server.Limit(ctx, schemas.StreamWork, -1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outbox to be empty", func() bool {
		n, err := db.CountPendingOutbox(ctx)
		return err == nil && n == 0
	})
}
