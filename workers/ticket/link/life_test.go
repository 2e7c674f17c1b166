package link_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

// changed lists the facts of one ticket's changes, by version.
func (f *letters) changed(ticketID string) []*schemas.TicketChanged {
	var out []*schemas.TicketChanged
	for _, m := range f.List() {
		if c, ok := m.Data.(*schemas.TicketChanged); ok && c.TicketID == ticketID {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *schemas.TicketChanged) int { return int(a.Version - b.Version) })
	return out
}

// A ticket lives here and there: what people do here arrives there once and in
// order, also past faults; what somebody does there is in our record, in whose
// name, and is not told back.
func TestATicketLivesHereAndThere(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, make(t), func(c *link.Config) {
				c.PollInterval = 20 * time.Millisecond
				// An answer that is late on a busy machine would be asked for twice.
				c.Guard.Timeout, c.DeliverTimeout, c.AckWait = 16*time.Second, 20*time.Second, 25*time.Second
			})
			ctx := storetest.Context(t)
			r.open("call-1")
			tk := r.ticketOf("call-1")
			r.copied(tk)
			status := func(s schemas.TicketStatus) store.TicketChange {
				return store.TicketChange{By: "li.na", Status: &s}
			}
			steps := []func() (store.Changed, error){
				func() (store.Changed, error) { return r.db.ChangeTicket(ctx, tk.ID, status(schemas.StatusInProgress)) },
				func() (store.Changed, error) { return r.db.CommentTicket(ctx, tk.ID, "li.na", "已联系顾客") },
				func() (store.Changed, error) {
					return r.db.ChangeTicket(ctx, tk.ID, status(schemas.StatusWaitingCustomer))
				},
				func() (store.Changed, error) {
					high, finance, due := schemas.PriorityHigh, schemas.GroupFinance, time.Date(2030, 12, 2, 18, 0, 0, 0, time.FixedZone("CST", 8*3600))
					return r.db.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "li.na", Priority: &high, Group: &finance, DueAt: &due})
				},
				func() (store.Changed, error) {
					return r.db.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "li.na", DueAt: &time.Time{}})
				},
			}
			r.desk.Fail(tickettest.Always(tickettest.Error500))
			for _, step := range steps {
				got, err := step()
				if err != nil {
					t.Fatal(err)
				}
				r.publish(got.Facts)
			}
			r.desk.Fail(nil)
			r.copied(tk)
			want := []string{
				"create D-1", "state D-1 in_progress", "owner D-1 li.na", "comment D-1 已联系顾客", "state D-1 waiting_customer", "priority D-1 high",
				"team D-1 finance", "due D-1 2030-12-02T10:00:00Z", "due D-1 none",
			}
			if got := r.desk.Log(); !slices.Equal(got, want) {
				t.Errorf("done %q, want %q", got, want)
			}
			eventually(t, "the facts", func() bool { return len(r.facts.changed(tk.ID)) >= 5 })

			before := r.linkOf(tk)
			r.desk.SetState("D-1", "solved")
			var life store.TicketLife
			eventually(t, "the ticket to be resolved", func() bool {
				var err error
				life, err = r.db.TicketLife(ctx, tk.ID)
				return err == nil && life.Ticket.Status == schemas.StatusResolved
			})
			last := life.History[len(life.History)-1]
			if last.By != "system:rest" || last.Field != "external_status" || last.To != "solved" || life.Ticket.Assignee != "" || life.Ticket.Group != schemas.GroupFinance {
				t.Errorf("history %+v", last)
			}
			eventually(t, "its fact", func() bool {
				c := r.facts.changed(tk.ID)
				return len(c) > 0 && c[len(c)-1].By == "system:rest" && c[len(c)-1].Status == schemas.StatusResolved
			})
			// Whatever was to be told back would be by now: something newer is.
			if _, err := r.db.CommentTicket(ctx, tk.ID, "li.na", "谢谢"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the comment", func() bool { return slices.Contains(r.desk.Log(), "comment D-1 谢谢") })
			if got := r.desk.Log(); !slices.Equal(got, append(want, "comment D-1 谢谢")) {
				t.Errorf("done %q", got)
			}
			if after := r.copied(tk); after.Queued != before.Queued+1 {
				t.Errorf("%d deliveries, had %d", after.Queued, before.Queued)
			}
			for i, c := range r.facts.changed(tk.ID) {
				if c.Version != int64(i+2) {
					t.Errorf("fact %d is of version %d", i, c.Version)
				}
			}
		})
	}
}

// publish sends what a change left in the outbox, as who changes tickets does.
func (r *rig) publish(ids []string) {
	r.t.Helper()
	for _, id := range ids {
		if err := outbox.Publish(storetest.Context(r.t), r.asker, r.db, id); err != nil {
			r.t.Error(fmt.Errorf("%s: %w", id, err))
		}
	}
}
