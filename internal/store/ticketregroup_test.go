package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// teams are rules that have one way for each group, and warn so long before.
type teams struct {
	groups map[schemas.Group]store.Regroup
	warn   time.Duration
}

func (r teams) Regroup(t store.Ticket, _ time.Time) store.Regroup { return r.groups[t.Group] }
func (r teams) Warn(_ store.Ticket, due, now time.Time) time.Time {
	if at := due.Add(-r.warn); r.warn > 0 && at.After(now) {
		return at
	}
	return time.Time{}
}

var office = teams{groups: map[schemas.Group]store.Regroup{
	schemas.GroupAfterSales: {Members: []string{"li.na"}},
	schemas.GroupFinance: {
		Members: []string{"wang.fang", "zhao.lei"}, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "zhao.lei"}},
	},
	schemas.GroupComplaints: {Members: []string{"li.na"}, Assign: store.AssignLeastLoaded, Candidates: []store.Candidate{{Name: "li.na"}}},
}}

func moveTo(g schemas.Group, rules store.Rules) store.TicketChange {
	return store.TicketChange{By: "chen.jie", Why: "转组", Group: &g, Rules: rules}
}

// A ticket that is moved is somebody's of the group that it comes to, or
// nobody's; its status says which, and its history has all of it.
func TestAMovedTicketBelongsToItsNewGroup(t *testing.T) {
	give := func(who string) store.TicketChange { return store.TicketChange{By: "chen.jie", Assignee: &who} }
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i, c := range []struct {
			name   string
			before []store.TicketChange
			move   store.TicketChange
			who    string
			status schemas.TicketStatus
			noted  string
		}{
			{"nobody's goes to whom the rule gives it", nil, moveTo(schemas.GroupFinance, office), "zhao.lei", schemas.StatusAssigned,
				"status open>assigned, assignee >zhao.lei, group after_sales>finance"},
			{"without people it stays nobody's", nil, moveTo(schemas.GroupLogistics, office), "", schemas.StatusOpen, "group after_sales>logistics"},
			{"who is there as well keeps it", []store.TicketChange{give("li.na")}, moveTo(schemas.GroupComplaints, office), "li.na", schemas.StatusAssigned,
				"group after_sales>complaints"},
			{"work that goes on with the same person goes on", []store.TicketChange{give("li.na"), to(schemas.StatusInProgress)}, moveTo(schemas.GroupComplaints, office),
				"li.na", schemas.StatusInProgress, "group after_sales>complaints"},
			{"somebody else begins anew", []store.TicketChange{give("li.na"), to(schemas.StatusInProgress)}, moveTo(schemas.GroupFinance, office), "zhao.lei", schemas.StatusAssigned,
				"status in_progress>assigned, assignee li.na>zhao.lei, group after_sales>finance"},
			{"back to the group", []store.TicketChange{give("li.na"), to(schemas.StatusInProgress)}, moveTo(schemas.GroupLogistics, office), "", schemas.StatusOpen,
				"status in_progress>open, assignee li.na>, group after_sales>logistics"},
			{"the caller is waited for all the same", []store.TicketChange{give("li.na"), to(schemas.StatusWaitingCustomer)}, moveTo(schemas.GroupFinance, office), "zhao.lei",
				schemas.StatusWaitingCustomer, "assignee li.na>zhao.lei, group after_sales>finance"},
			{"no approval is given by it", []store.TicketChange{give("li.na"), to(schemas.StatusWaitingApproval)}, moveTo(schemas.GroupLogistics, office), "",
				schemas.StatusWaitingApproval, "assignee li.na>, group after_sales>logistics"},
			{"reopened stays so while nobody has it", []store.TicketChange{to(schemas.StatusResolved), to(schemas.StatusReopened)}, moveTo(schemas.GroupLogistics, office), "",
				schemas.StatusReopened, "group after_sales>logistics"},
			{"without rules", []store.TicketChange{give("li.na")}, moveTo(schemas.GroupComplaints, nil), "", schemas.StatusOpen,
				"status assigned>open, assignee li.na>, group after_sales>complaints"},
			{"a change that says who", nil, store.TicketChange{By: "chen.jie", Why: "转组", Group: ptr(schemas.GroupFinance), Assignee: ptr("sun.yu"), Rules: office}, "sun.yu",
				schemas.StatusAssigned, "status open>assigned, assignee >sun.yu, group after_sales>finance"},
			{"the same group", []store.TicketChange{give("sun.yu")}, moveTo(schemas.GroupAfterSales, office), "sun.yu", schemas.StatusAssigned, ""},
		} {
			id := ticket(t, s, fmt.Sprint("move", i)).ID
			for _, b := range c.before {
				if _, err := s.ChangeTicket(ctx, id, b); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			got, err := s.ChangeTicket(ctx, id, c.move)
			life, err2 := s.TicketLife(ctx, id)
			if err != nil || err2 != nil {
				t.Fatalf("%s: %v, %v", c.name, err, err2)
			}
			var noted []string
			for _, h := range life.History {
				if h.Version == int64(len(c.before)+2) {
					noted = append(noted, fmt.Sprintf("%s %s>%s", h.Field, h.From, h.To))
					if h.By != "chen.jie" || h.Why != "转组" {
						t.Errorf("%s: %+v", c.name, h)
					}
				}
			}
			if x := life.Ticket; x.Assignee != c.who || x.Status != c.status || x.Group != *c.move.Group || strings.Join(noted, ", ") != c.noted || (len(got.Facts) == 1) != (c.noted != "") {
				t.Errorf("%s: %s has it, %s, %s; noted %q; facts %q", c.name, x.Assignee, x.Status, x.Group, noted, got.Facts)
			}
		}
		// Turns are those of new tickets.
		if tk := place(t, s, "turn", store.Placement{Group: schemas.GroupFinance, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "zhao.lei"}, {Name: "wang.fang"}}}); tk.Assignee != "wang.fang" {
			t.Errorf("after zhao.lei it is %s's turn", tk.Assignee)
		}
	})
}

