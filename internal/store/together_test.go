package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// Tickets that are opened at the same time share transactions: one that the
// database refuses does not take the others with it, and a request that is
// among them twice has one ticket.
func TestTicketsOpenedTogether(t *testing.T) {
	const n = 60
	s := open(t, storetest.Postgres(t), store.Deps{})
	ctx := storetest.Context(t)
	errs, existed := make([]error, 2*n), make([]bool, 2*n)
	var callers sync.WaitGroup
	for i := range 2 * n {
		callers.Go(func() {
			call := fmt.Sprint("call-", i/2)
			req := schemas.TicketOpen{IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1", RequestedAt: time.Now()}
			if i/2 == 7 {
				req.Summary = "PostgreSQL stores no \x00"
			}
			_, existed[i], errs[i] = s.OpenTicket(ctx, req, schemas.GroupFinance)
		})
	}
	callers.Wait()
	opened := 0
	for i, err := range errs {
		switch {
		case i/2 == 7:
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("the wrong one: %v", err)
			}
		case err != nil:
			t.Errorf("%d: %v", i, err)
		case !existed[i]:
			opened++
		}
	}
	list, _, err := s.Tickets(ctx, store.TicketFilter{}, 100, "")
	pending, err2 := s.CountPendingOutbox(ctx)
	if opened != n-1 || len(list) != n-1 || pending != n-1 || err != nil || err2 != nil {
		t.Errorf("%d opened, %d tickets, %d facts, %v, %v", opened, len(list), pending, err, err2)
	}
	var marks sync.WaitGroup
	for _, have := range list {
		marks.Go(func() {
			if err := s.MarkOutboxSent(ctx, store.FactID("opened", have.IdempotencyKey)); err != nil {
				t.Error(err)
			}
		})
	}
	marks.Wait()
	if pending, err := s.CountPendingOutbox(ctx); pending != 0 || err != nil {
		t.Errorf("%d facts left, %v", pending, err)
	}
}

// Marks find their messages by id: the index of unsent ones looks cheaper,
// and is full of entries of messages that were sent meanwhile.
func TestMarksGoByID(t *testing.T) {
	s := open(t, storetest.Postgres(t), store.Deps{})
	ctx := storetest.Context(t)
	s.SeedForTest(ctx, t, 20_000, "13800138001")
	if plan := s.MarkPlanForTest(ctx, t); !strings.Contains(plan, "outbox_pkey") || strings.Contains(plan, "outbox_pending") {
		t.Errorf("plan %s", plan)
	}
}
