package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// Tickets that share transactions take turns, and fill people up, as those do
// that come alone, in two workers at once; a request that comes again uses up
// nobody's turn. Each has its history, its transcript and its fact.
func TestTicketsOpenedTogetherAreAssigned(t *testing.T) {
	for name, mk := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			const n = 90
			dsn := mk(t)
			workers := []*store.Store{open(t, dsn, store.Deps{}), open(t, dsn, store.Deps{})}
			ctx := storetest.Context(t)
			rounds := store.Placement{Rule: "r", Group: schemas.GroupFinance, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
			least := store.Placement{Rule: "l", Group: schemas.GroupLogistics, Assign: store.AssignLeastLoaded, Approval: true,
				Candidates: []store.Candidate{{Name: "x", Capacity: 10}, {Name: "y"}, {Name: "z"}}}
			nobody := store.Placement{Rule: "n", Group: schemas.GroupComplaints}
			place := []store.Placement{rounds, least, nobody}
			var callers sync.WaitGroup
			for i := range 2 * n {
				callers.Go(func() {
					call := fmt.Sprint("call-", i/2)
					req := schemas.TicketOpen{IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1",
						TranscriptURL: "https://tidegate.example/calls/" + call, RequestedAt: time.Now()}
					if _, _, err := workers[i%2].PlaceTicket(ctx, req, place[i/2%3]); err != nil {
						t.Error(err)
					}
				})
			}
			callers.Wait()
			s := workers[0]
			list, _, err := s.Tickets(ctx, store.TicketFilter{}, n+10, "")
			if err != nil || len(list) != n {
				t.Fatalf("%d tickets, %v", len(list), err)
			}
			has := map[string]int{}
			for _, got := range list {
				has[got.Assignee]++
				life, err := s.TicketLife(ctx, got.ID)
				if err != nil || len(life.Attachments) != 1 || life.Attachments[0].URL != got.TranscriptURL {
					t.Fatalf("%s: %+v, %v", got.CallID, life.Attachments, err)
				}
				want := schemas.StatusAssigned
				switch got.Group {
				case schemas.GroupLogistics:
					want = schemas.StatusWaitingApproval
				case schemas.GroupComplaints:
					want = schemas.StatusOpen
				}
				if h := life.History; got.Status != want || len(h) == 0 || h[0].Field != "status" || h[0].To != string(want) ||
					(got.Assignee != "") != (len(h) == 2 && h[1].Field == "assignee" && h[1].To == got.Assignee) {
					t.Errorf("%s is %s, with %q: %+v", got.CallID, got.Status, got.Assignee, h)
				}
				fact, _ := outbox(t, s, store.FactID("opened", got.IdempotencyKey)).(*schemas.TicketOpened)
				if fact == nil || fact.TicketID != got.ID || fact.Assignee != got.Assignee || fact.Status != want || fact.Existing {
					t.Errorf("fact %+v of %+v", fact, got)
				}
			}
			// Whoever finds a ticket of another worker may have taken a turn for it
			// already, so that turns of two workers are even but for those.
			counts := []int{has["a"], has["b"], has["c"]}
			if slices.Sort(counts); counts[0]+counts[1]+counts[2] != n/3 || counts[2]-counts[0] > n/6 {
				t.Errorf("turns %v", has)
			}
			if has["x"] > 10 || has["x"] == 0 || has["x"]+has["y"]+has["z"] != n/3 || has[""] != n/3 {
				t.Errorf("loads %v", has)
			}
		})
	}
}

// In one worker, turns of tickets that come together are exactly even, however
// often their requests come again.
func TestTurnsAreEven(t *testing.T) {
	s := open(t, storetest.Postgres(t), store.Deps{})
	ctx := storetest.Context(t)
	p := store.Placement{Group: schemas.GroupFinance, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	has := map[string]int{}
	for round := range 3 {
		var callers sync.WaitGroup
		for i := range 30 {
			callers.Go(func() {
				call := fmt.Sprintf("call-%d", i+round*15) // half of them are known
				req := schemas.TicketOpen{IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1", RequestedAt: time.Now()}
				if _, _, err := s.PlaceTicket(ctx, req, p); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
	}
	list, _, err := s.Tickets(ctx, store.TicketFilter{}, 100, "")
	for _, got := range list {
		has[got.Assignee]++
	}
	if err != nil || has["a"] != 20 || has["b"] != 20 || has["c"] != 20 {
		t.Errorf("turns %v, %v", has, err)
	}
}
