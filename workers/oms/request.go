package oms

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Durable names of the worker's consumers; all workers share them.
const (
	DurableTickets = "oms-tickets"
	DurableWrites  = "oms-writes"
)

// Writes is where it is kept what order systems were asked to do. Errors that
// pass by themselves are store.ErrUnavailable.
type Writes interface {
	TicketByKey(ctx context.Context, key string) (store.Ticket, error)
	RequestOMSWrite(ctx context.Context, req store.OMSWriteRequest) (existed bool, err error)
	BeginOMSWrite(ctx context.Context, w store.OMSWrite, again bool) (store.OMSWrite, error)
	EndOMSWrite(ctx context.Context, key string, end store.OMSWriteEnd) (changed bool, err error)
	OMSWritesOfOrder(ctx context.Context, number string) ([]store.OMSWrite, error)
	OMSWriteByMessage(ctx context.Context, callID, messageID string) (store.OMSWrite, error)
	OutboxPending(ctx context.Context, id string) (store.OutboxMessage, bool, error)
	MarkOutboxSent(ctx context.Context, id string) error
}

// Point names a place between two steps of a write, for fault tests.
type Point string

// The places where a worker can be made to die.
const (
	PointTicket    Point = "ticket"    // a ticket was opened or approved, nothing is noted
	PointNoted     Point = "noted"     // its write is noted, not asked for
	PointReceived  Point = "received"  // the work is here
	PointWritten   Point = "written"   // the system has done it, nobody knows
	PointCommitted Point = "committed" // we know, nobody was told
	PointPublished Point = "published" // told, not acknowledged
)

func (s *Service) startWrites(ctx context.Context) error {
	if s.writes == nil {
		return nil
	}
	if err := s.bus.EnsureStreams(ctx); err != nil {
		return err
	}
	// Every worker forgets what it knew of an order that any of them wrote to.
	heard, err := s.bus.Subscribe(schemas.SubjectOMSFacts, "", s.forget)
	if err != nil {
		return err
	}
	s.life.Hear(heard.Unsubscribe)
	c := s.cfg.Writes
	// The handlers count: not every failure is an attempt.
	common := bus.ConsumerConfig{AckWait: c.AckWait, Backoff: bus.Backoff(c.RetryFirst, c.RetryMax), MaxInFlight: c.MaxInFlight, MaxAttempts: -1}
	tickets, writes := common, common
	// Tickets that were opened before any worker wrote are people's.
	tickets.Stream, tickets.Durable, tickets.New = schemas.StreamFacts, DurableTickets, true
	tickets.FilterSubjects = []string{schemas.SubjectTicketFact("*", "opened"), schemas.SubjectTicketFact("*", "changed")}
	writes.Refused = s.refused
	writes.Stream, writes.Durable, writes.FilterSubjects = schemas.StreamWork, DurableWrites, []string{schemas.SubjectOMSWork}
	for _, begin := range []struct {
		cfg    bus.ConsumerConfig
		handle func(context.Context, bus.Message) error
	}{{tickets, s.ticketTold}, {writes, s.write}} {
		if err := s.life.Consume(ctx, begin.cfg, begin.handle); err != nil {
			return err
		}
	}
	return nil
}

// ticketTold asks for what a ticket's kind wants of an order system, when it is
// opened, or when what it asks for is approved. Note and work are committed
// together, the work is published, and only then the fact acknowledged:
// wherever a worker dies, the fact comes again, and the key and the message id
// make it once.
func (s *Service) ticketTold(ctx context.Context, m bus.Message) error {
	var result string
	var err error
	switch fact := m.Data.(type) {
	case *schemas.TicketOpened:
		s.reached(PointTicket)
		if result = resultNone; fact.OrderNumber != "" && writable(fact.Kind) {
			result, err = s.requestFor(ctx, fact.IdempotencyKey, fact.Tenant)
		}
	case *schemas.TicketChanged:
		if !approved(fact) {
			return nil
		}
		s.reached(PointTicket)
		result, err = s.requestFor(ctx, fact.IdempotencyKey, fact.Tenant)
	default:
		return bus.Permanent(errors.New("data is neither ticket.opened nor ticket.changed"))
	}
	if err != nil {
		result = resultRetry
	}
	s.metrics.tickets.WithLabelValues(result).Inc()
	return err
}

func approved(fact *schemas.TicketChanged) bool {
	return slices.ContainsFunc(fact.Changes, func(c schemas.FieldChange) bool {
		return c.Field == "approval" && c.To == string(store.ApprovalGiven)
	})
}

