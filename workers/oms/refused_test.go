package oms_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// newCounter is a desk that reads no dead letters: one that breaks its schema
// would become another each time.
func newCounter(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	d.bus = d.nats.Connect("desk")
	var built *counted
	built, d.shop, d.store = suiteShop(t)
	d.facts = collect(t, d.bus, schemas.StreamFacts, "facts", schemas.SubjectOMSFacts)
	start(t, writing(), oms.Deps{Bus: d.nats.Connect("oms"), Orders: built, Writes: d.store, Registry: d.reg})
	return d
}

// brokenWork is work of the order worker whose order number is none.
func brokenWork(t *testing.T, id string, w schemas.ReturnCreate) []byte {
	t.Helper()
	e, err := schemas.Wrap("/tidegate/test", time.Now(), w, schemas.WithID(id), schemas.ForCall(w.CallID))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := json.Marshal(w.OrderNumber)
	return bytes.Replace(raw, append([]byte(`"order_number":`), number...), []byte(`"order_number":7`), 1)
}

// Work that breaks its schema ends its write, once, however often it comes;
// work that is right does it afterwards.
func TestAWriteWhoseWorkIsBrokenIsRejected(t *testing.T) {
	ctx, d := storetest.Context(t), newCounter(t)
	req := returnOf("c1", d.shop.Delivered)
	req.IdempotencyKey, req.RequestedAt, req.Contact = "c1:return:1", time.Now(), d.shop.Phone
	ticket, _, err := d.store.OpenTicket(ctx, req, schemas.GroupAfterSales)
	if err != nil {
		t.Fatal(err)
	}
	work := schemas.ReturnCreate{CallID: "c1", IdempotencyKey: req.IdempotencyKey, OrderNumber: req.OrderNumber, Kind: schemas.ReturnForRefund,
		Reason: req.Reason, Contact: req.Contact, Lines: []schemas.ReturnLine{{LineID: "1"}}, RequestedAt: req.RequestedAt}
	if _, err := d.store.RequestOMSWrite(ctx, store.OMSWriteRequest{Subject: schemas.SubjectReturnCreate, Work: work, Write: store.OMSWrite{
		IdempotencyKey: req.IdempotencyKey, Kind: "return", TicketID: ticket.ID, TicketNumber: ticket.Number, CallID: "c1", OrderNumber: req.OrderNumber,
		OrderLine: "1", RequestedAt: req.RequestedAt,
	}}); err != nil {
		t.Fatal(err)
	}
	id := store.OMSMessageID("work", req.IdempotencyKey)
	letters := func(n uint64) {
		t.Helper()
		eventually(t, "dead letters", func() bool { got, err := d.bus.CountDeadLetters(ctx); return err == nil && got == n })
	}
	for i, again := range []string{"", ".replay-1"} {
		if err := d.nats.PublishRawAs(ctx, schemas.SubjectReturnCreate, id+again, brokenWork(t, id, work)); err != nil {
			t.Fatal(err)
		}
		letters(uint64(i + 1))
	}
	fact, ok := d.told(1)[0].Data.(*schemas.OrderWriteRejected)
	if !ok || fact.Code != "invalid_request" || fact.Kind != "return" || fact.IdempotencyKey != req.IdempotencyKey || fact.CallID != "c1" {
		t.Fatalf("fact %+v", d.facts.list()[0].Data)
	}
	if w := d.writes(ticket); len(w) != 1 || w[0].Status != store.OMSWriteRejected || w[0].Code != "invalid_request" {
		t.Errorf("noted %+v", w)
	}
	if err := d.bus.PublishDurable(ctx, schemas.SubjectReturnCreate, work, schemas.WithID("mended"), schemas.ForCall("c1")); err != nil {
		t.Fatal(err)
	}
	if f, ok := d.told(2)[1].Data.(*schemas.ReturnCreated); !ok || f.Number == "" {
		t.Errorf("afterwards %+v", d.facts.list()[1].Data)
	}
}

// Work that was asked for by somebody else is told of by what its message
// says outside its data, or not at all.
func TestBrokenWorkThatNobodyNoted(t *testing.T) {
	ctx, d := storetest.Context(t), newCounter(t)
	for i, m := range []struct{ id, subject string }{
		{"c2:return:1", schemas.SubjectReturnCreate},
		{"01M8B8B8XW9T3ATCCZDP46P4Y9", schemas.SubjectReturnCreate},             // of the call, but which?
		{store.OMSMessageID("work", "c3:cancel:1"), schemas.SubjectOrderCancel}, // a note that is gone
		{"c4:return:1", schemas.Prefix + ".work.oms.other"},
		{"c5:cancel:1", schemas.SubjectOrderCancel},
	} {
		call, raw := "c2", []byte("{")
		if i < 2 {
			raw = brokenWork(t, m.id, schemas.ReturnCreate{CallID: call, IdempotencyKey: "victim:return:1", OrderNumber: "N1", RequestedAt: time.Now()})
		}
		if err := d.nats.PublishRawAs(ctx, m.subject, m.id, raw); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a dead letter", func() bool { got, err := d.bus.CountDeadLetters(ctx); return err == nil && got == uint64(i+1) })
	}
	facts := d.told(2)
	first, ok := facts[0].Data.(*schemas.OrderWriteRejected)
	second, ok2 := facts[1].Data.(*schemas.OrderWriteRejected)
	if len(facts) != 2 || !ok || !ok2 || first.IdempotencyKey != "c2:return:1" || first.Kind != "return" || second.IdempotencyKey != "c5:cancel:1" ||
		second.CallID != "c5" || second.Kind != "cancel" {
		t.Errorf("facts %+v, %+v", first, second)
	}
}
