package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// frequent are the store's most frequent questions, asked as services ask
// them. Each has to find something: a plan for nothing proves nothing.
func frequent(ctx context.Context, s *store.Store, n int) []struct {
	name string
	ask  func() (int, error)
} {
	hex := fmt.Sprintf("%022x", 7)
	tickets := func(f store.TicketFilter) func() (int, error) {
		return func() (int, error) { list, _, err := s.Tickets(ctx, f, 0, ""); return len(list), err }
	}
	calls := func(f store.CallFilter) func() (int, error) {
		return func() (int, error) { list, _, err := s.Calls(ctx, f, 0, ""); return len(list), err }
	}
	orders := func(q schemas.OrdersFind) func() (int, error) {
		return func() (int, error) { found, err := s.FindOrders(ctx, q); return len(found.Orders), err }
	}
	middle := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n/2) * 20 * time.Second)
	return []struct {
		name string
		ask  func() (int, error)
	}{
		{"tickets, newest first", tickets(store.TicketFilter{})},
		{"tickets, next page", func() (int, error) {
			_, next, err := s.Tickets(ctx, store.TicketFilter{}, 0, "")
			if err != nil {
				return 0, err
			}
			list, _, err := s.Tickets(ctx, store.TicketFilter{}, 0, next)
			return len(list), err
		}},
		{"tickets of a call", tickets(store.TicketFilter{CallID: "call 7"})},
		{"tickets of an order", tickets(store.TicketFilter{OrderNumber: hex})},
		{"ticket by number", tickets(store.TicketFilter{Number: hex})},
		{"tickets of a team by status", tickets(store.TicketFilter{Group: schemas.GroupFinance, Status: schemas.StatusOpen})},
		{"tickets of an interval", tickets(store.TicketFilter{Since: middle, Until: middle.Add(time.Hour)})},
		{"tickets by words", tickets(store.TicketFilter{Text: "退货 zz"})},
		{"ticket with its life", func() (int, error) { life, err := s.TicketLife(ctx, hex); return len(life.History), err }},
		{"overdue tickets, counted", func() (int, error) {
			groups, err := s.CountOverdue(ctx, middle.Add(-time.Duration(n/2-1000)*20*time.Second))
			return len(groups), err
		}},
		{"escalation, one batch", func() (int, error) {
			steps, err := s.EscalateTickets(ctx, middle, 5, nil)
			return len(steps), err
		}},
		{"the person with the least", func() (int, error) {
			place := store.Placement{Group: schemas.GroupFinance, Assign: store.AssignLeastLoaded, Candidates: []store.Candidate{{Name: "p20"}, {Name: "p40"}}}
			tk, _, err := s.PlaceTicket(ctx, request("plan-"+schemas.NewID(time.Now())), place)
			return len(tk.Assignee), err
		}},
		{"copy, claimed and let go", func() (int, error) {
			claim, err := s.ClaimLink(ctx, hex, noon.Add(10001*days))
			if err != nil {
				return 0, err
			}
			return len(claim.Pending), s.ReleaseLink(ctx, claim, "")
		}},
		{"word of another system", func() (int, error) {
			_, _, err := s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "acme", EventID: "p" + schemas.NewID(time.Now()), ExternalID: "X9", Status: "seen", At: noon})
			return 1, err
		}},
		{"copies of a page", func() (int, error) {
			links, err := s.LinksOf(ctx, hex, fmt.Sprintf("%022x", 8))
			return len(links), err
		}},
		{"copies that are unsettled", func() (int, error) { ok, err := s.LinksUnsettled(ctx, "acme"); return btoi(ok), err }},
		{"writes of a ticket", func() (int, error) { w, err := s.OMSWritesOfTicket(ctx, hex); return len(w), err }},
		{"writes of an order", func() (int, error) { w, err := s.OMSWritesOfOrder(ctx, hex); return len(w), err }},
		{"write by its work", func() (int, error) {
			_, err := s.OMSWriteByMessage(ctx, "call 7", "none")
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return 1, err
		}},
		{"ways of parcels", func() (int, error) {
			tr, err := s.Trace(ctx, schemas.TraceFind{TrackingNo: "P7"})
			return len(tr.Parcels), err
		}},
		{"audit log of an actor", func() (int, error) {
			list, _, err := s.AuditLog(ctx, store.AuditFilter{Actor: "k7"}, 0, "")
			return len(list), err
		}},
		{"audit log of a ticket", func() (int, error) {
			list, _, err := s.AuditLog(ctx, store.AuditFilter{Subject: hex}, 0, "")
			return len(list), err
		}},
		{"ticket by key", func() (int, error) { _, err := s.TicketByKey(ctx, "key "+hex); return 1, err }},
		{"calls, newest first", calls(store.CallFilter{})},
		{"calls of an hour", calls(store.CallFilter{Since: middle, Until: middle.Add(time.Hour)})},
		{"calls by caller", calls(store.CallFilter{Caller: caller})},
		{"calls by outcome", calls(store.CallFilter{Outcome: schemas.OutcomeHandedOff})},
		{"orders by phone", orders(schemas.OrdersFind{Phone: caller})},
		{"order by number", orders(schemas.OrdersFind{Number: fmt.Sprintf("%022X", 7)})},
		{"orders by last digits", orders(schemas.OrdersFind{LastDigits: lastDigits(7)})},
		{"outbox, pending", func() (int, error) {
			list, err := s.PendingOutbox(ctx, noon.Add(10000*days), 100)
			return len(list), err
		}},
		{"retention, one batch", func() (int, error) {
			deleted, _, err := s.Retain(ctx, store.RetentionConfig{Turns: days, Calls: days, Tickets: 7 * days, Outbox: days, Audit: 60 * days}, 5)
			return int(min(deleted[store.KindCalls], deleted[store.KindTickets])), err
		}},
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lastDigits are what an order of the seed ends with, and few others do.
func lastDigits(i int) string { return fmt.Sprintf("%06x", i) }

