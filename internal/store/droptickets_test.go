package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// mentions lists the columns in which a text is, opened where it is sealed.
func mentions(t testing.TB, s *store.Store, what string) map[string]int {
	t.Helper()
	out := map[string]int{}
	ctx := storetest.Context(t)
	for _, c := range s.DumpForTest(ctx, t, s.ColumnsForTest(ctx, t)) {
		if strings.Contains(c.Value, what) {
			out[c.Table+"."+c.Column]++
		}
	}
	return out
}

// When a ticket's time is over, nothing says that there was one: of all
// tables only the audit log names its id, for its own time.
func TestATicketGoesWithAllThatNamesIt(t *testing.T) {
	now := noon
	onEach(t, linked(func() time.Time { return now }), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		now = noon
		tk, other := everything(t, s, "a"), ticket(t, s, "other")
		keep := store.RetentionConfig{Tickets: 10 * days, Outbox: 7 * days}
		if err := s.ExecForTest(ctx, "UPDATE outbox SET sent_at = created_at"); err != nil {
			t.Fatal(err)
		}
		for _, step := range []schemas.TicketStatus{schemas.StatusResolved, schemas.StatusClosed} {
			if _, err := s.ChangeTicket(ctx, tk.ID, to(step)); err != nil {
				t.Fatal(err)
			}
			now = now.Add(9 * days) // and the time begins anew
		}
		if n, err := s.Expired(ctx, keep); err != nil || n[store.KindTickets] != 0 {
			t.Fatalf("9 days after it was closed: %v, %v", n, err)
		}
		if err := s.ExecForTest(ctx, "UPDATE outbox SET sent_at = created_at WHERE sent_at IS NULL"); err != nil {
			t.Fatal(err)
		}
		before := mentions(t, s, tk.ID)
		for _, table := range []string{"ticket_history", "ticket_comments", "ticket_attachments", "ticket_links", "ticket_deliveries", "ticket_texts", "oms_writes", "outbox", "audit_log"} {
			found := false
			for column := range before {
				found = found || strings.HasPrefix(column, table+".")
			}
			if !found {
				t.Errorf("%s did not name the ticket: this test shows nothing of it", table)
			}
		}
		if n := mentions(t, s, tk.Number); n["calls.ticket_number"] != 1 || mentions(t, s, pickupAddress)["returns.pickup_address"] != 1 {
			t.Errorf("the number is in %v", n)
		}
		now = now.Add(2 * days)
		if n, _, err := s.Retain(ctx, keep, 100); err != nil || n[store.KindTickets] != 1 {
			t.Fatalf("11 days after: %v, %v", n, err)
		}
		if got := mentions(t, s, tk.ID); len(got) != 1 || got["audit_log.subject"] == 0 {
			t.Errorf("the id is in %v", got)
		}
		if got := mentions(t, s, tk.Number); len(got) != 0 {
			t.Errorf("the number is in %v", got)
		}
		for _, secret := range []string{tk.Contact, pickupAddress} {
			if got := mentions(t, s, secret); got["returns.contact"]+got["returns.pickup_address"] != 0 {
				t.Errorf("%s is in %v", secret, got)
			}
		}
		// What is not the ticket's is there.
		if _, err := s.TicketByKey(ctx, other.IdempotencyKey); err != nil {
			t.Error(err)
		}
		for table, want := range map[string]string{"calls": "1", "returns": "1", "return_lines": "2", "shop_writes": "1"} {
			if got := rowsIn(t, s, table); got != want {
				t.Errorf("%s rows in %s, want %s", got, table, want)
			}
		}
	})
}

// One list says in which statuses a ticket is over, and another time begins
// with each: a ticket that is reopened does not age.
func TestTicketsAgeFromWhenTheyEnded(t *testing.T) {
	now := noon
	onEach(t, store.Deps{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		now = noon
		over := map[schemas.TicketStatus]bool{}
		for _, status := range schemas.TicketStatuses() {
			tk := ticket(t, s, fmt.Sprint("age-", status))
			for _, step := range ways[status] {
				if _, err := s.ChangeTicket(ctx, tk.ID, change(step, "wang.fang")); err != nil {
					t.Fatal(err)
				}
			}
			ended, err := s.QueryForTest(ctx, "SELECT count(*) FROM tickets WHERE ended_at IS NOT NULL AND id = ?", tk.ID)
			if err != nil {
				t.Fatal(err)
			}
			over[status] = ended == "1"
		}
		if over[schemas.StatusReopened] || !over[schemas.StatusResolved] || !over[schemas.StatusClosed] || !over[schemas.StatusCancelled] {
			t.Errorf("over: %v", over)
		}
		now = now.Add(8 * days)
		n, err := s.Expired(ctx, store.RetentionConfig{Tickets: 7 * days})
		if err != nil || n[store.KindTickets] != int64(len(store.EndedStatuses())) {
			t.Errorf("%v are past their time, of %v: %v", n, store.EndedStatuses(), err)
		}
		for _, status := range store.EndedStatuses() {
			if !over[status] || !strings.Contains(store.EndedWords, "'"+string(status)+"'") {
				t.Errorf("%s is over: %v; the words are %s", status, over[status], store.EndedWords)
			}
		}
		if strings.Count(store.EndedWords, ",")+1 != len(store.EndedStatuses()) {
			t.Errorf("the words are %s, the statuses %v", store.EndedWords, store.EndedStatuses())
		}
	})
}
