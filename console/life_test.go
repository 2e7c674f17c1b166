package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// person makes a key that is named after a person and uses it from here on.
func (f *fixture) person(name string, scopes ...console.Scope) string {
	f.t.Helper()
	k, presented, err := console.NewKey(name, scopes, time.Now(), time.Now().Add(time.Hour))
	if err == nil {
		err = f.db.AddAPIKey(storetest.Context(f.t), k)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.token = presented
	return k.ID
}

// place opens a ticket of a tenant as dispatch would.
func (f *fixture) place(tenant, key string, p store.Placement) store.Ticket {
	f.t.Helper()
	t, _, err := f.db.PlaceTicket(storetest.Context(f.t), schemas.TicketOpen{
		Tenant: tenant, IdempotencyKey: key, CallID: key, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true,
		Contact: "13800138001", RequestedAt: time.Now(), Summary: "退羽绒服", AmountFen: 900000,
	}, p)
	if err != nil {
		f.t.Fatal(err)
	}
	return t
}

var (
	clerk = []console.Scope{console.ScopeTicketsRead, console.ScopeTicketsWrite}
	boss  = append(slices.Clone(clerk), console.ScopeTicketsApprove)
)

// A ticket's life through the API, over a real database: what is legal is
// done, noted in who's name, audited and told at once, also to the ticket's
// copy; what is not leaves nothing behind.
func TestATicketLivesThroughTheAPI(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, make(t), func(c *console.Config) { c.RequireKey = true })
			var mu sync.Mutex
			var told []string
			watch, err := f.bus.Consume(storetest.Context(t), bus.ConsumerConfig{
				Stream: schemas.StreamWork, Durable: "watch", FilterSubjects: []string{schemas.SubjectTicketDeliver("acme")}, MaxInFlight: 1,
			}, func(_ context.Context, m bus.Message) error {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, m.Envelope.ID)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			ticket := f.place("acme", "call-1", store.Placement{Group: schemas.GroupAfterSales})
			path := "/api/v1/tickets/" + ticket.ID
			id := f.person("li.na", clerk...)
			var d detailJSON
			for _, c := range []struct {
				method, path, body, version string
				code                        int
				kind                        string
			}{
				{"POST", "/transitions", `{"to":"closed"}`, `"1"`, 409, "illegal-transition"},
				{"POST", "/transitions", `{"to":"assigned"}`, `"1"`, 409, "illegal-transition"},
				{"PUT", "/assignee", `{"assignee":"zhao.lei"}`, `"2"`, 412, "changed-meanwhile"},
				{"POST", "/comments", `{"text":"x"}`, `"7"`, 412, "changed-meanwhile"},
				{"POST", "/transitions", `{"to":"in_progress","note":"马上"}`, `"1"`, 200, ""},
				{"POST", "/transitions", `{"to":"resolved"}`, `"1"`, 412, "changed-meanwhile"},
				{"POST", "/comments", `{"text":"已联系\r\n仓库"}`, "", 200, ""},
				{"PUT", "/assignee", `{"assignee":"zhao.lei"}`, `"3"`, 200, ""},
				{"POST", "/transitions", `{"to":"resolved"}`, `"4"`, 200, ""},
				{"PUT", "/assignee", `{"assignee":"li.na"}`, `"5"`, 409, "illegal-transition"},
				{"POST", "/transitions", `{"to":"closed"}`, `"5"`, 200, ""},
			} {
				header := map[string]string{}
				if c.version != "" {
					header["If-Match"] = c.version
				}
				if c.code == http.StatusOK {
					if a := f.ask(c.method, path+c.path, c.body, header, &d); a.code != c.code {
						t.Fatalf("%s %s: %d %s", c.path, c.body, a.code, a.body)
					}
					continue
				}
				var p problem
				if a := f.ask(c.method, path+c.path, c.body, header, &p); a.code != c.code || p.Status != c.code || !strings.HasSuffix(p.Type, "/"+c.kind) || len(p.Errors) != 1 {
					t.Errorf("%s %s: %d %+v", c.path, c.body, a.code, p)
				}
			}
			if d.Status != "closed" || d.Assignee != "zhao.lei" || d.Version != 6 || !slices.Equal(d.Next, []string{"reopened"}) || d.Comments[0].Text != "已联系\n仓库" {
				t.Errorf("%+v", d)
			}
			var noted []string
			for _, h := range d.History {
				noted = append(noted, h.Actor+" "+h.Field+" "+h.From+">"+h.To+h.Note)
			}
			noted[3] = noted[3][:len("li.na comment >")] // an id follows
			if want := []string{
				"dispatch status >open", "li.na status open>in_progress马上", "li.na assignee >li.na马上", "li.na comment >",
				"li.na assignee li.na>zhao.lei", "li.na status in_progress>resolved", "li.na status resolved>closed",
			}; !slices.Equal(noted, want) {
				t.Errorf("history %q, want %q", noted, want)
			}
			for action, n := range map[string]int{console.ActionTransition: 3, console.ActionComment: 1, console.ActionAssign: 1} {
				if list := f.audit(action); len(list) != n || list[0].Actor != id || list[0].Subject != ticket.ID {
					t.Errorf("%s: %+v", action, list)
				}
			}
			if list := f.audit(console.ActionTransition); len(list) == 3 && list[0].Details["to"] != "closed" {
				t.Errorf("audit %+v", list)
			}
			// No worker runs here: what was told was told by the console.
			f.eventually("the work for the copy", func() bool {
				_, waiting, err := f.db.OutboxPending(storetest.Context(t), store.DeliverID(ticket.ID, 6))
				return err == nil && !waiting
			})
			if n, err := f.db.CountPendingOutbox(storetest.Context(t)); n != 2 || err != nil { // of its opening
				t.Errorf("%d messages wait, %v", n, err)
			}
			f.eventually("five changes on their way", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(told) >= 5
			})
			watch.Stop()
			var want []string
			for n := int64(2); n <= 6; n++ {
				want = append(want, store.DeliverID(ticket.ID, n))
			}
			if !slices.Equal(told, want) {
				t.Errorf("told %q, want %q", told, want)
			}
		})
	}
}

