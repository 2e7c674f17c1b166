package orchestrator

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// orderWorker answers look-ups with what answer makes of the n-th question.
func orderWorker(t *testing.T, b *bus.Bus, answer func(n int64, q *schemas.OrdersFind, m bus.Message)) {
	t.Helper()
	var n atomic.Int64
	sub, err := b.Subscribe(schemas.SubjectOrdersFind, "oms", func(m bus.Message) {
		q, ok := m.Data.(*schemas.OrdersFind)
		if !ok {
			t.Errorf("question %T", m.Data)
			return
		}
		answer(n.Add(1), q, m)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
}

func TestASlowWorkerIsAskedAgain(t *testing.T) {
	server := bustest.Start(t)
	worker := server.Connect("oms")
	var asked atomic.Int64
	orderWorker(t, worker, func(n int64, q *schemas.OrdersFind, m bus.Message) {
		asked.Store(n)
		if q.BudgetMS != 20 || q.CallID != "call-1" || q.Tenant != "shop" {
			t.Errorf("question %+v", q)
		}
		switch {
		case n == 2: // says nothing, as one that died
		case n < 4:
			_ = m.RespondError(codeOverBudget, "the time for the look-up is spent")
		default:
			_ = m.Respond(&schemas.OrdersFound{Orders: []schemas.Order{{Number: "20261112003378", Status: schemas.OrderDelivered, PlacedAt: time.Now(), PaymentMethod: "alipay", Lines: []schemas.OrderLine{}}}})
		}
	})
	d := &desk{bus: server.Connect("desk"), tenant: "shop", budget: 20 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	orders, err := d.FindOrders(ctx, "call-1", dialog.FindOrders{RequestID: "r", LastDigits: "3378"})
	if err != nil || len(orders) != 1 || orders[0].Number != "20261112003378" || asked.Load() != 4 {
		t.Fatalf("%v, %v, asked %d times", orders, err, asked.Load())
	}
}

func TestALookUpEndsWithItsLimit(t *testing.T) {
	server := bustest.Start(t)
	var asked atomic.Int64
	orderWorker(t, server.Connect("oms"), func(n int64, _ *schemas.OrdersFind, m bus.Message) {
		asked.Store(n)
		_ = m.RespondError(codeOverBudget, "the time for the look-up is spent") // at once, though it should wait
	})
	d := &desk{bus: server.Connect("desk"), budget: 20 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := d.FindOrders(ctx, "call-1", dialog.FindOrders{RequestID: "r", Number: "20261112003378"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if n := asked.Load(); n < 1 || n > 16 {
		t.Errorf("asked %d times in 300 ms, with a budget of 20 ms each", n)
	}
}

func TestARefusalIsNotAskedAgain(t *testing.T) {
	server := bustest.Start(t)
	var asked atomic.Int64
	orderWorker(t, server.Connect("oms"), func(n int64, _ *schemas.OrdersFind, m bus.Message) {
		asked.Store(n)
		_ = m.RespondError(503, "the order system is away")
	})
	d := &desk{bus: server.Connect("desk"), budget: 20 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := d.FindOrders(ctx, "call-1", dialog.FindOrders{RequestID: "r", Number: "20261112003378"})
	var remote *bus.RemoteError
	if !errors.As(err, &remote) || remote.Code != 503 || asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// Whoever takes a call over learns what became of its request meanwhile, and
// does not ask again.
func TestAnAnswerThatNobodyHeardIsInTheStream(t *testing.T) {
	const key = "call-1:return:1"
	opened := schemas.TicketOpened{CallID: "call-1", IdempotencyKey: key, TicketID: "t", Number: "52013148", Kind: schemas.KindReturn, Group: schemas.GroupAfterSales, OpenedAt: time.Now()}
	rejected := schemas.TicketRejected{CallID: "call-1", IdempotencyKey: key, Code: "invalid_request", Reason: "r", RejectedAt: time.Now()}
	other, unknown := rejected, rejected
	other.IdempotencyKey, unknown.IdempotencyKey = "call-1:refund:1", ""
	for name, c := range map[string]struct {
		facts map[string]any
		want  call.Event // nil: the request goes out
	}{
		"opened":                   {map[string]any{"opened": opened}, call.TicketOpened{Key: key, Number: "52013148"}},
		"rejected":                 {map[string]any{"rejected": rejected}, call.TicketFailed{Key: key, Reason: "invalid_request"}},
		"rejected and then opened": {map[string]any{"rejected": rejected, "opened": opened}, call.TicketOpened{Key: key, Number: "52013148"}},
		"another request's":        {map[string]any{"rejected": other}, nil},
		"of nobody knows which":    {map[string]any{"rejected": unknown}, nil},
		"none":                     {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := bustest.Start(t)
			b := server.Connect("desk")
			for event, fact := range c.facts {
				if err := b.PublishDurable(t.Context(), schemas.SubjectTicketFact("call-1", event), fact, schemas.ForCall("call-1")); err != nil {
					t.Fatal(err)
				}
			}
			var posted []call.Event
			d := &desk{bus: b, log: slog.New(slog.DiscardHandler), post: func(e call.Event) bool { posted = append(posted, e); return true }}
			got := d.answered(t.Context(), schemas.TicketOpen{CallID: "call-1", IdempotencyKey: key})
			if got != (c.want != nil) || c.want != nil && (len(posted) != 1 || posted[0] != c.want) || c.want == nil && len(posted) != 0 {
				t.Errorf("answered %v, %+v", got, posted)
			}
		})
	}
}
