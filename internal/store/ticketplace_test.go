package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func place(t testing.TB, s *store.Store, key string, p store.Placement) store.Ticket {
	t.Helper()
	got, existed, err := s.PlaceTicket(storetest.Context(t), request(key), p)
	if err != nil || existed {
		t.Fatalf("place %s: existed %v, %v", key, existed, err)
	}
	return got
}

func TestTicketsGoToPeople(t *testing.T) {
	people := []store.Candidate{{Name: "a", Capacity: 2}, {Name: "b"}, {Name: "c", Capacity: 1}}
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		turns := func(group schemas.Group, policy store.AssignPolicy, n int) string {
			out := ""
			for i := range n {
				tk := place(t, s, fmt.Sprint(group, policy, i), store.Placement{Rule: "r", Group: group, Assign: policy, Candidates: people})
				if tk.Assignee == "" {
					out += "-"
				}
				out += tk.Assignee
			}
			return out
		}
		// c is full after one, a after two.
		if got := turns(schemas.GroupFinance, store.AssignRoundRobin, 6); got != "abcabb" {
			t.Errorf("round robin: %s", got)
		}
		// a has 2 of 2, c 1 of 1, b 3: only b is left.
		if got := turns(schemas.GroupLogistics, store.AssignLeastLoaded, 2); got != "bb" {
			t.Errorf("least loaded: %s", got)
		}
		// Whatever is over makes room.
		list, _, err := s.Tickets(ctx, store.TicketFilter{Group: schemas.GroupFinance}, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, tk := range list {
			if tk.Assignee != "b" {
				if _, err := s.ChangeTicket(ctx, tk.ID, to(schemas.StatusResolved)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := turns(schemas.GroupComplaints, store.AssignLeastLoaded, 4); got != "acab" {
			t.Errorf("least loaded after some are done: %s", got)
		}
		if got := turns(schemas.GroupAfterSales, store.AssignNone, 1); got != "-" {
			t.Errorf("no policy: %s", got)
		}
		full := []store.Candidate{{Name: "c", Capacity: 1}}
		tk := place(t, s, "full", store.Placement{Group: schemas.GroupFinance, Assign: store.AssignRoundRobin, Candidates: full})
		if tk.Assignee != "" || tk.Status != schemas.StatusOpen {
			t.Errorf("nobody has room: %+v", tk)
		}
	})
}

func TestAPlacedTicketSaysHow(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		due := noon.Add(8 * time.Hour)
		tk := place(t, s, "a", store.Placement{
			Rule: "vip", Group: schemas.GroupComplaints, Priority: schemas.PriorityUrgent, DueAt: due, WarnAt: noon, Assign: store.AssignRoundRobin,
			Candidates: []store.Candidate{{Name: "li.na"}},
		})
		life, err := s.TicketLife(storetest.Context(t), tk.ID)
		if err != nil {
			t.Fatal(err)
		}
		got := life.Ticket
		if got.Version != 1 || got.Priority != schemas.PriorityUrgent || !got.DueAt.Equal(due) || got.Assignee != "li.na" || got.Status != schemas.StatusAssigned {
			t.Errorf("ticket %+v", got)
		}
		if tk.Status != got.Status || tk.Assignee != got.Assignee || tk.Version != got.Version {
			t.Errorf("returned %+v, stored %+v", tk, got)
		}
		if len(life.History) != 2 || life.History[0].By != "dispatch" || life.History[0].Why != "rule vip" || life.History[1].To != "li.na" {
			t.Errorf("history %+v", life.History)
		}
	})
}

