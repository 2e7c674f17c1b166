package oms_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/omstest"
)

// counted is the built-in shop, which counts what it is asked.
type counted struct {
	oms.System
	finds, orders atomic.Int64
	slow          atomic.Int64 // milliseconds before an order is found
	fail          atomic.Pointer[error]
}

func (c *counted) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	c.finds.Add(1)
	select {
	case <-time.After(time.Duration(c.slow.Load()) * time.Millisecond):
	case <-ctx.Done():
		return schemas.OrdersFound{}, ctx.Err()
	}
	if err := c.fail.Load(); err != nil {
		return schemas.OrdersFound{}, *err
	}
	return c.System.FindOrders(ctx, q)
}

func (c *counted) Order(ctx context.Context, number string) (schemas.Order, error) {
	c.orders.Add(1)
	return c.System.Order(ctx, number)
}

func suiteShop(t *testing.T) (*counted, omstest.Shop, *store.Store) {
	t.Helper()
	f := builtin(t, storetest.SQLite(t))
	s, ok := f.System.(*store.Store)
	if !ok {
		t.Fatalf("system %T", f.System)
	}
	return &counted{System: s}, f.Shop, s
}

func get[T any](t *testing.T, b *bus.Bus, subject string, q any) (*T, int, string) {
	t.Helper()
	m, err := b.Request(storetest.Context(t), subject, q)
	var remote *bus.RemoteError
	if errors.As(err, &remote) {
		return nil, remote.Code, remote.Text
	}
	if err != nil {
		t.Fatal(err)
	}
	d, ok := m.Data.(*T)
	if !ok {
		t.Fatalf("answer %T", m.Data)
	}
	return d, 0, ""
}

func TestEveryKindOfLookUpIsAnswered(t *testing.T) {
	server := bustest.Start(t)
	system, shop, _ := suiteShop(t)
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: system})
	b := server.Connect("asker")
	const budget = 15000
	got, code, text := get[schemas.OrderGot](t, b, schemas.SubjectOrderGet, &schemas.OrderGet{Number: shop.Delivered, BudgetMS: budget})
	if code != 0 || got.Order.Number != shop.Delivered || len(got.Order.Payments) == 0 {
		t.Errorf("order: %+v, %d %s", got, code, text)
	}
	trace, code, text := get[schemas.Trace](t, b, schemas.SubjectTraceFind, &schemas.TraceFind{OrderNumber: shop.Sent, BudgetMS: budget})
	if code != 0 || len(trace.Parcels) == 0 || len(trace.Parcels[0].Events) == 0 {
		t.Errorf("trace: %+v, %d %s", trace, code, text)
	}
	refunds, code, text := get[schemas.RefundsFound](t, b, schemas.SubjectRefunds, &schemas.RefundsFind{OrderNumber: shop.Delivered, BudgetMS: budget})
	if code != 0 || len(refunds.Refunds) == 0 {
		t.Errorf("refunds: %+v, %d %s", refunds, code, text)
	}
	none, code, _ := get[schemas.RefundsFound](t, b, schemas.SubjectRefunds, &schemas.RefundsFind{OrderNumber: shop.Unsent, BudgetMS: budget})
	if code != 0 || none.Refunds == nil || len(none.Refunds) != 0 {
		t.Errorf("no refunds: %+v, %d", none, code)
	}
	for name, c := range map[string]struct {
		subject string
		q       any
		code    int
		field   string
	}{
		"no such order":   {schemas.SubjectOrderGet, &schemas.OrderGet{Number: shop.NoOrder, BudgetMS: budget}, oms.CodeNotFound, ""},
		"malformed":       {schemas.SubjectOrderGet, &schemas.OrderGet{Number: "1'; --"}, oms.CodeInvalid, "number"},
		"no parcel named": {schemas.SubjectTraceFind, &schemas.TraceFind{}, oms.CodeInvalid, "tracking_no"},
		"parcel":          {schemas.SubjectTraceFind, &schemas.TraceFind{TrackingNo: "a b"}, oms.CodeInvalid, "tracking_no"},
		"refunds of":      {schemas.SubjectRefunds, &schemas.RefundsFind{OrderNumber: "%"}, oms.CodeInvalid, "order_number"},
		"other type":      {schemas.SubjectRefunds, &schemas.OrderGet{Number: "1"}, oms.CodeInvalid, "type"},
	} {
		if _, code, text := get[schemas.OrderGot](t, b, c.subject, c.q); code != c.code || !strings.Contains(text, c.field) {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
}

func TestWhatIsAskedTwiceIsLookedUpOnce(t *testing.T) {
	server, reg := bustest.Start(t), prometheus.NewRegistry()
	system, shop, _ := suiteShop(t)
	system.slow.Store(200)
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: system, Registry: reg})
	b := server.Connect("asker")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if code := ask(t, b, schemas.OrdersFind{CallID: "c1", Phone: shop.Phone, BudgetMS: 15000}); code != 0 {
				t.Errorf("code %d", code)
			}
		})
	}
	all.Wait()
	if n := system.finds.Load(); n != 1 {
		t.Errorf("at the same time: looked up %d times", n)
	}
	system.slow.Store(0)
	ask(t, b, schemas.OrdersFind{CallID: "c2", Phone: shop.Phone, BudgetMS: 900})
	if n := system.finds.Load(); n != 1 || series(t, reg, "tidegate_oms_answers_total", "from", "cache") < 1 {
		t.Errorf("in another call: looked up %d times", n)
	}
	for range 2 { // that there is none is remembered too
		if code := ask(t, b, schemas.OrdersFind{Phone: shop.Nobody, BudgetMS: 15000}); code != 0 {
			t.Errorf("code %d", code)
		}
		if _, code, _ := get[schemas.OrderGot](t, b, schemas.SubjectOrderGet, &schemas.OrderGet{Number: shop.NoOrder, BudgetMS: 15000}); code != oms.CodeNotFound {
			t.Errorf("code %d", code)
		}
	}
	if f, o := system.finds.Load(), system.orders.Load(); f != 2 || o != 1 {
		t.Errorf("missing: looked up %d and %d times", f, o)
	}
	failure := store.ErrUnavailable // what failed is not remembered
	system.fail.Store(&failure)
	ask(t, b, schemas.OrdersFind{Phone: "13911112222", BudgetMS: 15000})
	system.fail.Store(nil)
	if code := ask(t, b, schemas.OrdersFind{Phone: "13911112222", BudgetMS: 15000}); code != 0 {
		t.Errorf("after a failure: code %d", code)
	}
}

