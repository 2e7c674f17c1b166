package link_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
	"github.com/tidegate/tidegate/workers/ticket/link"
	"github.com/tidegate/tidegate/workers/ticket/rest"
	"github.com/tidegate/tidegate/workers/ticket/tickettest"
)

const envKey = "TIDEGATE_TEST_WEBHOOK_KEY"

func TestMain(m *testing.M) {
	_ = os.Setenv(envKey, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	os.Exit(killtest.Main(m, startChild, string(link.PointReceived)))
}

// rig is a ticket worker and the links of tenant acme, whose system is a desk.
type rig struct {
	t     *testing.T
	desk  *tickettest.Desk
	nats  *bustest.Server
	db    *store.Store
	asker *bus.Bus
	reg   *prometheus.Registry
	link  *link.Service
	facts *letters
	dead  *letters
}

func quick() link.Config {
	cfg := link.Defaults()
	cfg.Listen, cfg.PollInterval = "127.0.0.1:0", time.Hour
	cfg.RetryFirst, cfg.RetryMax = 20*time.Millisecond, 100*time.Millisecond
	cfg.DeliverTimeout, cfg.AckWait = 1500*time.Millisecond, 2*time.Second
	cfg.Guard.Timeout, cfg.Guard.RetryDelay, cfg.Guard.Cooldown = 400*time.Millisecond, 5*time.Millisecond, 50*time.Millisecond
	return cfg
}

func newRig(t *testing.T, dsn string, change func(*link.Config)) *rig {
	t.Helper()
	r := &rig{t: t, desk: tickettest.NewDesk(t), nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	db, err := store.Open(storetest.Context(t), cfg, store.Deps{Vault: storetest.Vault(t), TicketSystem: func(tenant string) string {
		if tenant == "acme" {
			return rest.Connector
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	r.db, r.asker = db, r.nats.Connect("asker")
	r.facts = &letters{bustest.Watch(t, r.asker, schemas.StreamFacts, schemas.SubjectTicketFacts)}
	r.dead = &letters{bustest.Watch(t, r.asker, schemas.StreamDead, schemas.SubjectsDead)}
	work := ticket.Defaults()
	work.RetryFirst, work.RetryMax, work.SweepInterval, work.SweepAge = 50*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond, 0
	tickets, err := ticket.New(work, ticket.Deps{Bus: r.nats.Connect("ticket"), Tickets: db, Copied: func(tenant string) bool { return tenant == "acme" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := tickets.Start(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tickets.Stop(context.Background()) })
	lc := quick()
	if change != nil {
		change(&lc)
	}
	r.link = r.start(lc, r.reg)
	return r
}

// start runs one more worker for the links.
func (r *rig) start(cfg link.Config, reg prometheus.Registerer) *link.Service {
	r.t.Helper()
	spec, err := rest.Parse("desk.yaml", []byte(strings.Replace(r.desk.Spec(envKey), "timeout: 1s", "timeout: "+(cfg.Guard.Timeout*5/8).String(), 1)))
	if err != nil {
		r.t.Fatal(err)
	}
	system, err := rest.New(spec)
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := link.New(cfg, link.Deps{Bus: r.nats.Connect("link"), Links: r.db, Systems: map[string]ticket.System{"acme": system}, Registry: reg})
	if err == nil {
		err = s.Start(storetest.Context(r.t))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		for range 2 {
			if err := s.Stop(context.Background()); err != nil {
				r.t.Error(err)
			}
		}
		system.Close()
	})
	return s
}

func (r *rig) open(call string) {
	r.t.Helper()
	if err := r.tryOpen(call); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryOpen(call string) error {
	req := &schemas.TicketOpen{
		Tenant: "acme", IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true,
		Contact: "13800138001", Summary: "退羽绒服", RequestedAt: time.Now(),
	}
	return r.asker.PublishDurable(storetest.Context(r.t), schemas.SubjectTicketOpen, req, schemas.ForCall(call))
}

func (r *rig) ticketOf(call string) store.Ticket {
	r.t.Helper()
	var t store.Ticket
	eventually(r.t, "the ticket of "+call, func() bool {
		var err error
		t, err = r.db.TicketByKey(storetest.Context(r.t), call+":return:1")
		return err == nil
	})
	return t
}

func (r *rig) linkOf(t store.Ticket) store.Link {
	r.t.Helper()
	links, err := r.db.LinksOf(storetest.Context(r.t), t.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return links[t.ID]
}

// copied waits until a ticket's copy knows everything.
func (r *rig) copied(t store.Ticket) store.Link {
	r.t.Helper()
	var l store.Link
	eventually(r.t, "the copy of "+t.CallID, func() bool { l = r.linkOf(t); return l.ExternalID != "" && l.Delivered == l.Queued && l.Error == "" })
	return l
}

// letters are messages, with what tests ask of them.
type letters struct{ *bustest.Seen }

// synced lists the facts of one ticket.
func (f *letters) synced(ticketID string) []*schemas.TicketSynced {
	var out []*schemas.TicketSynced
	for _, m := range f.List() {
		if s, ok := m.Data.(*schemas.TicketSynced); ok && s.TicketID == ticketID {
			out = append(out, s)
		}
	}
	return out
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestATicketGetsItsCopyAndItsFact(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, make(t), nil)
			if err := r.link.Ready(); err != nil {
				t.Error(err)
			}
			r.open("call-1")
			tk := r.ticketOf("call-1")
			l := r.copied(tk)
			if l.ExternalID != "D-1" || l.URL != "https://desk.example/D-1" || l.Status != "new" || l.System != "rest" || l.SyncedAt.IsZero() {
				t.Errorf("link %+v", l)
			}
			eventually(t, "the fact", func() bool { return len(r.facts.synced(tk.ID)) == 1 })
			if f := r.facts.synced(tk.ID)[0]; f.ExternalID != "D-1" || f.Tenant != "acme" || f.Cause != schemas.SyncDelivered || f.Number != tk.Number {
				t.Errorf("fact %+v", f)
			}
			if err := r.link.Drain(storetest.Context(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever the other system does to requests, nothing is lost, and nothing is
// there twice; two workers share the work.
func TestNothingIsLostAndNothingTwice(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	r.start(quick(), prometheus.NewRegistry())
	faults := []tickettest.Fault{
		tickettest.Error500, tickettest.Done500, tickettest.Hang, tickettest.DoneHang, tickettest.Cut, tickettest.Garbage, tickettest.Forbidden, tickettest.Fine, tickettest.Fine,
	}
	var mu sync.Mutex
	random, left := rand.New(rand.NewPCG(5, 8)), 120
	r.desk.Fail(func(*http.Request) tickettest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if left--; left < 0 {
			return tickettest.Fine
		}
		return faults[random.IntN(len(faults))]
	})
	const n = 40
	for i := range n {
		r.open(fmt.Sprint("call-", i))
	}
	for i := range n {
		tk := r.ticketOf(fmt.Sprint("call-", i))
		r.copied(tk)
		if copies := r.desk.Copies(tk.ID); len(copies) != 1 {
			t.Errorf("%s has %d copies", tk.CallID, len(copies))
		}
	}
	eventually(t, "an empty outbox", func() bool {
		n, err := r.db.CountPendingOutbox(storetest.Context(t))
		return err == nil && n == 0
	})
	for i := range n {
		tk := r.ticketOf(fmt.Sprint("call-", i))
		eventually(t, "its fact", func() bool { return len(r.facts.synced(tk.ID)) >= 1 })
		if got := r.facts.synced(tk.ID); len(got) != 1 {
			t.Errorf("%s has %d facts", tk.CallID, len(got))
		}
	}
	if dead := r.dead.List(); len(dead) != 0 {
		t.Errorf("%d dead letters", len(dead))
	}
}

func TestChangesKeepTheirOrderThroughALongAbsence(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	r.desk.Fail(tickettest.Always(tickettest.Error500))
	r.open("call-1")
	tk := r.ticketOf("call-1") // the number is there to be read out at once
	ctx := storetest.Context(t)
	var want []string
	for i := range 6 {
		kind, change, line := store.DeliverComment, any(ticket.Comment{Text: fmt.Sprint("text ", i)}), fmt.Sprint("comment D-1 text ", i)
		if i%2 == 0 {
			kind, change, line = store.DeliverUpdate, ticket.Change{Status: fmt.Sprint("state-", i)}, fmt.Sprint("state D-1 state-", i)
		}
		want = append(want, line)
		if _, ok, err := r.db.QueueDelivery(ctx, tk.ID, kind, fmt.Sprint("k", i), change); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}
	eventually(t, "that it is left alone", func() bool { return gauge(t, r.reg, "tidegate_ticket_link_breaker_open") == 1 })
	if l := r.linkOf(tk); l.Error == "" || l.ExternalID != "" {
		t.Errorf("link %+v", l)
	}
	if err := r.link.Ready(); err != nil {
		t.Errorf("another system's absence makes us unready: %v", err)
	}
	r.desk.Fail(nil)
	r.copied(tk)
	if got := r.desk.Log(); !slices.Equal(got, append([]string{"create D-1"}, want...)) {
		t.Errorf("done %q, want %q", got, want)
	}
	eventually(t, "seven facts", func() bool { return len(r.facts.synced(tk.ID)) == 7 })
}

func TestWhatIsRefusedGoesToTheDeadLettersAndComesBack(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	r.desk.Fail(tickettest.Always(tickettest.Refused))
	r.open("call-1")
	tk := r.ticketOf("call-1")
	if _, _, err := r.db.QueueDelivery(storetest.Context(t), tk.ID, store.DeliverUpdate, "k", ticket.Change{Status: "open"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two dead letters", func() bool { return len(r.dead.List()) == 2 })
	if l := r.linkOf(tk); l.ExternalID != "" || l.Error == "" || strings.Contains(l.Error, "13800138001") {
		t.Errorf("link %+v", l)
	}
	// People mend the other system, and replay in order.
	r.desk.Fail(nil)
	for n := range int64(2) {
		work := &schemas.TicketDeliver{Tenant: "acme", CallID: tk.CallID, TicketID: tk.ID, Sequence: n + 1}
		if err := r.asker.PublishDurable(storetest.Context(t), schemas.SubjectTicketDeliver("acme"), work, schemas.ForCall(tk.CallID)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the replay", func() bool { return len(r.desk.Log()) == int(n)+1 && r.linkOf(tk).Error == "" })
	}
	if got := r.desk.Log(); !slices.Equal(got, []string{"create D-1", "state D-1 in-progress"}) {
		t.Errorf("done %q", got)
	}
}

func TestAnAbsenceWithoutEndIsGivenUp(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), func(c *link.Config) { c.GiveUp = time.Second })
	r.desk.Fail(tickettest.Always(tickettest.Error500))
	r.open("call-1")
	eventually(t, "a dead letter", func() bool { return len(r.dead.List()) == 1 })
	if d := r.dead.List()[0]; d.Subject != schemas.SubjectDead(schemas.SubjectTicketDeliver("acme")) {
		t.Errorf("letter %+v", d)
	}
}

func (r *rig) send(id string, at time.Time, body string, change ...func(*http.Request)) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(storetest.Context(r.t), "POST", "http://"+r.link.Addr()+"/v1/tickets/acme/events", bytes.NewReader([]byte(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	signed := httptest.NewRequest("POST", "/", nil)
	if err := (restcall.Signing{Secret: restcall.Secret{Env: envKey}}).Sign(signed, id, at, []byte(body)); err != nil {
		r.t.Fatal(err)
	}
	req.Header = signed.Header
	req.Header.Set("Content-Type", "application/json")
	for _, c := range change {
		c(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(answer)
}

func TestMessagesInAnyOrderAndNumber(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	r.open("call-1")
	tk := r.ticketOf("call-1")
	r.copied(tk)
	body := func(state string, version int) string {
		at := time.Now().UTC().Add(time.Duration(version) * time.Second).Format(time.RFC3339Nano)
		return fmt.Sprintf(`{"id":"D-1","state":%q,"changed":%q,"version":%d}`, state, at, version)
	}
	messages := []string{body("open", 2), body("stalled", 3), body("resolved", 4)}
	for _, i := range []int{1, 1, 0, 2, 2, 1, 0, 2} {
		if status, answer := r.send(fmt.Sprint("m", i), time.Now(), messages[i]); status != 200 {
			t.Errorf("message %d: %d %s", i, status, answer)
		}
	}
	if l := r.linkOf(tk); l.Status != "resolved" {
		t.Errorf("link %+v", l)
	}
	eventually(t, "the facts", func() bool { return len(r.facts.synced(tk.ID)) == 3 })
	for i, want := range []string{"new", "stalled", "resolved"} {
		if f := r.facts.synced(tk.ID)[i]; f.Status != want {
			t.Errorf("fact %d: %+v, want %s", i, f, want)
		}
	}
	// Many at the same time: each counts once.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { r.send("m9", time.Now(), body("rejected", 9)) })
	}
	wg.Wait()
	eventually(t, "one more fact", func() bool { return len(r.facts.synced(tk.ID)) == 4 })
	if status, answer := r.send("m10", time.Now(), strings.Replace(messages[0], "D-1", "D-77", 1)); status != 200 || !strings.Contains(answer, "unknown") {
		t.Errorf("a copy that is not ours: %d %s", status, answer)
	}
}

func TestMessagesThatAreRefusedSayWhy(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	right := `{"id":"D-1","state":"open","changed":"2026-11-26T08:00:00Z"}`
	for name, tc := range map[string]struct {
		at     time.Time
		body   string
		change func(*http.Request)
		status int
		want   string
	}{
		"old":          {time.Now().Add(-time.Hour), right, nil, 401, "signature"},
		"forged":       {time.Now(), right, func(r *http.Request) { r.Header.Set("Webhook-Id", "other") }, 401, "signature"},
		"unsigned":     {time.Now(), right, func(r *http.Request) { r.Header.Del("Webhook-Signature") }, 401, "signature"},
		"no JSON":      {time.Now(), `{`, nil, 422, `"field":"body"`},
		"no status":    {time.Now(), `{"id":"D-1","phone":"13800138001"}`, nil, 422, `"field":"status"`},
		"large":        {time.Now(), strings.Repeat("x", 300<<10), nil, 413, "too-large"},
		"other type":   {time.Now(), right, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, "unsupported-media-type"},
		"other tenant": {time.Now(), right, func(r *http.Request) { r.URL.Path = "/v1/tickets/none/events" }, 404, "not-found"},
		"other place":  {time.Now(), right, func(r *http.Request) { r.URL.Path = "/" }, 404, "not-found"},
		"other method": {time.Now(), right, func(r *http.Request) { r.Method = "GET" }, 404, "not-found"},
	} {
		if tc.change == nil {
			tc.change = func(*http.Request) {}
		}
		status, answer := r.send("m1", tc.at, tc.body, tc.change)
		var doc struct {
			Type   string
			Status int
		}
		if err := json.Unmarshal([]byte(answer), &doc); err != nil || status != tc.status || doc.Status != status || !strings.Contains(answer, tc.want) || strings.Contains(answer, "13800138001") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

func TestChangesAreAskedFor(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), func(c *link.Config) { c.PollInterval = 20 * time.Millisecond })
	r.open("call-1")
	tk := r.ticketOf("call-1")
	r.copied(tk)
	for i, state := range []string{"open", "resolved"} {
		r.desk.SetState("D-1", state)
		eventually(t, state, func() bool { return r.linkOf(tk).Status == state })
		eventually(t, "the fact", func() bool { return len(r.facts.synced(tk.ID)) == i+2 })
	}
	r.desk.Fail(tickettest.Always(tickettest.Garbage))
	time.Sleep(50 * time.Millisecond)
	r.desk.SetState("D-1", "reopened")
	r.desk.Fail(nil)
	eventually(t, "what changed meanwhile", func() bool { return r.linkOf(tk).Status == "reopened" })
	if since, err := r.db.LinkCursor(storetest.Context(t), "acme"); since.IsZero() || err != nil {
		t.Errorf("cursor %v, %v", since, err)
	}
}

func TestTicketsWaitForNATSAndTheWorkerThatDied(t *testing.T) {
	r := newRig(t, storetest.SQLite(t), nil)
	var once sync.Once
	gone := make(chan struct{})
	r.desk.Fail(func(*http.Request) tickettest.Fault {
		once.Do(func() { r.nats.Down(); close(gone) })
		return tickettest.Fine
	})
	r.open("call-1")
	<-gone
	r.nats.Up()
	tk := r.ticketOf("call-1")
	r.copied(tk)
	eventually(t, "the fact", func() bool { return len(r.facts.synced(tk.ID)) == 1 })
	if copies := r.desk.Copies(tk.ID); len(copies) != 1 {
		t.Errorf("%d copies", len(copies))
	}
	// A worker stopped in the middle leaves the rest to another.
	r.desk.Fail(tickettest.Always(tickettest.DoneHang))
	r.open("call-2")
	second := r.ticketOf("call-2")
	eventually(t, "a first try", func() bool { return len(r.desk.Copies(second.ID)) == 1 })
	if err := r.link.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	r.desk.Fail(nil)
	r.start(quick(), prometheus.NewRegistry())
	r.copied(second)
	if copies := r.desk.Copies(second.ID); len(copies) != 1 {
		t.Errorf("%d copies", len(copies))
	}
}

func gauge(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	err := link.Config{Systems: []string{"a b=c", "x=1", "x=2", "=="}, PollOverlap: -1, RetryMax: -1, Listen: "x"}.Validate()
	for _, key := range []string{"systems", "listen", "poll_interval", "poll_overlap", "max_in_flight", "deliver_timeout", "ack_wait", "max_attempts", "retry_first", "retry_max", "give_up", "guard.timeout"} {
		if err == nil || !strings.Contains(err.Error(), key+":") {
			t.Errorf("error does not name %s: %v", key, err)
		}
	}
	if err := link.Defaults().Validate(); err != nil {
		t.Error(err)
	}
	files, err := link.Config{Systems: []string{"/a.yaml", "acme=/b.yaml"}}.Files()
	if err != nil || files[""] != "/a.yaml" || files["acme"] != "/b.yaml" {
		t.Errorf("%v, %v", files, err)
	}
}
