package oms

import (
	"context"
	"errors"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// operationOn is which write a subject is for; what a message says it is does
// not count when it breaks its schema.
var operationOn = map[string]operation{
	schemas.SubjectReturnCreate: opReturn, schemas.SubjectOrderCancel: opCancel, schemas.SubjectParcelIntercept: opIntercept,
}

// refused ends a write whose work breaks its schema, and tells so: its ticket
// is people's. Which write it was is known by the message's id, which was made
// of the write's key when it was noted. Work that somebody else asked for has
// the key as its id, or nothing can be said of it.
func (s *Service) refused(ctx context.Context, r bus.Refusal) (bus.Told, error) {
	op, ok := operationOn[r.Subject]
	if !ok || r.CallID == "" {
		return bus.ToldUnknown, nil
	}
	w, err := s.writes.OMSWriteByMessage(ctx, r.CallID, r.MessageID)
	if errors.Is(err, store.ErrNotFound) {
		return s.refuseUnnoted(ctx, op, r)
	}
	j := job{op: op, write: w}
	switch {
	case err != nil:
		s.count(j, resultRetry)
		return bus.ToldUnknown, err
	case w.Kind != string(op):
		return bus.ToldUnknown, nil // two stories
	case w.Status.Ended():
		return bus.ToldAsker, nil // done before; the note and its fact stay
	}
	// Its error is the cause, when it could be told.
	if err := s.reject(ctx, j, codeInvalid, resultInvalid, r.Err); !errors.Is(err, r.Err) {
		return bus.ToldUnknown, err
	}
	return bus.ToldAsker, nil
}

// refuseUnnoted tells of work that was never noted here.
func (s *Service) refuseUnnoted(ctx context.Context, op operation, r bus.Refusal) (bus.Told, error) {
	if r.Key == "" {
		return bus.ToldUnknown, nil
	}
	j := job{op: op, write: store.OMSWrite{CallID: r.CallID, IdempotencyKey: r.Key}}
	id, subject := store.OMSMessageID("rejected", r.Key), schemas.SubjectOMSFact(r.CallID, "rejected")
	before, err := s.bus.Answered(ctx, func(m bus.Message) bool { return m.Envelope.ID == id }, subject)
	if err == nil && !before {
		fact := s.rejected(j, codeInvalid)
		err = s.bus.PublishDurable(ctx, subject, &fact, schemas.WithID(id), schemas.ForCall(r.CallID))
	}
	if err != nil {
		s.count(j, resultRetry)
		return bus.ToldUnknown, err
	}
	s.count(j, resultInvalid)
	s.log.Warn("order system was not written to", "call_id", r.CallID, "kind", string(op), "code", codeInvalid, "error", r.Err)
	return bus.ToldAsker, nil
}
