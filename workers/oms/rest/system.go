package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// System is one order system, as a file describes it. It implements
// oms.System.
type System struct {
	name    string
	client  *restcall.Client
	zone    *time.Location
	rules   []rule
	ops     map[string]*operation
	observe func(Exchange)
	keys    keyLocks
}

var _ oms.System = (*System)(nil)

// Name is the system's name as its file has it.
func (s *System) Name() string { return s.name }

// Operations lists what the file describes, in a fixed order.
func (s *System) Operations() []string {
	var out []string
	for _, name := range operationNames {
		if s.ops[name] != nil {
			out = append(out, name)
		}
	}
	return out
}

// Close ends idle connections.
func (s *System) Close() { s.client.Close() }

// request is a message with the place in the file that it is named by.
type request struct {
	name    string
	message restcall.Message
	// quiet says that an answer may be empty: nothing need be read of it. For
	// a look-up, it would be taken for "there is none".
	quiet bool
}

func (r request) fill(data map[string]any) (*restcall.Request, error) {
	req, err := r.message.Render(r.name, data)
	return req, classes.Of(err)
}

// step is a stepSpec with its rules made ready.
type step struct {
	request request
	rules   []rule
	pick    *pick
	set     map[string]restcall.Expr
	missing error
	// complete is of an existing write only.
	complete path
}

type operation struct {
	steps    []step
	existing *step
	main     step
	then     []step
	items    path
	item     path
	fields   []field
	page     *paging
	newest   bool
}

// op finds an operation, or says that this system has none such.
func (s *System) op(name string) (*operation, error) {
	o := s.ops[name]
	if o == nil {
		return nil, fmt.Errorf("%s: %w", name, oms.ErrUnsupported)
	}
	return o, nil
}

// ask sends a step's request.
func (s *System) ask(ctx context.Context, st step, data map[string]any) (any, error) {
	req, err := st.request.fill(data)
	if err != nil {
		return nil, err
	}
	body, _, err := s.exchange(ctx, st.request, req, st.rules)
	return body, err
}

// run sends a step and sets what it sets.
func (s *System) run(ctx context.Context, st step, data map[string]any) (any, error) {
	body, err := s.ask(ctx, st, data)
	if err != nil {
		return nil, err
	}
	return body, s.take(st, body, data)
}

// take reads a step's variables out of an answer.
func (s *System) take(st step, body any, data map[string]any) error {
	from := body
	if st.pick != nil {
		got, err := st.pick.from(body, data)
		if err != nil {
			return fmt.Errorf("%s: %w", st.request.name, err)
		}
		if got == nil {
			return st.gone("pick")
		}
		from = got
	}
	vars := data["vars"].(map[string]any)
	for name, p := range st.set {
		v, err := path{p}.get(from)
		if err != nil {
			return fmt.Errorf("%s: set.%s: %w", st.request.name, name, err)
		}
		if v == nil || v == "" {
			return st.gone("set." + name)
		}
		vars[name] = v
	}
	return nil
}

func (st step) gone(what string) error {
	if st.missing != nil {
		return fmt.Errorf("%s: %w", st.request.name, st.missing)
	}
	return fmt.Errorf("%w: %s: %s: nothing is there", ErrMapping, st.request.name, what)
}

// before runs the steps that come first, with data for their templates.
func (s *System) before(ctx context.Context, o *operation, data map[string]any) error {
	data["vars"] = map[string]any{}
	for _, st := range o.steps {
		if _, err := s.run(ctx, st, data); err != nil {
			return err
		}
	}
	return nil
}

// Order implements oms.System.
func (s *System) Order(ctx context.Context, number string) (schemas.Order, error) {
	if err := needed("number", number); err != nil {
		return schemas.Order{}, err
	}
	if s.ops[opOrder] == nil {
		found, err := s.FindOrders(ctx, schemas.OrdersFind{Number: number})
		if err == nil && len(found.Orders) == 0 {
			err = fmt.Errorf("order: %w", oms.ErrNotFound)
		}
		if err != nil {
			return schemas.Order{}, err
		}
		return found.Orders[0], nil
	}
	o, err := s.one(ctx, number)
	return o.Order, err
}

