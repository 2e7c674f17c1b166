package ticket

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// Keys finds stored tickets by their id.
type Keys interface {
	Ticket(ctx context.Context, id string) (store.Ticket, error)
	Ready(ctx context.Context) error
}

// BuiltIn is the ticket system of tenants that have none of their own: our
// database, where every ticket is before anybody could be told of it. There
// is nothing to deliver, so that each method only says what is there.
type BuiltIn struct{ tickets Keys }

// NewBuiltIn makes the built-in system over a database.
func NewBuiltIn(tickets Keys) *BuiltIn { return &BuiltIn{tickets} }

var _ System = (*BuiltIn)(nil)

// Create gives the ticket that is there already.
func (b *BuiltIn) Create(ctx context.Context, t Ticket) (External, error) {
	e, ok, err := b.Find(ctx, t.Key)
	if err == nil && !ok {
		err = store.ErrInvalid
	}
	return e, err
}

// Update has nothing to do: the change was committed before.
func (b *BuiltIn) Update(ctx context.Context, e External, _ Change) error { return b.known(ctx, e) }

// Comment has nothing to do either.
func (b *BuiltIn) Comment(ctx context.Context, e External, _ Comment) error { return b.known(ctx, e) }

func (b *BuiltIn) known(ctx context.Context, e External) error {
	_, ok, err := b.Find(ctx, e.ID)
	if err == nil && !ok {
		err = store.ErrInvalid
	}
	return err
}

// Find gives a ticket by its id.
func (b *BuiltIn) Find(ctx context.Context, key string) (External, bool, error) {
	t, err := b.tickets.Ticket(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return External{}, false, nil
	}
	if err != nil {
		return External{}, false, err
	}
	return External{ID: t.ID, Status: string(t.Status), Key: t.ID}, true, nil
}

// Changes is empty: nobody else changes our tickets.
func (b *BuiltIn) Changes(context.Context, time.Time) ([]ExternalChange, []*FieldError, error) {
	return nil, nil, nil
}

// Ready asks the database.
func (b *BuiltIn) Ready(ctx context.Context) error { return b.tickets.Ready(ctx) }
