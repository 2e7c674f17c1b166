package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// linked is a store whose tenant acme has a ticket system.
func linked(now func() time.Time) store.Deps {
	return store.Deps{Now: now, TicketSystem: func(tenant string) string {
		if tenant == "acme" {
			return "rest"
		}
		return ""
	}}
}

func ofAcme(t testing.TB, s *store.Store, key string) store.Ticket {
	t.Helper()
	req := request(key)
	req.Tenant = "acme"
	got, _, err := s.OpenTicket(storetest.Context(t), req, schemas.GroupAfterSales)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func outbox(t testing.TB, s *store.Store, id string) any {
	t.Helper()
	m, ok, err := s.OutboxPending(storetest.Context(t), id)
	if err != nil || !ok {
		t.Fatalf("%s is not in the outbox: %v", id, err)
	}
	v, err := m.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestATicketAndTheWorkForItsCopyAreOneTransaction(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		own, acme := ticket(t, s, "own"), ofAcme(t, s, "acme")
		ofAcme(t, s, "acme") // again: no second work
		work, ok := outbox(t, s, store.DeliverID(acme.ID, 1)).(*schemas.TicketDeliver)
		if !ok || *work != (schemas.TicketDeliver{Tenant: "acme", CallID: acme.CallID, TicketID: acme.ID, Sequence: 1}) {
			t.Errorf("work %+v", work)
		}
		list, _, err := s.Tickets(ctx, store.TicketFilter{}, 0, "")
		if err != nil || len(list) != 2 || list[0].ID == own.ID && list[0].External != nil {
			t.Errorf("list %+v, %v", list, err)
		}
		for _, got := range list {
			if linked := got.External != nil && got.External.System == "rest"; linked != (got.ID == acme.ID) {
				t.Errorf("%s: external %+v", got.CallID, got.External)
			}
		}
		if n, err := s.CountPendingOutbox(ctx); n != 3 || err != nil {
			t.Errorf("%d messages, %v", n, err)
		}
		if links, err := s.LinksOf(ctx, own.ID, acme.ID); len(links) != 1 || links[acme.ID].System != "rest" || err != nil {
			t.Errorf("links %+v, %v", links, err)
		}
		if _, ok, err := s.QueueDelivery(ctx, own.ID, store.DeliverUpdate, "x", nil); ok || err != nil {
			t.Errorf("a ticket without a copy: %v, %v", ok, err)
		}
		if _, err := s.ClaimLink(ctx, own.ID, time.Now()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("claim: %v", err)
		}
	})
}

