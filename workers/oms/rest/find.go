package rest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

// Bounds of a look-up, the same as the built-in shop's.
const (
	defaultOrders = 5
	maxOrders     = 20
)

// paging is a compiled pageSpec.
type paging struct {
	kind, param string
	first, size int
	next        path
	max         int
}

// FindOrders implements oms.System. What the system answers is held against
// the question once more: many search by part of a text, and one customer
// must not hear of another's order.
func (s *System) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	none := schemas.OrdersFound{Orders: []schemas.Order{}}
	if q.Limit < 0 || q.Limit > maxOrders {
		return none, fmt.Errorf("%w: limit: not in 0..%d", store.ErrInvalid, maxOrders)
	}
	if q.Limit == 0 {
		q.Limit = defaultOrders
	}
	q.Phone, q.Number = nationalPhone(q.Phone), strings.TrimSpace(q.Number)
	name, err := s.finder(q)
	if err != nil {
		return none, err
	}
	kept, more, err := s.collect(ctx, name, q)
	if errors.Is(err, oms.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	slices.SortStableFunc(kept, func(a, b checked) int { return b.PlacedAt.Compare(a.PlacedAt) })
	found := schemas.OrdersFound{Orders: make([]schemas.Order, 0, q.Limit), More: more || len(kept) > q.Limit}
	for _, o := range kept[:min(len(kept), q.Limit)] {
		found.Orders = append(found.Orders, o.Order)
	}
	if err := conform(schemas.TypeOrdersFound, found); err != nil {
		return none, err
	}
	return found, nil
}

// finder chooses the operation that answers a question, or says why none
// does.
func (s *System) finder(q schemas.OrdersFind) (string, error) {
	has := func(name string) bool { return s.ops[name] != nil }
	if q.Phone != "" && has(opFindByPhone) && (q.Number == "" || !s.checksPhone()) {
		return opFindByPhone, nil
	}
	var candidates []string
	switch {
	case q.Number != "":
		candidates = []string{opFindByNumber, opOrder}
	case q.LastDigits != "":
		candidates = []string{opFindByDigits}
	case q.Phone != "":
		candidates = []string{opFindByPhone}
	default:
		return "", fmt.Errorf("%w: phone, number or last_digits: one is needed", store.ErrInvalid)
	}
	for _, c := range candidates {
		// Whose order it is could not be told.
		if has(c) && (q.Phone == "" || s.checksPhone()) {
			return c, nil
		}
	}
	return "", fmt.Errorf("%s: %w", candidates[0], oms.ErrUnsupported)
}

// checksPhone says whether orders come with their customers' numbers.
func (s *System) checksPhone() bool {
	for _, name := range []string{opFindByNumber, opOrder, opFindByDigits} {
		if o := s.ops[name]; o != nil && !slices.ContainsFunc(o.fields, func(f field) bool { return f.name == checkPhone }) {
			return false
		}
	}
	return true
}

func fits(o checked, q schemas.OrdersFind) bool {
	switch {
	case q.Number != "" && !sameNumber(o.Number, q.Number),
		q.LastDigits != "" && !strings.HasSuffix(strings.ToUpper(o.Number), strings.ToUpper(q.LastDigits)),
		q.Phone != "" && o.tells && !samePhone(o.phone, q.Phone):
		return false
	}
	return true
}

// collect reads pages until there are enough orders. more says that pages are
// left which nobody read.
func (s *System) collect(ctx context.Context, name string, q schemas.OrdersFind) (kept []checked, more bool, err error) {
	if name == opOrder {
		o, err := s.one(ctx, q.Number)
		if err != nil || !fits(o, q) {
			return nil, false, err
		}
		return []checked{o}, false, nil
	}
	o, err := s.op(name)
	if err != nil {
		return nil, false, err
	}
	data := map[string]any{"phone": q.Phone, "number": q.Number, "order_number": q.Number, "last_digits": q.LastDigits, "limit": float64(q.Limit)}
	if err := s.before(ctx, o, data); err != nil {
		return nil, false, err
	}
	p := o.page
	if p == nil {
		p = &paging{max: 1}
	}
	at := cursor{page: p.first, query: url.Values{}}
	if p.kind == pageNumber {
		at.query.Set(p.param, strconv.Itoa(p.first))
	}
	seen := map[string]bool{}
	req, err := o.main.request.fill(data)
	if err != nil {
		return nil, false, err
	}
	for n := 1; ; n++ {
		maps.Copy(req.Query, at.query)
		body, header, err := s.exchange(ctx, o.main.request, req, o.main.rules)
		if err != nil {
			return nil, false, err
		}
		items, err := o.items.list(body)
		if err != nil {
			return nil, false, fmt.Errorf("%s: items: %w", name, err)
		}
		for i, item := range items {
			got, err := orderFrom(o.fields, item, fmt.Sprintf("%s[%d]", name, i))
			if err != nil {
				return nil, false, err
			}
			// A page that moved while it was read shows an order twice.
			if fits(got, q) && !seen[got.Number] {
				seen[got.Number] = true
				kept = append(kept, got)
			}
		}
		last, err := at.advance(p, body, header, len(items))
		if err != nil || last {
			return kept, false, err
		}
		if at.link != "" {
			if req, err = s.client.Follow(req, at.link); err != nil {
				return nil, false, fmt.Errorf("%w: %s: page.next %w", ErrFailed, name, err)
			}
		}
		if n >= p.max {
			return kept, true, nil
		}
		if o.newest && len(kept) > q.Limit {
			return kept, false, nil
		}
	}
}
