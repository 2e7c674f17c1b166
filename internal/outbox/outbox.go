// Package outbox publishes messages that were committed to the store's outbox
// with what they tell of, at once and by their ids. Whatever is not published
// here is by the ticket worker's sweeper, a little later.
package outbox

import (
	"context"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Messages is where committed messages wait.
type Messages interface {
	OutboxPending(ctx context.Context, id string) (store.OutboxMessage, bool, error)
	MarkOutboxSent(ctx context.Context, id string) error
}

// Publish sends a message that waits under an id, and marks it sent. One that
// does not wait, since somebody else has published it, is no error.
func Publish(ctx context.Context, b *bus.Bus, from Messages, id string) error {
	m, waiting, err := from.OutboxPending(ctx, id)
	if err != nil || !waiting {
		return err
	}
	fact, err := m.Decode()
	if err != nil {
		return err
	}
	if err := b.PublishDurable(ctx, m.Subject, fact, schemas.WithID(id), schemas.ForCall(m.CallID)); err != nil {
		return err
	}
	return from.MarkOutboxSent(ctx, id)
}
