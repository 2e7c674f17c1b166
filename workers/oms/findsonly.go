package oms

import (
	"context"
	"fmt"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// systemOf makes a System of what may do less.
func systemOf(o Orders) System {
	if s, ok := o.(System); ok {
		return s
	}
	return findsOnly{o}
}

// findsOnly is a system that finds orders and does nothing else. One order and
// its refunds it finds that way too.
type findsOnly struct{ Orders }

func (f findsOnly) Order(ctx context.Context, number string) (schemas.Order, error) {
	found, err := f.FindOrders(ctx, schemas.OrdersFind{Number: number, Limit: 1})
	if err != nil {
		return schemas.Order{}, err
	}
	if len(found.Orders) == 0 {
		return schemas.Order{}, fmt.Errorf("order: %w", ErrNotFound)
	}
	return found.Orders[0], nil
}

func (f findsOnly) RefundProgress(ctx context.Context, number string) ([]schemas.Refund, error) {
	o, err := f.Order(ctx, number)
	return o.Refunds, err
}

func (findsOnly) Trace(context.Context, schemas.TraceFind) (schemas.Trace, error) {
	return schemas.Trace{}, ErrUnsupported
}

func (findsOnly) CreateReturn(context.Context, schemas.ReturnCreate) (schemas.ReturnCreated, error) {
	return schemas.ReturnCreated{}, ErrUnsupported
}

func (findsOnly) Cancel(context.Context, schemas.OrderCancel) (schemas.OrderCancelled, error) {
	return schemas.OrderCancelled{}, ErrUnsupported
}

func (findsOnly) Intercept(context.Context, schemas.ParcelIntercept) (schemas.ParcelIntercepted, error) {
	return schemas.ParcelIntercepted{}, ErrUnsupported
}

var _ System = (*store.Store)(nil)
