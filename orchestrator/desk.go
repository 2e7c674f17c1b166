package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/orchestrator/call"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/spool"
	"github.com/tidegate/tidegate/schemas"
)

// desk asks the workers over the bus, for one call.
type desk struct {
	bus    *bus.Bus
	spool  *spool.Spool
	log    *slog.Logger
	tenant string
	post   func(call.Event) bool
	// budget is the time that one question to the order worker carries.
	budget time.Duration
}

// maxTail is the longest tail of an order number that the contract knows.
const maxTail = 16

// FindOrders implements call.Desk. Digits are looked for among the caller's
// own orders first; people also call from another telephone than they
// ordered with.
func (d *desk) FindOrders(ctx context.Context, callID string, req dialog.FindOrders) ([]dialog.Order, error) {
	if !d.bus.Connected() {
		return nil, d.bus.Ready()
	}
	tail := req.LastDigits[max(0, len(req.LastDigits)-maxTail):]
	q := schemas.OrdersFind{Tenant: d.tenant, CallID: callID, Phone: req.Phone, Number: req.Number, LastDigits: tail, Limit: 5}
	orders, err := d.find(ctx, q)
	if err == nil && len(orders) == 0 && q.Phone != "" && (q.Number != "" || q.LastDigits != "") {
		q.Phone = ""
		orders, err = d.find(ctx, q)
	}
	return orders, err
}

// codeOverBudget is the order worker's answer that it is still looking.
const codeOverBudget = 504

// budgetSlack is what a question's way may take beside its budget; a worker
// that has not answered by then is gone.
const budgetSlack = time.Second

// find asks until there is an answer or ctx is over: a worker that is over the
// budget goes on looking, and has the answer for who asks again. Another one
// may take the next question, as when the first has died.
func (d *desk) find(ctx context.Context, q schemas.OrdersFind) ([]dialog.Order, error) {
	for {
		began := time.Now()
		orders, err := d.findOnce(ctx, q)
		var remote *bus.RemoteError
		again := errors.As(err, &remote) && remote.Code == codeOverBudget || errors.Is(err, context.DeadlineExceeded)
		if !again {
			return orders, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d.budget - time.Since(began)): // a worker that is quick to say so is not asked in a circle
		}
	}
}

func (d *desk) findOnce(ctx context.Context, q schemas.OrdersFind) ([]dialog.Order, error) {
	q.BudgetMS = d.budget.Milliseconds()
	ctx, cancel := context.WithTimeout(ctx, d.budget+budgetSlack)
	defer cancel()
	m, err := d.bus.Request(ctx, schemas.SubjectOrdersFind, q, schemas.ForCall(q.CallID), schemas.ForTenant(d.tenant))
	if err != nil {
		return nil, err
	}
	found, ok := m.Data.(*schemas.OrdersFound)
	if !ok {
		return nil, fmt.Errorf("%w: %s", schemas.ErrUnknownType, m.Envelope.Type)
	}
	out := make([]dialog.Order, len(found.Orders))
	for i, o := range found.Orders {
		out[i] = orderOf(o)
	}
	return out, nil
}

func orderOf(o schemas.Order) dialog.Order {
	out := dialog.Order{Number: o.Number, Status: string(o.Status), PlacedAt: o.PlacedAt, PaymentMethod: o.PaymentMethod,
		TotalFen: o.TotalFen, FreightInsured: o.FreightInsured, Address: o.Address, CustomerLevel: o.CustomerLevel}
	for _, l := range o.Lines {
		out.Lines = append(out.Lines, dialog.Line{
			ID: l.ID, Name: l.Title, Quantity: l.Quantity, PriceFen: l.PriceFen, Category: l.Category, Tags: l.Tags,
		})
	}
	for _, p := range o.Parcels {
		out.Parcels = append(out.Parcels, dialog.Parcel{
			Carrier: p.Carrier, Number: p.TrackingNo, Status: p.Status, DeliveredAt: timeOf(p.DeliveredAt),
		})
	}
	for _, r := range o.Refunds {
		out.Refunds = append(out.Refunds, dialog.Refund{
			Status: r.Status, AmountFen: r.AmountFen, Method: r.Method, RequestedAt: r.RequestedAt,
			ExpectedAt: timeOf(r.ExpectedAt), PaidAt: timeOf(r.PaidAt),
		})
	}
	return out
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// OpenTicket implements call.Desk. The answer comes as a fact of the ticket
// worker; one that came while nobody owned the call is in the stream.
func (d *desk) OpenTicket(ctx context.Context, req schemas.TicketOpen, again bool) (kept bool, err error) {
	if again && d.answered(ctx, req) {
		return true, nil
	}
	m, err := spool.NewMessage(req.IdempotencyKey, schemas.SubjectTicketOpen, req.CallID, req)
	if err != nil {
		return false, err
	}
	return d.spool.Publish(ctx, m)
}

// answered gives the answer that is in the stream, if it is to this request.
// A ticket that was opened after all counts more than that it was not.
func (d *desk) answered(ctx context.Context, req schemas.TicketOpen) bool {
	for _, event := range []string{"opened", "rejected"} {
		m, ok, err := d.bus.LastMessage(ctx, schemas.StreamFacts, schemas.SubjectTicketFact(req.CallID, event))
		if err != nil {
			d.log.Warn("earlier ticket answer not read", "error", err)
			continue
		}
		if ok && keyOf(m) == req.IdempotencyKey {
			d.onTicketFact(m)
			return true
		}
	}
	return false
}

func keyOf(m bus.Message) string {
	switch t := m.Data.(type) {
	case *schemas.TicketOpened:
		return t.IdempotencyKey
	case *schemas.TicketRejected:
		return t.IdempotencyKey
	}
	return ""
}

// onTicketFact takes a ticket worker's answer.
func (d *desk) onTicketFact(m bus.Message) {
	switch t := m.Data.(type) {
	case *schemas.TicketOpened:
		d.post(call.TicketOpened{Key: t.IdempotencyKey, Number: t.Number})
	case *schemas.TicketRejected:
		d.post(call.TicketFailed{Key: t.IdempotencyKey, Reason: t.Code})
	}
}

// recorder sends facts of calls to their stream. The id makes a fact that
// two owners of a call state one fact.
type recorder struct {
	spool *spool.Spool
	log   *slog.Logger
}

// Record implements call.Recorder.
func (r recorder) Record(callID, event string, data any) {
	id := callID + ":" + event
	switch d := data.(type) {
	case schemas.CallTurn:
		id = fmt.Sprintf("%s:%d", id, d.Index)
	case schemas.CallTakenOver:
		id += ":" + d.To
	case schemas.CallHandedOff:
		id += ":" + d.Kind
	}
	m, err := spool.NewMessage(id, schemas.SubjectCallFact(callID, event), callID, data)
	if err != nil {
		r.log.Error("fact cannot be written", "event", event, "error", err)
		return
	}
	r.spool.Put(m)
}
