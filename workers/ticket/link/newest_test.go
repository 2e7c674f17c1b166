package link_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/rest"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

// A system was away for long, and of the work that waits for one ticket the
// newest comes first: everything up to it is told before it counts as done.
func TestTheNewestWorkComesFirst(t *testing.T) {
	ctx := storetest.Context(t)
	desk, nats := tickettest.NewDesk(t), bustest.Start(t)
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
	const comments = 130 // more than two claims hold
	want := []string{"create D-1"}
	for i := range comments {
		text := fmt.Sprint("第", i, "次")
		if _, err := db.CommentTicket(ctx, tk.ID, "li.na", text); err != nil {
			t.Fatal(err)
		}
		want = append(want, "comment D-1 "+text)
	}
	b := nats.Connect("asker")
	if err := b.EnsureStreams(ctx); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Publish(ctx, b, db, store.DeliverID(tk.ID, comments+1)); err != nil {
		t.Fatal(err)
	}
	spec, err := rest.Parse("desk.yaml", []byte(strings.Replace(desk.Spec(envKey), "timeout: 1s", "timeout: 10s", 1)))
	if err != nil {
		t.Fatal(err)
	}
	system, err := rest.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	lc := quick()
	lc.Guard.Timeout, lc.DeliverTimeout, lc.AckWait = 16*time.Second, 40*time.Second, 50*time.Second
	s, err := link.New(lc, link.Deps{Bus: nats.Connect("link"), Links: db, Systems: map[string]ticket.System{"acme": system}})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()); system.Close() })
	eventually(t, "the work to be done", func() bool {
		n, err := nats.Pending(ctx, schemas.StreamWork)
		return err == nil && n == 0
	})
	if got := desk.Log(); !slices.Equal(got, want) {
		t.Errorf("the desk was told %d things, want %d; the last is %q", len(got), len(want), got[len(got)-1])
	}
	if links, err := db.LinksOf(ctx, tk.ID); err != nil || links[tk.ID].Delivered != comments+1 {
		t.Errorf("link %+v, %v", links[tk.ID], err)
	}
}
