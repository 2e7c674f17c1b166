package oms_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/omstest"
)

// desk is a worker that writes, over a shop, with what it told.
type desk struct {
	t     *testing.T
	nats  *bustest.Server
	bus   *bus.Bus
	store *store.Store
	shop  omstest.Shop
	reg   *prometheus.Registry
	facts *log
	dead  *log
}

// log collects messages.
type log struct {
	mu  sync.Mutex
	all []bus.Message
}

func (l *log) list() []bus.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]bus.Message(nil), l.all...)
}

func collect(t *testing.T, b *bus.Bus, stream, durable, filter string) *log {
	t.Helper()
	l := &log{}
	c, err := b.Consume(storetest.Context(t), bus.ConsumerConfig{Stream: stream, Durable: durable, FilterSubjects: []string{filter}},
		func(_ context.Context, m bus.Message) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.all = append(l.all, m)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return l
}

func writing() oms.Config {
	cfg := brisk()
	cfg.System.WriteTimeout = 1500 * time.Millisecond
	cfg.Writes.AckWait, cfg.Writes.RetryFirst, cfg.Writes.RetryMax, cfg.Writes.MaxAttempts = 2*time.Second, 5*time.Millisecond, 20*time.Millisecond, 4
	cfg.System.Failures = 1000
	return cfg
}

// newDesk starts a worker for system, or for the built-in shop.
func newDesk(t *testing.T, cfg oms.Config, wrap func(oms.System) oms.System, edit func(*oms.Deps)) *desk {
	t.Helper()
	d := &desk{t: t, nats: bustest.Start(t), reg: prometheus.NewRegistry()}
	d.bus = d.nats.Connect("desk")
	var built *counted
	built, d.shop, d.store = suiteShop(t)
	d.facts = collect(t, d.bus, schemas.StreamFacts, "facts", schemas.SubjectOMSFacts)
	d.dead = collect(t, d.bus, schemas.StreamDead, "dead", schemas.SubjectsDead)
	deps := oms.Deps{Bus: d.nats.Connect("oms"), Orders: built, Writes: d.store, Registry: d.reg}
	if wrap != nil {
		deps.Orders = wrap(built)
	}
	if edit != nil {
		edit(&deps)
	}
	start(t, cfg, deps)
	return d
}

// open opens a ticket as the ticket worker does, and tells of it.
func (d *desk) open(req schemas.TicketOpen) store.Ticket {
	d.t.Helper()
	ctx := storetest.Context(d.t)
	if req.IdempotencyKey == "" {
		req.IdempotencyKey = req.CallID + ":" + string(req.Kind) + ":" + req.OrderNumber + "/" + req.OrderLine
	}
	req.RequestedAt, req.Contact = time.Now(), d.shop.Phone
	ticket, existed, err := d.store.OpenTicket(ctx, req, schemas.GroupAfterSales)
	if err != nil {
		d.t.Fatal(err)
	}
	fact := ticket.Opened(existed)
	fact.Tenant = req.Tenant
	if err := d.bus.PublishDurable(ctx, schemas.SubjectTicketFact(req.CallID, "opened"), &fact, schemas.ForCall(req.CallID)); err != nil {
		d.t.Fatal(err)
	}
	return ticket
}

func (d *desk) told(n int) []bus.Message {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%d facts", n), func() bool { return len(d.facts.list()) >= n })
	return d.facts.list()
}

func returnOf(call string, number string) schemas.TicketOpen {
	return schemas.TicketOpen{CallID: call, Kind: schemas.KindReturn, OrderNumber: number, OrderVerified: true, OrderLine: "1", Reason: "wrong_size"}
}

func (d *desk) writes(ticket store.Ticket) []store.OMSWrite {
	d.t.Helper()
	list, err := d.store.OMSWritesOfTicket(storetest.Context(d.t), ticket.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

func TestAReturnIsCreatedWhenItsTicketIsOpened(t *testing.T) {
	d := newDesk(t, writing(), nil, nil)
	ticket := d.open(returnOf("c1", d.shop.Delivered))
	fact, ok := d.told(1)[0].Data.(*schemas.ReturnCreated)
	if !ok || fact.Status == schemas.WriteRefused || fact.Number == "" || fact.CallID != "c1" || fact.IdempotencyKey != ticket.IdempotencyKey {
		t.Fatalf("fact %+v", d.facts.list()[0].Data)
	}
	list := d.writes(ticket)
	if len(list) != 1 || list[0].Number != fact.Number || !list[0].Status.Ended() || list[0].Attempts != 1 || list[0].EndedAt == nil || list[0].TicketNumber != ticket.Number {
		t.Errorf("noted %+v", list)
	}
	// The same ticket again is the same return.
	d.open(returnOf("c1", d.shop.Delivered))
	eventually(t, "the repeat is seen", func() bool { return series(t, d.reg, "tidegate_oms_tickets_total", "result", "repeated") == 1 })
	time.Sleep(50 * time.Millisecond) // for what must not come
	if n := len(d.facts.list()); n != 1 || len(d.writes(ticket)) != 1 {
		t.Errorf("%d facts, %d writes", n, len(d.writes(ticket)))
	}
}

func TestAnOrderThatHasLeftIsStoppedInsteadOfCancelled(t *testing.T) {
	d := newDesk(t, writing(), nil, nil)
	unsent := d.open(schemas.TicketOpen{CallID: "c1", Kind: schemas.KindCancel, OrderNumber: d.shop.Unsent, OrderVerified: true})
	if f, ok := d.told(1)[0].Data.(*schemas.OrderCancelled); !ok || f.Status != schemas.WriteDone {
		t.Fatalf("fact %+v", d.facts.list()[0].Data)
	}
	sent := d.open(schemas.TicketOpen{CallID: "c2", Kind: schemas.KindCancel, OrderNumber: d.shop.Sent, OrderVerified: true})
	var refused, stopped bool
	for _, m := range d.told(3)[1:] {
		switch f := m.Data.(type) {
		case *schemas.OrderCancelled:
			refused = f.Status == schemas.WriteRefused && f.Code == schemas.RefusedAlreadyShipped
		case *schemas.ParcelIntercepted:
			stopped = f.Status != schemas.WriteRefused && f.TrackingNo != ""
		}
	}
	if !refused || !stopped {
		t.Errorf("refused %v, stopped %v: %+v", refused, stopped, d.facts.list())
	}
	if a, b := d.writes(unsent), d.writes(sent); len(a) != 1 || len(b) != 2 || b[0].TicketNumber != sent.Number || b[1].TicketNumber != sent.Number {
		t.Errorf("noted %+v and %+v", a, b)
	}
}

func TestWhatIsNotToBeWrittenIsNot(t *testing.T) {
	d := newDesk(t, writing(), nil, nil)
	unverified := returnOf("c1", d.shop.Delivered)
	unverified.OrderVerified = false
	complaint := returnOf("c2", d.shop.Delivered)
	complaint.Kind = schemas.KindComplaint
	d.open(unverified)
	d.open(complaint)
	d.open(schemas.TicketOpen{CallID: "c3", Kind: schemas.KindReturn})
	eventually(t, "all are seen", func() bool { return series(t, d.reg, "tidegate_oms_tickets_total", "result", "none") == 3 })
	if len(d.facts.list()) != 0 {
		t.Errorf("facts %+v", d.facts.list())
	}
}

func TestAWriteIsReadAfterwards(t *testing.T) {
	d := newDesk(t, writing(), nil, nil)
	q := &schemas.OrderGet{Number: d.shop.Unsent, BudgetMS: 15000}
	before, _, _ := get[schemas.OrderGot](t, d.bus, schemas.SubjectOrderGet, q)
	if before == nil || before.Order.Status != schemas.OrderPaid {
		t.Fatalf("before: %+v", before)
	}
	d.open(schemas.TicketOpen{CallID: "c1", Kind: schemas.KindCancel, OrderNumber: d.shop.Unsent, OrderVerified: true})
	d.told(1)
	after, _, _ := get[schemas.OrderGot](t, d.bus, schemas.SubjectOrderGet, q)
	if after == nil || after.Order.Status != schemas.OrderStatusCancelled {
		t.Errorf("the cache holds what was: %+v", after)
	}
}

// broken fails its writes, as often as it is told to, before or after it has
// done them.
type broken struct {
	oms.System
	err   error
	times int64
	after bool
	calls atomic.Int64
}

func (b *broken) CreateReturn(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreated, error) {
	n := b.calls.Add(1)
	if n > b.times || b.after {
		created, err := b.System.CreateReturn(ctx, r)
		if err != nil || n > b.times {
			return created, err
		}
	}
	return schemas.ReturnCreated{}, b.err
}

func TestWhatASystemCannotDoIsPeoples(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code string
		dead bool
	}{
		"unsupported": {oms.ErrUnsupported, "unsupported", false},
		"not found":   {oms.ErrNotFound, "not_found", false},
		"invalid":     {fmt.Errorf("%w: lines", store.ErrInvalid), "invalid_request", true},
		"garbage":     {errors.New("13800138001 is not JSON"), "exhausted", true},
		"away":        {store.ErrUnavailable, "exhausted", true},
	} {
		t.Run(name, func(t *testing.T) {
			system := &broken{err: c.err, times: 1000}
			d := newDesk(t, writing(), func(s oms.System) oms.System { system.System = s; return system }, nil)
			ticket := d.open(returnOf("c1", d.shop.Delivered))
			fact, ok := d.told(1)[0].Data.(*schemas.OrderWriteRejected)
			if !ok || fact.Code != c.code || fact.Kind != "return" || fact.IdempotencyKey != ticket.IdempotencyKey {
				t.Fatalf("fact %+v", d.facts.list()[0].Data)
			}
			if w := d.writes(ticket); len(w) != 1 || w[0].Status != store.OMSWriteRejected || w[0].Code != c.code {
				t.Errorf("noted %+v", w)
			}
			if c.code == "exhausted" && system.calls.Load() != 4 {
				t.Errorf("%d attempts", system.calls.Load())
			}
			if !c.dead {
				eventually(t, "it is counted", func() bool {
					return series(t, d.reg, "tidegate_oms_writes_total", "kind", "return", "result", c.code) == 1
				})
				if n := len(d.dead.list()); n != 0 {
					t.Errorf("%d dead letters", n)
				}
				return
			}
			eventually(t, "a dead letter", func() bool { return len(d.dead.list()) == 1 })
			// Replayed when the system is well, it is done.
			system.times = system.calls.Load()
			letter := d.dead.list()[0]
			if err := d.bus.PublishDurable(storetest.Context(t), schemas.SubjectReturnCreate, letter.Data, schemas.WithID("replay")); err != nil {
				t.Fatal(err)
			}
			if f, ok := d.told(2)[1].Data.(*schemas.ReturnCreated); !ok || f.Number == "" {
				t.Errorf("after the replay: %+v", d.facts.list()[1].Data)
			}
			if w := d.writes(ticket); len(w) != 1 || !w[0].Status.Ended() || w[0].Number == "" {
				t.Errorf("noted %+v", w)
			}
		})
	}
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	system := &broken{err: store.ErrUnavailable, times: 2, after: true}
	d := newDesk(t, writing(), func(s oms.System) oms.System { system.System = s; return system }, nil)
	ticket := d.open(returnOf("c1", d.shop.Delivered))
	if f, ok := d.told(1)[0].Data.(*schemas.ReturnCreated); !ok || f.Number == "" || f.Status == schemas.WriteRefused {
		t.Fatalf("fact %+v", d.facts.list()[0].Data)
	}
	if w := d.writes(ticket); w[0].Attempts != 3 {
		t.Errorf("noted %+v", w)
	}
}

// TestNothingIsLostOrDoneTwiceWhenAWorkerDies ends a handler at each point of
// a write, as the death of its worker would: nothing after the point happens,
// and the message comes again.
func TestNothingIsLostOrDoneTwiceWhenAWorkerDies(t *testing.T) {
	for _, at := range []oms.Point{oms.PointTicket, oms.PointNoted, oms.PointReceived, oms.PointWritten, oms.PointCommitted, oms.PointPublished} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			var deaths atomic.Int64
			d := newDesk(t, writing(), nil, func(deps *oms.Deps) {
				deps.Reached = func(p oms.Point) {
					if p == at && deaths.Add(1) <= 2 {
						runtime.Goexit()
					}
				}
			})
			ticket := d.open(schemas.TicketOpen{CallID: "c1", Kind: schemas.KindCancel, OrderNumber: d.shop.Sent, OrderVerified: true})
			eventually(t, "both writes have ended", func() bool {
				list := d.writes(ticket)
				return len(list) == 2 && list[0].Status.Ended() && list[1].Status.Ended()
			})
			d.told(2)
			if deaths.Load() == 0 {
				t.Error("nobody died")
			}
			time.Sleep(100 * time.Millisecond) // for what must not come
			if n := len(d.facts.list()); n != 2 {
				t.Errorf("%d facts: %+v", n, d.facts.list())
			}
			if n := len(d.dead.list()); n != 0 {
				t.Errorf("%d dead letters", n)
			}
		})
	}
}
