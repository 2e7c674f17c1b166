package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/orchestrator/spool"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// TestAFullWorkQueueKeepsTheRequests: while the stream of work takes
// nothing more, requests for tickets wait on the disk of whoever asks, over a
// restart of it too; none is lost, and none opens two tickets.
func TestAFullWorkQueueKeepsTheRequests(t *testing.T) {
	t.Parallel()
	const n, room = 60, 10
	ctx := storetest.Context(t)
	server := bustest.Start(t)
	asker := server.Connect("asker")
	if err := server.Limit(ctx, schemas.StreamWork, room); err != nil {
		t.Fatal(err)
	}
	cfg := spool.Defaults()
	cfg.Dir, cfg.RetryPause = t.TempDir(), 20*time.Millisecond
	open := func() *spool.Spool {
		s, err := spool.Open(cfg, asker, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		return s
	}
	first := open()
	for i := range n {
		call := fmt.Sprint("call-", i)
		m, err := spool.NewMessage(call+":return:1", schemas.SubjectTicketOpen, call, &schemas.TicketOpen{
			IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1", Contact: "13800138001", RequestedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		first.Put(m)
	}
	eventually := func(what string, ok func() (bool, error)) {
		t.Helper()
		var err error
		for ctx.Err() == nil {
			var yes bool
			if yes, err = ok(); yes && err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("never: %s, %v", what, err)
	}
	eventually("a full stream", func() (bool, error) {
		held, err := server.Pending(ctx, schemas.StreamWork)
		return held == room, err
	})
	first.Stop()
	second := open()
	defer second.Stop()

	dbConfig := store.Defaults()
	dbConfig.DSN = config.Secret(storetest.SQLite(t))
	db, err := store.Open(ctx, dbConfig, store.Deps{Vault: storetest.Vault(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	worker, err := ticket.New(ticket.Defaults(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	if err == nil {
		err = worker.Start(ctx)
	}
	// The worker's start gave the stream its usual room; it is small again.
	if err = errors.Join(err, server.Limit(ctx, schemas.StreamWork, room)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = worker.Stop(context.Background()) }()
	for i := range n {
		eventually("a ticket for every request", func() (bool, error) {
			_, err := db.TicketByKey(ctx, fmt.Sprintf("call-%d:return:1", i))
			return err == nil, err
		})
	}
	eventually("an empty work queue", func() (bool, error) {
		held, err := server.Pending(ctx, schemas.StreamWork)
		return held == 0, err
	})
	list, _, err := db.Tickets(ctx, store.TicketFilter{}, 100, "")
	facts, err2 := server.Pending(ctx, schemas.StreamFacts)
	if len(list) != n || facts != n || err != nil || err2 != nil {
		t.Errorf("%d tickets, %d facts, want %d, %v, %v", len(list), facts, n, err, err2)
	}
}