// Two workers place the same requests: each ticket once, and the people of the
// group get equal shares, although both workers count at the same time.
func TestTwoWorkersDispatching(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			workers := []*store.Store{open(t, dsn, store.Deps{}), open(t, dsn, store.Deps{})}
			people := []store.Candidate{{Name: "a"}, {Name: "b"}, {Name: "c", Capacity: 5}}
			const requests = 30
			var wg sync.WaitGroup
			for _, s := range workers {
				wg.Go(func() {
					for i := range requests {
						_, _, err := s.PlaceTicket(context.Background(), request(fmt.Sprint("race", i)), store.Placement{
							Group: schemas.GroupFinance, Assign: store.AssignLeastLoaded, Candidates: people,
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			list, _, err := workers[0].Tickets(storetest.Context(t), store.TicketFilter{}, 200, "")
			if err != nil || len(list) != requests {
				t.Fatalf("%d tickets, %v", len(list), err)
			}
			has := map[string]int{}
			for _, tk := range list {
				has[tk.Assignee]++
			}
			if has["c"] != 5 || has["a"]+has["b"] != 25 || has["a"]-has["b"] > 1 || has["b"]-has["a"] > 1 {
				t.Errorf("shares %v", has)
			}
		})
	}
}

var leads = map[schemas.Group]string{schemas.GroupAfterSales: "lead"}

func escalate(t testing.TB, s *store.Store, now time.Time) map[string]schemas.EscalationLevel {
	t.Helper()
	steps, err := s.EscalateTickets(storetest.Context(t), now, 100, leads)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]schemas.EscalationLevel{}
	for _, e := range steps {
		out[e.Ticket.CallID] = e.Level
	}
	return out
}

// Each level once, whatever the clock does: it goes on, stands, jumps ahead
// and back.
func TestEscalation(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		late := store.Placement{Group: schemas.GroupAfterSales, DueAt: noon.Add(time.Hour), WarnAt: noon.Add(30 * time.Minute)}
		tk := place(t, s, "slow", late)
		place(t, s, "none", store.Placement{Group: schemas.GroupAfterSales})
		waits := place(t, s, "waits", late)
		done := place(t, s, "done", late)
		for id, st := range map[string]schemas.TicketStatus{waits.ID: schemas.StatusWaitingCustomer, done.ID: schemas.StatusResolved} {
			if _, err := s.ChangeTicket(ctx, id, to(st)); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{0, "map[]"}, {29 * time.Minute, "map[]"}, {30 * time.Minute, "map[call-slow:near]"}, {31 * time.Minute, "map[]"},
			{-24 * time.Hour, "map[]"}, // the clock goes back
			{40 * time.Minute, "map[]"}, {59 * time.Minute, "map[]"},
			{60 * time.Minute, "map[call-slow:overdue]"}, {61 * time.Minute, "map[]"}, {0, "map[]"}, {400 * 24 * time.Hour, "map[]"},
		} {
			if got := fmt.Sprint(escalate(t, s, noon.Add(step.after))); got != step.want {
				t.Errorf("after %v: %s, want %s", step.after, got, step.want)
			}
		}
		life, err := s.TicketLife(ctx, tk.ID)
		if x := life.Ticket; err != nil || x.Assignee != "lead" || x.Priority != schemas.PriorityUrgent || x.Escalated != schemas.EscalationOverdue || x.Status != schemas.StatusAssigned {
			t.Errorf("ticket %+v, %v", x, err)
		}
		var said []string
		for _, h := range life.History[1:] {
			said = append(said, fmt.Sprintf("%s %s %s>%s", h.Why, h.Field, h.From, h.To))
		}
		if got := fmt.Sprint(said); got != "[due time near status open>assigned due time near assignee >lead due time near priority normal>high due time overdue priority high>urgent]" {
			t.Errorf("history %s", got)
		}
		// The clock jumps ahead past both times: only that it is over is said.
		jumped := place(t, s, "jumped", late)
		if got := fmt.Sprint(escalate(t, s, noon.Add(48*time.Hour))); got != "map[call-jumped:overdue]" {
			t.Errorf("after a jump: %s", got)
		}
		m, waiting, err := s.OutboxPending(ctx, store.EscalationID(jumped.ID, schemas.EscalationOverdue, *jumped.DueAt, 2))
		if err != nil || !waiting {
			t.Fatalf("no fact: %v", err)
		}
		fact, err := m.Decode()
		if f, ok := fact.(*schemas.TicketEscalated); err != nil || !ok || f.Level != schemas.EscalationOverdue || f.Previous != "" || f.Assignee != "lead" || f.Priority != schemas.PriorityHigh {
			t.Errorf("fact %+v, %v", fact, err)
		} else if _, err := schemas.Encode("/tidegate/test", noon, f, schemas.ForCall(f.CallID)); err != nil {
			t.Errorf("the fact breaks its schema: %v", err)
		}
		// A new due time begins anew.
		later := noon.Add(72 * time.Hour)
		if _, err := s.ChangeTicket(ctx, tk.ID, store.TicketChange{By: "lead", DueAt: &later}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(escalate(t, s, noon.Add(73*time.Hour))); got != "map[call-slow:overdue]" {
			t.Errorf("after a new due time: %s", got)
		}
		// Whoever answers is late again.
		if _, err := s.ChangeTicket(ctx, waits.ID, to(schemas.StatusInProgress)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.CountOverdue(ctx, noon.Add(73*time.Hour)); err != nil || n[schemas.GroupAfterSales] != 3 || len(n) != 1 {
			t.Errorf("overdue %v, %v", n, err)
		}
		if got := fmt.Sprint(escalate(t, s, noon.Add(73*time.Hour))); got != "map[call-waits:overdue]" {
			t.Errorf("after the caller answered: %s", got)
		}
		if _, err := s.EscalateTickets(ctx, noon, 0, nil); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("limit 0: %v", err)
		}
	})
}

// Several workers escalate at the same time: each ticket once.
func TestWorkersEscalateEachTicketOnce(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			first := open(t, dsn, store.Deps{})
			const n = 40
			for i := range n {
				place(t, first, fmt.Sprint("esc", i), store.Placement{Group: schemas.GroupAfterSales, DueAt: noon})
			}
			stores := []*store.Store{first, open(t, dsn, store.Deps{}), open(t, dsn, store.Deps{})}
			var mu sync.Mutex
			seen := map[string]int{}
			var wg sync.WaitGroup
			for _, s := range stores {
				wg.Go(func() {
					for range n {
						steps, err := s.EscalateTickets(context.Background(), noon.Add(time.Second), 7, leads)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for _, e := range steps {
							seen[e.Ticket.ID]++
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			for id, times := range seen {
				if times != 1 {
					t.Errorf("%s escalated %d times", id, times)
				}
			}
			pending, err := first.CountPendingOutbox(context.Background())
			if len(seen) != n || pending != 3*n || err != nil { // opened, changed, escalated
				t.Errorf("%d escalated, %d facts, %v", len(seen), pending, err)
			}
		})
	}
}

// The due time stands still while the caller is waited for and while the
// ticket is done, and goes on when somebody here has to do something.
func TestADueTimeStandsStill(t *testing.T) {
	at := noon
	onEach(t, store.Deps{Now: func() time.Time { return at }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		at = noon
		tk := place(t, s, "a", store.Placement{Group: schemas.GroupAfterSales, DueAt: noon.Add(4 * time.Hour), WarnAt: noon.Add(3 * time.Hour)})
		for _, step := range []struct {
			after time.Duration
			to    schemas.TicketStatus
			due   time.Duration
		}{
			{time.Hour, schemas.StatusWaitingCustomer, 4 * time.Hour},
			{10 * time.Hour, schemas.StatusInProgress, 13 * time.Hour}, // 9 hours waited
			{11 * time.Hour, schemas.StatusResolved, 13 * time.Hour},
			{12 * time.Hour, schemas.StatusClosed, 13 * time.Hour},
			{100 * time.Hour, schemas.StatusReopened, 102 * time.Hour}, // 89 hours done
			{99 * time.Hour, schemas.StatusWaitingCustomer, 102 * time.Hour},
			{90 * time.Hour, schemas.StatusInProgress, 102 * time.Hour}, // the clock went back
		} {
			at = noon.Add(step.after)
			got, err := s.ChangeTicket(ctx, tk.ID, to(step.to))
			if err != nil || !got.Ticket.DueAt.Equal(noon.Add(step.due)) {
				t.Errorf("%s after %v: due %v, want %v, %v", step.to, step.after, got.Ticket.DueAt.Sub(noon), step.due, err)
			}
		}
		if got := fmt.Sprint(escalate(t, s, noon.Add(100*time.Hour+59*time.Minute))); got != "map[]" {
			t.Errorf("too early: %s", got)
		}
		if got := fmt.Sprint(escalate(t, s, noon.Add(101*time.Hour))); got != "map[call-a:near]" {
			t.Errorf("near: %s", got)
		}
	})
}

func TestATranscriptIsAttached(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		for url, want := range map[string]int{"https://calls.example/t/1": 1, "tidegate://transcripts/1": 1, "http://calls.example/t/1": 0, "/calls/1": 0, "": 0} {
			req := request(fmt.Sprintf("t%x", url))
			req.TranscriptURL = url
			tk, _, err := s.PlaceTicket(storetest.Context(t), req, store.Placement{Group: schemas.GroupFinance})
			if err != nil {
				t.Fatal(err)
			}
			life, err := s.TicketLife(storetest.Context(t), tk.ID)
			if err != nil || len(life.Attachments) != want || tk.TranscriptURL != url {
				t.Errorf("%q: %+v, %v", url, life.Attachments, err)
			}
		}
	})
}

// What happens for every ticket, and every half minute, reads an index of
// what is worked on, and never all tickets.
func TestTheDeskReadsIndexes(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		tk := place(t, s, "a", store.Placement{Group: schemas.GroupAfterSales, DueAt: noon})
		for index, fn := range map[string]func() error{
			"tickets_escalate": func() error { escalate(t, s, noon.Add(-time.Hour)); return nil },
			"tickets_due":      func() error { _, err := s.CountOverdue(storetest.Context(t), noon); return err },
			"tickets_assignee": func() error {
				place(t, s, "b", store.Placement{Group: schemas.GroupFinance, Assign: store.AssignLeastLoaded, Candidates: []store.Candidate{{Name: "li.na"}}})
				return nil
			},
			"ticket_comments_ticket": func() error { _, err := s.TicketLife(storetest.Context(t), tk.ID); return err },
		} {
			plan, err := s.Plans(fn)
			if err != nil || !strings.Contains(plan, index) {
				t.Errorf("%s is not used: %v\n%s", index, err, plan)
			}
		}
	})
}
