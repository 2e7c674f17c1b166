package ticket

import (
	"context"
	"strings"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// refused tells whoever asked that their request breaks its schema. What it
// says inside is not looked at: whose it is has to stand on the envelope, or
// in the message's id. The id makes a fact that is told twice count once; what
// comes back later, from the dead letters, is looked for among the facts.
func (s *Service) refused(ctx context.Context, r bus.Refusal) (bus.Told, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpenTimeout)
	defer cancel()
	told, err := s.tellRefused(ctx, r)
	if err != nil {
		s.metrics.requests.WithLabelValues(resultRetry).Inc()
		return told, &publishError{err}
	}
	s.metrics.requests.WithLabelValues(resultRejected).Inc()
	s.log.Warn("ticket request refused", "call_id", r.CallID, "told", string(told), "error", r.Err)
	return told, nil
}

func (s *Service) tellRefused(ctx context.Context, r bus.Refusal) (bus.Told, error) {
	key := r.Key
	if key != "" && !kindOf(key) { // an id of some other form
		return bus.ToldUnknown, nil
	}
	if r.CallID == "" {
		return bus.ToldUnknown, nil
	}
	id := store.FactID("rejected", key)
	if key == "" {
		// Known is the call, not which of its requests.
		id = store.FactID("rejected", r.CallID+":"+r.MessageID)
	}
	subject := schemas.SubjectTicketFact(r.CallID, "rejected")
	before, err := s.bus.Answered(ctx, func(m bus.Message) bool {
		opened, ok := m.Data.(*schemas.TicketOpened)
		return m.Envelope.ID == id || ok && key != "" && opened.IdempotencyKey == key
	}, schemas.SubjectTicketFact(r.CallID, "opened"), subject)
	if err != nil || before {
		return bus.ToldAsker, err
	}
	fact := schemas.TicketRejected{CallID: r.CallID, IdempotencyKey: key, Code: codeInvalid, Reason: r.Err.Error(), RejectedAt: s.now().UTC()}
	return bus.ToldAsker, s.bus.PublishDurable(ctx, subject, &fact, schemas.WithID(id), schemas.ForCall(r.CallID))
}

// kindOf says whether a key names a kind of request: CALL:KIND:WHICH.
func kindOf(key string) bool {
	_, rest, _ := strings.Cut(key, ":")
	kind, _, _ := strings.Cut(rest, ":")
	for _, k := range kinds {
		if string(k) == kind {
			return true
		}
	}
	return false
}
