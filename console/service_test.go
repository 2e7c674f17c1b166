package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/tidegate/tidegate/console"
	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

const token = "a-token-of-the-tests"

type fixture struct {
	t      *testing.T
	router routers.Router
	bus    *bus.Bus
	db     *store.Store
	base   string
	token  string
}

func setUp(t *testing.T, dsn string, change func(*console.Config)) *fixture {
	t.Helper()
	return setUpWith(t, dsn, nil, change)
}

func setUpWith(t *testing.T, dsn string, rules store.Rules, change func(*console.Config)) *fixture {
	t.Helper()
	return setUpDeps(t, dsn, change, func(d *console.Deps) { d.Rules = rules })
}

func setUpDeps(t *testing.T, dsn string, change func(*console.Config), adapt func(*console.Deps)) *fixture {
	t.Helper()
	storeCfg := store.Defaults()
	storeCfg.DSN = config.Secret(dsn)
	db, err := store.Open(storetest.Context(t), storeCfg, store.Deps{
		Vault:        storetest.Vault(t),
		TicketSystem: func(tenant string) string { return map[string]string{"acme": "rest"}[tenant] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	server := bustest.Start(t)
	cfg := console.Defaults()
	cfg.Listen = "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	deps := console.Deps{Bus: server.Connect("console"), Records: db, Desk: db}
	adapt(&deps)
	s, err := console.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		for _, end := range []func(context.Context) error{s.Drain, s.Stop, s.Stop} {
			if err := end(storetest.Context(t)); err != nil {
				t.Error(err)
			}
		}
		if s.Ready() == nil {
			t.Error("a stopped console is ready")
		}
	})
	if err := s.Ready(); err != nil {
		t.Error(err)
	}
	return &fixture{t: t, router: loadDocument(t), bus: server.Connect("facts"), db: db, base: "http://" + s.Addr(), token: cfg.Token.Reveal()}
}

func loadDocument(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// get asks the API, and holds the answer against the document.
func (f *fixture) get(path string, into any) int {
	f.t.Helper()
	return f.ask(http.MethodGet, path, "", nil, into).code
}

type call struct {
	ID, Status, Caller, Outcome string
	CallerMasked                string `json:"caller_masked"`
	TicketNumber                string `json:"ticket_number"`
	TurnCount                   int    `json:"turn_count"`
	Turns                       []struct{ Text, Role string }
	Takeovers, Handoffs         []any
	Tickets                     []ticketJSON
}

type ticketJSON struct {
	Number, Contact, Group string
	ContactMasked          string `json:"contact_masked"`
}

type page struct {
	Calls      []call
	Tickets    []ticketJSON
	NextCursor string `json:"next_cursor"`
}

type problem struct {
	Type, Title, Detail string
	Status              int
	Errors              []struct{ Field, Detail string }
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (f *fixture) publish(callID string, facts ...any) {
	f.t.Helper()
	names := map[string]string{
		schemas.TypeCallStarted: "started", schemas.TypeCallAnswered: "answered", schemas.TypeCallTurn: "turn",
		schemas.TypeCallTakenOver: "taken_over", schemas.TypeCallHandedOff: "handed_off", schemas.TypeCallEnded: "ended",
	}
	for _, fact := range facts {
		if err := f.bus.PublishDurable(storetest.Context(f.t), schemas.SubjectCallFact(callID, names[schemas.TypeOf(fact)]), fact, schemas.ForCall(callID)); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) call(id string, at time.Time) {
	turn := func(i int, role schemas.Role, text string) schemas.CallTurn {
		start := at.Add(time.Duration(i) * 4 * time.Second)
		return schemas.CallTurn{CallID: id, Index: i, Role: role, Text: text, Input: schemas.InputSpeech, Confidence: .9, StartedAt: start, EndedAt: start.Add(time.Second)}
	}
	f.publish(id,
		schemas.CallEnded{CallID: id, EndedAt: at.Add(time.Minute), DurationMS: 60000, Outcome: schemas.OutcomeTicketOpened, Cause: 16, TicketNumber: "12345674"},
		turn(1, schemas.RoleCaller, "我要退货"),
		schemas.CallTakenOver{CallID: id, From: "o1", To: "o2", Turns: 1, TakenAt: at.Add(3 * time.Second)},
		schemas.CallHandedOff{CallID: id, Reason: "asked", Target: "queue", Kind: "local_queue", At: at.Add(50 * time.Second)},
		schemas.CallStarted{CallID: id, Node: "fs1", Caller: "13800138001", Called: "4001", Orchestrator: "o1", Flow: "returns", FlowVersion: "1", StartedAt: at},
		turn(0, schemas.RoleAgent, "您好"),
		schemas.CallAnswered{CallID: id, AnsweredAt: at.Add(time.Second)},
		turn(1, schemas.RoleCaller, "我要退货"),
	)
}

func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	f.t.Fatalf("never: %s", what)
}

func TestFactsBecomeRecordsThatTheAPIShows(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, make(t), func(c *console.Config) { c.Token = token })
			f.call("call-1", noon)
			opened, _, err := f.db.OpenTicket(storetest.Context(t), schemas.TicketOpen{
				IdempotencyKey: "call-1:return:1", CallID: "call-1", Kind: schemas.KindReturn, OrderNumber: "20261112003378", Contact: "13800138001", RequestedAt: noon,
			}, schemas.GroupAfterSales)
			if err != nil {
				t.Fatal(err)
			}
			var c call
			f.eventually("the whole call", func() bool {
				c = call{}
				code := 0
				if _, err := f.db.CallDetail(storetest.Context(t), "call-1"); err == nil {
					code = f.get("/api/v1/calls/call-1", &c)
				}
				return code == http.StatusOK && c.Status == "ended" && len(c.Turns) == 2 && c.Caller != "" && len(c.Takeovers) == 1 && len(c.Handoffs) == 1
			})
			if c.Caller != "13800138001" || c.CallerMasked != "138******01" || c.Outcome != "ticket_opened" || c.Turns[1].Text != "我要退货" ||
				len(c.Tickets) != 1 || c.Tickets[0].Number != opened.Number || c.Tickets[0].Contact != "13800138001" {
				t.Errorf("call %+v", c)
			}
			var p page
			if code := f.get("/api/v1/calls?outcome=ticket_opened&caller=%2B8613800138001&since=2026-11-21T20:00:00%2B08:00&until=2026-11-22T00:00:00Z", &p); code != http.StatusOK || len(p.Calls) != 1 || p.Calls[0].TurnCount != 2 || p.Calls[0].Caller != "" {
				t.Errorf("%d: %+v", code, p)
			}
			for _, q := range []string{"call_id=call-1", "number=" + opened.Number, "order_number=20261112003378&group=after_sales"} {
				p = page{}
				if code := f.get("/api/v1/tickets?"+q, &p); code != http.StatusOK || len(p.Tickets) != 1 || p.Tickets[0].ContactMasked != "138******01" || p.Tickets[0].Contact != "" {
					t.Errorf("%s: %d: %+v", q, code, p)
				}
			}
			p = page{}
			if code := f.get("/api/v1/tickets?group=finance", &p); code != http.StatusOK || p.Tickets == nil || len(p.Tickets) != 0 {
				t.Errorf("%d: %+v", code, p)
			}
			if code := f.get("/api/v1/calls/nobody", nil); code != http.StatusNotFound {
				t.Errorf("unknown call: %d", code)
			}
			f.token = "another-token-of-16"
			var why problem
			if code := f.get("/api/v1/calls", &why); code != http.StatusUnauthorized || why.Status != code {
				t.Errorf("wrong token: %d %+v", code, why)
			}
			f.token = ""
			if code := f.get("/api/v1/tickets", nil); code != http.StatusUnauthorized {
				t.Errorf("no token: %d", code)
			}
		})
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), nil)
	for i := range 5 {
		id := fmt.Sprint("call-", i)
		f.publish(id, schemas.CallStarted{CallID: id, StartedAt: noon.Add(time.Duration(i) * time.Second)})
	}
	f.eventually("five calls", func() bool {
		var p page
		f.get("/api/v1/calls", &p)
		return len(p.Calls) == 5
	})
	var ids []string
	for path := "/api/v1/calls?limit=2"; ; {
		var p page
		if code := f.get(path, &p); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		for _, c := range p.Calls {
			ids = append(ids, c.ID)
		}
		if p.NextCursor == "" {
			break
		}
		path = "/api/v1/calls?limit=2&cursor=" + p.NextCursor
	}
	if got := strings.Join(ids, " "); got != "call-4 call-3 call-2 call-1 call-0" {
		t.Errorf("pages gave %s", got)
	}
}