// What needs an approval stands still until somebody gives it who may, who
// does not work on it, and who has not asked for it.
func TestApprovalsThroughTheAPI(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, make(t), func(c *console.Config) { c.RequireKey = true })
			costly := store.Placement{
				Rule: "costly", Group: schemas.GroupFinance, Approval: true, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}},
			}
			path := "/api/v1/tickets/" + f.place("", "call-1", costly).ID + "/transitions"
			move := func(to, version string, code int, kind string) (d detailJSON) {
				t.Helper()
				var p problem
				into := any(&d)
				if code != http.StatusOK {
					into = &p
				}
				a := f.ask("POST", path, `{"to":"`+to+`"}`, map[string]string{"If-Match": version}, into)
				if a.code != code || kind != "" && !strings.HasSuffix(p.Type, "/"+kind) {
					t.Errorf("%s: %d %s", to, a.code, a.body)
				}
				return d
			}
			f.person("li.na", boss...)
			move("in_progress", `"1"`, 403, "own-approval")
			move("cancelled", `"1"`, 403, "own-approval")
			move("resolved", `"1"`, 409, "illegal-transition")
			f.person("zhao.lei", clerk...)
			move("in_progress", `"1"`, 403, "missing-scope")
			if n := len(f.audit(console.ActionTransition)); n != 0 {
				t.Errorf("%d entries of what was refused", n)
			}
			f.person("wang.fang", boss...)
			if d := move("assigned", `"1"`, 200, ""); d.Approval != "given" || d.Assignee != "li.na" {
				t.Errorf("%+v", d)
			}
			// Who asks for one does not give it.
			move("waiting_approval", `"2"`, 200, "")
			move("assigned", `"3"`, 403, "own-approval")
			f.person("chen.jie", boss...)
			if d := move("cancelled", `"3"`, 200, ""); d.Approval != "refused" || len(d.Next) != 0 {
				t.Errorf("%+v", d)
			}
			// A name of the program's own is nobody's.
			id := f.person("dispatch", boss...)
			f.place("", "call-2", costly)
			path = "/api/v1/tickets/" + f.place("", "call-2", costly).ID + "/transitions"
			if d := move("in_progress", `"1"`, 200, ""); d.History[len(d.History)-1].Actor != id {
				t.Errorf("%+v", d.History)
			}
		})
	}
}

