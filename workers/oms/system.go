package oms

import (
	"context"
	"errors"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// System is an order system: the built-in database, or a shop's own by a
// connector. Every method returns within ctx and is safe for concurrent use.
//
// What a system refuses for a reason of the trade (the parcel has left) is an
// answer with a status and a code, not an error. Errors are these:
//
//	ErrNotFound           there is no such order or parcel
//	ErrUnsupported        the connector cannot do this, whatever is asked
//	store.ErrInvalid      the question can never be answered
//	store.ErrUnavailable  the system is away or overloaded: worth another try
//
// and everything else is final: what the system sent is not understood, or it
// does not let us in.
//
// Every write carries an idempotency key. Doing it twice with one key is
// doing it once, and answers the same; so that a write whose answer was lost
// is simply written again.
type System interface {
	// FindOrders answers newest first; no match is an empty list, no error.
	FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error)
	// Order is one order with lines, parcels, payments and refunds.
	Order(ctx context.Context, number string) (schemas.Order, error)
	// Trace is the way of a parcel, or of each parcel of an order.
	Trace(ctx context.Context, q schemas.TraceFind) (schemas.Trace, error)
	// RefundProgress lists an order's refunds, oldest first; none is an empty
	// list.
	RefundProgress(ctx context.Context, orderNumber string) ([]schemas.Refund, error)
	CreateReturn(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreated, error)
	Cancel(ctx context.Context, c schemas.OrderCancel) (schemas.OrderCancelled, error)
	Intercept(ctx context.Context, i schemas.ParcelIntercept) (schemas.ParcelIntercepted, error)
	// Ready is nil while the system answers.
	Ready(ctx context.Context) error
}

// Sentinels of order systems, beside those of the store.
var (
	// ErrNotFound: there is no such order or parcel. It is the store's, so
	// that either matches.
	ErrNotFound = store.ErrNotFound
	// ErrUnsupported: this connector cannot do what was asked, ever.
	ErrUnsupported = errors.New("not supported by this order system")
)
