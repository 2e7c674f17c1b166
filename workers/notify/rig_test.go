package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/notify"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"SMS_TOKEN": "token", "SMS_SIGNING_KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "SMS_REPLIES_KEY": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
	} {
		_ = os.Setenv(name, value)
	}
	os.Exit(storetest.Main(m))
}

// fault is how a request to the gateway goes wrong.
type fault string

const (
	fine     fault = ""
	away     fault = "503"        // nothing is sent
	failed   fault = "500"        // nothing is sent, but who knows
	sentFail fault = "sent, 500"  // it is sent, and the answer says it failed
	proxied  fault = "sent, 503"  // it is sent, and a proxy lost the answer
	hangs    fault = "hang"       // nothing is sent, and no answer comes
	sentHang fault = "sent, hang" // it is sent, and no answer comes
	cut      fault = "sent, cut"
	garbage  fault = "sent, garbage"
	limited  fault = "rate_limited"
	refused  fault = "invalid_number"
	denied   fault = "401"
	tooMany  fault = "429"
)

// sms is what reached a telephone.
type sms struct{ Key, To, Text string }

// gateway is an SMS gateway over HTTP that can be made to fail.
type gateway struct {
	*httptest.Server
	t          testing.TB
	idempotent bool
	done       chan struct{}

	mu    sync.Mutex
	fault func(*http.Request) fault
	seen  map[string]bool
	out   []sms
	asked int
}

func newGateway(t testing.TB, idempotent bool) *gateway {
	g := &gateway{t: t, idempotent: idempotent, done: make(chan struct{}), seen: map[string]bool{}}
	g.Server = httptest.NewServer(g)
	t.Cleanup(func() { close(g.done); g.Server.Close() })
	return g
}

func (g *gateway) fail(f func(*http.Request) fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = f
}

func always(f fault) func(*http.Request) fault { return func(*http.Request) fault { return f } }

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if err := (restcall.Signing{Secret: restcall.Secret{Env: "SMS_SIGNING_KEY"}}).Verify(r.Header, body); err != nil {
		g.t.Errorf("signature: %v", err)
	}
	if r.Header.Get("Authorization") != "Bearer token" || r.URL.Path != "/v1/sms" {
		g.t.Errorf("%s %s", r.Header.Get("Authorization"), r.URL.Path)
	}
	g.mu.Lock()
	f := fine
	g.asked++
	if g.fault != nil {
		f = g.fault(r)
	}
	g.mu.Unlock()
	answer := func(status int, code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"id": "gw-" + r.Header.Get("Idempotency-Key"), "status": code})
	}
	switch f {
	case away, failed, denied, tooMany:
		status := map[fault]int{away: 503, failed: 500, denied: 401, tooMany: 429}[f]
		if f == tooMany {
			w.Header().Set("Retry-After", "1")
		}
		answer(status, "")
		return
	case limited, refused:
		answer(200, string(f))
		return
	case hangs:
		g.hang(r)
		return
	}
	g.deliver(r.Header.Get("Idempotency-Key"), body)
	switch f {
	case sentFail:
		answer(500, "")
	case proxied:
		http.Error(w, "upstream connect error or disconnect/reset before headers", http.StatusServiceUnavailable)
	case sentHang:
		g.hang(r)
	case cut:
		panic(http.ErrAbortHandler)
	case garbage:
		_, _ = w.Write([]byte("<html>OK</html>"))
	default:
		answer(202, "accepted")
	}
}

func (g *gateway) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-g.done:
	}
}

func (g *gateway) deliver(key string, body []byte) {
	var m struct{ To, Text string }
	if err := json.Unmarshal(body, &m); err != nil {
		g.t.Errorf("body: %v", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idempotent && g.seen[key] {
		return
	}
	g.seen[key] = true
	g.out = append(g.out, sms{key, m.To, m.Text})
}

// delivered are the SMS that reached telephones, of one key or of all.
func (g *gateway) delivered(key string) []sms {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []sms
	for _, m := range g.out {
		if key == "" || m.Key == key {
			out = append(out, m)
		}
	}
	return out
}

func (g *gateway) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// rig is a database, a bus and a gateway, with workers between them.
type rig struct {
	t       testing.TB
	gateway *gateway
	nats    *bustest.Server
	db      *store.Store
	bus     *bus.Bus
	file    string
	dead    *bustest.Seen
	reg     *prometheus.Registry

	mu     sync.Mutex
	offset time.Duration
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.offset)
}

// at moves the clock of database and workers to a time of day in Shanghai,
// tomorrow.
func (r *rig) at(hour, minute int) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		r.t.Fatal(err)
	}
	y, m, d := time.Now().In(shanghai).Date()
	r.forward(time.Until(time.Date(y, m, d+1, hour, minute, 0, 0, shanghai)))
}

