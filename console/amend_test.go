package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

const mergePatch = "application/merge-patch+json"

// financeTeam are rules by which zhao.lei has what comes to finance, and that
// warn an hour before.
type financeTeam struct{}

func (financeTeam) Regroup(t store.Ticket, _ time.Time) store.Regroup {
	if t.Group != schemas.GroupFinance {
		return store.Regroup{}
	}
	return store.Regroup{Members: []string{"zhao.lei"}, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "zhao.lei"}}}
}

func (financeTeam) Warn(_ store.Ticket, due, _ time.Time) time.Time { return due.Add(-time.Hour) }

// amend sends a patch that is based on a version; 0 says none.
func (f *fixture) amend(id, patch string, version int64, into any) answer {
	f.t.Helper()
	header := map[string]string{"Content-Type": mergePatch}
	if version > 0 {
		header["If-Match"] = fmt.Sprintf("%q", fmt.Sprint(version))
	}
	return f.ask("PATCH", "/api/v1/tickets/"+id, patch, header, into)
}

type amended struct {
	detailJSON
	Group, Priority, Escalated string
	DueAt                      *time.Time `json:"due_at"`
}

// A ticket's group, priority and due time through the API: what is done is
// noted, audited, and told to the bus and to the ticket's copy at once.
func TestATicketIsAmendedThroughTheAPI(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUpWith(t, make(t), financeTeam{}, func(c *console.Config) { c.RequireKey = true })
			ctx := storetest.Context(t)
			ticket := f.place("acme", "call-1", store.Placement{
				Group: schemas.GroupAfterSales, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}},
			})
			key := f.person("wang.fang", clerk...)
			due := time.Now().Add(48 * time.Hour).Truncate(time.Second)
			var d amended
			a := f.amend(ticket.ID, `{"group":"finance","priority":"urgent","due_at":"`+due.In(time.FixedZone("CST", 8*3600)).Format(time.RFC3339)+`","note":"顾客在催"}`, 1, &d)
			if a.code != http.StatusOK || a.header.Get("ETag") != `"2"` || d.Group != "finance" || d.Priority != "urgent" || d.Assignee != "zhao.lei" || d.Status != "assigned" ||
				d.DueAt == nil || !d.DueAt.Equal(due) || d.Version != 2 {
				t.Fatalf("%d %s", a.code, a.body)
			}
			var noted []string
			for _, h := range d.History {
				if h.Actor == "wang.fang" {
					noted = append(noted, h.Field+" "+h.From+">"+h.To+" "+h.Note)
				}
			}
			want := []string{
				"assignee li.na>zhao.lei 顾客在催", "group after_sales>finance 顾客在催", "priority normal>urgent 顾客在催", "due >" + due.UTC().Format(time.RFC3339) + " 顾客在催",
			}
			if !slices.Equal(noted, want) {
				t.Errorf("noted %q, want %q", noted, want)
			}
			list := f.audit(console.ActionAmend)
			if len(list) != 1 || list[0].Actor != key || list[0].Subject != ticket.ID ||
				fmt.Sprint(list[0].Details) != fmt.Sprint(map[string]string{"group": "finance", "priority": "urgent", "due_at": due.UTC().Format(time.RFC3339)}) {
				t.Errorf("audit %+v", list)
			}
			for _, id := range []string{store.ChangeID(ticket.ID, 2), store.DeliverID(ticket.ID, 2)} {
				f.eventually(id+" on its way", func() bool {
					_, waiting, err := f.db.OutboxPending(ctx, id)
					return err == nil && !waiting
				})
			}
			claim, err := f.db.ClaimLink(ctx, ticket.ID, time.Now().Add(time.Minute))
			if err != nil || len(claim.Pending) != 2 || !strings.Contains(string(claim.Pending[1].Data), `"group":"finance","assignee":"zhao.lei","priority":"urgent","due":"`) {
				t.Errorf("for the copy: %s, %v", claim.Pending[1].Data, err)
			}
			// It is warned of an hour before, by the rule.
			if steps, err := f.db.EscalateTickets(ctx, due.Add(-59*time.Minute), 10, nil); err != nil || len(steps) != 1 || steps[0].Level != schemas.EscalationNear {
				t.Errorf("%+v, %v", steps, err)
			}
			// Without a due time it is not late any more.
			d = amended{}
			if a := f.amend(ticket.ID, `{"due_at":null}`, 2, &d); a.code != http.StatusOK || d.DueAt != nil || d.Escalated != "" || d.Version != 3 || d.Assignee != "zhao.lei" {
				t.Errorf("%d %s", a.code, a.body)
			}
			// What it is already is no change, and audited all the same.
			if a := f.amend(ticket.ID, `{"due_at":null,"priority":"urgent","group":"finance"}`, 3, &d); a.code != http.StatusOK || d.Version != 3 {
				t.Errorf("%d %s", a.code, a.body)
			}
			if list := f.audit(console.ActionAmend); len(list) != 3 || list[1].Details["due_at"] != "none" {
				t.Errorf("audit %+v", list)
			}
		})
	}
}