func TestChangesAreDeliveredInOrderByOneWorker(t *testing.T) {
	var mu sync.Mutex
	now := noon
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	onEach(t, linked(clock), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := ofAcme(t, s, "a")
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				for range 2 { // each twice
					if _, _, err := s.QueueDelivery(ctx, a.ID, store.DeliverComment, fmt.Sprint("c", i), map[string]int{"n": i}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		c, err := s.ClaimLink(ctx, a.ID, clock().Add(time.Minute))
		if err != nil || len(c.Pending) != 11 || c.Pending[0].Kind != store.DeliverCreate || c.Link.Queued != 11 || c.Link.Attempted {
			t.Fatalf("claim %+v, %v", c, err)
		}
		for i, d := range c.Pending {
			if d.Sequence != int64(i+1) {
				t.Errorf("sequence %d at %d", d.Sequence, i)
			}
		}
		if _, err := s.ClaimLink(ctx, a.ID, clock().Add(time.Minute)); !errors.Is(err, store.ErrLinkBusy) {
			t.Errorf("claimed twice: %v", err)
		}
		id, err := s.FinishDelivery(ctx, c, 1, store.Link{ExternalID: "X-1", URL: "https://x/1", Status: "new"})
		if err != nil {
			t.Fatal(err)
		}
		f, ok := outbox(t, s, id).(*schemas.TicketSynced)
		if !ok || f.ExternalID != "X-1" || f.Status != "new" || f.Cause != schemas.SyncDelivered || f.Number != a.Number {
			t.Errorf("fact %+v", f)
		}
		if err := s.GiveUpDelivery(ctx, c, 2); err != nil {
			t.Error(err)
		}
		// The worker is gone: another goes on, and the first one's word no
		// longer counts.
		mu.Lock()
		now = now.Add(2 * time.Minute)
		mu.Unlock()
		second, err := s.ClaimLink(ctx, a.ID, clock().Add(time.Minute))
		if err != nil || len(second.Pending) != 9 || second.Pending[0].Sequence != 3 || !second.Link.Attempted || second.Link.ExternalID != "X-1" {
			t.Fatalf("second claim %+v, %v", second, err)
		}
		if _, err := s.FinishDelivery(ctx, c, 3, store.Link{ExternalID: "X-2"}); !errors.Is(err, store.ErrLinkBusy) {
			t.Errorf("a claim that ran out: %v", err)
		}
		if err := s.ReviveDelivery(ctx, a.ID, 2); err != nil {
			t.Error(err)
		}
		if err := s.ReleaseLink(ctx, second, "it hangs"); err != nil {
			t.Error(err)
		}
		third, err := s.ClaimLink(ctx, a.ID, clock().Add(time.Minute))
		if err != nil || len(third.Pending) != 10 || third.Pending[0].Sequence != 2 || third.Link.Error != "it hangs" {
			t.Errorf("third claim %+v, %v", third, err)
		}
		mu.Lock()
		now = noon
		mu.Unlock()
	})
}

func TestWhatAnotherSystemTellsCountsOnceAndInOrder(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := ofAcme(t, s, "a")
		c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.FinishDelivery(ctx, c, 1, store.Link{ExternalID: "7", Status: "new"}); err != nil {
			t.Fatal(err)
		}
		at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
		for i, step := range []struct {
			e    store.LinkEvent
			want store.LinkOutcome
			is   string
			fact bool
		}{
			{store.LinkEvent{EventID: "e1", ExternalID: "7", Status: "open", At: at(1)}, store.EventApplied, "open", true},
			{store.LinkEvent{EventID: "e1", ExternalID: "7", Status: "open", At: at(1)}, store.EventDuplicate, "open", false},
			{store.LinkEvent{EventID: "e3", ExternalID: "7", Status: "closed", At: at(3)}, store.EventApplied, "closed", true},
			{store.LinkEvent{EventID: "e2", ExternalID: "7", Status: "stalled", At: at(2)}, store.EventStale, "closed", false},
			{store.LinkEvent{EventID: "e4", TicketID: a.ID, Status: "closed", At: at(4)}, store.EventApplied, "closed", false},
			{store.LinkEvent{EventID: "e5", ExternalID: "7", Status: "open", At: at(5), Sequence: 9}, store.EventApplied, "open", true},
			{store.LinkEvent{EventID: "e6", ExternalID: "7", Status: "new", At: at(6), Sequence: 8}, store.EventStale, "open", false},
			{store.LinkEvent{EventID: "e7", ExternalID: "nobody's", Status: "new", At: at(6)}, store.EventUnknown, "open", false},
		} {
			step.e.Tenant = "acme"
			got, facts, err := s.ApplyLinkEvent(ctx, step.e)
			links, linkErr := s.LinksOf(ctx, a.ID)
			if got != step.want || (len(facts) == 2) != step.fact || err != nil || linkErr != nil || links[a.ID].Status != step.is {
				t.Errorf("step %d: %s, facts %q, %v: %+v", i, got, facts, err, links[a.ID])
			}
			if step.fact && len(facts) > 0 {
				if f := outbox(t, s, facts[0]).(*schemas.TicketSynced); f.Status != step.is || f.Cause != schemas.SyncReported || f.Previous == f.Status {
					t.Errorf("step %d: fact %+v", i, f)
				}
			}
		}
		// Another tenant cannot speak of acme's ticket.
		if got, _, err := s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "other", EventID: "x", TicketID: a.ID, Status: "closed", At: at(9)}); got != store.EventUnknown || err != nil {
			t.Errorf("another tenant: %s, %v", got, err)
		}
		if err := s.ForgetLinkEvents(ctx, time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		for _, m := range []int{5, 3, 8} {
			if err := s.MoveLinkCursor(ctx, "acme", at(m)); err != nil {
				t.Fatal(err)
			}
		}
		since, err := s.LinkCursor(ctx, "acme")
		if !since.Equal(at(8)) || err != nil {
			t.Errorf("cursor %v, %v", since, err)
		}
		if err := s.MoveLinkCursor(ctx, "acme", at(1)); err != nil {
			t.Fatal(err)
		}
		if since, _ = s.LinkCursor(ctx, "acme"); !since.Equal(at(8)) {
			t.Errorf("the cursor went back to %v", since)
		}
	})
}
