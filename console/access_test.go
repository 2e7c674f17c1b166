package console_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// The document has every route and no other; every operation has examples,
// every problem is shown, and (in loadDocument) all examples fit.
func TestTheDocumentIsThatOfTheCode(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	var described []string
	shown := func(what string, c openapi3.Content) {
		for media, m := range c {
			if m.Example == nil && len(m.Examples) == 0 {
				t.Errorf("%s has no example of %s", what, media)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			described = append(described, name)
			if op.RequestBody != nil {
				shown(name, op.RequestBody.Value.Content)
			}
			for _, p := range op.Parameters {
				if p.Value.Example == nil {
					t.Errorf("%s: %s has no example", name, p.Value.Name)
				}
			}
			for code, r := range op.Responses.Map() {
				shown(name+" "+code, r.Value.Content)
			}
		}
	}
	slices.Sort(described)
	if served := slices.Sorted(slices.Values(console.RoutesForTest())); !slices.Equal(served, described) {
		t.Errorf("served\n%s\ndescribed\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
	var kinds []string
	for _, r := range doc.Components.Responses {
		shows := r.Value.Content["application/problem+json"]
		if shows == nil {
			continue // no problem
		}
		for _, e := range shows.Examples {
			kind, _ := e.Value.Value.(map[string]any)["type"].(string)
			kinds = append(kinds, strings.TrimPrefix(kind, "https://tidegate.dev/problems/"))
		}
	}
	slices.Sort(kinds)
	if want := slices.Sorted(slices.Values(console.ProblemKindsForTest())); !slices.Equal(kinds, want) {
		t.Errorf("problems shown %v, given %v", kinds, want)
	}
}

// key makes a key and uses it from here on.
func (f *fixture) key(scopes ...console.Scope) string {
	f.t.Helper()
	k, presented, err := console.NewKey("test", scopes, time.Now(), time.Now().Add(time.Hour))
	if err == nil {
		err = f.db.AddAPIKey(storetest.Context(f.t), k)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.token = presented
	return k.ID
}

func (f *fixture) ticket(key, reason string) store.Ticket {
	f.t.Helper()
	opened, _, err := f.db.OpenTicket(storetest.Context(f.t), schemas.TicketOpen{
		IdempotencyKey: key, CallID: key, Kind: schemas.KindReturn, OrderNumber: "20261112003378", Contact: "13800138001", RequestedAt: time.Now(),
		Reason: "wrong_size", ReasonText: reason, Summary: "回电13800138001",
	}, schemas.GroupAfterSales)
	if err == nil {
		err = f.db.IndexTicket(storetest.Context(f.t), opened.ID)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return opened
}

func (f *fixture) audit(action string) []store.AuditEntry {
	f.t.Helper()
	list, _, err := f.db.AuditLog(storetest.Context(f.t), store.AuditFilter{Action: action}, 0, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// Every route answers the key that has its scope, and refuses one that has
// all the others.
func TestEachRouteAsksForItsScope(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.RequireKey = true })
	ticket := f.ticket("call-1", "尺码")
	need := map[string]console.Scope{
		"GET /api/v1/calls": console.ScopeCallsRead, "GET /api/v1/calls/{id}": console.ScopeCallsRead, "GET /api/v1/tickets": console.ScopeTicketsRead,
		"GET /api/v1/tickets/{id}": console.ScopeTicketsRead, "POST /api/v1/tickets/{id}/transitions": console.ScopeTicketsWrite,
		"POST /api/v1/tickets/{id}/comments": console.ScopeTicketsWrite, "PUT /api/v1/tickets/{id}/assignee": console.ScopeTicketsWrite,
		"PATCH /api/v1/tickets/{id}":      console.ScopeTicketsWrite,
		"GET /api/v1/exports/tickets.csv": console.ScopeExport, "GET /api/v1/statistics/returns": console.ScopeStats, "GET /api/v1/audit": console.ScopeAudit,
		"GET /api/v1/openapi.yaml": "",
	}
	for _, route := range console.RoutesForTest() {
		scope, listed := need[route]
		if !listed {
			t.Errorf("%s is not in the table", route)
			continue
		}
		if scope == "" {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		path = strings.Replace(path, "{id}", ticket.ID, 1)
		f.key(slices.DeleteFunc(slices.Clone(console.Scopes), func(s console.Scope) bool { return s == scope })...)
		if a := f.ask(method, path, "", nil, nil); a.code != http.StatusForbidden || !strings.Contains(a.header.Get("WWW-Authenticate"), string(scope)) {
			t.Errorf("%s without %s: %d", route, scope, a.code)
		}
		f.key(scope)
		if a := f.ask(method, path, "", nil, nil); a.code == http.StatusForbidden || a.code == http.StatusUnauthorized {
			t.Errorf("%s with %s: %d", route, scope, a.code)
		}
		f.token = ""
		if a := f.ask(method, path, "", nil, nil); a.code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d", route, a.code)
		}
	}
	id := f.key(console.ScopeStats)
	if a := f.ask("GET", "/api/v1/statistics/returns", "", nil, nil); a.code != http.StatusOK || a.header.Get("RateLimit") == "" {
		t.Errorf("statistics: %d %v", a.code, a.header)
	}
	if k, err := f.db.APIKey(storetest.Context(t), id); err != nil || k.LastUsedAt == nil {
		t.Errorf("last use of %+v, %v", k, err)
	}
	good := f.token
	for _, bad := range []string{good[:len(good)-2] + "AA", "tgk_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 43), "tgk_x"} {
		if f.token = bad; f.get("/api/v1/statistics/returns", nil) != http.StatusUnauthorized {
			t.Errorf("%s opens", bad)
		}
	}
	f.token = good
	if err := f.db.RevokeAPIKey(storetest.Context(t), id); err != nil || f.get("/api/v1/statistics/returns", nil) != http.StatusUnauthorized {
		t.Errorf("a revoked key opens, %v", err)
	}
}

type detailJSON struct {
	ticketJSON
	Version  int64
	Assignee string
	Summary  string
	Next     []string
	Priority string
	Approval string
	Status   string
	History  []struct{ Actor, Field, From, To, Note string }
	Comments []struct{ Actor, Text string }
}

func TestTicketsAreChangedByVersion(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.Token = token })
	path := "/api/v1/tickets/" + f.ticket("call-1", "尺码").ID
	var d detailJSON
	a := f.ask("GET", path, "", nil, &d)
	if a.code != http.StatusOK || a.header.Get("ETag") != `"1"` || d.Contact != "13800138001" || d.Version != 1 || len(d.Next) != 6 || d.Priority != "normal" {
		t.Fatalf("%d %v %+v", a.code, a.header, d)
	}
	f.ask("GET", path, "", nil, nil)
	if list := f.audit(console.ActionTicketRead); len(list) != 1 || list[0].Actor != "token" || list[0].Address != "127.0.0.1" {
		t.Errorf("readings %+v", list)
	}
	first := map[string]string{"If-Match": `"1"`}
	for _, c := range []struct {
		method, path, body string
		header             map[string]string
		code               int
		field              string
	}{
		{"POST", "/transitions", `{"to":"in_progress"}`, nil, 428, "If-Match"},
		{"PUT", "/assignee", `{"assignee":"wang"}`, nil, 428, "If-Match"},
		{"POST", "/transitions", `{"to":"in_progress"}`, map[string]string{"If-Match": "*"}, 400, "If-Match"},
		{"POST", "/transitions", `{"to":"in_progress"}`, map[string]string{"If-Match": `"9"`}, 412, "If-Match"},
		{"POST", "/transitions", `{"to":"closed"}`, first, 409, "to"},
		{"POST", "/transitions", `{"to":"in_progress","why":1}`, first, 400, "why"},
		{"POST", "/transitions", `{"to":"flying"}`, first, 400, "to"},
		{"POST", "/transitions", `{"to":"assigned"}`, first, 409, "to"},
		{"PUT", "/assignee", `{}`, first, 400, "assignee"},
		{"PUT", "/assignee", `{"assignee":"a b"}`, first, 400, "assignee"},
		{"POST", "/comments", `{"text":" "}`, nil, 400, "text"},
		{"POST", "/comments", `{"text":"` + strings.Repeat("a", 70000) + `"}`, nil, 413, ""},
		{"POST", "/comments", `{"text":"a"}`, map[string]string{"Content-Type": "text/plain"}, 415, ""},
		{"POST", "/comments", `{"text":"a"}`, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, ""},
		{"POST", "/comments?x=1", `{"text":"a"}`, nil, 400, "x"},
	} {
		var p problem
		a := f.ask(c.method, path+c.path, c.body, c.header, &p)
		if a.code != c.code || p.Status != c.code || c.field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != c.field) {
			t.Errorf("%s %.40s: %d %+v", c.path, c.body, a.code, p)
		}
	}
	if a := f.ask("POST", "/api/v1/tickets/nobody/comments", `{"text":"a"}`, nil, nil); a.code != http.StatusNotFound {
		t.Errorf("comment on nothing: %d", a.code)
	}
	if n := len(f.audit(console.ActionTransition)) + len(f.audit(console.ActionComment)) + len(f.audit(console.ActionAssign)); n != 0 {
		t.Errorf("%d entries of what was refused", n)
	}
	for i, c := range []struct{ method, path, body, version string }{
		{"POST", "/transitions", `{"to":"in_progress","note":"好"}`, `"1"`},
		{"PUT", "/assignee", `{"assignee":"wang"}`, `"2"`},
		{"POST", "/comments", `{"text":"请回13800138001"}`, ""},
	} {
		header := map[string]string{}
		if c.version != "" {
			header["If-Match"] = c.version
		}
		if a := f.ask(c.method, path+c.path, c.body, header, &d); a.code != http.StatusOK || a.header.Get("ETag") != fmt.Sprintf(`"%d"`, i+2) {
			t.Errorf("%s: %d %s", c.path, a.code, a.body)
		}
	}
	if last := d.History[len(d.History)-1]; d.Assignee != "wang" || d.Status != "in_progress" || last.Actor != "token" || last.Field != "comment" || d.History[1].Note != "好" || d.Comments[0].Text != "请回13800138001" {
		t.Errorf("%+v", d)
	}
	for _, action := range []string{console.ActionTransition, console.ActionComment, console.ActionAssign} {
		if n := len(f.audit(action)); n != 1 {
			t.Errorf("%s: %d entries", action, n)
		}
	}
	f.key(console.ScopeTicketsRead)
	d = detailJSON{}
	if f.get(path, &d); d.Contact != "" || d.ContactMasked != "138******01" || d.Comments[0].Text != "请回138******01" || d.Summary != "回电138******01" {
		t.Errorf("without the scope personal: %+v", d)
	}
	if n := len(f.audit(console.ActionTicketRead)); n != 1 {
		t.Errorf("%d readings of personal data", n)
	}
}

func TestTicketsAreSearchedExportedAndCounted(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.Token, c.MaxExports = token, 1 })
	for i := range 7 {
		f.ticket(fmt.Sprint("call-", i), []string{"=HYPERLINK(1)", "尺码不合适"}[i%2])
	}
	var p page
	if f.get("/api/v1/tickets?q=%E5%B0%BA%E7%A0%81&kind=return&reason=wrong_size&status=open&since=2026-01-01T00:00:00Z&limit=2", &p); len(p.Tickets) != 2 || p.NextCursor == "" {
		t.Errorf("found %+v", p)
	}
	for path, field := range map[string]string{
		"/api/v1/tickets?q=13800138001": "q", "/api/v1/tickets?q=!": "q", "/api/v1/tickets?kind=x": "kind", "/api/v1/tickets?status=X": "status",
		"/api/v1/exports/tickets.csv?limit=1": "limit", "/api/v1/exports/tickets.csv?personal=1": "personal", "/api/v1/statistics/returns?utc_offset=8": "utc_offset",
		"/api/v1/statistics/returns?since=2020-01-01T00:00:00Z": "since", "/api/v1/audit?action=x": "action", "/api/v1/audit?actor=A": "actor",
	} {
		var why problem
		if code := f.get(path, &why); code != http.StatusBadRequest || len(why.Errors) != 1 || why.Errors[0].Field != field {
			t.Errorf("%s: %d %+v", path, code, why)
		}
	}
	export := func(path string) [][]string {
		a := f.ask("GET", "/api/v1/exports/tickets.csv"+path, "", nil, nil)
		text, bom := strings.CutPrefix(a.body, "\ufeff")
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || !bom || a.code != http.StatusOK {
			t.Fatalf("%d, %v: %.80s", a.code, err, a.body)
		}
		return rows
	}
	rows := export("")
	column := func(name string) int { return slices.Index(rows[0], name) }
	if last := rows[len(rows)-1]; len(rows) != 8 || last[column("contact")] != "138******01" || last[column("reason_text")] != "'=HYPERLINK(1)" || last[column("summary")] != "回电138******01" {
		t.Errorf("%v", rows)
	}
	if rows = export("?personal=true&q=%E5%B0%BA%E7%A0%81"); len(rows) != 4 || rows[1][column("contact")] != "13800138001" {
		t.Errorf("%v", rows)
	}
	if list := f.audit(console.ActionExported); len(list) != 2 || list[0].Details["rows"] != "3" || list[0].Details["complete"] != "true" || list[0].Details["personal"] != "true" || list[0].Details["filters"] != "q" {
		t.Errorf("exports %+v", list)
	}
	var st struct {
		Tickets struct{ Total int64 }
		Calls   struct {
			Share *float64 `json:"resolved_automatically_share"`
		}
	}
	if f.get("/api/v1/statistics/returns?until="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339), &st); st.Tickets.Total != 7 || st.Calls.Share != nil {
		t.Errorf("%+v", st)
	}
	var log struct{ Entries []struct{ Action string } }
	if f.get("/api/v1/audit?actor=token&limit=3", &log); len(log.Entries) != 3 || log.Entries[0].Action != console.ActionExported {
		t.Errorf("%+v", log)
	}
	f.key(console.ScopeExport)
	if f.get("/api/v1/exports/tickets.csv?personal=true", nil) != http.StatusForbidden {
		t.Error("personal data without the scope")
	}
}

func TestTooManyRequestsWait(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), func(c *console.Config) { c.RateAddress, c.BurstAddress = 0.01, 3 })
	for range 3 {
		if code := f.get("/api/v1/calls", nil); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	if a := f.ask("GET", "/api/v1/calls", "", nil, nil); a.code != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || !strings.HasPrefix(a.header.Get("RateLimit"), `"address";r=0`) {
		t.Errorf("%d %v", a.code, a.header)
	}
}
