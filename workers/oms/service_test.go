package oms_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

func TestMain(m *testing.M) {
	os.Exit(killtest.Main(m, startChild, string(oms.PointTicket), string(oms.PointReceived)))
}

func openShop(t *testing.T) *store.Store {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(storetest.SQLite(t))
	shop, err := store.Open(storetest.Context(t), cfg, store.Deps{Vault: storetest.Vault(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shop.Close() })
	if err := shop.Seed(storetest.Context(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	return shop
}

func start(t testing.TB, cfg oms.Config, deps oms.Deps) *oms.Service {
	t.Helper()
	s, err := oms.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

func TestQuestionsAreAnswered(t *testing.T) {
	server := bustest.Start(t)
	reg := prometheus.NewRegistry()
	shop := openShop(t)
	s := start(t, oms.Defaults(), oms.Deps{Bus: server.Connect("oms"), Orders: shop, Registry: reg})
	asker := server.Connect("asker")
	if err := s.Ready(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		q      schemas.OrdersFind
		first  string
		n      int
		more   bool
		code   int
		field  string
		metric [2]string
	}{
		"phone":       {q: schemas.OrdersFind{Phone: "+8613800138001", CallID: "c1", BudgetMS: 20000}, first: "20261112003378", n: 3, metric: [2]string{"phone", "found"}},
		"number":      {q: schemas.OrdersFind{Number: "20261118005540", BudgetMS: 20000}, first: "20261118005540", n: 1, metric: [2]string{"number", "found"}},
		"last digits": {q: schemas.OrdersFind{LastDigits: "3378", Limit: 1, BudgetMS: 20000}, first: "20261112003378", n: 1, more: true, metric: [2]string{"last_digits", "found"}},
		"both":        {q: schemas.OrdersFind{LastDigits: "3378", Phone: "13800138006", BudgetMS: 20000}, first: "20261111003378", n: 1, metric: [2]string{"several", "found"}},
		"nobody":      {q: schemas.OrdersFind{Phone: "13900000000", BudgetMS: 20000}, metric: [2]string{"phone", "none"}},
		"nothing":     {q: schemas.OrdersFind{}, code: oms.CodeInvalid, field: "last_digits", metric: [2]string{"nothing", "invalid"}},
		"malformed":   {q: schemas.OrdersFind{Number: "2026'; --"}, code: oms.CodeInvalid, field: "number", metric: [2]string{"number", "invalid"}},
		"limit":       {q: schemas.OrdersFind{Phone: "13800138001", Limit: 99}, code: oms.CodeInvalid, field: "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			reply, err := asker.Request(storetest.Context(t), schemas.SubjectOrdersFind, &c.q)
			if c.code != 0 {
				var remote *bus.RemoteError
				if !errors.As(err, &remote) || remote.Code != c.code || !strings.Contains(remote.Text, c.field) {
					t.Errorf("error %v, want code %d naming %s", err, c.code, c.field)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				found, ok := reply.Data.(*schemas.OrdersFound)
				if !ok || len(found.Orders) != c.n || found.More != c.more || found.Orders == nil || (c.n > 0 && found.Orders[0].Number != c.first) {
					t.Errorf("answer %+v", reply.Data)
				}
				if reply.Envelope.CallID != c.q.CallID {
					t.Errorf("call id %q", reply.Envelope.CallID)
				}
			}
			if c.metric[0] != "" {
				if n := counter(t, reg, c.metric[0], c.metric[1]); n != 1 {
					t.Errorf("%v counted %v times", c.metric, n)
				}
			}
		})
	}
}

func counter(t *testing.T, reg *prometheus.Registry, by, result string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tidegate_oms_lookups_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == by && m.GetLabel()[1].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// slow is an order system that answers when it is let go.
type slow struct {
	entered atomic.Int64
	release chan struct{}
	err     error
}

func (s *slow) Ready(context.Context) error { return s.err }

func (s *slow) FindOrders(ctx context.Context, _ schemas.OrdersFind) (schemas.OrdersFound, error) {
	s.entered.Add(1)
	select {
	case <-s.release:
		return schemas.OrdersFound{}, s.err
	case <-ctx.Done():
		return schemas.OrdersFound{}, ctx.Err()
	}
}

func ask(t *testing.T, b *bus.Bus, q schemas.OrdersFind) int {
	t.Helper()
	_, err := b.Request(storetest.Context(t), schemas.SubjectOrdersFind, &q)
	var remote *bus.RemoteError
	if errors.As(err, &remote) {
		return remote.Code
	}
	if err != nil {
		t.Errorf("request: %v", err)
	}
	return 0
}

func TestALookUpOverItsBudgetIsGivenUp(t *testing.T) {
	server := bustest.Start(t)
	start(t, oms.Defaults(), oms.Deps{Bus: server.Connect("oms"), Orders: &slow{release: make(chan struct{})}})
	if code := ask(t, server.Connect("asker"), schemas.OrdersFind{Number: "1", BudgetMS: 20}); code != oms.CodeOverBudget {
		t.Errorf("code %d", code)
	}
}

func TestAFullWorkerSaysSo(t *testing.T) {
	server := bustest.Start(t)
	cfg := oms.Defaults()
	cfg.MaxInFlight, cfg.Budget, cfg.MaxBudget, cfg.Patience = 1, 30*time.Second, 30*time.Second, 30*time.Second
	system := &slow{release: make(chan struct{})}
	s := start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: system})
	asker := server.Connect("asker")
	first := make(chan int, 1)
	go func() { first <- ask(t, asker, schemas.OrdersFind{Number: "1"}) }()
	for system.entered.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if code := ask(t, asker, schemas.OrdersFind{Number: "2"}); code != oms.CodeUnavailable {
		t.Errorf("second question: code %d", code)
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(storetest.Context(t)) }()
	close(system.release)
	if code := <-first; code != 0 {
		t.Errorf("first question: code %d", code)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := s.Ready(); err == nil {
		t.Error("a drained worker is ready")
	}
}

func TestErrorsOfTheOrderSystemHaveCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{store.ErrUnavailable, oms.CodeUnavailable},
		{store.ErrInvalid, oms.CodeInvalid},
		{errors.New("strange"), oms.CodeInternal},
	} {
		server := bustest.Start(t)
		system := &slow{release: make(chan struct{}), err: c.err}
		close(system.release)
		s := start(t, oms.Defaults(), oms.Deps{Bus: server.Connect("oms"), Orders: system})
		if code := ask(t, server.Connect("asker"), schemas.OrdersFind{Number: "1", BudgetMS: 5000}); code != c.code {
			t.Errorf("%v: code %d, want %d", c.err, code, c.code)
		}
		if err := s.Ready(); !errors.Is(err, c.err) {
			t.Errorf("ready: %v", err)
		}
	}
}

func TestTwoWorkersShareTheQuestions(t *testing.T) {
	server := bustest.Start(t)
	shop := openShop(t)
	regs := []*prometheus.Registry{prometheus.NewRegistry(), prometheus.NewRegistry()}
	for _, reg := range regs {
		start(t, oms.Defaults(), oms.Deps{Bus: server.Connect("oms"), Orders: shop, Registry: reg})
	}
	asker := server.Connect("asker")
	const n = 60
	for range n {
		if code := ask(t, asker, schemas.OrdersFind{LastDigits: "1125", BudgetMS: 20000}); code != 0 {
			t.Fatalf("code %d", code)
		}
	}
	a, b := counter(t, regs[0], "last_digits", "found"), counter(t, regs[1], "last_digits", "found")
	if a+b != n || a == 0 || b == 0 {
		t.Errorf("workers answered %v and %v", a, b)
	}
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	err := oms.Config{Budget: -1, MaxBudget: time.Hour}.Validate()
	for _, key := range []string{"budget:", "max_budget:", "max_in_flight:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not name %s", err, key)
		}
	}
	if _, err := oms.New(oms.Config{}, oms.Deps{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
}

func TestMetricsStartAtZero(t *testing.T) {
	reg := prometheus.NewRegistry()
	server := bustest.Start(t)
	if _, err := oms.New(oms.Defaults(), oms.Deps{Bus: server.Connect("oms"), Orders: &slow{}, Registry: reg}); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "tidegate_oms_lookups_total"); err != nil || n != 64 {
		t.Errorf("%d series, %v", n, err)
	}
}
