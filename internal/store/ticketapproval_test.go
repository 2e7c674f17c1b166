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

// Whoever had a ticket when its approval was asked for, or since, or asked for
// it, approves it neither as it is nor after it was given away.
func TestGivingATicketAwayMakesNobodyItsApprover(t *testing.T) {
	give := func(by, who string) store.TicketChange { return store.TicketChange{By: by, Assignee: &who} }
	ask := func(by string) store.TicketChange {
		return store.TicketChange{By: by, Status: ptr(schemas.StatusWaitingApproval)}
	}
	given := func(by string) store.TicketChange {
		return store.TicketChange{By: by, Status: ptr(schemas.StatusAssigned), Assignee: ptr("li.na")}
	}
	handOver := ask("chen.jie")
	handOver.Assignee = ptr("sun.yu")
	move := moveTo(schemas.GroupFinance, office) // to zhao.lei
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i, c := range []struct {
			name   string
			placed bool // asked for by dispatch, with li.na
			before []store.TicketChange
			by     string
			err    error
		}{
			{"who has it", true, nil, "li.na", store.ErrOwnApproval},
			{"gave it back to the group", true, []store.TicketChange{give("li.na", "")}, "li.na", store.ErrOwnApproval},
			{"gave it to somebody else", true, []store.TicketChange{give("li.na", "sun.yu")}, "li.na", store.ErrOwnApproval},
			{"had it taken away", true, []store.TicketChange{give("chen.jie", "")}, "li.na", store.ErrOwnApproval},
			{"moved it to another group", true, []store.TicketChange{move}, "li.na", store.ErrOwnApproval},
			{"got it from the move", true, []store.TicketChange{move, give("chen.jie", "")}, "zhao.lei", store.ErrOwnApproval},
			{"had it for a moment", true, []store.TicketChange{give("wang.fang", "wang.fang"), give("wang.fang", "")}, "wang.fang", store.ErrOwnApproval},
			{"two away", true, []store.TicketChange{give("li.na", "sun.yu"), give("sun.yu", "zhao.lei")}, "sun.yu", store.ErrOwnApproval},
			{"asked", false, []store.TicketChange{ask("li.na")}, "li.na", store.ErrOwnApproval},
			{"had it when somebody else asked", false, []store.TicketChange{give("chen.jie", "li.na"), ask("chen.jie"), give("li.na", "")}, "li.na", store.ErrOwnApproval},
			{"had it until the change that asked", false, []store.TicketChange{give("chen.jie", "li.na"), handOver}, "li.na", store.ErrOwnApproval},
			{"asked again, by another", false, []store.TicketChange{ask("li.na"), given("wang.fang"), ask("li.na"), give("li.na", "")}, "li.na", store.ErrOwnApproval},
			{"somebody else", true, []store.TicketChange{give("li.na", "")}, "wang.fang", nil},
			{"who gave it to somebody", true, []store.TicketChange{give("wang.fang", "sun.yu")}, "wang.fang", nil},
			{"had it before, and not any more", false, []store.TicketChange{give("chen.jie", "wang.fang"), give("chen.jie", "li.na"), ask("li.na")}, "wang.fang", nil},
			{"asked for an earlier one", false, []store.TicketChange{ask("wang.fang"), given("chen.jie"), ask("li.na")}, "wang.fang", nil},
		} {
			for _, decision := range []schemas.TicketStatus{schemas.StatusOpen, schemas.StatusInProgress, schemas.StatusCancelled} {
				key := fmt.Sprint("eyes", i, decision)
				place := store.Placement{Group: schemas.GroupAfterSales}
				if c.placed {
					place = store.Placement{Group: schemas.GroupAfterSales, Approval: true, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}}}
				}
				tk, _, err := s.PlaceTicket(ctx, request(key), place)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range c.before {
					if _, err := s.ChangeTicket(ctx, tk.ID, b); err != nil {
						t.Fatalf("%s: %v", c.name, err)
					}
				}
				got, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: c.by, Status: &decision})
				if !errors.Is(err, c.err) || c.err == nil && got.Ticket.Status != decision {
					t.Errorf("%s (%s) decides %s: %v, want %v", c.name, c.by, decision, err, c.err)
				}
			}
		}
	})
}

// A late ticket that waits for an approval is told of and becomes more urgent,
// and stays with whom it is: its lead may still approve it.
func TestALeadCanApproveWhatIsLate(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for _, who := range []string{"li.na", ""} {
			p := store.Placement{Group: schemas.GroupFinance, Approval: true, DueAt: noon.Add(time.Hour), WarnAt: noon}
			if who != "" {
				p.Assign, p.Candidates = store.AssignRoundRobin, []store.Candidate{{Name: who}}
			}
			tk := place(t, s, "late-"+who, p)
			for i, level := range []schemas.EscalationLevel{schemas.EscalationNear, schemas.EscalationOverdue} {
				steps, err := s.EscalateTickets(ctx, noon.Add(time.Duration(i)*time.Hour), 10, map[schemas.Group]string{schemas.GroupFinance: "wang.fang"})
				if err != nil || len(steps) != 1 || steps[0].Level != level || len(steps[0].Facts) != 2 {
					t.Fatalf("%+v, %v", steps, err)
				}
				if x := steps[0].Ticket; x.Assignee != who || x.Status != schemas.StatusWaitingApproval || x.Priority != schemas.Priorities()[2+i] {
					t.Errorf("%s: assignee %q, %s, %s", level, x.Assignee, x.Status, x.Priority)
				}
			}
			got, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "wang.fang", Status: ptr(schemas.StatusInProgress)})
			if err != nil || got.Ticket.Approval != store.ApprovalGiven {
				t.Errorf("the lead approves: %+v, %v", got.Ticket, err)
			}
		}
	})
}