// Everything that is wrong with a patch is named by its field, and nothing of
// it is done or audited.
func TestWrongPatchesAreRefusedByField(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.RequireKey = true })
	ticket := f.place("", "call-1", store.Placement{Group: schemas.GroupAfterSales})
	f.person("wang.fang", clerk...)
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for _, c := range []struct {
		patch   string
		version int64
		code    int
		kind    string
		fields  string
	}{
		{`{"priority":"high"}`, 0, 428, "version-required", "If-Match"},
		{`{"priority":"high"}`, 2, 412, "changed-meanwhile", "If-Match"},
		{`{"group":"sales"}`, 1, 400, "invalid-body", "group"},
		{`{"group":null}`, 1, 400, "invalid-body", "group"},
		{`{"group":["finance"]}`, 1, 400, "invalid-body", "group"},
		{`{"priority":""}`, 1, 400, "invalid-body", "priority"},
		{`{"priority":null,"group":7}`, 1, 400, "invalid-body", "group priority"},
		{`{"priority":"high","priority":"low"}`, 1, 400, "invalid-body", "priority"},
		{`{"due_at":"tomorrow"}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":"2026-11-30T18:00:00"}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":""}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":1795262400}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":"` + in(-time.Minute) + `"}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":"` + in(400*24*time.Hour) + `"}`, 1, 400, "invalid-body", "due_at"},
		{`{"due_at":"` + in(time.Hour) + `","note":"` + strings.Repeat("长", 501) + `"}`, 1, 400, "invalid-body", "note"},
		{`{}`, 1, 400, "invalid-body", "group"},
		{`{"note":"x"}`, 1, 400, "invalid-body", "group"},
		{`{"priority":"high","status":"resolved","assignee":"li.na"}`, 1, 400, "invalid-body", "assignee status"},
		{`[{"op":"replace","path":"/priority","value":"high"}]`, 1, 400, "invalid-body", ""},
		{`{"priority":"high"`, 1, 400, "invalid-body", ""},
	} {
		var p problem
		a := f.amend(ticket.ID, c.patch, c.version, &p)
		var fields []string
		for _, e := range p.Errors {
			if !slices.Contains(fields, e.Field) {
				fields = append(fields, e.Field)
			}
		}
		slices.Sort(fields)
		if a.code != c.code || p.Status != c.code || !strings.HasSuffix(p.Type, "/"+c.kind) || strings.Join(fields, " ") != c.fields {
			t.Errorf("%.60s: %s", c.patch, a.body)
		}
	}
	var p problem
	a := f.ask("PATCH", "/api/v1/tickets/"+ticket.ID, `{"priority":"high"}`, map[string]string{"If-Match": `"1"`}, &p)
	if a.code != http.StatusUnsupportedMediaType || a.header.Get("Accept-Patch") != mergePatch || !strings.Contains(p.Detail, mergePatch) {
		t.Errorf("%d %v %s", a.code, a.header, a.body)
	}
	if a := f.amend("nobody", `{"priority":"high"}`, 1, &p); a.code != http.StatusNotFound {
		t.Errorf("%d %s", a.code, a.body)
	}
	life, err := f.db.TicketLife(storetest.Context(t), ticket.ID)
	if n := len(f.audit(console.ActionAmend)); err != nil || life.Ticket.Version != 1 || n != 0 {
		t.Errorf("version %d, %d entries, %v", life.Ticket.Version, n, err)
	}
	f.person("chen.jie", console.ScopeTicketsRead)
	if a := f.amend(ticket.ID, `{"priority":"high"}`, 1, &p); a.code != http.StatusForbidden || !strings.Contains(a.header.Get("WWW-Authenticate"), "tickets:write") {
		t.Errorf("%d %v", a.code, a.header)
	}
}

