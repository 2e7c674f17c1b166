package omstest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

const callID = "2f0a4c1e-7a52-4f1c-9a53-0d1f6f1f8f11"

func (f Fixture) returnOf(number, key string) schemas.ReturnCreate {
	return schemas.ReturnCreate{
		CallID: callID, IdempotencyKey: callID + ":return:" + key, OrderNumber: number, Kind: schemas.ReturnForRefund,
		Lines: []schemas.ReturnLine{{LineID: f.Shop.Order(number).Lines[0].ID, Quantity: 1}}, Reason: "wrong_size", ReasonText: "买大了，“L”码",
		Contact: f.Shop.Phone, RequestedAt: time.Now().UTC().Truncate(time.Second),
	}
}

func cancelOf(number, key string) schemas.OrderCancel {
	return schemas.OrderCancel{CallID: callID, IdempotencyKey: callID + ":cancel:" + key, OrderNumber: number, Reason: "changed_mind", RequestedAt: time.Now().UTC()}
}

func (f Fixture) interceptOf(number, key string) schemas.ParcelIntercept {
	return schemas.ParcelIntercept{CallID: callID, IdempotencyKey: callID + ":intercept:" + key, OrderNumber: number,
		TrackingNo: f.Shop.Order(number).Parcels[0].TrackingNo, RequestedAt: time.Now().UTC()}
}

