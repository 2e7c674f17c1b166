package ticket

import (
	"context"
	"errors"
	"slices"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

const sweepBatch = 100

// sweep publishes facts that a crash or an absence left in the outbox, and
// keeps the gauge of them; what fails comes with the next sweep. Several workers may sweep the same facts: their ids make them
// count once.
func (s *Service) sweep(ctx context.Context) error {
	var broken error
	var held []string // types that cannot be published now: the stream of some work may be full
	for {
		batch, err := s.tickets.PendingOutbox(ctx, s.now().Add(-s.cfg.SweepAge), sweepBatch, held...)
		if err != nil {
			return errors.Join(broken, err)
		}
		before := len(held)
		for _, m := range batch {
			if slices.Contains(held, m.Type) {
				continue
			}
			hold, err := s.sweepOne(ctx, m)
			if broken = errors.Join(broken, err); hold {
				held = append(held, m.Type)
			}
			if ctx.Err() != nil || err != nil && s.bus.Ready() != nil {
				return broken
			}
		}
		// Those that are held must not stand before the others for ever.
		if len(batch) < sweepBatch || len(held) == before {
			break
		}
	}
	n, err := s.tickets.CountPendingOutbox(ctx)
	if err == nil {
		s.metrics.pending.Set(float64(n))
	}
	if _, dead := s.bus.CountDeadLetters(ctx); dead != nil {
		err = errors.Join(err, dead)
	}
	return errors.Join(broken, err)
}

// sweepOne publishes one message; hold says that others of its type would fail
// as well.
func (s *Service) sweepOne(ctx context.Context, m store.OutboxMessage) (hold bool, err error) {
	fact, err := m.Decode()
	if err != nil {
		return errors.Is(err, schemas.ErrUnknownType), err
	}
	if err := s.bus.PublishDurable(ctx, m.Subject, fact, schemas.WithID(m.ID), schemas.ForCall(m.CallID)); err != nil {
		return !errors.Is(err, schemas.ErrTooLarge), err
	}
	if err := s.tickets.MarkOutboxSent(ctx, m.ID); err != nil {
		return true, err
	}
	s.metrics.swept.Inc()
	return false, nil
}
