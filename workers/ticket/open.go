package ticket

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Codes of schemas.TicketRejected.
const (
	codeInvalid   = "invalid_request"
	codeExhausted = "exhausted"
)

// handle makes one attempt at a request. The order of its steps is what makes
// a ticket happen exactly once: commit ticket and fact, publish the fact, mark
// it sent, and only then let the request be acknowledged.
func (s *Service) handle(ctx context.Context, m bus.Message) error {
	start := time.Now()
	defer func() { s.metrics.seconds.Observe(time.Since(start).Seconds()) }()
	s.reached(PointReceived)
	req, ok := m.Data.(*schemas.TicketOpen)
	if !ok {
		cause := errors.New("data is no ticket.open")
		if _, err := s.refused(ctx, m.Refusal(cause)); err != nil {
			return err
		}
		return bus.Permanent(cause)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.OpenTimeout)
	defer cancel()
	if err := validate(req); err != nil {
		return s.reject(ctx, req, codeInvalid, resultRejected, err)
	}
	t, existed, err := s.open(ctx, req)
	switch {
	case err == nil:
		s.opened(m, t, existed)
		return nil
	case errors.Is(err, store.ErrInvalid):
		return s.reject(ctx, req, codeInvalid, resultRejected, err)
	case !passing(err) && m.Attempt >= s.cfg.MaxAttempts:
		return s.reject(ctx, req, codeExhausted, resultDead, err)
	}
	s.metrics.requests.WithLabelValues(resultRetry).Inc()
	return err
}

// passing errors are waited out however long it takes: the database or NATS
// is away, and the request is safe in its stream.
func passing(err error) bool {
	var publish *publishError
	return errors.Is(err, store.ErrUnavailable) || errors.As(err, &publish) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

type publishError struct{ err error }

func (e *publishError) Error() string { return e.err.Error() }
func (e *publishError) Unwrap() error { return e.err }

func (s *Service) open(ctx context.Context, req *schemas.TicketOpen) (t store.Ticket, existed bool, err error) {
	t, existed, err = s.tickets.PlaceTicket(ctx, *req, s.dispatch.Place(req, s.now()))
	if err != nil {
		return t, false, err
	}
	s.reached(PointCommitted)
	id, subject := store.FactID("opened", t.IdempotencyKey), schemas.SubjectTicketFact(t.CallID, "opened")
	fact := t.Opened(existed)
	fact.Tenant = req.Tenant
	if existed {
		// A worker that died left the fact unsent: what it would have said
		// is said now. Otherwise the asker is told of the ticket there is.
		_, unsent, err := s.tickets.OutboxPending(ctx, id)
		if err != nil {
			return t, true, err
		}
		fact.Existing = !unsent
	}
	if err := s.bus.PublishDurable(ctx, subject, &fact, schemas.WithID(id), schemas.ForCall(t.CallID)); err != nil {
		return t, existed, &publishError{err}
	}
	s.reached(PointPublished)
	if err := s.tickets.MarkOutboxSent(ctx, id); err != nil {
		// The fact is out; the sweeper marks it, repeating it under its id.
		s.log.Warn("fact could not be marked sent", "call_id", t.CallID, "error", err)
	}
	if s.copied(req.Tenant) {
		s.deliver(ctx, t)
	}
	s.log.Info("ticket opened", "call_id", t.CallID, "kind", string(t.Kind), "group", string(t.Group), "existing", fact.Existing)
	return t, existed, nil
}

// deliver hands the work for the ticket's copy on. What fails here is left to
// the sweeper: the ticket is there, and the caller waits for nothing else.
func (s *Service) deliver(ctx context.Context, t store.Ticket) {
	if err := outbox.Publish(ctx, s.bus, s.tickets, store.DeliverID(t.ID, 1)); err != nil {
		s.log.Warn("the work for a ticket's copy is left to the sweeper", "call_id", t.CallID, "error", err)
	}
}

func (s *Service) opened(m bus.Message, t store.Ticket, existed bool) {
	result := resultOpened
	if existed {
		result = resultExisting
	} else {
		s.metrics.dispatched.WithLabelValues(string(t.Group), strconv.FormatBool(t.Assignee != "")).Inc()
	}
	s.metrics.requests.WithLabelValues(result).Inc()
	s.metrics.latency.Observe(max(0, s.now().Sub(m.Envelope.Time).Seconds()))
}

// reject tells the asker, and sends the request to the dead letters. When the
// asker cannot be told now, the request stays and is tried again.
func (s *Service) reject(ctx context.Context, req *schemas.TicketOpen, code, result string, cause error) error {
	if callIDPattern.MatchString(req.CallID) {
		fact := schemas.TicketRejected{
			CallID: req.CallID, IdempotencyKey: req.IdempotencyKey, Code: code, Reason: reasonText(code, cause), RejectedAt: s.now().UTC(),
		}
		err := s.bus.PublishDurable(ctx, schemas.SubjectTicketFact(req.CallID, "rejected"), &fact,
			schemas.WithID(store.FactID("rejected", req.IdempotencyKey)), schemas.ForCall(req.CallID))
		if err != nil {
			s.metrics.requests.WithLabelValues(resultRetry).Inc()
			return &publishError{err}
		}
	}
	s.metrics.requests.WithLabelValues(result).Inc()
	s.log.Warn("ticket rejected", "call_id", req.CallID, "code", code, "error", cause)
	return bus.Permanent(cause)
}

// reasonText tells an asker what was wrong with the request, and nothing of
// the inside of the worker.
func reasonText(code string, cause error) string {
	if code == codeInvalid {
		return cause.Error()
	}
	return "the ticket could not be opened in the attempts allowed"
}
