package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// happening is something of a ticket that may be told.
type happening struct {
	event      string
	occurrence string
	code       string // the occurrence, where that is a secret
	told       told
}

// plan makes notifications of a fact. They are named by what happened, so that
// a fact that comes twice plans nothing new.
func (s *Service) plan(ctx context.Context, m bus.Message) error {
	ticketID, list, err := s.happenings(ctx, m.Data)
	if err != nil || len(list) == 0 {
		return s.passing(err)
	}
	t, err := s.records.Ticket(ctx, ticketID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return s.passing(err)
	}
	serving := s.tenants[schemas.TenantName(t.Tenant)]
	if serving == nil {
		return nil
	}
	result := factNothing
	if s.now().Sub(m.Envelope.Time) > s.cfg.GiveUp {
		result = factLate
	} else if n, err := s.planFor(ctx, serving, t, list); err != nil {
		s.metrics.facts.WithLabelValues(label(serving.name), factRetry).Inc()
		return err
	} else if n > 0 {
		result = factPlanned
	}
	s.metrics.facts.WithLabelValues(label(serving.name), result).Inc()
	return nil
}

// passing keeps the fact in its stream, unless the error will not mend.
func (s *Service) passing(err error) error {
	if errors.Is(err, store.ErrInvalid) {
		return bus.Permanent(err)
	}
	return err
}

// happenings are what a fact says of a ticket; none when it says nothing that
// is ever told.
func (s *Service) happenings(ctx context.Context, fact any) (ticketID string, list []happening, err error) {
	switch f := fact.(type) {
	case *schemas.TicketOpened:
		return f.TicketID, []happening{{event: EventOpened, told: told{Status: f.Status, At: f.OpenedAt}}}, nil
	case *schemas.TicketChanged:
		for _, c := range f.Changes {
			if c.Field == "status" {
				list = append(list, happening{
					event: statusPrefix + c.To, occurrence: "v" + strconv.FormatInt(f.Version, 10),
					told: told{Status: schemas.TicketStatus(c.To), At: f.ChangedAt},
				})
			}
		}
		return f.TicketID, list, nil
	case *schemas.ReturnCreated:
		if f.Status == schemas.WriteRefused {
			return "", nil, nil // people see to it, and say so
		}
		w, err := s.records.OMSWriteByKey(ctx, f.IdempotencyKey)
		if errors.Is(err, store.ErrNotFound) || err == nil && w.TicketID == "" {
			return "", nil, nil // not for a ticket
		}
		if err != nil {
			return "", nil, err
		}
		what := told{ReturnNumber: f.Number, ReturnAddress: f.Address, At: f.CreatedAt}
		list = append(list, happening{event: EventReturn, occurrence: digest(f.IdempotencyKey), told: what})
		if f.PickupCode != "" {
			list = append(list, pickup(what, f.PickupCode))
		}
		return w.TicketID, list, nil
	}
	return "", nil, nil
}

// pickup is a code that became known: the same code is told once, another one
// again.
func pickup(what told, code string) happening {
	what.PickupCode = code
	return happening{event: EventPickup, code: code, told: what}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func (s *Service) planFor(ctx context.Context, serving *tenant, t store.Ticket, list []happening) (int, error) {
	var plans []store.Notification
	for _, h := range list {
		data, err := h.told.json()
		if err != nil {
			return 0, err
		}
		for _, channel := range channels {
			wanted, err := serving.Spec.wanted(Occasion{Event: h.event, Tenant: t.Tenant, Language: t.Language, Ticket: t, told: h.told}, channel)
			if err != nil {
				// Sent nothing for a mistake that only this ticket shows: people
				// see it in the log, and the other channels go on.
				s.log.Error("it cannot be said whether a caller is told", "call_id", t.CallID, "tenant", label(serving.name), "error", err)
				continue
			}
			if wanted {
				plans = append(plans, store.Notification{
					TicketID: t.ID, Tenant: schemas.TenantName(t.Tenant), CallID: t.CallID, Event: h.event, Occurrence: h.occurrence, Code: h.code, Channel: channel, Data: data,
				})
			}
		}
	}
	if len(plans) == 0 {
		return 0, nil
	}
	ids, err := s.notes.PlanNotifications(ctx, plans)
	if err != nil {
		return 0, err
	}
	if err := s.reached(PointPlanned); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := outbox.Publish(ctx, s.bus, s.outbox, store.NotifyWorkID(id)); err != nil {
			return 0, err // the fact comes again
		}
	}
	return len(ids), nil
}

const sweepBatch = 100

// sweep brings what was put off back into the stream, one batch: it publishes
// first and then notes that it did. Several workers
// may publish the same, whose ids make it count once, and whose claims do
// where they do not.
func (s *Service) sweep(ctx context.Context) error {
	due, err := s.notes.DueNotifications(ctx, sweepBatch)
	if err != nil {
		return err
	}
	for _, n := range due {
		work := schemas.NotifySend{Tenant: n.Tenant, CallID: n.CallID, TicketID: n.TicketID, NotificationID: n.ID}
		id := fmt.Sprintf("%s.%d", store.NotifyWorkID(n.ID), n.NotBefore.UnixMilli())
		if err := s.bus.PublishDurable(ctx, schemas.SubjectNotifySend(n.Tenant), &work, schemas.WithID(id), schemas.ForCall(n.CallID)); err != nil {
			return err
		}
		if err := s.notes.WakeNotification(ctx, n.ID); err != nil {
			return err
		}
	}
	return nil
}
