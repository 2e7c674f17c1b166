package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// told gives what a ticket's copy has to be told, in order, and checks that the
// work for each waits in the outbox.
func told(t testing.TB, s *store.Store, id string) (kinds []store.DeliveryKind, data []map[string]any) {
	t.Helper()
	c, err := s.ClaimLink(storetest.Context(t), id, time.Now().Add(time.Minute))
	if err == nil {
		err = s.ReleaseLink(storetest.Context(t), c, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Pending {
		outbox(t, s, store.DeliverID(id, d.Sequence))
		var v map[string]any
		if err := json.Unmarshal(d.Data, &v); err != nil {
			t.Fatal(err)
		}
		kinds, data = append(kinds, d.Kind), append(data, v)
	}
	return kinds, data
}

// copied begins a ticket of acme whose copy is there.
func copied(t testing.TB, s *store.Store, key, status string) store.Ticket {
	t.Helper()
	a := ofAcme(t, s, key)
	c, err := s.ClaimLink(storetest.Context(t), a.ID, time.Now().Add(time.Minute))
	if err == nil {
		_, err = s.FinishDelivery(storetest.Context(t), c, 1, store.Link{ExternalID: "X-" + key, Status: status})
	}
	if err == nil {
		err = s.ReleaseLink(storetest.Context(t), c, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCopiesAreToldOfChangesInTheirTransaction(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := copied(t, s, "a", "new")
		due := noon.Add(48 * time.Hour)
		var facts []string
		for i, step := range []func() (store.Changed, error){
			func() (store.Changed, error) {
				return s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "wang.fang", Assignee: ptr("li.na"), Group: ptr(schemas.GroupFinance), Priority: ptr(schemas.PriorityUrgent), DueAt: &due})
			},
			func() (store.Changed, error) { return s.CommentTicket(ctx, a.ID, "li.na", "已联系顾客") },
			func() (store.Changed, error) {
				return s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "wang.fang", Assignee: ptr("")})
			},
			func() (store.Changed, error) { // nothing that a copy has
				return s.AttachToTicket(ctx, a.ID, "li.na", store.Attachment{Kind: store.AttachmentOther, URL: "https://x.example/1"})
			},
			func() (store.Changed, error) { // no change
				return s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "li.na", Assignee: ptr("")})
			},
		} {
			got, err := step()
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			facts = append(facts, got.Facts...)
		}
		want := []string{
			store.ChangeID(a.ID, 2), store.DeliverID(a.ID, 2), store.ChangeID(a.ID, 3), store.DeliverID(a.ID, 3),
			store.ChangeID(a.ID, 4), store.DeliverID(a.ID, 4), store.ChangeID(a.ID, 5),
		}
		if !slices.Equal(facts, want) {
			t.Errorf("to publish %q, want %q", facts, want)
		}
		kinds, data := told(t, s, a.ID)
		if !slices.Equal(kinds, []store.DeliveryKind{store.DeliverUpdate, store.DeliverComment, store.DeliverUpdate}) {
			t.Fatalf("deliveries %v", kinds)
		}
		for i, fields := range []map[string]any{
			{"status": "assigned", "assignee": "li.na", "group": "finance", "priority": "urgent", "due": due.Format(time.RFC3339)},
			{"author": "li.na", "text": "已联系顾客"},
			{"status": "open", "unassigned": true},
		} {
			if at, _ := data[i]["at"].(string); at == "" || len(data[i]) != len(fields)+1 {
				t.Errorf("delivery %d: %v", i, data[i])
			}
			for k, v := range fields {
				if data[i][k] != v {
					t.Errorf("delivery %d: %s is %v, want %v", i, k, data[i][k], v)
				}
			}
		}
		// A change that is refused leaves no work behind.
		if _, err := s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "li.na", Version: 1, Priority: ptr(schemas.PriorityLow)}); err == nil {
			t.Error("an old version was taken")
		}
		if kinds, _ := told(t, s, a.ID); len(kinds) != 3 {
			t.Errorf("deliveries %v", kinds)
		}
		own := ticket(t, s, "own")
		if got, err := s.CommentTicket(ctx, own.ID, "li.na", "x"); err != nil || len(got.Facts) != 1 {
			t.Errorf("a ticket without a copy: %v, %v", got.Facts, err)
		}
	})
}

