package console_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// slowDesk takes all the time that a write has, and is done at its end.
type slowDesk struct{ console.Desk }

func (d slowDesk) CommentVersion(ctx context.Context, id string, version int64, who, text string) (store.Changed, error) {
	changed, err := d.Desk.CommentVersion(ctx, id, version, who, text)
	<-ctx.Done()
	return changed, err
}

// unreadable records cannot show a ticket, as when the database goes away
// between a commit and the next query.
type unreadable struct{ console.Records }

func (unreadable) TicketLife(context.Context, string) (store.TicketLife, error) {
	return store.TicketLife{}, fmt.Errorf("ticket: %w", store.ErrUnavailable)
}

// What is committed is never answered by an error: a client that gets one
// comments once more.
func TestWhatIsDoneIsNoError(t *testing.T) {
	for name, c := range map[string]struct {
		adapt func(*console.Deps)
		code  int
	}{
		"the write takes all its time":   {func(d *console.Deps) { d.Desk = slowDesk{d.Desk} }, http.StatusOK},
		"the ticket cannot be read":      {func(d *console.Deps) { d.Records = unreadable{d.Records} }, http.StatusNoContent},
		"neither was there time to read": {func(d *console.Deps) { d.Desk, d.Records = slowDesk{d.Desk}, unreadable{d.Records} }, http.StatusNoContent},
	} {
		for db, make := range storetest.Databases() {
			t.Run(name+"/"+db, func(t *testing.T) {
				f := setUpDeps(t, make(t), func(cfg *console.Config) { cfg.RequireKey, cfg.QueryTimeout = true, 3*time.Second }, c.adapt)
				tk := f.place("", "call-1", store.Placement{Group: schemas.GroupAfterSales})
				f.person("li.na", clerk...)
				var d detailJSON
				var into any
				if c.code == http.StatusOK {
					into = &d
				}
				got := f.ask(http.MethodPost, "/api/v1/tickets/"+tk.ID+"/comments", `{"text":"已联系仓库"}`, nil, into)
				if got.code != c.code || got.header.Get("ETag") != `"2"` {
					t.Errorf("answered %d with ETag %s, want %d", got.code, got.header.Get("ETag"), c.code)
				}
				if into != nil && (len(d.Comments) != 1 || d.Version != 2) {
					t.Errorf("shown %+v", d)
				}
				life, err := f.db.TicketLife(storetest.Context(t), tk.ID)
				if err != nil || len(life.Comments) != 1 || life.Ticket.Version != 2 {
					t.Errorf("%d comments, version %d, %v", len(life.Comments), life.Ticket.Version, err)
				}
			})
		}
	}
}