func TestWhatIsOverIsNotAmended(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		due := noon.Add(time.Hour)
		for i, over := range []schemas.TicketStatus{schemas.StatusResolved, schemas.StatusClosed, schemas.StatusCancelled} {
			id := ticket(t, s, fmt.Sprint("over", i)).ID
			for _, step := range ways[over] {
				if _, err := s.ChangeTicket(ctx, id, to(step)); err != nil {
					t.Fatal(err)
				}
			}
			before, err := s.TicketLife(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			for field, c := range map[string]store.TicketChange{
				"group": moveTo(schemas.GroupFinance, office), "priority": {By: "chen.jie", Priority: ptr(schemas.PriorityLow)}, "due": {By: "chen.jie", DueAt: &due},
				"no due": {By: "chen.jie", DueAt: &time.Time{}}, "what it is": {By: "chen.jie", Priority: ptr(schemas.PriorityNormal)},
			} {
				if _, err := s.ChangeTicket(ctx, id, c); !errors.Is(err, store.ErrEnded) || err.Error() != "the ticket is over: it is "+string(over) {
					t.Errorf("%s of a %s one: %v", field, over, err)
				}
			}
			after, err := s.TicketLife(ctx, id)
			if err != nil || after.Ticket.Version != before.Ticket.Version || len(after.History) != len(before.History) || after.Ticket.Group != schemas.GroupAfterSales {
				t.Errorf("%s: a trace is left: %+v, %v", over, after.Ticket, err)
			}
			if over == schemas.StatusCancelled {
				continue
			}
			c := moveTo(schemas.GroupFinance, office)
			c.Status = ptr(schemas.StatusReopened)
			if got, err := s.ChangeTicket(ctx, id, c); err != nil || got.Ticket.Status != schemas.StatusReopened || got.Ticket.Group != schemas.GroupFinance {
				t.Errorf("reopened by the same change: %+v, %v", got.Ticket, err)
			}
		}
	})
}

// A due time that somebody sets is escalated like one that dispatch set: near
// and over, once each; also when it is the one that was there before.
func TestADueTimeThatIsSetIsEscalated(t *testing.T) {
	at := noon
	onEach(t, store.Deps{Now: func() time.Time { return at }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		at = noon
		rules := teams{warn: time.Hour}
		id := place(t, s, "a", store.Placement{Group: schemas.GroupLogistics, DueAt: noon.Add(2 * time.Hour), WarnAt: noon.Add(time.Hour)}).ID
		set := func(c store.TicketChange) store.Ticket {
			t.Helper()
			c.By, c.Rules = "chen.jie", rules
			got, err := s.ChangeTicket(ctx, id, c)
			if err != nil {
				t.Fatal(err)
			}
			return got.Ticket
		}
		due := func(h int) store.TicketChange {
			return store.TicketChange{DueAt: ptr(noon.Add(time.Duration(h) * time.Hour))}
		}
		late := func(h int, want string) {
			t.Helper()
			at = noon.Add(time.Duration(h) * time.Hour)
			if got := fmt.Sprint(escalate(t, s, at)); got != want {
				t.Errorf("after %d hours: %s, want %s", h, got, want)
			}
		}
		const none, near, over = "map[]", "map[call-a:near]", "map[call-a:overdue]"
		late(2, over)
		if got := set(due(10)); got.Escalated != "" || !got.DueAt.Equal(noon.Add(10*time.Hour)) {
			t.Errorf("still %s: %+v", got.Escalated, got)
		}
		late(8, none)
		late(9, near)
		// With the same due time, levels that were reached stay reached.
		same := due(10)
		same.Priority = ptr(schemas.PriorityLow)
		if got := set(same); got.Escalated != schemas.EscalationNear || got.Priority != schemas.PriorityLow {
			t.Errorf("%+v", got)
		}
		late(9, none)
		late(10, over)
		// Put off, and back again: it counts again, and does not stop others.
		set(due(20))
		set(due(10))
		late(10, over)
		late(11, none)
		set(store.TicketChange{DueAt: &time.Time{}})
		if got := set(store.TicketChange{DueAt: &time.Time{}}); got.DueAt != nil || got.Escalated != "" {
			t.Errorf("due %v, %s", got.DueAt, got.Escalated)
		}
		late(1000, none)
		// Set with less time left than is warned of: whoever set it knows.
		at = noon.Add(1000 * time.Hour)
		set(store.TicketChange{DueAt: ptr(at.Add(30 * time.Minute))})
		late(1000, none)
		late(1001, over)
		facts := 0
		life, err := s.TicketLife(ctx, id)
		for v := range life.Ticket.Version {
			if _, ok, err := s.OutboxPending(ctx, store.EscalationID(id, schemas.EscalationOverdue, noon.Add(10*time.Hour), v+1)); err != nil {
				t.Fatal(err)
			} else if ok {
				facts++
			}
		}
		if facts != 2 || err != nil {
			t.Errorf("%d facts say that it was over at ten hours, want 2; %v", facts, err)
		}
	})
}