func TestAWrongQueryIsNamed(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), nil)
	for path, field := range map[string]string{
		"/api/v1/calls?outcome=happy":                                         "outcome",
		"/api/v1/calls?since=yesterday":                                       "since",
		"/api/v1/calls?until=0001-01-01T00:00:00Z":                            "until",
		"/api/v1/calls?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": "until",
		"/api/v1/calls?limit=0":                                               "limit",
		"/api/v1/calls?limit=201":                                             "limit",
		"/api/v1/calls?limit=5&limit=6":                                       "limit",
		"/api/v1/calls?cursor=xxx":                                            "cursor",
		"/api/v1/calls?caller='":                                              "caller",
		"/api/v1/calls?order=asc":                                             "order",
		"/api/v1/calls/a.b":                                                   "id",
		"/api/v1/calls/a?reveal=1":                                            "reveal",
		"/api/v1/tickets?number=12a":                                          "number",
		"/api/v1/tickets?group=all":                                           "group",
		"/api/v1/tickets?call_id=" + strings.Repeat("a", 65):                  "call_id",
		"/api/v1/tickets?order_number=%00":                                    "order_number",
	} {
		var p problem
		if code := f.get(path, &p); code != http.StatusBadRequest || len(p.Errors) != 1 || p.Errors[0].Field != field || p.Status != code || !strings.HasSuffix(p.Type, "/invalid-parameter") {
			t.Errorf("%s: %d %+v", path, code, p)
		}
	}
}

