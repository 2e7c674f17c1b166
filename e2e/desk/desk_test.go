// Package desk_test works on tickets as a company's people do: through the
// API, with every service that has to do with tickets running.
package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/ticket"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

const rules = `
rules:
  - name: costly-returns
    kinds: [return]
    from_fen: 50000
    group: finance
    priority: high
    due: 9h
    approval_over_fen: 60000
    assign: round_robin
  - name: dear-customers
    vip: true
    group: after_sales
    priority: urgent
    due: 4h
  - name: everything-else
    group: after_sales
    due: 18h
groups:
  finance:
    lead: wang.fang
    people: [{name: li.na}]
vip:
  levels: [gold]
  contacts: ["13912345678"]
`

type office struct {
	t    *testing.T
	bus  *bus.Bus
	db   *store.Store
	base string
}

type running interface {
	Start(context.Context) error
	Stop(context.Context) error
}

func openOffice(t *testing.T, dsn, rules string) *office {
	t.Helper()
	ctx := storetest.Context(t)
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	db, err := store.Open(ctx, cfg, store.Deps{})
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
		err = db.Seed(ctx, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	nats := bustest.Start(t)
	o := &office{t: t, bus: nats.Connect("asker"), db: db}
	run := func(s running, err error) {
		t.Helper()
		if err == nil {
			err = s.Start(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop(context.Background()) })
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	orders, err := oms.New(oms.Defaults(), oms.Deps{Bus: nats.Connect("oms"), Orders: db, Writes: db})
	run(orders, err)
	tc := ticket.Defaults()
	tc.RulesFile = file
	tickets, err := ticket.New(tc, ticket.Deps{Bus: nats.Connect("ticket"), Tickets: db})
	run(tickets, err)
	cc := console.Defaults()
	cc.Listen, cc.RequireKey = "127.0.0.1:0", true
	dispatch, err := ticket.NewDispatch(tc, nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := console.New(cc, console.Deps{Bus: nats.Connect("console"), Records: db, Desk: db, Rules: dispatch})
	run(page, err)
	o.base = "http://" + page.Addr() + "/api/v1/"
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return o
}

// key makes a key that is named after a person.
func (o *office) key(name string, scopes ...console.Scope) string {
	o.t.Helper()
	k, presented, err := console.NewKey(name, scopes, time.Now(), time.Now().Add(time.Hour))
	if err == nil {
		err = o.db.AddAPIKey(storetest.Context(o.t), k)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return presented
}

type ticketJSON struct {
	ID, Number, Group, Status, Priority, Assignee, Approval string
	Version                                                 int64
	DueAt                                                   *time.Time `json:"due_at"`
	History                                                 []struct{ Actor, Field, To, Note string }
}

func (o *office) ask(key, method, path, body string, version int64, into any) (status int, kind string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(storetest.Context(o.t), method, o.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json", false: "application/json"}[method == http.MethodPatch])
	if version > 0 {
		req.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(version)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	var p struct{ Type string }
	_ = json.Unmarshal(b, &p)
	if into != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, into); err != nil {
			o.t.Fatalf("%s: %v", b, err)
		}
	}
	return resp.StatusCode, p.Type[strings.LastIndex(p.Type, "/")+1:]
}

// request asks for a ticket as a call does, and waits until the API has it.
func (o *office) request(key string, req schemas.TicketOpen) ticketJSON {
	o.t.Helper()
	req.IdempotencyKey, req.RequestedAt = req.CallID+":"+string(req.Kind)+":1", time.Now()
	if err := o.bus.PublishDurable(storetest.Context(o.t), schemas.SubjectTicketOpen, &req, schemas.ForCall(req.CallID)); err != nil {
		o.t.Fatal(err)
	}
	var page struct{ Tickets []ticketJSON }
	o.eventually("the ticket of "+req.CallID, func() bool {
		o.ask(key, "GET", "tickets?call_id="+req.CallID, "", 0, &page)
		return len(page.Tickets) == 1
	})
	var t ticketJSON
	o.ask(key, "GET", "tickets/"+page.Tickets[0].ID, "", 0, &t)
	return t
}

func (o *office) writes(id string) []store.OMSWrite {
	o.t.Helper()
	list, err := o.db.OMSWritesOfTicket(storetest.Context(o.t), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

func (o *office) eventually(what string, ok func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	o.t.Fatalf("never: %s", what)
}

// From the request of a call to the order system: customers that are held dear
// come first, and what costs much waits until somebody agrees.
func TestDearCustomersAndCostlyReturns(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, make(t), rules)
			clerk := []console.Scope{console.ScopeTicketsRead, console.ScopeTicketsWrite}
			boss := append(slices.Clone(clerk), console.ScopeTicketsApprove)
			desk := o.key("desk", clerk...)
			for _, c := range []struct {
				req            schemas.TicketOpen
				rule, priority string
			}{
				{schemas.TicketOpen{CallID: "c1", Kind: schemas.KindInquiry, Contact: "13800138001", CustomerLevel: "Gold"}, "dear-customers", "urgent"},
				{schemas.TicketOpen{CallID: "c2", Kind: schemas.KindInquiry, Contact: "+8613912345678"}, "dear-customers", "urgent"},
				{schemas.TicketOpen{CallID: "c3", Kind: schemas.KindInquiry, Contact: "13800138001", CustomerLevel: "silver"}, "everything-else", "normal"},
			} {
				got := o.request(desk, c.req)
				if got.Priority != c.priority || got.DueAt == nil || got.Status != "open" || got.History[0].Note != "rule "+c.rule || got.History[0].Actor != "dispatch" {
					t.Errorf("%s: %+v", c.req.CallID, got)
				}
			}
			small := o.request(desk, returnOf("c4", 59900))
			o.eventually("the small return to be written", func() bool { w := o.writes(small.ID); return len(w) == 1 && w[0].Status.Ended() })

			costly := o.request(desk, returnOf("c5", 69900))
			if costly.Status != "waiting_approval" || costly.Approval != "needed" || costly.Assignee != "li.na" || costly.Group != "finance" {
				t.Fatalf("%+v", costly)
			}
			var queue struct{ Tickets []ticketJSON }
			if o.ask(desk, "GET", "tickets?approval=needed", "", 0, &queue); len(queue.Tickets) != 1 || queue.Tickets[0].ID != costly.ID {
				t.Errorf("waiting for approval: %+v", queue)
			}
			path := "tickets/" + costly.ID + "/transitions"
			for _, c := range []struct {
				who, to string
				key     string
				status  int
				kind    string
			}{
				{"a clerk", "in_progress", desk, 403, "missing-scope"},
				{"who has it", "in_progress", o.key("li.na", boss...), 403, "own-approval"},
				{"anybody", "resolved", o.key("wang.fang", boss...), 409, "illegal-transition"},
			} {
				if status, kind := o.ask(c.key, "POST", path, `{"to":"`+c.to+`"}`, 1, nil); status != c.status || kind != c.kind {
					t.Errorf("%s: %d %s", c.who, status, kind)
				}
			}
			if w := o.writes(costly.ID); len(w) != 0 {
				t.Errorf("written before it was approved: %+v", w)
			}
			wang := o.key("wang.fang", boss...)
			var after ticketJSON
			if status, kind := o.ask(wang, "POST", path, `{"to":"assigned","note":"同意"}`, 1, &after); status != 200 || after.Approval != "given" || after.Assignee != "li.na" {
				t.Fatalf("%d %s %+v", status, kind, after)
			}
			if last := after.History[len(after.History)-1]; last.Actor != "wang.fang" || last.Field != "approval" || last.To != "given" || last.Note != "同意" {
				t.Errorf("history %+v", after.History)
			}
			o.eventually("the return to be written", func() bool { w := o.writes(costly.ID); return len(w) == 1 && w[0].Status.Ended() })

			no := o.request(desk, returnOf("c6", 99900))
			if status, _ := o.ask(wang, "POST", "tickets/"+no.ID+"/transitions", `{"to":"cancelled"}`, 1, &after); status != 200 || after.Approval != "refused" {
				t.Errorf("%d %+v", status, after)
			}
			// Something newer is written: what was to come would be here.
			last := o.request(desk, returnOf("c7", 1000))
			o.eventually("the last return", func() bool { w := o.writes(last.ID); return len(w) == 1 && w[0].Status.Ended() })
			if w := o.writes(no.ID); len(w) != 0 {
				t.Errorf("written though refused: %+v", w)
			}
		})
	}
}

func returnOf(call string, fen int64) schemas.TicketOpen {
	return schemas.TicketOpen{
		CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true, OrderLine: "1", Reason: "wrong_size",
		Contact: "13800138001", AmountFen: fen,
	}
}

const turns = `
rules:
  - {name: refunds, kinds: [refund], group: finance, due: 9h, assign: round_robin}
  - {name: everything-else, group: after_sales, due: 18h}
groups:
  finance:
    lead: wang.fang
    people: [{name: li.na}, {name: zhao.lei}]
`

// A supervisor moves a caller's request to those who can do something about
// it: the rules of dispatch say who, as for a new ticket.
func TestATicketIsMovedByTheRulesOfDispatch(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, make(t), turns)
			wang := o.key("wang.fang", console.ScopeTicketsRead, console.ScopeTicketsWrite)
			amend := func(id, patch string, version int64) (after ticketJSON) {
				t.Helper()
				if status, kind := o.ask(wang, "PATCH", "tickets/"+id, patch, version, &after); status != 200 {
					t.Fatalf("%s: %d %s", patch, status, kind)
				}
				return after
			}
			// li.na has one already, by the rule of new refunds.
			if first := o.request(wang, schemas.TicketOpen{CallID: "c1", Kind: schemas.KindRefund, Contact: "13800138001"}); first.Assignee != "li.na" {
				t.Fatalf("%+v", first)
			}
			// No rule of finance fits an inquiry: its first one, which takes turns, decides.
			moved := o.request(wang, schemas.TicketOpen{CallID: "c2", Kind: schemas.KindInquiry, Contact: "13800138001"})
			if after := amend(moved.ID, `{"group":"finance"}`, 1); after.Assignee != "zhao.lei" || after.Status != "assigned" || !after.DueAt.Equal(*moved.DueAt) || after.Priority != "normal" {
				t.Errorf("%+v", after)
			}
			// Nobody is known of complaints, so that it waits there for somebody.
			if after := amend(moved.ID, `{"group":"complaints"}`, 2); after.Assignee != "" || after.Status != "open" {
				t.Errorf("%+v", after)
			}
			// The group's lead is one of its people.
			if status, kind := o.ask(wang, "PUT", "tickets/"+moved.ID+"/assignee", `{"assignee":"wang.fang"}`, 3, nil); status != 200 {
				t.Fatalf("%d %s", status, kind)
			}
			if after := amend(moved.ID, `{"group":"finance","priority":"high"}`, 4); after.Assignee != "wang.fang" || after.Priority != "high" {
				t.Errorf("%+v", after)
			}
		})
	}
}
