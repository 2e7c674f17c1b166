package link_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/rest"
)

// asked is a ticket system that only tells what changed, and since when it was
// asked.
type asked struct {
	ticket.System
	mu      sync.Mutex
	since   []time.Time
	changes []ticket.ExternalChange
}

func (a *asked) Changes(_ context.Context, since time.Time) (out []ticket.ExternalChange, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since = append(a.since, since)
	for _, c := range a.changes {
		if !c.At.Before(since) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (a *asked) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.since)
}

// A system in which nothing has changed yet is asked from then on: what changes
// while no worker runs is seen by the next one, however long that takes.
func TestTheFirstChangeIsSeenAfterAPauseOfWorkers(t *testing.T) {
	ctx := storetest.Context(t)
	nats := bustest.Start(t)
	cfg := store.Defaults()
	cfg.DSN = config.Secret(storetest.SQLite(t))
	db, err := store.Open(ctx, cfg, store.Deps{Vault: storetest.Vault(t), TicketSystem: func(string) string { return rest.Connector }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tk, _, err := db.OpenTicket(ctx, schemas.TicketOpen{
		Tenant: "acme", IdempotencyKey: "call-1:return:1", CallID: "call-1", Kind: schemas.KindReturn, Contact: "13800138001", Summary: "退羽绒服", RequestedAt: time.Now(),
	}, schemas.GroupAfterSales)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().UTC()
	system := &asked{}
	run := func(now time.Time, until func() bool) {
		t.Helper()
		s, err := link.New(quick(), link.Deps{
			Bus: nats.Connect("link"), Links: db, Systems: map[string]ticket.System{"acme": system}, Now: func() time.Time { return now },
		})
		if err == nil {
			err = s.Start(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the system to be asked", until)
		if err := s.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	run(began, func() bool {
		since, err := db.LinkCursor(ctx, "acme")
		return system.times() == 1 && err == nil && !since.IsZero()
	})
	system.mu.Lock()
	system.changes = []ticket.ExternalChange{{ID: "e1", ExternalID: "7", Key: tk.ID, Status: "solved", At: began.Add(time.Hour)}}
	system.mu.Unlock()
	run(began.Add(72*time.Hour), func() bool {
		links, err := db.LinksOf(ctx, tk.ID)
		return system.times() == 2 && err == nil && links[tk.ID].Status == "solved"
	})
}
