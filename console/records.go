package console

import (
	"context"
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Durable is the name of the consumer that writes the records; all consoles
// share it.
const Durable = "records"

// recordTimeout bounds one write; the message comes again after it.
const recordTimeout = 10 * time.Second

func (s *Service) consume(ctx context.Context) error {
	return s.life.Consume(ctx, bus.ConsumerConfig{
		Stream: schemas.StreamFacts, Durable: Durable,
		FilterSubjects: []string{schemas.SubjectCallFacts, schemas.SubjectTicketFacts},
		AckWait:        3 * recordTimeout, MaxInFlight: s.cfg.MaxInFlight, MaxAttempts: -1,
	}, s.record)
}

// record writes one fact. Facts are delivered at least once and several at a
// time; Records takes them twice and in any order, so that the effect is that
// of once, in order.
func (s *Service) record(ctx context.Context, m bus.Message) error {
	name := factName(m.Data)
	if name == factOther {
		s.metrics.facts.WithLabelValues(name, resultIgnored).Inc()
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	var err error
	if name != factChanged { // which the tables of tickets hold already
		err = s.records.Record(ctx, m.Data)
	}
	if id := ticketOf(m.Data); err == nil && id != "" {
		err = s.records.IndexTicket(ctx, id)
	}
	switch {
	case err == nil:
		s.metrics.facts.WithLabelValues(name, resultRecorded).Inc()
		s.metrics.lag.Observe(max(0, time.Since(m.Envelope.Time).Seconds()))
		return nil
	case errors.Is(err, store.ErrInvalid), !passing(err) && m.Attempt >= s.cfg.MaxAttempts:
		s.metrics.facts.WithLabelValues(name, resultDead).Inc()
		return bus.Permanent(err)
	}
	s.metrics.facts.WithLabelValues(name, resultRetry).Inc()
	return err
}

// ticketOf is the ticket whose searched text a fact may have changed, or "".
func ticketOf(data any) string {
	switch f := data.(type) {
	case *schemas.TicketOpened:
		return f.TicketID
	case *schemas.TicketChanged:
		if f.Comment != "" {
			return f.TicketID
		}
	}
	return ""
}

// passing errors are waited out: the facts are safe in their stream.
func passing(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

const (
	factChanged = "ticket_changed"
	factOther   = "other"
)

var factNames = []string{"started", "answered", "turn", "taken_over", "handed_off", "ended", "ticket_opened", factChanged, factOther}

func factName(data any) string {
	switch data.(type) {
	case *schemas.CallStarted:
		return "started"
	case *schemas.CallAnswered:
		return "answered"
	case *schemas.CallTurn:
		return "turn"
	case *schemas.CallTakenOver:
		return "taken_over"
	case *schemas.CallHandedOff:
		return "handed_off"
	case *schemas.CallEnded:
		return "ended"
	case *schemas.TicketOpened:
		return "ticket_opened"
	case *schemas.TicketChanged:
		return factChanged
	}
	return factOther
}