func createReturn(t *testing.T, f Fixture) {
	need(t, f, Return)
	ctx := limited(t)
	req := f.returnOf(f.Shop.Delivered, "1")
	first, err := f.System.CreateReturn(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	conforms(t, first)
	if first.Status == schemas.WriteRefused || first.Number == "" || first.OrderNumber != req.OrderNumber ||
		first.IdempotencyKey != req.IdempotencyKey || first.CallID != callID || first.CreatedAt.IsZero() {
		t.Fatalf("return %+v", first)
	}
	again, err := f.System.CreateReturn(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the same return again", again, first)
	// Another request is another return, or refused; never the first one.
	req.IdempotencyKey += "-other"
	other, err := f.System.CreateReturn(ctx, req)
	if err != nil || (other.Status != schemas.WriteRefused && other.Number == first.Number) {
		t.Errorf("another key: %+v, %v; the first was %s", other, err, first.Number)
	}
}

func returnsTogether(t *testing.T, f Fixture) {
	need(t, f, Return)
	ctx, req := limited(t), f.returnOf(f.Shop.Delivered, "1")
	answers := make([]schemas.ReturnCreated, 6)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			// Away is a fair answer to a repeat while the first is being done.
			for ctx.Err() == nil {
				var err error
				if answers[i], err = f.System.CreateReturn(ctx, req); err == nil {
					return
				} else if !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("return %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, a := range answers[1:] {
		same(t, "returns made at the same time", a, answers[0])
	}
}

func returnRefused(t *testing.T, f Fixture) {
	need(t, f, Return)
	req := f.returnOf(f.Shop.Delivered, "none")
	req.OrderNumber = f.Shop.NoOrder
	_, err := f.System.CreateReturn(limited(t), req)
	is(t, "return of no order", err, oms.ErrNotFound)
	// Not sent yet: it is cancelled, not returned.
	got, err := f.System.CreateReturn(limited(t), f.returnOf(f.Shop.Unsent, "unsent"))
	if err != nil || got.Status != schemas.WriteRefused || got.Code == "" || got.Number != "" {
		t.Errorf("return of what was not sent: %+v, %v", got, err)
	}
	conforms(t, got)
}

func cancel(t *testing.T, f Fixture) {
	need(t, f, Cancel)
	ctx, req := limited(t), cancelOf(f.Shop.Unsent, "1")
	first, err := f.System.Cancel(ctx, req)
	if err != nil || first.Status == schemas.WriteRefused || first.OrderNumber != req.OrderNumber ||
		first.IdempotencyKey != req.IdempotencyKey || first.CallID != callID || first.CancelledAt.IsZero() {
		t.Fatalf("cancel: %+v, %v", first, err)
	}
	conforms(t, first)
	again, err := f.System.Cancel(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the same again", again, first)
	if first.Status == schemas.WriteDone && f.can(Order) {
		if got, err := f.System.Order(ctx, f.Shop.Unsent); err != nil || got.Status != schemas.OrderStatusCancelled {
			t.Errorf("cancelled order is %s, %v", got.Status, err)
		}
	}
	other, err := f.System.Cancel(ctx, cancelOf(f.Shop.Unsent, "2"))
	if err != nil || (other.Status == schemas.WriteRefused && other.Code != schemas.RefusedAlreadyDone) {
		t.Errorf("cancelled under another key: %+v, %v", other, err)
	}
}

func cancelTooLate(t *testing.T, f Fixture) {
	need(t, f, Cancel)
	ctx := limited(t)
	for _, number := range []string{f.Shop.Sent, f.Shop.Delivered} {
		got, err := f.System.Cancel(ctx, cancelOf(number, number))
		if err != nil || got.Status != schemas.WriteRefused || got.Code == "" {
			t.Errorf("%s: %+v, %v", number, got, err)
		}
		conforms(t, got)
		again, err := f.System.Cancel(ctx, cancelOf(number, number))
		if err != nil || again.Status != got.Status || again.Code != got.Code {
			t.Errorf("%s again: %+v, %v", number, again, err)
		}
		if f.can(Order) {
			if o, err := f.System.Order(ctx, number); err != nil || !reflect.DeepEqual(o, f.Shop.Order(number)) {
				t.Errorf("a refused cancellation changed the order: %+v, %v", o, err)
			}
		}
	}
	_, err := f.System.Cancel(ctx, cancelOf(f.Shop.NoOrder, "none"))
	is(t, "cancel no order", err, oms.ErrNotFound)
}

func intercept(t *testing.T, f Fixture) {
	need(t, f, Intercept)
	ctx, req := limited(t), f.interceptOf(f.Shop.Sent, "1")
	first, err := f.System.Intercept(ctx, req)
	if err != nil || first.Status == schemas.WriteRefused || first.TrackingNo != req.TrackingNo || first.OrderNumber != req.OrderNumber ||
		first.IdempotencyKey != req.IdempotencyKey || first.CallID != callID || first.InterceptedAt.IsZero() {
		t.Fatalf("intercept: %+v, %v", first, err)
	}
	conforms(t, first)
	again, err := f.System.Intercept(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the same again", again, first)
	other, err := f.System.Intercept(ctx, f.interceptOf(f.Shop.Sent, "2"))
	if err != nil || (other.Status == schemas.WriteRefused && other.Code != schemas.RefusedAlreadyDone) {
		t.Errorf("intercepted under another key: %+v, %v", other, err)
	}
}

func interceptTooLate(t *testing.T, f Fixture) {
	need(t, f, Intercept)
	ctx := limited(t)
	got, err := f.System.Intercept(ctx, f.interceptOf(f.Shop.Delivered, "1"))
	if err != nil || got.Status != schemas.WriteRefused || got.Code == "" {
		t.Errorf("a delivered parcel: %+v, %v", got, err)
	}
	conforms(t, got)
	req := f.interceptOf(f.Shop.Sent, "2")
	req.TrackingNo = "NOSUCHPARCEL"
	_, err = f.System.Intercept(ctx, req)
	is(t, "no such parcel", err, oms.ErrNotFound)
}

// each calls every method with a question that can be answered.
func (f Fixture) each(ctx context.Context, do func(what string, err error)) {
	for _, c := range []struct {
		what string
		call func() error
	}{
		{FindByPhone, func() error { _, err := f.System.FindOrders(ctx, schemas.OrdersFind{Phone: f.Shop.Phone}); return err }},
		{FindByDigits, func() error {
			_, err := f.System.FindOrders(ctx, schemas.OrdersFind{LastDigits: f.Shop.Sent[max(0, len(f.Shop.Sent)-4):]})
			return err
		}},
		{Order, func() error { _, err := f.System.Order(ctx, f.Shop.Sent); return err }},
		{Trace, func() error { _, err := f.System.Trace(ctx, schemas.TraceFind{OrderNumber: f.Shop.Sent}); return err }},
		{Refunds, func() error { _, err := f.System.RefundProgress(ctx, f.Shop.Delivered); return err }},
		{Return, func() error { _, err := f.System.CreateReturn(ctx, f.returnOf(f.Shop.Delivered, "each")); return err }},
		{Cancel, func() error { _, err := f.System.Cancel(ctx, cancelOf(f.Shop.Unsent, "each")); return err }},
		{Intercept, func() error { _, err := f.System.Intercept(ctx, f.interceptOf(f.Shop.Sent, "each")); return err }},
	} {
		do(c.what, c.call())
	}
}

func unsupported(t *testing.T, f Fixture) {
	if len(f.Unsupported) == 0 {
		t.Skip("this connector can do everything")
	}
	f.each(limited(t), func(what string, err error) {
		if unsupported := errors.Is(err, oms.ErrUnsupported); unsupported == f.can(what) {
			t.Errorf("%s: %v", what, err)
		}
	})
}

// givenUp: whoever stops waiting is answered at once, and not told that the
// system is away.
func givenUp(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.each(ctx, func(what string, err error) {
		if f.can(what) {
			is(t, what, err, context.Canceled)
		}
	})
}

func away(t *testing.T, f Fixture) {
	if f.Away == nil {
		t.Skip("this system cannot be taken away")
	}
	f.Away()
	ctx := limited(t)
	f.each(ctx, func(what string, err error) {
		if f.can(what) {
			is(t, what, err, store.ErrUnavailable)
		}
	})
	if err := f.System.Ready(ctx); err == nil {
		t.Error("a system that is away is ready")
	}
}
