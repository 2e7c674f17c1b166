package orchestrator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
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
