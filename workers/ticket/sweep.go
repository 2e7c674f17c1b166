package ticket

import (
	"errors"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

const sweepBatch = 100

// sweepLoop publishes facts that a crash or an absence left in the outbox,
// and keeps the gauge of them.
func (s *Service) sweepLoop() {
	tick := time.NewTicker(s.cfg.SweepInterval)
	defer tick.Stop()
	for {
		if err := s.sweep(); err != nil && s.ctx.Err() == nil {
			s.metrics.sweepErr.Inc()
			s.log.Warn("outbox sweep failed", "error", err)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep publishes one batch; what fails or is left comes with the next.
// Several workers may sweep the same facts: their ids make them count once.
func (s *Service) sweep() error {
	batch, err := s.tickets.PendingOutbox(s.ctx, s.now().Add(-s.cfg.SweepAge), sweepBatch)
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
		if err := s.bus.PublishDurable(s.ctx, m.Subject, fact, schemas.WithID(m.ID), schemas.ForCall(m.CallID)); err != nil {
			return err
		}
		if err := s.tickets.MarkOutboxSent(s.ctx, m.ID); err != nil {
			return err
		}
		s.metrics.swept.Inc()
	}
	n, err := s.tickets.CountPendingOutbox(s.ctx)
	if err == nil {
		s.metrics.pending.Set(float64(n))
	}
	if _, dead := s.bus.CountDeadLetters(s.ctx); dead != nil {
		err = errors.Join(err, dead)
	}
	return errors.Join(broken, err)
}
