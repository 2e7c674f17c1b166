package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// slowShop takes its time to find an order by its last digits.
type slowShop struct {
	*store.Store
	takes time.Duration
}

func (s slowShop) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	if q.LastDigits != "" && q.Phone == "" {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			return schemas.OrdersFound{}, ctx.Err()
		}
	}
	return s.Store.FindOrders(ctx, q)
}

// TestAnOrderFoundAfterThreeSecondsIsUsed is a call whose order system takes
// nearly four times the budget: the caller hears so, and the ticket has the
// order as the system knows it, with its return in the system.
func TestAnOrderFoundAfterThreeSecondsIsUsed(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setup{orders: func(st *store.Store) oms.Orders { return slowShop{st, 3 * time.Second} }})
	res := s.call("return-digits", func(sc *scenarios.Scenario) {
		for i, step := range sc.Caller {
			if step.Silence == 1500*time.Millisecond && sc.Caller[i-1].Digits != "" {
				sc.Caller[i].Silence = 4 * time.Second
			}
		}
		sc.Expect.Said = append(sc.Expect.Said, "正在查")
	}, nil)
	list, _, err := s.store.Tickets(t.Context(), store.TicketFilter{CallID: res.CallID}, 10, "")
	if err != nil || len(list) != 1 || !list[0].OrderVerified || list[0].OrderNumber != "20261107004512" {
		t.Fatalf("tickets %+v, %v", list, err)
	}
	eventually(t, "the return is in the order system", func() bool {
		writes, err := s.store.OMSWritesOfTicket(t.Context(), list[0].ID)
		return err == nil && len(writes) == 1 && writes[0].Status.Ended() && writes[0].Number != ""
	})
}
