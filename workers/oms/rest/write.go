package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// pick is a compiled pickSpec.
type pick struct {
	items  path
	path   path
	equals restcall.Text
}

// from finds the item; nil when there is none.
func (p *pick) from(body any, data map[string]any) (any, error) {
	items, err := p.items.list(body)
	if err != nil {
		return nil, err
	}
	want, err := p.equals.Render(data)
	if err != nil {
		return nil, fmt.Errorf("%w: pick.equals: %w", store.ErrInvalid, err)
	}
	for _, item := range items {
		v, err := p.path.get(item)
		if err != nil {
			return nil, err
		}
		if got, ok := text(v); ok && got == want && want != "" {
			return item, nil
		}
	}
	return nil, nil
}

// keyLocks let one write of a key run at a time, so that a system which is
// asked for an earlier write before each one is not asked twice together.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

func (k *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		k.mu.Lock()
		busy := k.held[key]
		if busy == nil {
			if k.held == nil {
				k.held = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			k.held[key] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// wrote is what every write's mapping fills.
type wrote struct {
	Status  schemas.WriteStatus `json:"status"`
	Code    schemas.RefusalCode `json:"code"`
	Reason  string              `json:"reason"`
	Number  string              `json:"number"`
	Address string              `json:"address"`
	At      time.Time           `json:"at"`
	Pickup  string              `json:"pickup_code"`
}

// write does a write once: what an earlier one with the key has made is
// found first, where the file says how.
func (s *System) write(ctx context.Context, name, key string, data map[string]any) (out wrote, err error) {
	o, err := s.op(name)
	if err != nil {
		return out, err
	}
	unlock, err := s.keys.lock(ctx, key)
	if err != nil {
		return out, err
	}
	defer unlock()
	item, err := s.make(ctx, name, o, data)
	var no *refusal
	if errors.As(err, &no) {
		return wrote{Status: no.status, Code: no.code, Reason: no.reason}, nil
	}
	if err != nil {
		return out, err
	}
	if err := into(o.fields, item, name, &out); err != nil {
		return wrote{}, err
	}
	if out.Status == schemas.WriteRefused && out.Code == "" {
		out.Code = schemas.RefusedOther
	}
	if out.Status != schemas.WriteRefused {
		out.Code, out.Reason = "", ""
	}
	return out, nil
}

func (s *System) make(ctx context.Context, name string, o *operation, data map[string]any) (any, error) {
	if err := s.before(ctx, o, data); err != nil {
		return nil, err
	}
	item, complete, err := s.earlier(ctx, o, data)
	if err != nil || complete {
		return item, err
	}
	if item == nil {
		body, err := s.run(ctx, o.main, data)
		if err != nil {
			return nil, err
		}
		if item, err = o.item.get(body); err != nil {
			return nil, fmt.Errorf("%s: item: %w", name, err)
		}
	}
	for _, st := range o.then {
		if _, err := s.run(ctx, st, data); err != nil {
			return nil, err
		}
	}
	return item, nil
}

// earlier finds what a write with the same key has made before.
func (s *System) earlier(ctx context.Context, o *operation, data map[string]any) (item any, complete bool, err error) {
	if o.existing == nil {
		return nil, false, nil
	}
	body, err := s.ask(ctx, *o.existing, data)
	if err != nil {
		return nil, false, err
	}
	if item, err = o.existing.pick.from(body, data); err != nil || item == nil {
		return nil, false, err
	}
	if !o.existing.complete.Set() {
		return item, true, nil
	}
	done, err := o.existing.complete.get(item)
	if err != nil || truthy(done) {
		return item, true, err
	}
	// Made in part: its variables, without looking for it again.
	found := *o.existing
	found.pick = nil
	return item, false, s.take(found, item, data)
}

func writeAsk(key, callID, order, reason, text string, at time.Time) map[string]any {
	data := orderAsk(order)
	data["key"], data["call_id"], data["reason"], data["reason_text"] = key, callID, reason, text
	data["requested_at"] = at.UTC().Format(time.RFC3339)
	return data
}

// CreateReturn implements oms.System. A system that does not say when it
// made the return made it when it was asked for: a repeat answers the same.
func (s *System) CreateReturn(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreated, error) {
	if err := needed("idempotency_key", r.IdempotencyKey, "order_number", r.OrderNumber, "kind", string(r.Kind)); err != nil {
		return schemas.ReturnCreated{}, err
	}
	r, err := s.counted(ctx, r)
	if err != nil {
		return schemas.ReturnCreated{}, err
	}
	data := writeAsk(r.IdempotencyKey, r.CallID, r.OrderNumber, r.Reason, r.ReasonText, r.RequestedAt)
	data["kind"], data["contact"] = string(r.Kind), r.Contact
	lines := []any{}
	for _, l := range r.Lines {
		lines = append(lines, map[string]any{"line_id": l.LineID, "quantity": float64(l.Quantity)})
	}
	data["lines"] = lines
	data["pickup"] = nil
	if p := r.Pickup; p != nil {
		data["pickup"] = map[string]any{"from": p.From.UTC().Format(time.RFC3339), "until": p.Until.UTC().Format(time.RFC3339), "address": p.Address}
	}
	w, err := s.write(ctx, opReturn, r.IdempotencyKey, data)
	if err != nil {
		return schemas.ReturnCreated{}, err
	}
	a := schemas.ReturnCreated{
		CallID: r.CallID, IdempotencyKey: r.IdempotencyKey, OrderNumber: r.OrderNumber, Number: w.Number, Status: w.Status,
		Code: w.Code, Reason: w.Reason, Address: w.Address, PickupCode: w.Pickup, CreatedAt: orTime(w.At, r.RequestedAt),
	}
	if a.Status != schemas.WriteRefused && a.Number == "" {
		return schemas.ReturnCreated{}, fmt.Errorf("%w: %s.number: a return that was not refused has none", ErrMapping, opReturn)
	}
	return a, conform(schemas.TypeReturnCreated, a)
}

// Cancel implements oms.System.
func (s *System) Cancel(ctx context.Context, c schemas.OrderCancel) (schemas.OrderCancelled, error) {
	if err := needed("idempotency_key", c.IdempotencyKey, "order_number", c.OrderNumber); err != nil {
		return schemas.OrderCancelled{}, err
	}
	w, err := s.write(ctx, opCancel, c.IdempotencyKey, writeAsk(c.IdempotencyKey, c.CallID, c.OrderNumber, c.Reason, c.ReasonText, c.RequestedAt))
	if err != nil {
		return schemas.OrderCancelled{}, err
	}
	a := schemas.OrderCancelled{CallID: c.CallID, IdempotencyKey: c.IdempotencyKey, OrderNumber: c.OrderNumber, Status: w.Status,
		Code: w.Code, Reason: w.Reason, CancelledAt: orTime(w.At, c.RequestedAt)}
	return a, conform(schemas.TypeOrderCancelled, a)
}

// Intercept implements oms.System.
func (s *System) Intercept(ctx context.Context, i schemas.ParcelIntercept) (schemas.ParcelIntercepted, error) {
	if err := needed("idempotency_key", i.IdempotencyKey, "order_number", i.OrderNumber, "tracking_no", i.TrackingNo); err != nil {
		return schemas.ParcelIntercepted{}, err
	}
	data := writeAsk(i.IdempotencyKey, i.CallID, i.OrderNumber, i.Reason, "", i.RequestedAt)
	data["tracking_no"] = i.TrackingNo
	w, err := s.write(ctx, opIntercept, i.IdempotencyKey, data)
	if err != nil {
		return schemas.ParcelIntercepted{}, err
	}
	a := schemas.ParcelIntercepted{CallID: i.CallID, IdempotencyKey: i.IdempotencyKey, OrderNumber: i.OrderNumber, TrackingNo: i.TrackingNo,
		Status: w.Status, Code: w.Code, Reason: w.Reason, InterceptedAt: orTime(w.At, i.RequestedAt)}
	return a, conform(schemas.TypeParcelIntercepted, a)
}

// counted says of every line how much of it goes back, as far as the system
// tells: few of them know "all of it".
func (s *System) counted(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreate, error) {
	if s.ops[opReturn] == nil {
		return r, fmt.Errorf("%s: %w", opReturn, oms.ErrUnsupported)
	}
	whole := len(r.Lines) == 0
	if !whole && !slices.ContainsFunc(r.Lines, func(l schemas.ReturnLine) bool { return l.Quantity == 0 }) {
		return r, nil
	}
	o, err := s.Order(ctx, r.OrderNumber)
	if errors.Is(err, oms.ErrUnsupported) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	wanted := r.Lines
	r.Lines = nil
	for _, l := range o.Lines {
		if whole {
			wanted = append(wanted, schemas.ReturnLine{LineID: l.ID})
		}
	}
	for _, w := range wanted {
		i := slices.IndexFunc(o.Lines, func(l schemas.OrderLine) bool { return l.ID == w.LineID })
		if i < 0 {
			return r, fmt.Errorf("%w: lines: no such line", store.ErrInvalid)
		}
		if w.Quantity == 0 {
			w.Quantity = o.Lines[i].Quantity
		}
		r.Lines = append(r.Lines, w)
	}
	return r, nil
}

func orTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}