// requestFor looks at the ticket as it is now, not as the fact has it: facts
// come late and in any order.
func (s *Service) requestFor(ctx context.Context, key, tenant string) (result string, err error) {
	t, err := s.writes.TicketByKey(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return resultNone, nil // deleted meanwhile
	}
	if err != nil {
		return "", err
	}
	switch {
	case t.OrderNumber == "", !writable(t.Kind):
		return resultNone, nil
	case !t.OrderVerified: // digits that nobody has seen in the order system
		return resultNone, nil
	case t.Status == schemas.StatusCancelled, t.Approval == store.ApprovalRefused:
		return resultNone, nil // people said no before
	case t.Approval == store.ApprovalNeeded:
		return resultHeld, nil // the fact of the approval brings it back
	}
	req := requestOf(t, tenant)
	existed, err := s.writes.RequestOMSWrite(ctx, req)
	if err != nil {
		return "", err
	}
	s.reached(PointNoted)
	if err := s.publish(ctx, store.OMSMessageID("work", req.Write.IdempotencyKey)); err != nil {
		return "", err
	}
	if existed {
		return resultRepeated, nil
	}
	s.log.Info("order system is asked", "call_id", t.CallID, "kind", req.Write.Kind)
	return resultRequested, nil
}

// writable kinds of ticket want something of the order system; the others are
// questions and complaints, which people answer.
func writable(k schemas.RequestKind) bool {
	return k == schemas.KindReturn || k == schemas.KindExchange || k == schemas.KindCancel
}

func requestOf(t store.Ticket, tenant string) store.OMSWriteRequest {
	w := store.OMSWrite{
		IdempotencyKey: t.IdempotencyKey, Tenant: tenant, Kind: string(opReturn), TicketID: t.ID, TicketNumber: t.Number, CallID: t.CallID,
		OrderNumber: t.OrderNumber, OrderLine: t.OrderLine, RequestedAt: t.RequestedAt,
	}
	if t.Kind == schemas.KindCancel {
		w.Kind = string(opCancel)
		return store.OMSWriteRequest{Write: w, Subject: schemas.SubjectOrderCancel, Work: schemas.OrderCancel{
			Tenant: tenant, CallID: t.CallID, IdempotencyKey: t.IdempotencyKey, OrderNumber: t.OrderNumber,
			Reason: t.Reason, ReasonText: t.ReasonText, RequestedAt: t.RequestedAt,
		}}
	}
	work := schemas.ReturnCreate{
		Tenant: tenant, CallID: t.CallID, IdempotencyKey: t.IdempotencyKey, OrderNumber: t.OrderNumber, Kind: schemas.ReturnForRefund,
		Reason: t.Reason, ReasonText: t.ReasonText, Contact: t.Contact, Pickup: t.Pickup, RequestedAt: t.RequestedAt,
	}
	if t.Kind == schemas.KindExchange {
		work.Kind = schemas.ReturnForExchange
	}
	if t.OrderLine != "" {
		work.Lines = []schemas.ReturnLine{{LineID: t.OrderLine}}
	}
	return store.OMSWriteRequest{Write: w, Subject: schemas.SubjectReturnCreate, Work: work}
}

// interceptOf asks for a parcel of an order to be stopped that was to be
// cancelled and has left already.
func interceptOf(c *schemas.OrderCancel, tracking string) store.OMSWriteRequest {
	key := c.IdempotencyKey + ":" + tracking
	if len(key) > maxKey {
		key = c.CallID + ":intercept:" + store.OMSMessageID("intercept", key)
	}
	return store.OMSWriteRequest{
		Write: store.OMSWrite{
			IdempotencyKey: key, Tenant: c.Tenant, Kind: string(opIntercept), CallID: c.CallID, OrderNumber: c.OrderNumber,
			TrackingNo: tracking, RequestedAt: c.RequestedAt,
		},
		Subject: schemas.SubjectParcelIntercept,
		Work: schemas.ParcelIntercept{
			Tenant: c.Tenant, CallID: c.CallID, IdempotencyKey: key, OrderNumber: c.OrderNumber, TrackingNo: tracking,
			Reason: c.Reason, RequestedAt: c.RequestedAt,
		},
	}
}

// maxKey is the longest idempotency key of the contract.
const maxKey = 200

// publish sends what the outbox holds under an id, unless it was sent.
func (s *Service) publish(ctx context.Context, id string) error {
	pending, unsent, err := s.writes.OutboxPending(ctx, id)
	if err != nil || !unsent {
		return err
	}
	data, err := pending.Decode()
	if err != nil {
		return bus.Permanent(fmt.Errorf("outbox: %w", err))
	}
	if err := s.bus.PublishDurable(ctx, pending.Subject, data, schemas.WithID(id), schemas.ForCall(pending.CallID)); err != nil {
		return err
	}
	s.reached(PointPublished)
	if err := s.writes.MarkOutboxSent(ctx, id); err != nil {
		// It is out; whoever publishes it again does so under the same id.
		s.log.Warn("message could not be marked sent", "call_id", pending.CallID, "error", err)
	}
	return nil
}

// forget is told of every write of every worker. Which tenant's order it was
// does not matter: the others ask once more than they had to.
func (s *Service) forget(m bus.Message) {
	var number string
	switch d := m.Data.(type) {
	case *schemas.ReturnCreated:
		number = d.OrderNumber
	case *schemas.OrderCancelled:
		number = d.OrderNumber
	case *schemas.ParcelIntercepted:
		number = d.OrderNumber
	default:
		return
	}
	for _, sh := range s.shops {
		sh.wrote(number)
	}
}