func TestCopiesAreToldOfEscalations(t *testing.T) {
	onEach(t, linked(func() time.Time { return noon }), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		req := request("late")
		req.Tenant = "acme"
		a, _, err := s.PlaceTicket(ctx, req, store.Placement{Group: schemas.GroupFinance, DueAt: noon.Add(-time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		steps, err := s.EscalateTickets(ctx, noon, 10, map[schemas.Group]string{schemas.GroupFinance: "wang.fang"})
		if err != nil || len(steps) != 1 {
			t.Fatalf("%+v, %v", steps, err)
		}
		if f := steps[0].Facts; !slices.Contains(f, store.DeliverID(a.ID, 2)) || len(f) != 3 {
			t.Errorf("to publish %q", f)
		}
		c, err := s.ClaimLink(ctx, a.ID, noon.Add(time.Minute))
		if err != nil || len(c.Pending) != 2 {
			t.Fatalf("%+v, %v", c.Pending, err)
		}
		var v map[string]any
		if err := json.Unmarshal(c.Pending[1].Data, &v); err != nil || v["priority"] != "high" || v["assignee"] != "wang.fang" || v["status"] != "assigned" {
			t.Errorf("told %v, %v", v, err)
		}
	})
}

// A system that says what it was told says nothing new: the record has its
// word, the history nothing in its name.
func TestWhatACopyWasToldIsNoNews(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := copied(t, s, "a", "new")
		if _, err := s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "wang.fang", Assignee: ptr("li.na")}); err != nil {
			t.Fatal(err)
		}
		c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
		if err == nil {
			_, err = s.FinishDelivery(ctx, c, 2, store.Link{ExternalID: "X-a"})
		}
		if err != nil {
			t.Fatal(err)
		}
		outcome, facts, err := s.ApplyLinkEvent(ctx, store.LinkEvent{
			Tenant: "acme", EventID: "e", ExternalID: "X-a", Status: "open", Moves: schemas.StatusInProgress,
			Means: []schemas.TicketStatus{schemas.StatusOpen, schemas.StatusAssigned}, At: time.Now(),
		})
		life, err2 := s.TicketLife(ctx, a.ID)
		if outcome != store.EventApplied || len(facts) != 1 || err != nil || err2 != nil || life.Ticket.Version != 2 || life.Ticket.Status != schemas.StatusAssigned || life.Ticket.External.Status != "open" {
			t.Errorf("%s, %q, %v, %v: %+v", outcome, facts, err, err2, life.Ticket)
		}
	})
}

