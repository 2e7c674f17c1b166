package ticket

import (
	"context"
	"errors"

	"github.com/tidegate/tidegate/schemas"
)

const sweepBatch = 100

// sweep publishes facts that a crash or an absence left in the outbox, one
// batch, and keeps the gauge of them; what fails or is left comes with the next.
// Several workers may sweep the same facts: their ids make them count once.
func (s *Service) sweep(ctx context.Context) error {
	batch, err := s.tickets.PendingOutbox(ctx, s.now().Add(-s.cfg.SweepAge), sweepBatch)
	if err != nil {
		return err
	}
	var broken error
	for _, m := range batch {
		fact, err := m.Decode()
		if err != nil {
			broken = errors.Join(broken, err) // the others must not wait for it
			continue
		}
		if err := s.bus.PublishDurable(ctx, m.Subject, fact, schemas.WithID(m.ID), schemas.ForCall(m.CallID)); err != nil {
			return err
		}
		if err := s.tickets.MarkOutboxSent(ctx, m.ID); err != nil {
			return err
		}
		s.metrics.swept.Inc()
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