func TestTicketsAreListedByTheirLife(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, make(t), func(c *console.Config) { c.Token = token })
			now := time.Now()
			a := f.place("acme", "call-a", store.Placement{Group: schemas.GroupFinance, Priority: schemas.PriorityUrgent, DueAt: now.Add(time.Hour), Approval: true})
			b := f.place(schemas.DefaultTenant, "call-b", store.Placement{Group: schemas.GroupAfterSales, DueAt: now.Add(3 * time.Hour), Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}}})
			at := func(h int) string {
				return url.QueryEscape(now.Add(time.Duration(h) * time.Hour).UTC().Format(time.RFC3339))
			}
			for q, want := range map[string][]string{
				"":                           {b.Number, a.Number},
				"tenant=acme":                {a.Number},
				"tenant=default":             {b.Number},
				"assignee=li.na":             {b.Number},
				"assignee=wang":              nil,
				"priority=urgent":            {a.Number},
				"approval=needed":            {a.Number},
				"approval=given":             nil,
				"due_before=" + at(2):        {a.Number},
				"due_before=" + at(4):        {b.Number, a.Number},
				"status=waiting_approval":    {a.Number},
				"status=open":                nil,
				"tenant=acme&assignee=li.na": nil,
				"assignee=li.na&status=assigned&due_before=" + at(4): {b.Number},
			} {
				var p struct {
					Tickets []struct {
						Number, Tenant, Assignee, Priority, Approval string
						Version                                      int64
						DueAt                                        *time.Time `json:"due_at"`
						External                                     *struct {
							System  string
							Waiting int64
						}
					}
				}
				code := f.get("/api/v1/tickets?"+q, &p)
				var got []string
				for _, x := range p.Tickets {
					got = append(got, x.Number)
					if isA := x.Number == a.Number; x.Version != 1 || x.DueAt == nil || (x.External != nil) != isA || !isA && x.Tenant != "" || isA && (x.Tenant != "acme" || x.Priority != "urgent" ||
						x.Approval != "needed" || x.External.System != "rest" || x.External.Waiting != 1) || !isA && x.Assignee != "li.na" {
						t.Errorf("%s: %+v", q, x)
					}
				}
				if code != http.StatusOK || !slices.Equal(got, want) {
					t.Errorf("%s: %d %v, want %v", q, code, got, want)
				}
				csv := f.ask("GET", "/api/v1/exports/tickets.csv?"+q, "", nil, nil)
				if n := strings.Count(csv.body, "\r\n"); csv.code != http.StatusOK || n != len(want)+1 {
					t.Errorf("export %s: %d, %d lines", q, csv.code, n)
				}
				if slices.Contains(want, a.Number) && !strings.Contains(csv.body, ",acme,,urgent,needed,") {
					t.Errorf("export %s: %s", q, csv.body)
				}
			}
			for q, field := range map[string]string{"priority=x": "priority", "approval=x": "approval", "due_before=x": "due_before", "tenant=a%20b": "tenant", "assignee=a%20b": "assignee", "status=flying": "status"} {
				var p problem
				if code := f.get("/api/v1/tickets?"+q, &p); code != http.StatusBadRequest || len(p.Errors) != 1 || p.Errors[0].Field != field {
					t.Errorf("%s: %d %+v", q, code, p)
				}
			}
		})
	}
}

// A comment is found by its words a moment after it was written.
func TestCommentsAreFound(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, make(t), func(c *console.Config) { c.Token = token })
			ticket := f.ticket("call-1", "尺码不合适")
			f.ticket("call-2", "尺码不合适")
			find := func(words string) []string {
				var p page
				f.get("/api/v1/tickets?q="+url.QueryEscape(words), &p)
				var out []string
				for _, x := range p.Tickets {
					out = append(out, x.Number)
				}
				return out
			}
			if got := find("仓库"); len(got) != 0 {
				t.Errorf("found %v", got)
			}
			if a := f.ask("POST", "/api/v1/tickets/"+ticket.ID+"/comments", `{"text":"仓库已签收，顾客电话13900139001"}`, nil, nil); a.code != http.StatusOK {
				t.Fatal(a.body)
			}
			f.eventually("the comment to be found", func() bool { return slices.Equal(find("仓库 签收 尺码"), []string{ticket.Number}) })
			if got := find("139001"); len(got) != 0 {
				t.Errorf("a telephone number is found: %v", got)
			}
		})
	}
}
