package link_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	refused []*ticket.FieldError
}

func (a *asked) Changes(_ context.Context, since time.Time) (out []ticket.ExternalChange, refused []*ticket.FieldError, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since = append(a.since, since)
	for _, c := range a.changes {
		if !c.At.Before(since) {
			out = append(out, c)
		}
	}
	return out, a.refused, nil
}

func (a *asked) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.since)
}

// copiedTicket is a ticket whose copy nobody makes.
func copiedTicket(t *testing.T) (*store.Store, store.Ticket) {
	t.Helper()
	ctx := storetest.Context(t)
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
	return db, tk
}

// A system in which nothing has changed yet is asked from then on: what changes
// while no worker runs is seen by the next one, however long that takes.
func TestTheFirstChangeIsSeenAfterAPauseOfWorkers(t *testing.T) {
	ctx := storetest.Context(t)
	nats := bustest.Start(t)
	db, tk := copiedTicket(t)
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

// What cannot be used of a list is told of once, however often it is listed,
// and what stands beside it is kept. It is no fault that the system be left
// alone for.
func TestABadChangeIsToldOfOnceAndPassedOver(t *testing.T) {
	ctx := storetest.Context(t)
	nats := bustest.Start(t)
	db, tk := copiedTicket(t)
	system := &asked{
		changes: []ticket.ExternalChange{{ID: "e1", ExternalID: "7", Key: tk.ID, Status: "solved", At: time.Now().UTC().Add(time.Second)}},
		refused: []*ticket.FieldError{{Field: "status", Detail: "item 0: is not there"}, {Field: "at", Detail: "item 2: is no time"}},
	}
	reg := prometheus.NewRegistry()
	cfg := quick()
	cfg.PollInterval = 10 * time.Millisecond
	s, err := link.New(cfg, link.Deps{Bus: nats.Connect("link"), Links: db, Systems: map[string]ticket.System{"acme": system}, Registry: reg})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop(ctx) }()
	eventually(t, "five questions", func() bool { return system.times() >= 5 })
	links, err := db.LinksOf(ctx, tk.ID)
	if err != nil || links[tk.ID].Status != "solved" {
		t.Errorf("%+v, %v", links, err)
	}
	if n := events(t, reg, "poll", "refused"); n != 2 {
		t.Errorf("%v refused, want 2", n)
	}
}

// events is how many changes had an outcome, over all tenants.
func events(t *testing.T, reg *prometheus.Registry, source, outcome string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tidegate_ticket_link_events_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			is := map[string]string{}
			for _, l := range m.GetLabel() {
				is[l.GetName()] = l.GetValue()
			}
			if is["source"] == source && is["outcome"] == outcome {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