// What is over is named with the members that wanted to change it.
func TestATicketThatIsOverIsNotAmended(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUpWith(t, make(t), financeTeam{}, func(c *console.Config) { c.RequireKey = true })
			ticket := f.place("", "call-1", store.Placement{Group: schemas.GroupAfterSales})
			f.person("wang.fang", clerk...)
			path := "/api/v1/tickets/" + ticket.ID + "/transitions"
			if a := f.ask("POST", path, `{"to":"resolved"}`, map[string]string{"If-Match": `"1"`}, nil); a.code != http.StatusOK {
				t.Fatal(a.body)
			}
			var p problem
			a := f.amend(ticket.ID, `{"group":"finance","due_at":null,"note":"x"}`, 2, &p)
			if a.code != http.StatusConflict || !strings.HasSuffix(p.Type, "/ticket-ended") || len(p.Errors) != 2 || p.Errors[0].Field != "due_at" || p.Errors[1].Field != "group" ||
				p.Errors[0].Detail != "is not possible: the ticket is over: it is resolved" {
				t.Errorf("%d %s", a.code, a.body)
			}
			if n := len(f.audit(console.ActionAmend)); n != 0 {
				t.Errorf("%d entries of what was refused", n)
			}
			if a := f.ask("POST", path, `{"to":"reopened"}`, map[string]string{"If-Match": `"2"`}, nil); a.code != http.StatusOK {
				t.Fatal(a.body)
			}
			var d amended
			if a := f.amend(ticket.ID, `{"group":"finance"}`, 3, &d); a.code != http.StatusOK || d.Status != "assigned" || d.Assignee != "zhao.lei" {
				t.Errorf("%d %s", a.code, a.body)
			}
		})
	}
}

// Eight people amend a ticket that all of them saw: one does.
func TestPatchesAtTheSameTime(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUpWith(t, make(t), financeTeam{}, func(c *console.Config) { c.RequireKey = true })
			ticket := f.place("", "call-1", store.Placement{Group: schemas.GroupAfterSales})
			f.person("wang.fang", clerk...)
			var mu sync.Mutex
			codes := map[int]int{}
			var wg sync.WaitGroup
			for i := range 8 {
				patch := `{"group":"finance","due_at":"` + time.Now().Add(time.Duration(i+2)*time.Hour).UTC().Format(time.RFC3339) + `"}`
				wg.Go(func() {
					a := f.amend(ticket.ID, patch, 1, nil)
					mu.Lock()
					defer mu.Unlock()
					codes[a.code]++
				})
			}
			wg.Wait()
			life, err := f.db.TicketLife(storetest.Context(t), ticket.ID)
			if codes[200] != 1 || codes[412] != 7 || err != nil || life.Ticket.Version != 2 || len(f.audit(console.ActionAmend)) != 1 {
				t.Errorf("%v, version %d, %v", codes, life.Ticket.Version, err)
			}
		})
	}
}
