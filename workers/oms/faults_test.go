package oms_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

const description = `name: faulty
base: BASE_URL
timeout: 20s
auth: {header: {name: X-Key, value: {env: SHOP_SECRET}}}
order:
  number: id
  status: {from: state, table: {S: shipped, D: delivered}}
  placed_at: {from: at, time: unix}
  total_fen: {from: total, money: yuan}
  lines: {each: lines, map: {id: id, title: name, quantity: n, price_fen: {from: price, money: yuan}}}
operations:
  find_by_phone:
    request: {path: /orders, query: {phone: "{{.phone}}"}}
    items: data
  order:
    request: {path: "/orders/{{.number}}"}
`

// faulty is a shop's HTTP server and what ails it.
type faulty struct {
	ails  atomic.Value // string
	asked atomic.Int64
	let   chan struct{}
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := f.asked.Add(1)
	item := `{"id":"A1","state":"S","at":1763000000,"total":"19.90","lines":[{"id":"1","name":"杯","n":2,"price":9.95}]}`
	body := `{"data":[` + item + `]}`
	if strings.HasPrefix(r.URL.Path, "/orders/") {
		body = item
	}
	switch f.ails.Load() {
	case "500":
		http.Error(w, "Internal Server Error, phone 13800138001", http.StatusInternalServerError)
	case "garbage":
		_, _ = fmt.Fprint(w, "<html>\x00 13800138001 maintenance")
	case "truncated":
		_, _ = fmt.Fprint(w, body[:len(body)-5])
	case "hangs":
		select {
		case <-r.Context().Done():
		case <-f.let:
		}
	case "slow":
		select {
		case <-r.Context().Done():
		case <-f.let:
			_, _ = fmt.Fprint(w, body)
		}
	case "once":
		if n == 1 {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprint(w, body)
	default:
		_, _ = fmt.Fprint(w, body)
	}
}

func ailing(t *testing.T, what string) (*faulty, *rest.System) {
	t.Helper()
	f := &faulty{let: make(chan struct{})}
	f.ails.Store(what)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	t.Setenv("SHOP_SECRET", "secret")
	s, err := rest.Parse("faulty.yaml", []byte(strings.ReplaceAll(description, "BASE_URL", server.URL)),
		rest.Options{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func brisk() oms.Config {
	cfg := oms.Defaults()
	cfg.System.Timeout, cfg.System.RetryDelay, cfg.System.Retries = 20*time.Second, time.Millisecond, 1
	cfg.System.Failures, cfg.System.Cooldown = 3, time.Hour
	cfg.Cache.TTL, cfg.Cache.Missing = time.Minute, time.Minute
	cfg.MaxBudget, cfg.Patience = 20*time.Second, 20*time.Second
	return cfg
}

// series is the value of one series, -1 when there is none.
func series(t testing.TB, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue metrics
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return -1
}

func TestASystemThatAilsIsLeftAloneAfterFailures(t *testing.T) {
	for ails, c := range map[string]struct {
		code    int
		result  string
		retried bool
	}{
		"500":       {oms.CodeUnavailable, "unavailable", true},
		"hangs":     {oms.CodeUnavailable, "timeout", true},
		"garbage":   {oms.CodeInternal, "error", false},
		"truncated": {oms.CodeInternal, "error", false},
	} {
		t.Run(ails, func(t *testing.T) {
			server, reg := bustest.Start(t), prometheus.NewRegistry()
			f, system := ailing(t, ails)
			cfg := brisk()
			if ails == "hangs" {
				cfg.System.Timeout = 200 * time.Millisecond
			}
			start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Registry: reg, Tenants: map[string]oms.System{"shop": system}})
			asker := server.Connect("asker")
			question := func() int {
				return ask(t, asker, schemas.OrdersFind{Tenant: "shop", Phone: "13800138001", BudgetMS: 15000})
			}
			if code := question(); code != c.code {
				t.Errorf("code %d, want %d", code, c.code)
			}
			if n := series(t, reg, "tidegate_oms_system_calls_total", "system", "shop", "operation", "find", "result", c.result); n != 1 {
				t.Errorf("%s counted %v times", c.result, n)
			}
			if n := series(t, reg, "tidegate_oms_system_retries_total", "system", "shop"); (n > 0) != c.retried {
				t.Errorf("%v retries", n)
			}
			for range 3 {
				question()
			}
			if open := series(t, reg, "tidegate_oms_breaker_state", "system", "shop", "state", "open"); open != 1 {
				t.Fatalf("breaker open: %v", open)
			}
			before := f.asked.Load()
			if code := question(); code != oms.CodeUnavailable {
				t.Errorf("open breaker: code %d", code)
			}
			if f.asked.Load() != before {
				t.Error("a system that is left alone was asked")
			}
			if info := infoOf(t, asker, "shop"); info.Breaker != "open" || info.System != "shop" || info.RetryInMS <= 0 {
				t.Errorf("info %+v", info)
			}
			// The other tenants do not notice.
			eventually(t, "another tenant is answered", func() bool {
				return ask(t, asker, schemas.OrdersFind{Phone: "13800138001", BudgetMS: 15000}) == 0
			})
			if info := infoOf(t, asker, ""); info.Breaker != "closed" || info.System != oms.Builtin || !info.Ready {
				t.Errorf("info of another tenant %+v", info)
			}
		})
	}
}

func infoOf(t *testing.T, b *bus.Bus, tenant string) schemas.OrderSystemInfo {
	t.Helper()
	m, err := b.Request(storetest.Context(t), schemas.SubjectOrderSystem, &schemas.OrderSystemAsk{Tenant: tenant})
	if err != nil {
		t.Fatal(err)
	}
	info, ok := m.Data.(*schemas.OrderSystemInfo)
	if !ok {
		t.Fatalf("answer %T", m.Data)
	}
	return *info
}

func TestASystemIsAskedAgainAfterItsCooldown(t *testing.T) {
	server, reg := bustest.Start(t), prometheus.NewRegistry()
	f, system := ailing(t, "500")
	cfg := brisk()
	cfg.System.Cooldown, cfg.System.Failures = 50*time.Millisecond, 1
	start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Registry: reg, Tenants: map[string]oms.System{"shop": system}})
	asker := server.Connect("asker")
	q := schemas.OrdersFind{Tenant: "shop", Phone: "13800138001", BudgetMS: 15000}
	if code := ask(t, asker, q); code != oms.CodeUnavailable {
		t.Fatalf("code %d", code)
	}
	f.ails.Store("")
	eventually(t, "the system is asked again", func() bool { return ask(t, asker, q) == 0 })
	if n := series(t, reg, "tidegate_oms_breaker_state", "system", "shop", "state", "closed"); n != 1 {
		t.Errorf("breaker closed: %v", n)
	}
}