// away is a database that cannot be reached.
type away struct{ *store.Store }

func (away) Calls(context.Context, store.CallFilter, int, store.Cursor) ([]store.Call, store.Cursor, error) {
	return nil, "", fmt.Errorf("at 10.0.0.1: %w", store.ErrUnavailable)
}

func TestOtherAnswers(t *testing.T) {
	f := setUp(t, storetest.SQLite(t), nil)
	do := func(method, path string, change func(*http.Request)) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(storetest.Context(t), method, f.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(req)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	for _, c := range []struct {
		method, path string
		change       func(*http.Request)
		code         int
	}{
		{"GET", "/api/v2/calls", nil, http.StatusNotFound},
		{"POST", "/api/v1/calls", nil, http.StatusMethodNotAllowed},
		{"DELETE", "/api/v1/calls/x", nil, http.StatusMethodNotAllowed},
		{"GET", "/api/v1/calls", func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		{"GET", "/", func(r *http.Request) { r.Host = "evil.example:8080" }, http.StatusMisdirectedRequest},
	} {
		resp, body := do(c.method, c.path, c.change)
		if resp.StatusCode != c.code || resp.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, fmt.Sprint(c.code)) {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: headers %v", c.method, c.path, resp.Header)
		}
	}
	if resp, body := do("GET", "/api/v1/openapi.yaml", nil); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "openapi: 3.1") {
		t.Errorf("document: %d", resp.StatusCode)
	}
	for accept, want := range map[string]string{"": "zh-CN", "en-GB,en;q=0.9": "en-US", "zh-TW": "zh-CN", "fr, en;q=0.5": "en-US", "nonsense;;": "zh-CN"} {
		resp, body := do("GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", accept) })
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, `<html lang="`+want+`">`) || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src 'sha256-") {
			t.Errorf("%q: %d %v", accept, resp.StatusCode, resp.Header)
		}
		if external := regexp.MustCompile(`(?i)(src|href)\s*=|@import|url\(|https?://|innerHTML`).FindString(body); external != "" {
			t.Errorf("the page refers to other resources or writes markup: %s", external)
		}
	}
	server := bustest.Start(t)
	s, err := console.New(console.Defaults(), console.Deps{Bus: server.Connect("console"), Records: away{f.db}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost/api/v1/calls", nil)
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "10.0.0.1") || w.Header().Get("Retry-After") == "" {
		t.Errorf("database away: %d %s", w.Code, w.Body)
	}
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	for _, c := range []struct {
		cfg  console.Config
		keys []string
	}{
		{console.Config{Listen: "nowhere", Token: "short"}, []string{"listen:", "token:", "query_timeout:", "max_in_flight:", "max_attempts:"}},
		{console.Config{Listen: ":8080"}, []string{"token:"}},
		{console.Config{Listen: "0.0.0.0:8080", QueryTimeout: time.Hour}, []string{"token:", "query_timeout:"}},
	} {
		err := c.cfg.Validate()
		for _, key := range c.keys {
			if err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%+v: error %v does not name %s", c.cfg, err, key)
			}
		}
	}
	open := console.Defaults()
	open.Listen, open.Anonymous = "0.0.0.0:80", true
	if err := errors.Join(console.Defaults().Validate(), open.Validate()); err != nil {
		t.Error(err)
	}
}
