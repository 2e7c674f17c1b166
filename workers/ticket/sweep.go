package ticket

import (
	"errors"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/store"
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

// sweep publishes what is left, a batch of it at most; what fails comes with
// the next sweep. Several workers may sweep the same facts: their ids make them
// count once.
func (s *Service) sweep() error {
	var broken error
	var held []string // types that cannot be published now: the stream of some work may be full
	for {
		batch, err := s.tickets.PendingOutbox(s.ctx, s.now().Add(-s.cfg.SweepAge), sweepBatch, held...)
		if err != nil {
			return errors.Join(broken, err)
		}
		before := len(held)
		for _, m := range batch {
			if slices.Contains(held, m.Type) {
				continue
			}
			hold, err := s.sweepOne(m)
			if broken = errors.Join(broken, err); hold {
				held = append(held, m.Type)
			}
			if s.ctx.Err() != nil || err != nil && s.bus.Ready() != nil {
				return broken
			}
		}
		// Those that are held must not stand before the others for ever.
		if len(batch) < sweepBatch || len(held) == before {
			break
		}
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

// sweepOne publishes one message; hold says that others of its type would fail
// as well.
func (s *Service) sweepOne(m store.OutboxMessage) (hold bool, err error) {
	fact, err := m.Decode()
	if err != nil {
		return errors.Is(err, schemas.ErrUnknownType), err
	}
	if err := s.bus.PublishDurable(s.ctx, m.Subject, fact, schemas.WithID(m.ID), schemas.ForCall(m.CallID)); err != nil {
		return !errors.Is(err, schemas.ErrTooLarge), err
	}
	if err := s.tickets.MarkOutboxSent(s.ctx, m.ID); err != nil {
		return true, err
	}
	s.metrics.swept.Inc()
	return false, nil
}
