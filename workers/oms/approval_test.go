package oms_test

import (
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// place opens a ticket that needs an approval, and tells of it.
func (d *desk) place(req schemas.TicketOpen) store.Ticket {
	d.t.Helper()
	ctx := storetest.Context(d.t)
	req.IdempotencyKey, req.RequestedAt, req.Contact = req.CallID+":"+string(req.Kind)+":"+req.OrderNumber, time.Now(), d.shop.Phone
	t, existed, err := d.store.PlaceTicket(ctx, req, store.Placement{Rule: "costly", Group: schemas.GroupFinance, Approval: true})
	if err != nil {
		d.t.Fatal(err)
	}
	fact := t.Opened(existed)
	if err := d.bus.PublishDurable(ctx, schemas.SubjectTicketFact(req.CallID, "opened"), &fact, schemas.ForCall(req.CallID)); err != nil {
		d.t.Fatal(err)
	}
	return t
}

// decide moves a ticket, and tells of it.
func (d *desk) decide(t store.Ticket, to schemas.TicketStatus) {
	d.t.Helper()
	ctx := storetest.Context(d.t)
	got, err := d.store.ChangeTicket(ctx, t.ID, store.TicketChange{By: "wang.fang", Status: &to})
	if err != nil {
		d.t.Fatal(err)
	}
	m, _, err := d.store.OutboxPending(ctx, got.Facts[0])
	if err != nil {
		d.t.Fatal(err)
	}
	fact, err := m.Decode()
	if err != nil {
		d.t.Fatal(err)
	}
	for range 2 { // facts come twice
		if err := d.bus.PublishDurable(ctx, m.Subject, fact, schemas.ForCall(t.CallID)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// Nothing is written to the order system for a ticket before it is approved;
// then it is, once. What is refused never is.
func TestWritesWaitForApproval(t *testing.T) {
	d := newDesk(t, writing(), nil, nil)
	held := func(n float64) func() bool {
		return func() bool { return series(t, d.reg, "tidegate_oms_tickets_total", "result", "held") == n }
	}
	yes := d.place(returnOf("c1", d.shop.Delivered))
	no := d.place(schemas.TicketOpen{CallID: "c2", Kind: schemas.KindCancel, OrderNumber: d.shop.Unsent, OrderVerified: true})
	eventually(t, "both are held", held(2))
	if len(d.writes(yes))+len(d.writes(no)) != 0 {
		t.Fatalf("noted %+v and %+v", d.writes(yes), d.writes(no))
	}
	d.decide(no, schemas.StatusCancelled)
	d.decide(yes, schemas.StatusOpen)
	if f, ok := d.told(1)[0].Data.(*schemas.ReturnCreated); !ok || f.IdempotencyKey != yes.IdempotencyKey {
		t.Fatalf("fact %+v", d.facts.list()[0].Data)
	}
	eventually(t, "the repeat is seen", func() bool { return series(t, d.reg, "tidegate_oms_tickets_total", "result", "repeated") == 1 })
	d.decide(yes, schemas.StatusInProgress) // no approval: nothing
	// The opening that comes again, late, asks for nothing more.
	fact := no.Opened(false)
	if err := d.bus.PublishDurable(storetest.Context(t), schemas.SubjectTicketFact("c2", "opened"), &fact, schemas.ForCall("c2")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is seen", func() bool { return series(t, d.reg, "tidegate_oms_tickets_total", "result", "none") == 1 })
	if a, b := d.writes(yes), d.writes(no); len(a) != 1 || len(b) != 0 || len(d.facts.list()) != 1 {
		t.Errorf("noted %+v and %+v; %d facts", a, b, len(d.facts.list()))
	}
}
