// Package omstest is what every order system's connector has to pass.
package omstest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// What a connector may leave out: its methods.
const (
	FindByPhone  = "find by phone"
	FindByDigits = "find by last digits"
	Order        = "order"
	Trace        = "trace"
	Refunds      = "refunds"
	Return       = "return"
	Cancel       = "cancel"
	Intercept    = "intercept"
)

// Fixture is a connector with a system behind it.
type Fixture struct {
	System oms.System
	Shop   Shop
	// Unsupported lists what this connector answers with ErrUnsupported; the
	// suite holds it to that.
	Unsupported []string
	// Away takes the system away for the rest of the test.
	Away func()
}

func (f Fixture) can(what string) bool { return !slices.Contains(f.Unsupported, what) }

// Run holds a connector to the contract of oms.System. Each test opens a
// system of its own, which holds the fixture's shop and nothing else.
func Run(t *testing.T, open func(*testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Fixture)
	}{
		{"ready", func(t *testing.T, f Fixture) {
			if err := f.System.Ready(limited(t)); err != nil {
				t.Error(err)
			}
		}},
		{"find by phone", findByPhone}, {"find by number", findByNumber}, {"find by last digits", findByDigits},
		{"limit", limit}, {"questions that cannot be answered", invalid}, {"order", order},
		{"trace", trace}, {"refunds", refunds},
		{"return", createReturn}, {"returns at the same time", returnsTogether}, {"return refused", returnRefused},
		{"cancel", cancel}, {"cancel too late", cancelTooLate},
		{"intercept", intercept}, {"intercept too late", interceptTooLate},
		{"unsupported", unsupported}, {"given up", givenUp}, {"away", away},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func need(t *testing.T, f Fixture, what string) {
	t.Helper()
	if !f.can(what) {
		t.Skipf("this connector cannot %s", what)
	}
}

func find(t *testing.T, f Fixture, q schemas.OrdersFind) schemas.OrdersFound {
	t.Helper()
	found, err := f.System.FindOrders(limited(t), q)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	if found.Orders == nil {
		t.Error("no orders are nil, not an empty list")
	}
	conforms(t, found)
	return found
}

// conforms: what a connector answers goes over the bus.
func conforms(t *testing.T, v any) {
	t.Helper()
	b, err := schemas.Encode("/omstest", time.Now(), v)
	if err == nil {
		_, _, err = schemas.Decode(b)
	}
	if err != nil {
		t.Errorf("answer breaks its schema: %v", err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func findByPhone(t *testing.T, f Fixture) {
	need(t, f, FindByPhone)
	for _, form := range []string{f.Shop.Phone, "+86" + f.Shop.Phone, "0086" + f.Shop.Phone} {
		same(t, "orders of the customer", find(t, f, schemas.OrdersFind{Phone: form, Limit: 20}).Orders, f.Shop.Orders)
	}
	if got := find(t, f, schemas.OrdersFind{Phone: f.Shop.Nobody}); len(got.Orders) != 0 || got.More {
		t.Errorf("orders of nobody: %+v", got)
	}
}

func findByNumber(t *testing.T, f Fixture) {
	want := f.Shop.Order(f.Shop.Delivered)
	same(t, "order by number", find(t, f, schemas.OrdersFind{Number: want.Number}).Orders, []schemas.Order{want})
	if got := find(t, f, schemas.OrdersFind{Number: f.Shop.NoOrder}); len(got.Orders) != 0 {
		t.Errorf("no order's number found %+v", got)
	}
	if f.can(FindByPhone) {
		if got := find(t, f, schemas.OrdersFind{Number: want.Number, Phone: f.Shop.OtherPhone}); len(got.Orders) != 0 {
			t.Error("the order of one customer was found for another")
		}
	}
}

func findByDigits(t *testing.T, f Fixture) {
	need(t, f, FindByDigits)
	n := f.Shop.Delivered
	tail := n[len(n)-4:]
	same(t, "both customers' orders", find(t, f, schemas.OrdersFind{LastDigits: tail}).Orders, []schemas.Order{f.Shop.Order(n), f.Shop.Other})
	if f.can(FindByPhone) {
		same(t, "one customer's order", find(t, f, schemas.OrdersFind{LastDigits: tail, Phone: f.Shop.OtherPhone}).Orders, []schemas.Order{f.Shop.Other})
	}
}

func limit(t *testing.T, f Fixture) {
	need(t, f, FindByPhone)
	for _, c := range []struct {
		limit, n int
		more     bool
	}{{1, 1, true}, {len(f.Shop.Orders) - 1, len(f.Shop.Orders) - 1, true}, {len(f.Shop.Orders), len(f.Shop.Orders), false}, {20, len(f.Shop.Orders), false}} {
		got := find(t, f, schemas.OrdersFind{Phone: f.Shop.Phone, Limit: c.limit})
		if len(got.Orders) != c.n || got.More != c.more {
			t.Errorf("limit %d: %d orders, more %v; want %d, %v", c.limit, len(got.Orders), got.More, c.n, c.more)
		} else {
			same(t, "first orders", got.Orders, f.Shop.Orders[:c.n])
		}
	}
}

func invalid(t *testing.T, f Fixture) {
	ctx := limited(t)
	for _, q := range []schemas.OrdersFind{{}, {Number: f.Shop.Unsent, Limit: -1}, {Number: f.Shop.Unsent, Limit: 21}} {
		_, err := f.System.FindOrders(ctx, q)
		is(t, "find", err, store.ErrInvalid)
	}
	for _, c := range []struct {
		what string
		call func() error
	}{
		{Order, func() error { _, err := f.System.Order(ctx, ""); return err }},
		{Trace, func() error { _, err := f.System.Trace(ctx, schemas.TraceFind{}); return err }},
		{Refunds, func() error { _, err := f.System.RefundProgress(ctx, ""); return err }},
		{Return, func() error {
			_, err := f.System.CreateReturn(ctx, schemas.ReturnCreate{OrderNumber: f.Shop.Delivered, Kind: schemas.ReturnForRefund})
			return err
		}},
		{Return, func() error {
			_, err := f.System.CreateReturn(ctx, schemas.ReturnCreate{IdempotencyKey: "key-1", Kind: schemas.ReturnForRefund})
			return err
		}},
		{Cancel, func() error {
			_, err := f.System.Cancel(ctx, schemas.OrderCancel{OrderNumber: f.Shop.Unsent})
			return err
		}},
		{Intercept, func() error {
			_, err := f.System.Intercept(ctx, schemas.ParcelIntercept{IdempotencyKey: "key-1", OrderNumber: f.Shop.Sent})
			return err
		}},
	} {
		if f.can(c.what) {
			is(t, c.what, c.call(), store.ErrInvalid)
		}
	}
	// Nothing of it was done.
	if f.can(Order) {
		got, err := f.System.Order(ctx, f.Shop.Unsent)
		if err != nil || got.Status != f.Shop.Order(f.Shop.Unsent).Status {
			t.Errorf("order after refused questions: %s, %v", got.Status, err)
		}
	}
}

func order(t *testing.T, f Fixture) {
	need(t, f, Order)
	f.Shop.All(func(_ string, want schemas.Order) {
		got, err := f.System.Order(limited(t), want.Number)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "order", got, want)
		conforms(t, schemas.OrderGot{Order: got})
	})
	_, err := f.System.Order(limited(t), f.Shop.NoOrder)
	is(t, "no order", err, oms.ErrNotFound)
}

func trace(t *testing.T, f Fixture) {
	need(t, f, Trace)
	ctx := limited(t)
	for number, want := range f.Shop.Traces {
		for _, q := range []schemas.TraceFind{{OrderNumber: number}, {OrderNumber: number, TrackingNo: want[0].TrackingNo}} {
			got, err := f.System.Trace(ctx, q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			same(t, "trace", got.Parcels, want)
			conforms(t, got)
		}
	}
	got, err := f.System.Trace(ctx, schemas.TraceFind{OrderNumber: f.Shop.Unsent})
	if err != nil || got.Parcels == nil || len(got.Parcels) != 0 {
		t.Errorf("trace of what was not sent: %+v, %v", got, err)
	}
	_, err = f.System.Trace(ctx, schemas.TraceFind{OrderNumber: f.Shop.NoOrder})
	is(t, "no order's trace", err, oms.ErrNotFound)
}

func refunds(t *testing.T, f Fixture) {
	need(t, f, Refunds)
	ctx := limited(t)
	got, err := f.System.RefundProgress(ctx, f.Shop.Delivered)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "refunds", got, f.Shop.Order(f.Shop.Delivered).Refunds)
	conforms(t, schemas.RefundsFound{Refunds: got})
	if got, err := f.System.RefundProgress(ctx, f.Shop.Unsent); err != nil || got == nil || len(got) != 0 {
		t.Errorf("refunds where there are none: %+v, %v", got, err)
	}
	_, err = f.System.RefundProgress(ctx, f.Shop.NoOrder)
	is(t, "no order's refunds", err, oms.ErrNotFound)
}