// No frequent question reads a whole table. With TIDEGATE_TEST_MILLION set,
// both databases are asked with a million tickets, calls, orders and facts;
// give it time: -timeout 30m.
func TestFrequentQuestionsAreAnsweredByIndexes(t *testing.T) {
	for name, mk := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			n := 20_000
			if os.Getenv("TIDEGATE_TEST_MILLION") != "" {
				n = 1_000_000
			}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
			defer cancel()
			// The clock stands past everything that is seeded.
			s := open(t, mk(t), store.Deps{Now: func() time.Time { return noon.Add(10000 * days) }})
			began := time.Now()
			s.SeedForTest(ctx, t, n, "13800138001")
			t.Logf("%d of each seeded in %v", n, time.Since(began).Round(time.Millisecond))
			for _, q := range frequent(ctx, s, n) {
				var found int
				var err error
				statements := s.CaptureForTest(t, func() { found, err = q.ask() })
				if err != nil || found == 0 || len(statements) == 0 {
					t.Errorf("%s: %d found by %d statements, %v", q.name, found, len(statements), err)
					continue
				}
				best := time.Hour
				for range 3 {
					start := time.Now()
					if _, err := q.ask(); err != nil {
						t.Fatal(err)
					}
					best = min(best, time.Since(start))
				}
				t.Logf("%-28s %8v  %d found", q.name, best.Round(10*time.Microsecond), found)
				for _, c := range statements {
					plan, whole := s.ExplainForTest(ctx, t, c)
					t.Logf("    %s", plan)
					// A row for each group: smaller than any index.
					whole = slices.DeleteFunc(whole, func(w string) bool { return strings.HasSuffix(w, " ticket_turns") })
					if len(whole) > 0 {
						t.Errorf("%s: %v\n%s", q.name, whole, c.SQL)
					}
				}
			}
		})
	}
}
