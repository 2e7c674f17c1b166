package ticket

import (
	"context"

	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

const escalateBatch = 100

// escalate looks for tickets that are late, or soon will be. It takes every step that is to be taken now, a batch at a time, and
// keeps the gauges. Each step is committed before it is told: whoever dies
// between leaves the facts to the sweeper.
func (s *Service) escalate(ctx context.Context) error {
	for ctx.Err() == nil {
		now := s.now()
		steps, err := s.tickets.EscalateTickets(ctx, now, escalateBatch, s.dispatch.Leads(now))
		if err != nil {
			return err
		}
		for _, e := range steps {
			s.metrics.escalations.WithLabelValues(string(e.Level)).Inc()
			s.log.Info("ticket escalated", "call_id", e.Ticket.CallID, "ticket_id", e.Ticket.ID, "level", string(e.Level), "group", string(e.Ticket.Group))
		}
		s.tell(ctx, steps)
		if len(steps) < escalateBatch {
			break
		}
	}
	overdue, err := s.tickets.CountOverdue(ctx, s.now())
	if err != nil {
		return err
	}
	for _, g := range schemas.Groups() {
		s.metrics.overdue.WithLabelValues(string(g)).Set(float64(overdue[g]))
	}
	return nil
}

// tell publishes the facts of steps at once; what fails is left to the sweeper.
func (s *Service) tell(ctx context.Context, steps []store.Escalation) {
	for _, e := range steps {
		for _, id := range e.Facts {
			if err := s.publish(ctx, id); err != nil {
				s.log.Warn("facts of an escalation are left to the sweeper", "error", err)
				return
			}
		}
	}
}

// publish sends one message of the outbox, if it has not been.
func (s *Service) publish(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpenTimeout)
	defer cancel()
	return outbox.Publish(ctx, s.bus, s.tickets, id)
}
