package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func ptr[T any](v T) *T { return &v }

// to moves a ticket, by somebody who is not its assignee.
func to(status schemas.TicketStatus) store.TicketChange {
	return store.TicketChange{By: "chen.jie", Status: &status}
}

// ways lead a fresh ticket to a status.
var ways = map[schemas.TicketStatus][]schemas.TicketStatus{
	schemas.StatusOpen:            nil,
	schemas.StatusAssigned:        {schemas.StatusAssigned},
	schemas.StatusInProgress:      {schemas.StatusInProgress},
	schemas.StatusWaitingCustomer: {schemas.StatusInProgress, schemas.StatusWaitingCustomer},
	schemas.StatusWaitingApproval: {schemas.StatusWaitingApproval},
	schemas.StatusResolved:        {schemas.StatusResolved},
	schemas.StatusClosed:          {schemas.StatusResolved, schemas.StatusClosed},
	schemas.StatusReopened:        {schemas.StatusResolved, schemas.StatusReopened},
	schemas.StatusCancelled:       {schemas.StatusCancelled},
}

func change(to schemas.TicketStatus, by string) store.TicketChange {
	c := store.TicketChange{By: by, Status: &to}
	if to == schemas.StatusAssigned {
		c.Assignee = ptr("li.na")
	}
	return c
}

// Every pair of statuses: what the table has happens, what it has not is
// refused with both names, and leaves no trace.
func TestEveryTransition(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		n := 0
		for _, from := range schemas.TicketStatuses() {
			for _, target := range schemas.TicketStatuses() {
				if from == target {
					continue
				}
				n++
				id := ticket(t, s, fmt.Sprint("life", n)).ID
				for _, step := range ways[from] {
					if _, err := s.ChangeTicket(ctx, id, change(step, "wang.fang")); err != nil {
						t.Fatalf("on the way to %s: %v", from, err)
					}
				}
				before, err := s.TicketLife(ctx, id)
				if err != nil || before.Ticket.Status != from {
					t.Fatalf("is %s, want %s: %v", before.Ticket.Status, from, err)
				}
				legal := slices.Contains(store.Transitions[from], target)
				got, err := s.ChangeTicket(ctx, id, change(target, "chen.jie"))
				after, err2 := s.TicketLife(ctx, id)
				if err2 != nil {
					t.Fatal(err2)
				}
				if legal {
					last := after.History[len(after.History)-1]
					if err != nil || got.Ticket.Status != target || after.Ticket.Version != before.Ticket.Version+1 || last.By != "chen.jie" || len(got.Facts) != 1 {
						t.Errorf("%s to %s: %+v, %v", from, target, got, err)
					}
					continue
				}
				var refused *store.TransitionError
				assigning := target == schemas.StatusAssigned && refusedAs(err, from, target)
				if !assigning && (!errors.As(err, &refused) || refused.From != from || refused.To != target) || !errors.Is(err, store.ErrTransition) {
					t.Errorf("%s to %s: %v", from, target, err)
				}
				if !strings.Contains(err.Error(), string(from)) || !strings.Contains(err.Error(), string(target)) {
					t.Errorf("error %q does not name both", err)
				}
				if after.Ticket.Version != before.Ticket.Version || len(after.History) != len(before.History) {
					t.Errorf("%s to %s left a trace", from, target)
				}
			}
		}
	})
}

func refusedAs(err error, from, to schemas.TicketStatus) bool {
	var refused *store.TransitionError
	return errors.As(err, &refused) && refused.From == from && refused.To == to
}