func TestAReadIsTriedAgain(t *testing.T) {
	server, reg := bustest.Start(t), prometheus.NewRegistry()
	f, system := ailing(t, "once")
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Registry: reg, Tenants: map[string]oms.System{"shop": system}})
	if code := ask(t, server.Connect("asker"), schemas.OrdersFind{Tenant: "shop", Phone: "13800138001", BudgetMS: 15000}); code != 0 {
		t.Errorf("code %d", code)
	}
	if f.asked.Load() != 2 || series(t, reg, "tidegate_oms_system_retries_total", "system", "shop") != 1 {
		t.Errorf("asked %d times", f.asked.Load())
	}
}

func TestALateAnswerIsThereForWhoAsksAgain(t *testing.T) {
	server, reg := bustest.Start(t), prometheus.NewRegistry()
	f, system := ailing(t, "slow")
	cfg := brisk()
	start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Registry: reg, Tenants: map[string]oms.System{"shop": system}})
	asker := server.Connect("asker")
	q := schemas.OrdersFind{Tenant: "shop", Phone: "13800138001", BudgetMS: 30}
	for range 3 {
		if code := ask(t, asker, q); code != oms.CodeOverBudget {
			t.Fatalf("code %d", code)
		}
	}
	close(f.let)
	eventually(t, "the answer is there", func() bool { return ask(t, asker, q) == 0 })
	if n := f.asked.Load(); n != 1 {
		t.Errorf("the system was asked %d times", n)
	}
	if n := series(t, reg, "tidegate_oms_lookups_total", "by", "phone", "result", "over_budget"); n < 3 {
		t.Errorf("over budget %v times", n)
	}
}

func TestAFullSystemRefusesOnlyItsOwn(t *testing.T) {
	server, reg := bustest.Start(t), prometheus.NewRegistry()
	f, system := ailing(t, "slow")
	cfg := brisk()
	cfg.System.MaxConcurrent, cfg.System.MaxWait = 2, 0
	start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Registry: reg, Tenants: map[string]oms.System{"shop": system}})
	asker := server.Connect("asker")
	for i := range 2 {
		ask(t, asker, schemas.OrdersFind{Tenant: "shop", Phone: fmt.Sprint(13800138001 + i), BudgetMS: 20})
	}
	eventually(t, "both places are taken", func() bool { return f.asked.Load() == 2 })
	if n := series(t, reg, "tidegate_oms_bulkhead_in_use", "system", "shop"); n != 2 {
		t.Errorf("in use: %v", n)
	}
	if code := ask(t, asker, schemas.OrdersFind{Tenant: "shop", Phone: "13900000001", BudgetMS: 15000}); code != oms.CodeUnavailable {
		t.Errorf("code %d", code)
	}
	if n := series(t, reg, "tidegate_oms_system_calls_total", "system", "shop", "operation", "find", "result", "bulkhead_full"); n != 1 {
		t.Errorf("full %v times", n)
	}
	if n := series(t, reg, "tidegate_oms_breaker_state", "system", "shop", "state", "closed"); n != 1 {
		t.Error("being full opened the breaker")
	}
	if code := ask(t, asker, schemas.OrdersFind{Phone: "13800138001", BudgetMS: 15000}); code != 0 {
		t.Errorf("another tenant: code %d", code)
	}
	close(f.let)
	eventually(t, "the places are free", func() bool { return series(t, reg, "tidegate_oms_bulkhead_in_use", "system", "shop") == 0 })
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
