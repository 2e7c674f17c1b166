// Package outbox publishes what was committed together with what it tells of.
package outbox

import (
	"context"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Messages are those that are committed and not yet published.
type Messages interface {
	OutboxPending(ctx context.Context, id string) (store.OutboxMessage, bool, error)
	MarkOutboxSent(ctx context.Context, id string) error
}

// Publish sends one message and marks it sent. What was sent before, and what
// is not there, is left alone; a repeat counts once, by its id. What fails
// here is left to who sweeps the outbox.
func Publish(ctx context.Context, b *bus.Bus, from Messages, id string) error {
	m, pending, err := from.OutboxPending(ctx, id)
	if err != nil || !pending {
		return err
	}
	data, err := m.Decode()
	if err != nil {
		return err
	}
	if err := b.PublishDurable(ctx, m.Subject, data, schemas.WithID(id), schemas.ForCall(m.CallID)); err != nil {
		return err
	}
	return from.MarkOutboxSent(ctx, id)
}
