package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// A change that was given up is one that nobody waits for: what the other
// system says after it moves our ticket. One that comes back from the dead
// letters does not make later ones untold.
func TestGivenUpChangesDoNotHoldStatusesBack(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := ofAcme(t, s, "a")
		for i := range 2 {
			if _, err := s.CommentTicket(ctx, a.ID, "li.na", fmt.Sprint("第", i)); err != nil {
				t.Fatal(err)
			}
		}
		claim := func() store.Claim {
			t.Helper()
			c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		is := func(want int64) {
			t.Helper()
			links, err := s.LinksOf(ctx, a.ID)
			if err != nil || links[a.ID].Delivered != want || links[a.ID].Queued != 3 {
				t.Errorf("link %+v, %v, want %d delivered", links[a.ID], err, want)
			}
		}
		c := claim()
		if _, err := s.FinishDelivery(ctx, c, 1, store.Link{ExternalID: "7", Status: "new"}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{2, 3} {
			if err := s.GiveUpDelivery(ctx, c, n); err != nil {
				t.Fatal(err)
			}
		}
		is(3)
		if err := s.ReleaseLink(ctx, c, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.ReviveDelivery(ctx, a.ID, 2); err != nil {
			t.Fatal(err)
		}
		again := claim()
		if err := s.GiveUpDelivery(ctx, c, 2); !errors.Is(err, store.ErrLinkBusy) {
			t.Errorf("given up by who does not hold it: %v", err)
		}
		if len(again.Pending) != 1 || again.Pending[0].Sequence != 2 {
			t.Fatalf("claim %+v", again)
		}
		if _, err := s.FinishDelivery(ctx, again, 2, store.Link{ExternalID: "7"}); err != nil {
			t.Fatal(err)
		}
		is(3)
		_, _, err := s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "acme", EventID: "e", ExternalID: "7", Status: "solved", Moves: schemas.StatusResolved, At: time.Now()})
		if got, err2 := s.Ticket(ctx, a.ID); err != nil || err2 != nil || got.Status != schemas.StatusResolved {
			t.Errorf("ticket is %s, %v, %v", got.Status, err, err2)
		}
	})
}

// The answer to a delivery is older than what the system reported while it was
// on its way.
func TestAReportDuringADeliveryStands(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := ofAcme(t, s, "a")
		c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		event := store.LinkEvent{Tenant: "acme", EventID: "e", TicketID: a.ID, ExternalID: "7", Status: "solved", At: time.Now()}
		if got, _, err := s.ApplyLinkEvent(ctx, event); got != store.EventApplied || err != nil {
			t.Fatalf("%s, %v", got, err)
		}
		if _, err := s.FinishDelivery(ctx, c, 1, store.Link{ExternalID: "7", Status: "new"}); err != nil {
			t.Fatal(err)
		}
		if links, err := s.LinksOf(ctx, a.ID); err != nil || links[a.ID].Status != "solved" {
			t.Errorf("link %+v, %v", links[a.ID], err)
		}
	})
}