func TestACopyIsToldThatADueTimeIsGone(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		a := copied(t, s, "a", "new")
		due := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
		for _, at := range []time.Time{due, {}} {
			if _, err := s.ChangeTicket(ctx, a.ID, store.TicketChange{By: "chen.jie", DueAt: &at}); err != nil {
				t.Fatal(err)
			}
		}
		_, data := told(t, s, a.ID)
		if len(data) != 2 || data[0]["due"] != "2026-12-01T10:00:00Z" || data[0]["no_due"] != nil || data[1]["due"] != nil || data[1]["no_due"] != true {
			t.Errorf("told %v", data)
		}
	})
}

// Tickets are moved and opened at the same time, in both directions: nobody
// waits for ever, nobody gets more than they can have, and none is lost.
func TestMovesAtTheSameTime(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		people := []store.Candidate{{Name: "a", Capacity: 3}, {Name: "b", Capacity: 4}}
		crowd := teams{groups: map[schemas.Group]store.Regroup{
			schemas.GroupFinance:   {Members: []string{"a", "b"}, Assign: store.AssignLeastLoaded, Candidates: people},
			schemas.GroupLogistics: {Members: []string{"c"}, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "c", Capacity: 5}}},
		}}
		const n = 12
		var ids []string
		for i := range n {
			ids = append(ids, ticket(t, s, fmt.Sprint("m", i)).ID)
		}
		var wg sync.WaitGroup
		for i, id := range ids {
			wg.Go(func() {
				way := []schemas.Group{schemas.GroupFinance, schemas.GroupLogistics, schemas.GroupFinance}
				if i%2 == 0 {
					way = []schemas.Group{schemas.GroupLogistics, schemas.GroupFinance, schemas.GroupLogistics}
				}
				for _, g := range way {
					if _, err := s.ChangeTicket(context.Background(), id, moveTo(g, crowd)); err != nil {
						t.Errorf("%d to %s: %v", i, g, err)
					}
				}
			})
			wg.Go(func() {
				p := store.Placement{Group: schemas.GroupFinance, Assign: store.AssignLeastLoaded, Candidates: people}
				if _, _, err := s.PlaceTicket(context.Background(), request(fmt.Sprint("p", i)), p); err != nil {
					t.Errorf("place %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		list, _, err := s.Tickets(context.Background(), store.TicketFilter{}, 200, "")
		if err != nil || len(list) != 2*n {
			t.Fatalf("%d tickets, %v", len(list), err)
		}
		has := map[string]int{}
		for _, tk := range list {
			has[tk.Assignee]++
			if there := crowd.groups[tk.Group].Members; tk.Assignee != "" && !slices.Contains(there, tk.Assignee) {
				t.Errorf("%s has a ticket of %s", tk.Assignee, tk.Group)
			}
		}
		if has["a"] > 3 || has["b"] > 4 || has["c"] > 5 || has["a"]+has["b"] == 0 {
			t.Errorf("shares %v", has)
		}
	})
}

// Two people change one ticket at the same moment, from one version: one does,
// the other is told, and nothing of theirs is left.
func TestTwoPeopleAmendOneTicket(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		id := ticket(t, s, "a").ID
		var mu sync.Mutex
		done, refused := 0, 0
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				c := moveTo(schemas.Groups()[1+i%3], office)
				c.Version, c.DueAt = 1, ptr(noon.Add(time.Duration(i+1)*time.Hour))
				_, err := s.ChangeTicket(context.Background(), id, c)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, store.ErrChanged):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		life, err := s.TicketLife(context.Background(), id)
		if err != nil || done != 1 || refused != 7 || life.Ticket.Version != 2 {
			t.Errorf("%d done, %d refused: %+v, %v", done, refused, life.Ticket, err)
		}
	})
}
