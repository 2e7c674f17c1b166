package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/resilience"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// errNoCopy: the copy was given up, so that nothing more can be told to it.
var errNoCopy = fmt.Errorf("%w: the copy was never made", store.ErrInvalid)

// handle makes one attempt at the work for a ticket: everything that its copy
// has not been told up to the work's number, in order. A number is given up
// only by its own work, so that each dead letter stands for one change.
func (s *Service) handle(ctx context.Context, g *guarded, m bus.Message) error {
	work, ok := m.Data.(*schemas.TicketDeliver)
	if !ok {
		return bus.Permanent(errors.New("data is no ticket.deliver"))
	}
	s.reached(PointReceived)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DeliverTimeout)
	defer cancel()
	// Work that comes back from the dead letters means its change.
	if err := s.links.ReviveDelivery(ctx, work.TicketID, work.Sequence); err != nil {
		return err
	}
	// A claim holds a part of what waits. The work is done when everything up
	// to it is: its number may have no other work any more.
	for {
		claim, err := s.links.ClaimLink(ctx, work.TicketID, s.now().Add(s.cfg.AckWait))
		if errors.Is(err, store.ErrNotFound) {
			return bus.Permanent(errors.New("there is no such copy"))
		}
		if err != nil {
			return err
		}
		err = s.tell(ctx, g, &claim, work.Sequence)
		s.release(claim, err)
		if n := len(claim.Pending); err != nil || n == 0 || claim.Pending[n-1].Sequence >= work.Sequence {
			return err
		}
	}
}

// release lets the copy go, also when the worker is being stopped.
func (s *Service) release(claim store.Claim, cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	why := ""
	if cause != nil {
		why = cause.Error()
	}
	if err := s.links.ReleaseLink(ctx, claim, why); err != nil {
		s.log.Warn("a ticket's copy could not be let go; it is free when its time is over", "error", err)
	}
}

func (s *Service) tell(ctx context.Context, g *guarded, claim *store.Claim, upTo int64) error {
	for _, d := range claim.Pending {
		if d.Sequence > upTo {
			break
		}
		start := time.Now()
		result, err := s.one(ctx, g, claim, d)
		s.metrics.seconds.WithLabelValues(label(g.tenant)).Observe(time.Since(start).Seconds())
		if err != nil {
			return s.failed(ctx, g, claim, d, upTo, err)
		}
		s.metrics.deliveries.WithLabelValues(label(g.tenant), string(d.Kind), result).Inc()
		s.metrics.latency.WithLabelValues(label(g.tenant)).Observe(max(0, s.now().Sub(d.CreatedAt).Seconds()))
		s.log.Info("ticket system was told", "call_id", claim.Ticket.CallID, "tenant", label(g.tenant), "kind", string(d.Kind), "result", result)
	}
	return nil
}

// one tells one change, and notes that it was told.
func (s *Service) one(ctx context.Context, g *guarded, claim *store.Claim, d store.Delivery) (result string, err error) {
	result = resultDelivered
	e := ticket.External{ID: claim.Link.ExternalID, URL: claim.Link.URL, Key: claim.Ticket.ID}
	switch d.Kind {
	case store.DeliverCreate:
		if e.ID != "" {
			result = resultFound // the system has told us of it itself
			break
		}
		e, result, err = s.create(ctx, g, claim)
	case store.DeliverUpdate, store.DeliverComment:
		if e.ID == "" {
			return "", errNoCopy
		}
		err = s.change(ctx, g, e, d)
		if errors.Is(err, ticket.ErrUnsupported) {
			err = nil // this system is not told of such changes
		}
	default:
		err = fmt.Errorf("%w: kind %.20q", store.ErrInvalid, d.Kind)
	}
	if err != nil {
		return "", err
	}
	s.reached(PointWritten)
	claim.Link.ExternalID, claim.Link.URL = e.ID, e.URL
	fact, err := s.links.FinishDelivery(ctx, *claim, d.Sequence, store.Link{ExternalID: e.ID, URL: e.URL, Status: e.Status})
	if err != nil {
		return "", err
	}
	s.reached(PointCommitted)
	s.publish(ctx, fact)
	return result, nil
}

// create makes the copy once. Whenever an earlier try may have arrived, also
// within this attempt, the system is searched first.
func (s *Service) create(ctx context.Context, g *guarded, claim *store.Claim) (e ticket.External, result string, err error) {
	tried := claim.Link.Attempted
	result = resultDelivered
	told := ticket.Told(claim.Ticket, claim.Link.Tenant)
	err = g.do(ctx, func(ctx context.Context) error {
		if tried {
			found, ok, err := g.Find(ctx, told.Key)
			switch {
			case errors.Is(err, ticket.ErrUnsupported): // it takes repeats for one
			case err != nil:
				return err
			case ok:
				e, result = found, resultFound
				return nil
			}
		}
		tried = true
		made, err := g.Create(ctx, told)
		if err == nil {
			e = made
		}
		return err
	})
	return e, result, err
}

func (s *Service) change(ctx context.Context, g *guarded, e ticket.External, d store.Delivery) error {
	id := store.DeliverID(d.TicketID, d.Sequence)
	if d.Kind == store.DeliverComment {
		var c ticket.Comment
		if err := json.Unmarshal(d.Data, &c); err != nil {
			return fmt.Errorf("%w: comment", store.ErrInvalid)
		}
		c.ID = id
		return g.do(ctx, func(ctx context.Context) error { return g.Comment(ctx, e, c) })
	}
	var c ticket.Change
	if err := json.Unmarshal(d.Data, &c); err != nil {
		return fmt.Errorf("%w: change", store.ErrInvalid)
	}
	c.ID = id
	return g.do(ctx, func(ctx context.Context) error { return g.Update(ctx, e, c) })
}

// passing failures are waited out: the system or our own database or NATS is
// away, or it does not let us in until people have seen to it.
func passing(err error) bool {
	for _, class := range []error{
		store.ErrUnavailable, store.ErrLinkBusy, ticket.ErrDenied, resilience.ErrTimeout, resilience.ErrLeftAlone, resilience.ErrBusy,
		context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// failed decides what becomes of a change that could not be told. The error
// says whether its work comes again or goes to the dead letters.
func (s *Service) failed(ctx context.Context, g *guarded, claim *store.Claim, d store.Delivery, upTo int64, cause error) error {
	retry := func() error {
		s.metrics.deliveries.WithLabelValues(label(g.tenant), string(d.Kind), resultRetry).Inc()
		return cause
	}
	final := errors.Is(cause, store.ErrInvalid) && !errors.Is(cause, store.ErrUnavailable)
	if passing(cause) {
		final = s.now().Sub(d.CreatedAt) > s.cfg.GiveUp && s.life.Context().Err() == nil
	} else if err := s.links.CountFailure(ctx, *claim, d.Sequence); err != nil {
		return errors.Join(cause, err)
	} else if d.Failures+1 >= s.cfg.MaxAttempts {
		final = true
	}
	if !final || d.Sequence != upTo {
		return retry()
	}
	if err := s.links.GiveUpDelivery(ctx, *claim, d.Sequence); err != nil {
		return errors.Join(cause, err)
	}
	s.metrics.deliveries.WithLabelValues(label(g.tenant), string(d.Kind), resultDead).Inc()
	s.log.Error("ticket system will not be told", "call_id", claim.Ticket.CallID, "tenant", label(g.tenant), "kind", string(d.Kind), "error", cause)
	return bus.Permanent(cause)
}
