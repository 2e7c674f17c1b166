package store_test

import (
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// pickupAddress is where the courier of the tests' tickets calls.
const pickupAddress = "上海市黄浦区中山路128号5栋402室"

const (
	commentText  = "换个电话13800138001联系"
	goodsAddress = "杭州市余杭区退货仓"
)

// everything puts rows into every table: a ticket that has had all that a
// ticket can have, with its call and the return that came of it. The store has
// to be linked.
func everything(t testing.TB, s *store.Store, key string) store.Ticket {
	t.Helper()
	ctx := storetest.Context(t)
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("seed", s.Seed(ctx, noon))
	req := request(key)
	req.Tenant = "acme"
	tk, _, err := s.PlaceTicket(ctx, req, store.Placement{
		Group: schemas.GroupAfterSales, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li.na"}}, DueAt: noon.Add(time.Hour),
	})
	must("ticket", err)
	for _, f := range []any{
		&schemas.CallStarted{CallID: tk.CallID, Caller: caller, StartedAt: noon},
		&schemas.CallTurn{CallID: tk.CallID, Text: "我要退货", StartedAt: noon, EndedAt: noon},
		&schemas.CallTakenOver{CallID: tk.CallID, From: "a", To: "b", TakenAt: noon},
		&schemas.CallHandedOff{CallID: tk.CallID, Reason: "asked", Context: map[string]string{"ticket": "yes"}, At: noon},
		&schemas.CallEnded{CallID: tk.CallID, Outcome: schemas.OutcomeResolved, TicketNumber: tk.Number, EndedAt: noon},
	} {
		must("call", s.Record(ctx, f))
	}
	_, err = s.CommentTicket(ctx, tk.ID, "li.na", commentText)
	must("comment", err)
	_, err = s.AttachToTicket(ctx, tk.ID, "li.na", store.Attachment{Kind: store.AttachmentOther, URL: "https://example.com/" + tk.ID, Title: "照片"})
	must("attach", err)

	_, _, err = s.QueueDelivery(ctx, tk.ID, store.DeliverUpdate, "contact", map[string]string{"contact": "13800138001", "address": pickupAddress})
	must("queue", err)
	claim, err := s.ClaimLink(ctx, tk.ID, noon.Add(1000*days))
	must("claim", err)
	_, err = s.FinishDelivery(ctx, claim, 1, store.Link{ExternalID: "EXT-" + key, URL: "https://example.com/t"})
	must("deliver", err)
	must("release", s.ReleaseLink(ctx, claim, ""))
	_, _, err = s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "acme", EventID: "e-" + key, ExternalID: "EXT-" + key, Status: "seen", At: noon})
	must("event", err)
	must("cursor", s.MoveLinkCursor(ctx, "acme", noon))

	rma := schemas.ReturnCreate{
		CallID: tk.CallID, IdempotencyKey: tk.IdempotencyKey, OrderNumber: tk.OrderNumber, Kind: schemas.ReturnForRefund, Reason: "wrong_size", ReasonText: "买大了",
		Contact: tk.Contact, Pickup: tk.Pickup, RequestedAt: noon,
	}
	write := store.OMSWrite{IdempotencyKey: rma.IdempotencyKey, Kind: "return", TicketID: tk.ID, TicketNumber: tk.Number, CallID: tk.CallID, OrderNumber: tk.OrderNumber, RequestedAt: noon}
	_, err = s.RequestOMSWrite(ctx, store.OMSWriteRequest{Write: write, Subject: schemas.SubjectReturnCreate, Work: rma})
	must("request a return", err)
	done, err := s.CreateReturn(ctx, rma)
	must("return", err)
	_, err = s.EndOMSWrite(ctx, write.IdempotencyKey, store.OMSWriteEnd{
		Status: store.OMSWriteDone, Number: done.Number, Address: goodsAddress, Event: "return_created", Subject: schemas.SubjectOMSFact(tk.CallID, "return_created"), Fact: done,
	})
	must("end the return", err)

	must("index", s.IndexTicket(ctx, tk.ID))
	must("audit", s.Audit(ctx, store.AuditEntry{Actor: "k", Action: "ticket.read", Subject: tk.ID, Address: "127.0.0.1", Details: map[string]string{"personal": "true"}}))
	must("key", s.AddAPIKey(ctx, store.APIKey{ID: "key-" + key, Name: "shop", Hash: "00", Scopes: []string{"tickets.read"}, CreatedAt: noon}))
	tell(t, s, tk)
	return tk
}