func (r *rig) forward(offset time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offset = offset
}

func quick() notify.Config {
	cfg := notify.Defaults()
	cfg.Listen = "127.0.0.1:0"
	cfg.RetryFirst, cfg.RetryMax, cfg.SweepInterval = 20*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	cfg.SendTimeout, cfg.AckWait = 10*time.Second, 20*time.Second
	cfg.Guard.Timeout, cfg.Guard.Cooldown = 5*time.Second, 50*time.Millisecond
	return cfg
}

func newRig(t testing.TB, dsn string, idempotent bool) *rig {
	t.Helper()
	r := &rig{t: t, gateway: newGateway(t, idempotent), nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	b, err := notify.Example("webhook")
	if err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{
		"https://sms-gateway.example.com":                  r.gateway.URL + "\n    timeout: 400ms",
		"idempotent: true":                                 fmt.Sprint("idempotent: ", idempotent),
		"    quiet: {from: \"21:00\", until: \"08:00\"}\n": "",
	} {
		if !strings.Contains(string(b), old) {
			t.Fatalf("the example has no %q", old)
		}
		b = []byte(strings.Replace(string(b), old, changed, 1))
	}
	r.file = string(b)
	r.db = r.open(dsn)
	r.bus = r.nats.Connect("asker")
	r.dead = bustest.Watch(t, r.bus, schemas.StreamDead, schemas.SubjectsDead)
	return r
}

func (r *rig) open(dsn string) *store.Store {
	r.t.Helper()
	keys, err := vault.New(vault.Keys{
		Active: "k1", Keys: map[string]config.Secret{"k1": "0123456789abcdef0123456789abcdef"}, ActiveIndex: "i1", IndexKeys: map[string]config.Secret{"i1": "fedcba9876543210fedcba9876543210"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	db, err := store.Open(storetest.Context(r.t), cfg, store.Deps{Now: r.now, Vault: keys})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = db.Close() })
	return db
}

// start runs one more worker.
func (r *rig) start(cfg notify.Config, reached func(notify.Point) error) *notify.Service {
	r.t.Helper()
	spec, err := notify.Parse("sms.yaml", []byte(r.file))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := notify.Connect(spec)
	if err != nil {
		r.t.Fatal(err)
	}
	deps := notify.Deps{
		Bus: r.nats.Connect("notify"), Notifications: r.db, Records: r.db, Outbox: r.db, Connections: map[string]*notify.Connection{"acme": c}, Now: r.now, Reached: reached,
	}
	if deps.Registry = r.reg; reached != nil {
		deps.Registry = prometheus.NewRegistry()
	}
	s, err := notify.New(cfg, deps)
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
		c.Close()
	})
	return s
}

func request(call string) schemas.TicketOpen {
	return schemas.TicketOpen{
		Tenant: "acme", IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "20261112003378", OrderVerified: true,
		Contact: "+8613800138001", RequestedAt: time.Now(),
	}
}

// ticket opens a ticket and publishes its fact.
func (r *rig) ticket(req schemas.TicketOpen) store.Ticket {
	r.t.Helper()
	ctx := storetest.Context(r.t)
	tk, _, err := r.db.OpenTicket(ctx, req, schemas.GroupAfterSales)
	if err == nil {
		err = outbox.Publish(ctx, r.bus, r.db, store.FactID("opened", tk.IdempotencyKey))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return tk
}

// again publishes the fact once more, past the stream's memory of ids.
func (r *rig) again(tk store.Ticket) {
	r.t.Helper()
	fact := tk.Opened(true)
	if err := r.bus.PublishDurable(storetest.Context(r.t), schemas.SubjectTicketFact(tk.CallID, "opened"), &fact, schemas.ForCall(tk.CallID)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) notes(tk store.Ticket) []store.Notification {
	r.t.Helper()
	list, err := r.db.NotificationsOfTicket(storetest.Context(r.t), tk.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// ended waits until the n-th notification of a ticket has ended.
func (r *rig) ended(tk store.Ticket, n int) store.Notification {
	r.t.Helper()
	var got store.Notification
	eventually(r.t, fmt.Sprintf("the end of notification %d of %s", n, tk.CallID), func() bool {
		list := r.notes(tk)
		if len(list) < n {
			return false
		}
		got = list[n-1]
		return got.State.Ended()
	})
	return got
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

func counter(t testing.TB, reg *prometheus.Registry, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			match := true
			for _, l := range m.GetLabel() {
				if want, ok := labels[l.GetName()]; ok && want != l.GetValue() {
					match = false
				}
			}
			if match {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
