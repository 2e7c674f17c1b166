package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// A due time that is set to what it was once before is late again,
// and other tickets do not wait for it.
func TestADueTimeThatComesBackHoldsNobodyUp(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		late := store.Placement{Group: schemas.GroupAfterSales, DueAt: noon}
		tk := place(t, s, "again", late)
		if got := fmt.Sprint(escalate(t, s, noon)); got != "map[call-again:overdue]" {
			t.Fatalf("at first: %s", got)
		}
		// The same due time with something else is no new due time.
		was := noon
		if _, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "lead", DueAt: &was, Priority: ptr(schemas.PriorityNormal)}); err != nil {
			t.Fatal(err)
		}
		if got := escalate(t, s, noon.Add(time.Minute)); len(got) != 0 {
			t.Errorf("after the same due time: %v", got)
		}
		for _, due := range []time.Time{noon.Add(time.Hour), noon} {
			if _, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "lead", DueAt: &due}); err != nil {
				t.Fatal(err)
			}
		}
		place(t, s, "other", late)
		if got := fmt.Sprint(escalate(t, s, noon.Add(time.Minute))); got != "map[call-again:overdue call-other:overdue]" {
			t.Errorf("after the due time came back: %s", got)
		}
	})
}

// A due time that is set while the caller is waited for stands still from then
// on, not from before it was set.
func TestADueTimeSetWhileTheCallerIsWaitedFor(t *testing.T) {
	at := noon
	onEach(t, store.Deps{Now: func() time.Time { return at }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		at = noon
		tk := place(t, s, "waits", store.Placement{Group: schemas.GroupAfterSales, DueAt: noon.Add(time.Hour)})
		if _, err := s.ChangeTicket(ctx, tk.ID, to(schemas.StatusWaitingCustomer)); err != nil {
			t.Fatal(err)
		}
		at = noon.Add(48 * time.Hour)
		due := noon.Add(72 * time.Hour)
		if _, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "lead", DueAt: &due}); err != nil {
			t.Fatal(err)
		}
		at = noon.Add(50 * time.Hour)
		got, err := s.ChangeTicket(ctx, tk.ID, to(schemas.StatusInProgress))
		if err != nil {
			t.Fatal(err)
		}
		if want := due.Add(2 * time.Hour); got.Ticket.DueAt == nil || !got.Ticket.DueAt.Equal(want) {
			t.Errorf("due %v, want %v: two hours were waited since it was set", got.Ticket.DueAt, want)
		}
	})
}
