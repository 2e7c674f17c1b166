package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// TicketStatus is where a ticket stands.
type TicketStatus = schemas.TicketStatus

// TicketStatusOpen is the state a ticket begins in when nobody gets it.
const TicketStatusOpen = schemas.StatusOpen

// Ticket is one request of a caller, as the shop's people work on it.
type Ticket struct {
	ID             string
	Number         string // digits people can say; see ValidTicketNumber
	IdempotencyKey string
	CallID         string
	Kind           schemas.RequestKind
	Group          schemas.Group
	Status         TicketStatus
	OrderNumber    string
	OrderVerified  bool
	OrderLine      string
	Reason         string
	ReasonText     string
	Received       *bool
	Contact        string
	Summary        string
	TranscriptURL  string
	// Pickup is nil when no courier is to call.
	Pickup      *schemas.Pickup
	RequestedAt time.Time
	OpenedAt    time.Time
	// What follows is its life; see ChangeTicket.
	Tenant    string
	Version   int64 // counts changes, from 1
	Assignee  string
	Priority  schemas.Priority
	Approval  Approval
	AmountFen int64
	DueAt     *time.Time
	// Escalated is the last level that was reached, "" for none.
	Escalated schemas.EscalationLevel
	// Language is the flow's that the caller spoke to; "" when it is not known.
	Language string
	// External is the copy in the tenant's own ticket system; nil where there
	// is none, and where it was not asked for.
	External *Link
}

// Opened is the fact that tells of the ticket.
func (t Ticket) Opened(existing bool) schemas.TicketOpened {
	return schemas.TicketOpened{
		Tenant: t.Tenant, CallID: t.CallID, IdempotencyKey: t.IdempotencyKey, TicketID: t.ID, Number: t.Number, Kind: t.Kind,
		OrderNumber: t.OrderNumber, Group: t.Group, Existing: existing, OpenedAt: t.OpenedAt,
		Status: t.Status, Priority: t.Priority, Assignee: t.Assignee, DueAt: t.DueAt,
	}
}

// FactID is the message id of a fact about the request with an idempotency
// key: the same for every repeat, so that a stream keeps one.
func FactID(event, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "ticket." + event + "." + hex.EncodeToString(sum[:16])
}

type ticketRow struct {
	ID             string `gorm:"primaryKey"`
	Number         string
	IdempotencyKey string
	CallID         string
	Kind           string
	Team           string
	Status         string
	OrderNumber    string
	OrderVerified  bool
	OrderLine      string
	Reason         string
	ReasonText     string
	Received       *bool
	Contact        string
	Summary        string
	TranscriptURL  string
	PickupFrom     *time.Time
	PickupUntil    *time.Time
	PickupAddress  string
	RequestedAt    time.Time
	OpenedAt       time.Time
	Tenant         string
	Version        int64
	Assignee       string
	Priority       string
	Approval       string
	AmountFen      int64
	DueAt          *time.Time
	EscalateAt     *time.Time
	Escalated      int
	IdleSince      *time.Time
	EndedAt        *time.Time // when it got the status in which it is over
	ContactIndex   string
	Language       string
}

func (ticketRow) TableName() string { return "tickets" }

func (r ticketRow) domain() Ticket {
	t := Ticket{
		ID: r.ID, Number: r.Number, IdempotencyKey: r.IdempotencyKey, CallID: r.CallID, Kind: schemas.RequestKind(r.Kind),
		Group: schemas.Group(r.Team), Status: TicketStatus(r.Status), OrderNumber: r.OrderNumber, OrderVerified: r.OrderVerified,
		OrderLine: r.OrderLine, Reason: r.Reason, ReasonText: r.ReasonText, Received: r.Received, Contact: r.Contact,
		Summary: r.Summary, TranscriptURL: r.TranscriptURL, RequestedAt: r.RequestedAt.UTC(), OpenedAt: r.OpenedAt.UTC(),
		Tenant: r.Tenant, Version: r.Version, Assignee: r.Assignee, Priority: schemas.Priority(r.Priority), Approval: Approval(r.Approval),
		AmountFen: r.AmountFen, DueAt: stampPtr(r.DueAt), Language: r.Language,
		Escalated: map[int]schemas.EscalationLevel{levelNear: schemas.EscalationNear, levelOverdue: schemas.EscalationOverdue}[r.Escalated],
	}
	if r.PickupFrom != nil && r.PickupUntil != nil {
		t.Pickup = &schemas.Pickup{From: r.PickupFrom.UTC(), Until: r.PickupUntil.UTC(), Address: r.PickupAddress}
	}
	return t
}

