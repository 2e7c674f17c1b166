package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func writeRequest(key string) store.OMSWriteRequest {
	return store.OMSWriteRequest{
		Write:   store.OMSWrite{IdempotencyKey: key, Kind: "return", TicketID: "t-" + key, TicketNumber: "1234", CallID: "c", OrderNumber: "N1", RequestedAt: noon},
		Subject: schemas.SubjectReturnCreate,
		Work:    schemas.ReturnCreate{CallID: "c", IdempotencyKey: key, OrderNumber: "N1", Kind: schemas.ReturnForRefund, RequestedAt: noon},
	}
}

func TestAWriteIsNotedOnceAndEndsOnce(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		var fresh atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				existed, err := s.RequestOMSWrite(ctx, writeRequest("c:return:1"))
				if err != nil {
					t.Error(err)
				}
				if !existed {
					fresh.Add(1)
				}
			})
		}
		all.Wait()
		m, unsent, err := s.OutboxPending(ctx, store.OMSMessageID("work", "c:return:1"))
		if fresh.Load() != 1 || err != nil || !unsent || m.Subject != schemas.SubjectReturnCreate {
			t.Fatalf("%d fresh; %+v, %v, %v", fresh.Load(), m, unsent, err)
		}
		for want := 1; want <= 2; want++ {
			w, err := s.BeginOMSWrite(ctx, writeRequest("c:return:1").Write, false)
			if err != nil || w.Attempts != want || w.Status != store.OMSWritePending || w.TicketNumber != "1234" {
				t.Fatalf("%+v, %v", w, err)
			}
		}
		rejected := store.OMSWriteEnd{Status: store.OMSWriteRejected, Code: "exhausted", Event: "rejected", Subject: schemas.SubjectOMSFact("c", "rejected"),
			Fact: schemas.OrderWriteRejected{CallID: "c", IdempotencyKey: "c:return:1", Kind: "return", Code: "exhausted", Reason: "r", RejectedAt: noon}}
		done := store.OMSWriteEnd{Status: store.OMSWriteDone, Number: "RMA1", Address: "仓库", Event: "return_created", Subject: schemas.SubjectOMSFact("c", "return_created"),
			Fact: schemas.ReturnCreated{CallID: "c", IdempotencyKey: "c:return:1", OrderNumber: "N1", Number: "RMA1", Status: schemas.WriteDone, CreatedAt: noon},
			Next: []store.OMSWriteRequest{writeRequest("c:return:1:next")}}
		for i, end := range []struct {
			store.OMSWriteEnd
			changed bool
		}{{rejected, true}, {rejected, true}, {done, true}, {rejected, false}, {done, false}} {
			if changed, err := s.EndOMSWrite(ctx, "c:return:1", end.OMSWriteEnd); err != nil || changed != end.changed {
				t.Errorf("end %d: %v, %v", i, changed, err)
			}
		}
		list, err := s.OMSWritesOfTicket(ctx, "t-c:return:1")
		if err != nil || len(list) != 2 || list[0].Status != store.OMSWriteDone || list[0].Number != "RMA1" || list[0].EndedAt == nil ||
			list[1].Status != store.OMSWritePending || list[1].TicketNumber != "1234" {
			t.Errorf("%+v, %v", list, err)
		}
		if byOrder, err := s.OMSWritesOfOrder(ctx, "N1"); err != nil || len(byOrder) != 2 {
			t.Errorf("%+v, %v", byOrder, err)
		}
		if n, err := s.CountPendingOutbox(ctx); err != nil || n != 4 { // work, rejected, return_created, work of next
			t.Errorf("%d messages, %v", n, err)
		}
		// Only of the call's own tickets.
		opened, _, err := s.OpenTicket(ctx, request("9"), schemas.GroupAfterSales)
		if err != nil {
			t.Fatal(err)
		}
		mine := writeRequest("call-9:return:1")
		mine.Write.TicketID = opened.ID
		if _, err := s.RequestOMSWrite(ctx, mine); err != nil {
			t.Fatal(err)
		}
		if w, err := s.OMSWriteByMessage(ctx, "call-9", store.OMSMessageID("work", "call-9:return:1")); err != nil || w.IdempotencyKey != "call-9:return:1" {
			t.Errorf("%+v, %v", w, err)
		}
		for _, of := range [][2]string{{"call-9", store.OMSMessageID("work", "c:return:1")}, {"c", store.OMSMessageID("work", "call-9:return:1")}} {
			if _, err := s.OMSWriteByMessage(ctx, of[0], of[1]); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: error %v", of, err)
			}
		}
		if _, err := s.OMSWriteByKey(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		if _, err := s.OMSWritesOfOrder(ctx, ""); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("error %v", err)
		}
	})
}