// one reads an order by the operation for it.
func (s *System) one(ctx context.Context, number string) (checked, error) {
	o, err := s.op(opOrder)
	if err != nil {
		return checked{}, err
	}
	data := orderAsk(number)
	if err := s.before(ctx, o, data); err != nil {
		return checked{}, err
	}
	body, err := s.run(ctx, o.main, data)
	if err != nil {
		return checked{}, err
	}
	item, err := o.item.get(body)
	if err != nil {
		return checked{}, fmt.Errorf("%s: %w", opOrder, err)
	}
	if item == nil {
		return checked{}, fmt.Errorf("%s: %w", opOrder, oms.ErrNotFound)
	}
	got, err := orderFrom(o.fields, item, opOrder)
	if err != nil {
		return checked{}, err
	}
	if !sameNumber(got.Number, number) {
		return checked{}, fmt.Errorf("%w: %s: the answer is about another order", ErrMapping, opOrder)
	}
	return got, nil
}

// Trace implements oms.System.
func (s *System) Trace(ctx context.Context, q schemas.TraceFind) (schemas.Trace, error) {
	out := schemas.Trace{Parcels: []schemas.ParcelTrace{}}
	if q.OrderNumber == "" && q.TrackingNo == "" {
		return out, fmt.Errorf("%w: order_number or tracking_no: one is needed", store.ErrInvalid)
	}
	o, err := s.op(opTrace)
	if err != nil {
		return out, err
	}
	data := orderAsk(q.OrderNumber)
	data["tracking_no"] = q.TrackingNo
	items, err := s.listed(ctx, o, opTrace, data)
	if err != nil {
		return out, err
	}
	for i, item := range items {
		where := fmt.Sprintf("%s[%d]", opTrace, i)
		var p schemas.ParcelTrace
		if err := into(o.fields, item, where, &p); err != nil {
			return schemas.Trace{}, err
		}
		if p.OrderNumber == "" {
			p.OrderNumber = q.OrderNumber
		}
		newestEvents(p.Events)
		// As with orders: some search by part of a text.
		asked := (q.TrackingNo == "" || p.TrackingNo == q.TrackingNo) && (q.OrderNumber == "" || sameNumber(p.OrderNumber, q.OrderNumber))
		if asked {
			out.Parcels = append(out.Parcels, p)
		}
	}
	if q.TrackingNo != "" && len(out.Parcels) == 0 {
		return schemas.Trace{}, fmt.Errorf("%s: %w", opTrace, oms.ErrNotFound)
	}
	return out, conform(schemas.TypeTrace, out)
}

// listed runs an operation that answers with a list.
func (s *System) listed(ctx context.Context, o *operation, name string, data map[string]any) ([]any, error) {
	if err := s.before(ctx, o, data); err != nil {
		return nil, err
	}
	body, err := s.run(ctx, o.main, data)
	if err != nil {
		return nil, err
	}
	items, err := o.items.list(body)
	if err != nil {
		return nil, fmt.Errorf("%s: items: %w", name, err)
	}
	return items, nil
}

// RefundProgress implements oms.System. A system without an operation for it
// has the refunds in its orders.
func (s *System) RefundProgress(ctx context.Context, number string) ([]schemas.Refund, error) {
	if err := needed("order_number", number); err != nil {
		return nil, err
	}
	out := []schemas.Refund{}
	o := s.ops[opRefunds]
	if o == nil {
		order, err := s.Order(ctx, number)
		if errors.Is(err, oms.ErrUnsupported) {
			return nil, fmt.Errorf("%s: %w", opRefunds, oms.ErrUnsupported)
		}
		if err != nil {
			return nil, err
		}
		return append(out, order.Refunds...), nil
	}
	items, err := s.listed(ctx, o, opRefunds, orderAsk(number))
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		var r schemas.Refund
		if err := into(o.fields, item, fmt.Sprintf("%s[%d]", opRefunds, i), &r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	oldestRefunds(out)
	return out, conform(schemas.TypeRefundsFound, schemas.RefundsFound{Refunds: out})
}

// Ready implements oms.System: by the operation for it, or any answer of the
// base address that is no server's error.
func (s *System) Ready(ctx context.Context) error {
	if o := s.ops[opReady]; o != nil {
		data := map[string]any{}
		if err := s.before(ctx, o, data); err != nil {
			return err
		}
		_, err := s.run(ctx, o.main, data)
		return err
	}
	reply, err := s.client.Send(ctx, opReady, &restcall.Request{Method: http.MethodHead})
	if err != nil {
		return outcome(err)
	}
	if reply.Status >= 500 {
		return fmt.Errorf("%w: status %d", store.ErrUnavailable, reply.Status)
	}
	return nil
}
