package ticket_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

const lateRules = `
rules: [{name: all, group: after_sales, due: 4h, warn: 1h, assign: round_robin, approval_over_fen: 100000}]
groups:
  after_sales:
    lead: wang.fang
    people: [{name: li.na}, {name: zhao.lei}]
`

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func value(t testing.TB, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// A ticket goes to a person, is escalated when the clock says so by two
// workers that both look, and each level is told once, wherever the clock
// jumps.
func TestALateTicketIsEscalatedOnce(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			server, dsn := bustest.Start(t), make(t)
			cfg := quick()
			cfg.RulesFile, cfg.EscalateInterval = write(t, lateRules), 20*time.Millisecond
			// Thursday, ten o'clock in Shanghai.
			start0 := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
			var clock atomic.Int64
			now := func() time.Time { return start0.Add(time.Duration(clock.Load())) }
			db := openAt(t, dsn, now)
			reg, reg2 := prometheus.NewRegistry(), prometheus.NewRegistry()
			start(t, cfg, ticket.Deps{Bus: server.Connect("one"), Tickets: db, Registry: reg, Now: now})
			start(t, cfg, ticket.Deps{Bus: server.Connect("two"), Tickets: openAt(t, dsn, now), Registry: reg2, Now: now})
			asker := server.Connect("asker")
			seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
			req := request("call-1")
			req.RequestedAt, req.AmountFen = start0, 20000
			send(t, asker, req)
			eventually(t, "opened", func() bool { return len(seen.List()) == 1 })
			opened := seen.List()[0].Data.(*schemas.TicketOpened)
			if opened.Assignee != "li.na" || opened.Status != schemas.StatusAssigned || opened.DueAt == nil || !opened.DueAt.Equal(start0.Add(4*time.Hour)) {
				t.Errorf("opened %+v", opened)
			}
			escalations := func() (levels []schemas.EscalationLevel) {
				for _, m := range seen.List() {
					if f, ok := m.Data.(*schemas.TicketEscalated); ok {
						levels = append(levels, f.Level)
					}
				}
				return levels
			}
			total := func(level string) float64 {
				return value(t, reg, "tidegate_ticket_escalations_total", level) + value(t, reg2, "tidegate_ticket_escalations_total", level)
			}
			clock.Store(int64(3 * time.Hour))
			eventually(t, "near", func() bool { return len(escalations()) == 1 })
			clock.Store(int64(-48 * time.Hour)) // back
			clock.Store(int64(200 * time.Hour)) // and far ahead
			eventually(t, "overdue", func() bool { return len(escalations()) == 2 })
			clock.Store(int64(3*time.Hour + time.Second)) // the sweeper leaves alone what is as new as now
			eventually(t, "an empty outbox", func() bool {
				n, err := db.CountPendingOutbox(storetest.Context(t))
				return err == nil && n == 0
			})
			clock.Store(int64(300 * time.Hour))
			eventually(t, "the gauge", func() bool { return value(t, reg, "tidegate_ticket_overdue", "after_sales") == 1 })
			if got := escalations(); len(got) != 2 || got[0] != schemas.EscalationNear || got[1] != schemas.EscalationOverdue || total("near") != 1 || total("overdue") != 1 {
				t.Errorf("escalations %v", got)
			}
			life, err := db.TicketLife(storetest.Context(t), opened.TicketID)
			if x := life.Ticket; err != nil || x.Assignee != "wang.fang" || x.Priority != schemas.PriorityUrgent {
				t.Errorf("ticket %+v, %v", x, err)
			}
			// Done: nobody counts it any more.
			done := schemas.StatusResolved
			if _, err := db.ChangeTicket(storetest.Context(t), opened.TicketID, store.TicketChange{By: "wang.fang", Status: &done}); err != nil {
				t.Fatal(err)
			}
			clock.Store(int64(301 * time.Hour))
			eventually(t, "the gauge at 0", func() bool { return value(t, reg, "tidegate_ticket_overdue", "after_sales") == 0 })
			eventually(t, "the change told by the sweeper", func() bool {
				for _, m := range seen.List() {
					if f, ok := m.Data.(*schemas.TicketChanged); ok && f.Status == schemas.StatusResolved {
						return true
					}
				}
				return false
			})
		})
	}
}

// Two workers dispatch one stream of requests: one ticket each, and equal
// shares for the people.
func TestTwoWorkersShareTheDispatch(t *testing.T) {
	server, dsn := bustest.Start(t), storetest.Postgres(t)
	db := openStore(t, dsn)
	cfg := quick()
	cfg.RulesFile = write(t, lateRules)
	start(t, cfg, ticket.Deps{Bus: server.Connect("one"), Tickets: db})
	start(t, cfg, ticket.Deps{Bus: server.Connect("two"), Tickets: openStore(t, dsn)})
	asker := server.Connect("asker")
	const n = 40
	for i := range n {
		req := request("call-" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		req.AmountFen = int64(i) * 5000 // those over 100000 wait for approval
		send(t, asker, req)
		send(t, asker, req)
	}
	var list []store.Ticket
	eventually(t, "all tickets", func() bool {
		var err error
		list, _, err = db.Tickets(context.Background(), store.TicketFilter{}, 200, "")
		return err == nil && len(list) == n
	})
	shares, waiting := map[string]int{}, 0
	for _, tk := range list {
		shares[tk.Assignee]++
		if tk.Status == schemas.StatusWaitingApproval {
			waiting++
		}
	}
	if shares["li.na"] != n/2 || shares["zhao.lei"] != n/2 || waiting != 19 {
		t.Errorf("shares %v, %d wait for approval", shares, waiting)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	for _, set := range []func(*ticket.Config){
		func(c *ticket.Config) { c.CalendarFile = "/no/such/file" },
		func(c *ticket.Config) { c.RulesFile = "/no/such/file" },
		func(c *ticket.Config) { c.RulesFile = write(t, "rules: []") },
	} {
		cfg := ticket.Defaults()
		set(&cfg)
		if _, err := ticket.New(cfg, ticket.Deps{}); err == nil || err.Error() == "ticket: Bus and Tickets are needed" {
			t.Errorf("error %v", err)
		}
	}
}