func TestTenantsShareNoAnswers(t *testing.T) {
	server := bustest.Start(t)
	system, shop, _ := suiteShop(t)
	other := &counted{System: openShop(t)}
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: system, Tenants: map[string]oms.System{"other": other}})
	b := server.Connect("asker")
	for tenant, want := range map[string]int{"": 0, "default": 0, "other": oms.CodeNotFound} {
		if _, code, _ := get[schemas.OrderGot](t, b, schemas.SubjectOrderGet, &schemas.OrderGet{Tenant: tenant, Number: shop.Delivered, BudgetMS: 15000}); code != want {
			t.Errorf("%q: code %d, want %d", tenant, code, want)
		}
	}
}

func TestTheCacheIsShortAndBounded(t *testing.T) {
	server := bustest.Start(t)
	system, shop, _ := suiteShop(t)
	cfg := brisk()
	cfg.Cache = oms.CacheConfig{TTL: 50 * time.Millisecond, Missing: time.Millisecond, Size: 4}
	start(t, cfg, oms.Deps{Bus: server.Connect("oms"), Orders: system})
	b := server.Connect("asker")
	eventually(t, "an answer grows old", func() bool {
		ask(t, b, schemas.OrdersFind{Phone: shop.Phone, BudgetMS: 15000})
		return system.finds.Load() > 1
	})
	for i := range 50 {
		ask(t, b, schemas.OrdersFind{Phone: shop.Phone, Limit: 1 + i%20, BudgetMS: 15000})
	}
	eventually(t, "the cache is within its bound", func() bool { return infoOf(t, b, "").CachedAnswers <= 4 })
}

// Calls without a tenant are the default tenant's, also where that has a system
// of its own.
func TestTheDefaultTenantCanHaveASystem(t *testing.T) {
	server := bustest.Start(t)
	system, shop, _ := suiteShop(t)
	start(t, brisk(), oms.Deps{Bus: server.Connect("oms"), Orders: openShop(t), Tenants: map[string]oms.System{schemas.DefaultTenant: system}})
	b := server.Connect("asker")
	for tenant, want := range map[string]int{"": 0, "default": 0, "other": oms.CodeNotFound} {
		if _, code, _ := get[schemas.OrderGot](t, b, schemas.SubjectOrderGet, &schemas.OrderGet{Tenant: tenant, Number: shop.Delivered, BudgetMS: 15000}); code != want {
			t.Errorf("%q: code %d, want %d", tenant, code, want)
		}
	}
}