func TestAChangeIsNotedAndToldWithIt(t *testing.T) {
	at := noon
	onEach(t, store.Deps{Now: func() time.Time { return at }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		tk := ticket(t, s, "a")
		if tk.Version != 1 || tk.Status != schemas.StatusOpen || tk.Priority != schemas.PriorityNormal || tk.Assignee != "" {
			t.Fatalf("new ticket %+v", tk)
		}
		at = noon.Add(time.Minute)
		due := noon.Add(24 * time.Hour)
		got, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{
			By: "wang.fang", Why: "同城急件", Version: 1, Assignee: ptr("li.na"), Group: ptr(schemas.GroupLogistics), Priority: ptr(schemas.PriorityHigh), DueAt: &due,
		})
		if err != nil {
			t.Fatal(err)
		}
		if x := got.Ticket; x.Version != 2 || x.Status != schemas.StatusAssigned || x.Assignee != "li.na" || x.Group != schemas.GroupLogistics ||
			x.Priority != schemas.PriorityHigh || x.DueAt == nil || !x.DueAt.Equal(due) {
			t.Errorf("ticket %+v", x)
		}
		m, waiting, err := s.OutboxPending(ctx, store.ChangeID(tk.ID, 2))
		if err != nil || !waiting || !slices.Equal(got.Facts, []string{m.ID}) || m.Subject != schemas.SubjectTicketFact("call-a", "changed") {
			t.Fatalf("outbox %+v, %v, facts %v, %v", m, waiting, got.Facts, err)
		}
		fact, err := m.Decode()
		f, ok := fact.(*schemas.TicketChanged)
		if err != nil || !ok || f.By != "wang.fang" || f.Why != "同城急件" || f.Version != 2 || f.Status != schemas.StatusAssigned || len(f.Changes) != 5 || !f.ChangedAt.Equal(at) {
			t.Fatalf("fact %+v, %v", fact, err)
		}
		if _, err := schemas.Encode("/tidegate/test", noon, f, schemas.ForCall(f.CallID)); err != nil {
			t.Errorf("the fact breaks its schema: %v", err)
		}
		life, err := s.TicketLife(ctx, tk.ID)
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string][2]string{}
		for _, h := range life.History {
			if h.Version == 2 {
				fields[h.Field] = [2]string{h.From, h.To}
				if h.By != "wang.fang" || h.Why != "同城急件" || !h.At.Equal(at) {
					t.Errorf("history %+v", h)
				}
			}
		}
		want := map[string][2]string{
			"status": {"open", "assigned"}, "assignee": {"", "li.na"}, "group": {"after_sales", "logistics"},
			"priority": {"normal", "high"}, "due": {"", due.Format(time.RFC3339Nano)},
		}
		if fmt.Sprint(fields) != fmt.Sprint(want) {
			t.Errorf("history %v, want %v", fields, want)
		}
		// What it is already is no change.
		same, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "wang.fang", Assignee: ptr("li.na"), Priority: ptr(schemas.PriorityHigh)})
		if err != nil || same.Ticket.Version != 2 || len(same.Facts) != 0 {
			t.Errorf("no change: %+v, %v", same, err)
		}
		if _, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "wang.fang", Version: 1, Assignee: ptr("zhao.lei")}); !errors.Is(err, store.ErrChanged) {
			t.Errorf("an old version: %v", err)
		}
		if got, err = s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "wang.fang", Assignee: ptr("")}); err != nil || got.Ticket.Status != schemas.StatusOpen {
			t.Errorf("taken back: %+v, %v", got.Ticket, err)
		}
		if got, err = s.ChangeTicket(ctx, tk.ID, to(schemas.StatusInProgress)); err != nil || got.Ticket.Assignee != "chen.jie" {
			t.Errorf("who begins has it: %+v, %v", got.Ticket, err)
		}
		if _, err := s.ChangeTicket(ctx, "nobody", to(schemas.StatusResolved)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no ticket: %v", err)
		}
	})
}

func TestWrongChangesAreNamed(t *testing.T) {
	s := open(t, storetest.SQLite(t), store.Deps{})
	ctx := storetest.Context(t)
	id := ticket(t, s, "a").ID
	for want, c := range map[string]store.TicketChange{
		"by":       {By: "", Status: ptr(schemas.StatusResolved)},
		"why":      {By: "x", Why: strings.Repeat("长", 501), Status: ptr(schemas.StatusResolved)},
		"status":   {By: "x", Status: ptr(schemas.TicketStatus("gone"))},
		"assignee": {By: "x", Assignee: ptr("a b\n")},
		"group":    {By: "x", Group: ptr(schemas.Group("nobody"))},
		"priority": {By: "x", Priority: ptr(schemas.Priority("now"))},
		"nothing":  {By: "x"},
	} {
		if _, err := s.ChangeTicket(ctx, id, c); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := s.ChangeTicket(ctx, id, to(schemas.StatusAssigned)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("assigned to nobody: %v", err)
	}
}

func TestCommentsAndAttachments(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		id := ticket(t, s, "a").ID
		got, err := s.CommentTicket(ctx, id, "li.na", "顾客会\n补发照片")
		if err != nil || got.Ticket.Version != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		m, _, err := s.OutboxPending(ctx, got.Facts[0])
		if err != nil {
			t.Fatal(err)
		}
		if f, err := m.Decode(); err != nil || f.(*schemas.TicketChanged).Comment != "顾客会\n补发照片" {
			t.Errorf("fact %+v, %v", f, err)
		}
		for _, url := range []string{"https://calls.example/rec/1.wav", "tidegate://recordings/call-a"} {
			if _, err := s.AttachToTicket(ctx, id, "li.na", store.Attachment{Kind: store.AttachmentRecording, URL: url, Title: "录音"}); err != nil {
				t.Error(err)
			}
		}
		for _, url := range []string{
			"", "http://calls.example/1", "javascript:alert(1)", "file:///etc/passwd", "https://", "https://user:secret@calls.example/", "https://a b/",
			"data:text/html,x", "//calls.example/1", "https://calls.example/" + strings.Repeat("x", 500), "tidegate:", "https://a\n.example/",
		} {
			if _, err := s.AttachToTicket(ctx, id, "li.na", store.Attachment{Kind: store.AttachmentOther, URL: url}); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%.40q: %v", url, err)
			}
		}
		for _, text := range []string{"", strings.Repeat("x", 4001), "\x00"} {
			if _, err := s.CommentTicket(ctx, id, "li.na", text); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("comment %.10q: %v", text, err)
			}
		}
		life, err := s.TicketLife(ctx, id)
		if err != nil || len(life.Comments) != 1 || life.Comments[0].By != "li.na" || len(life.Attachments) != 2 || life.Attachments[1].URL != "tidegate://recordings/call-a" || life.Ticket.Version != 4 {
			t.Errorf("life %+v, %v", life, err)
		}
		for i := range 48 {
			if _, err := s.AttachToTicket(ctx, id, "li.na", store.Attachment{Kind: store.AttachmentOther, URL: fmt.Sprint("https://x.example/", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.AttachToTicket(ctx, id, "li.na", store.Attachment{Kind: store.AttachmentOther, URL: "https://x.example/50"}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("one too many: %v", err)
		}
	})
}

// Two people take one ticket at the same time: one gets it, the other is told.
func TestTwoPeopleTakeOneTicket(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		for round, version := range []int64{0, 1, 0, 1} {
			id := ticket(t, s, fmt.Sprint("take", round)).ID
			var got, lost atomic.Int32
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					_, err := s.TakeTicket(context.Background(), id, fmt.Sprint("person-", i), version)
					switch {
					case err == nil:
						got.Add(1)
					case errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrChanged):
						lost.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			wg.Wait()
			life, err := s.TicketLife(context.Background(), id)
			if got.Load() != 1 || lost.Load() != 7 || err != nil || life.Ticket.Version != 2 || life.Ticket.Status != schemas.StatusAssigned {
				t.Errorf("%d got it, %d did not; %+v, %v", got.Load(), lost.Load(), life.Ticket, err)
			}
		}
	})
}