// What another system says moves our ticket where its file says so and a way
// leads there. It stands in the history under the system's name, and is not
// told back.
func TestWhatComesFromACopyIsNotToldBack(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i, tc := range []struct {
			before []store.TicketChange
			told   bool // the copy knows of what was before
			word   string
			moves  schemas.TicketStatus
			want   schemas.TicketStatus
		}{
			{nil, true, "solved", schemas.StatusResolved, schemas.StatusResolved},
			{nil, true, "gone", schemas.StatusClosed, schemas.StatusClosed},
			{nil, true, "in work", schemas.StatusInProgress, schemas.StatusInProgress},
			{nil, true, "odd", "", schemas.StatusOpen},
			{[]store.TicketChange{change(schemas.StatusCancelled, "li.na")}, true, "in work", schemas.StatusInProgress, schemas.StatusCancelled},
			// Nobody approves from over there, and it is told of nothing that it may pay.
			{[]store.TicketChange{change(schemas.StatusWaitingApproval, "li.na")}, true, "in work", schemas.StatusInProgress, schemas.StatusWaitingApproval},
			{[]store.TicketChange{change(schemas.StatusWaitingApproval, "li.na")}, true, "gone", schemas.StatusCancelled, schemas.StatusWaitingApproval},
			// The word is older than what the copy still has to be told.
			{[]store.TicketChange{change(schemas.StatusWaitingCustomer, "li.na")}, false, "in work", schemas.StatusInProgress, schemas.StatusWaitingCustomer},
		} {
			key := string(rune('a' + i))
			a := copied(t, s, key, "new")
			for _, c := range tc.before {
				if _, err := s.ChangeTicket(ctx, a.ID, c); err != nil {
					t.Fatal(err)
				}
			}
			if tc.told && len(tc.before) > 0 {
				c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
				if err == nil {
					_, err = s.FinishDelivery(ctx, c, 2, store.Link{ExternalID: "X-" + key})
				}
				if err == nil {
					err = s.ReleaseLink(ctx, c, "")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			waiting, _ := told(t, s, a.ID)
			outcome, facts, err := s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "acme", EventID: "e" + key, ExternalID: "X-" + key, Status: tc.word, Moves: tc.moves, At: time.Now()})
			life, err2 := s.TicketLife(ctx, a.ID)
			if outcome != store.EventApplied || len(facts) != 2 || err != nil || err2 != nil || life.Ticket.Status != tc.want {
				t.Errorf("%s: %s, %q, %v, %v; is %s", tc.word, outcome, facts, err, err2, life.Ticket.Status)
				continue
			}
			noted := false
			for _, h := range life.History {
				if h.Field == "external_status" {
					noted = h.By == "system:rest" && h.From == "new" && h.To == tc.word
				}
			}
			if last := life.History[len(life.History)-1]; !noted || last.By != "system:rest" {
				t.Errorf("%s: history %+v", tc.word, life.History)
			}
			if life.Ticket.Assignee == "system:rest" {
				t.Errorf("%s: a system has the ticket", tc.word)
			}
			if after, _ := told(t, s, a.ID); len(after) != len(waiting) {
				t.Errorf("%s: told back: %v", tc.word, after)
			}
			if f, ok := outbox(t, s, facts[1]).(*schemas.TicketChanged); !ok || f.By != "system:rest" || f.Status != tc.want {
				t.Errorf("%s: fact %+v", tc.word, f)
			}
		}
	})
}

// People and the worker of the copies meet on one ticket all the time; neither
// waits for what the other has while the other waits for it.
func TestChangesAndDeliveriesDoNotLockEachOther(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := copied(t, s, "a", "new")
		const n = 60
		var wg sync.WaitGroup
		wg.Go(func() {
			for range n {
				if _, err := s.CommentTicket(ctx, a.ID, "li.na", "x"); err != nil {
					t.Errorf("comment: %v", err)
				}
			}
		})
		wg.Go(func() {
			for i := range n {
				e := store.LinkEvent{Tenant: "acme", EventID: fmt.Sprint("e", i), ExternalID: "X-a", Status: fmt.Sprint("s", i), At: time.Now(), Sequence: int64(i + 1)}
				if _, _, err := s.ApplyLinkEvent(ctx, e); err != nil {
					t.Errorf("event: %v", err)
				}
			}
		})
		wg.Go(func() {
			for i := range n {
				if _, _, err := s.QueueDelivery(ctx, a.ID, store.DeliverComment, fmt.Sprint("q", i/2), map[string]int{"n": i}); err != nil {
					t.Errorf("queue: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range n {
				c, err := s.ClaimLink(ctx, a.ID, time.Now().Add(time.Minute))
				for _, d := range c.Pending {
					if err == nil {
						_, err = s.FinishDelivery(ctx, c, d.Sequence, store.Link{ExternalID: "X-a"})
					}
				}
				if err == nil {
					err = s.ReleaseLink(ctx, c, "")
				}
				if err != nil {
					t.Errorf("delivery: %v", err)
				}
			}
		})
		wg.Wait()
		life, err := s.TicketLife(ctx, a.ID)
		if l := life.Ticket.External; err != nil || life.Ticket.Version != 2*n+1 || l.Queued != n+n/2+1 {
			t.Errorf("version %d, %+v, %v", life.Ticket.Version, l, err)
		}
	})
}