// drawsBeforeLonger is how many numbers are drawn at the usual length: with a
// million tickets one draw in nine collides, four in a row one in 6,500.
const (
	drawsBeforeLonger = 4
	maxDraws          = 12
)

// OpenTicket is PlaceTicket for a group and nothing else.
func (s *Store) OpenTicket(ctx context.Context, req schemas.TicketOpen, group schemas.Group) (t Ticket, existed bool, err error) {
	return s.PlaceTicket(ctx, req, Placement{Group: group})
}

// newTicketRow is a ticket without a number that nobody has got yet.
func newTicketRow(req schemas.TicketOpen, place Placement, now time.Time) ticketRow {
	row := ticketRow{
		ID: schemas.NewID(now), IdempotencyKey: req.IdempotencyKey, CallID: req.CallID, Kind: string(req.Kind),
		Tenant: req.Tenant, Language: req.Language, AmountFen: req.AmountFen, OrderNumber: req.OrderNumber, OrderVerified: req.OrderVerified,
		OrderLine: req.OrderLine, Reason: req.Reason, ReasonText: req.ReasonText, Received: req.Received, Contact: req.Contact,
		Summary: req.Summary, TranscriptURL: req.TranscriptURL, RequestedAt: stamp(req.RequestedAt), OpenedAt: now,
	}
	place.onto(&row)
	if p := req.Pickup; p != nil {
		row.PickupFrom, row.PickupUntil, row.PickupAddress = stampPtr(&p.From), stampPtr(&p.Until), p.Address
	}
	return row
}

func (s *Store) openTicket(tx *gorm.DB, req schemas.TicketOpen, place Placement) (Ticket, bool, error) {
	now := stamp(s.now())
	row := newTicketRow(req, place, now)
	for draw := range maxDraws {
		digits := numberDigits
		if draw >= drawsBeforeLonger {
			digits = longNumberDigits
		}
		var err error
		if row.Number, err = s.newNumber(digits); err != nil {
			return Ticket{}, false, err
		}
		// DO NOTHING covers both unique indexes, and in PostgreSQL waits for
		// another transaction that holds the same key.
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if res.Error != nil {
			return Ticket{}, false, res.Error
		}
		if res.RowsAffected == 1 {
			if err := place.settle(tx, &row, now); err != nil {
				return Ticket{}, false, err
			}
			if err := attachTranscript(tx, row, now); err != nil {
				return Ticket{}, false, err
			}
			t := row.domain()
			if err := s.linkTicket(tx, t, req.Tenant, now); err != nil {
				return Ticket{}, false, err
			}
			fact, err := openedFact(t, req, now)
			if err != nil {
				return Ticket{}, false, err
			}
			return t, false, tx.Create(&fact).Error
		}
		var old ticketRow
		err = tx.Where("idempotency_key = ?", req.IdempotencyKey).Take(&old).Error
		if err == nil {
			return old.domain(), true, nil
		}
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return Ticket{}, false, err
		}
		// The key is free, so it was the number: draw another.
	}
	return Ticket{}, false, errNoNumber
}

// openedFact is the message that tells of a new ticket.
func openedFact(t Ticket, req schemas.TicketOpen, now time.Time) (outboxRow, error) {
	fact := t.Opened(false)
	fact.Tenant = req.Tenant
	return outboxOf(FactID("opened", t.IdempotencyKey), schemas.SubjectTicketFact(t.CallID, "opened"), t.CallID, fact, now)
}

func outboxOf(id, subject, callID string, fact any, now time.Time) (outboxRow, error) {
	data, err := json.Marshal(fact)
	return outboxRow{ID: id, Subject: subject, Type: schemas.TypeOf(fact), CallID: callID, Data: string(data), CreatedAt: now}, err
}

func putOutbox(tx *gorm.DB, id, subject, callID string, fact any, now time.Time) error {
	row, err := outboxOf(id, subject, callID, fact, now)
	if err != nil {
		return err
	}
	return tx.Create(&row).Error
}

// TicketByKey finds the ticket of an idempotency key.
func (s *Store) TicketByKey(ctx context.Context, key string) (Ticket, error) {
	var row ticketRow
	err := s.reading(ctx, opTicketsList, func(db *gorm.DB) error {
		return db.Where("idempotency_key = ?", key).Take(&row).Error
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket: %w", err)
	}
	return row.domain(), nil
}