// Changes without a version that come together all happen, one after the
// other: no version is given twice and no fact is lost.
func TestChangesAtTheSameTimeAreCounted(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		id := ticket(t, s, "a").ID
		const n = 20
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				if _, err := s.CommentTicket(context.Background(), id, "li.na", fmt.Sprint("comment ", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		life, err := s.TicketLife(context.Background(), id)
		facts, err2 := s.CountPendingOutbox(context.Background())
		if life.Ticket.Version != n+1 || len(life.Comments) != n || facts != n+1 || err != nil || err2 != nil {
			t.Errorf("version %d, %d comments, %d facts, %v %v", life.Ticket.Version, len(life.Comments), facts, err, err2)
		}
	})
}

func TestApprovalComesFromSomebodyElse(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		place := store.Placement{Rule: "big", Group: schemas.GroupFinance, Approval: true, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}}}
		for i, c := range []struct {
			by   string
			to   schemas.TicketStatus
			want store.Approval
			err  error
		}{
			{"li.na", schemas.StatusAssigned, store.ApprovalNeeded, store.ErrOwnApproval},
			{"wang.fang", schemas.StatusAssigned, store.ApprovalGiven, nil},
			{"wang.fang", schemas.StatusCancelled, store.ApprovalRefused, nil},
			{"wang.fang", schemas.StatusResolved, store.ApprovalNeeded, store.ErrTransition},
		} {
			tk, _, err := s.PlaceTicket(ctx, request(fmt.Sprint("appr", i)), place)
			if err != nil || tk.Status != schemas.StatusWaitingApproval || tk.Assignee != "li.na" || tk.Approval != store.ApprovalNeeded {
				t.Fatalf("%+v, %v", tk, err)
			}
			_, err = s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: c.by, Status: &c.to})
			life, err2 := s.TicketLife(ctx, tk.ID)
			if !errors.Is(err, c.err) || err2 != nil || life.Ticket.Approval != c.want {
				t.Errorf("%s to %s: %v; approval %q, %v", c.by, c.to, err, life.Ticket.Approval, err2)
			}
		}
	})
}

func TestTheLifeMigrationGoesDownAndUpWithData(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) { lifeDownAndUp(t, make(t)) })
	}
}

func lifeDownAndUp(t *testing.T, dsn string) {
	s := open(t, dsn, store.Deps{})
	ctx := storetest.Context(t)
	tk, _, err := s.PlaceTicket(ctx, request("a"), store.Placement{Group: schemas.GroupComplaints, DueAt: noon, WarnAt: noon, Assign: store.AssignLeastLoaded, Candidates: []store.Candidate{{Name: "li.na"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CommentTicket(ctx, tk.ID, "li.na", "x"); err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(ctx, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.MigrateDownBelow(ctx, "0007_ticket_life"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TicketLife(ctx, tk.ID); err == nil {
		t.Error("a life is left")
	}
	// Another process: connections remember how tables were.
	s = open(t, dsn, store.Deps{})
	life, err := s.TicketLife(ctx, tk.ID)
	if x := life.Ticket; err != nil || x.Number != tk.Number || x.Version != 1 || x.Status != schemas.StatusOpen || x.Group != schemas.GroupAfterSales ||
		x.Priority != schemas.PriorityNormal || x.Assignee != "" || x.DueAt != nil || len(life.History)+len(life.Comments) != 0 {
		t.Errorf("after down and up: %+v, %v", life, err)
	}
	if _, err := s.ChangeTicket(ctx, tk.ID, change(schemas.StatusAssigned, "wang.fang")); err != nil {
		t.Errorf("a ticket from before cannot go on: %v", err)
	}
}
