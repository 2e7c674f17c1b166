package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// Link is a ticket's copy in the tenant's own ticket system.
type Link struct {
	TicketID   string
	Tenant     string
	System     string
	ExternalID string // "" until it is there
	URL        string
	Status     string // the other system's own word
	Error      string // why the last delivery did not succeed; "" when it did
	// Attempted: the copy may be there although its id is not known.
	Attempted bool
	Queued    int64 // newest change
	Delivered int64 // newest change that was told, or given up
	ChangedAt time.Time
	SyncedAt  time.Time
}

// DeliveryKind is what a delivery tells.
type DeliveryKind string

// The kinds of delivery.
const (
	DeliverCreate  DeliveryKind = "create"
	DeliverUpdate  DeliveryKind = "update"
	DeliverComment DeliveryKind = "comment"
)

const (
	deliveryPending = "pending"
	deliveryDone    = "done"
	deliveryDead    = "dead"
)

// Delivery is one change that a copy has to be told.
type Delivery struct {
	TicketID  string
	Sequence  int64
	Kind      DeliveryKind
	Data      json.RawMessage
	Failures  int // tries that failed for another reason than an absence
	CreatedAt time.Time
}

// ErrLinkBusy: another worker is delivering for this ticket now.
var ErrLinkBusy = errors.New("the ticket is being delivered by another worker")

type linkRow struct {
	TicketID   string `gorm:"primaryKey"`
	Tenant     string
	System     string
	ExternalID string
	URL        string `gorm:"column:url"`
	Status     string
	Error      string
	Attempted  bool
	Queued     int64
	Delivered  int64
	ChangedAt  *time.Time
	Sequence   int64
	SyncedAt   *time.Time
	Lease      string
	LeaseUntil *time.Time
}

func (linkRow) TableName() string { return "ticket_links" }

func (r linkRow) domain() Link {
	l := Link{
		TicketID: r.TicketID, Tenant: r.Tenant, System: r.System, ExternalID: r.ExternalID, URL: r.URL, Status: r.Status,
		Error: r.Error, Attempted: r.Attempted, Queued: r.Queued, Delivered: r.Delivered,
	}
	if r.ChangedAt != nil {
		l.ChangedAt = r.ChangedAt.UTC()
	}
	if r.SyncedAt != nil {
		l.SyncedAt = r.SyncedAt.UTC()
	}
	return l
}

type deliveryRow struct {
	TicketID  string `gorm:"primaryKey"`
	Sequence  int64  `gorm:"primaryKey;autoIncrement:false"`
	Kind      string
	ChangeKey string
	Data      string
	State     string
	Failures  int
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
	EndedAt   *time.Time
}

func (deliveryRow) TableName() string { return "ticket_deliveries" }

// DeliverID is the message id of the work for a ticket's n-th change.
func DeliverID(ticketID string, n int64) string {
	return fmt.Sprintf("ticket.deliver.%s.%d", ticketID, n)
}

// linkTicket begins the copy of a ticket, when its tenant has a ticket system.
func (s *Store) linkTicket(tx *gorm.DB, t Ticket, tenant string, now time.Time) error {
	tenant = schemas.TenantName(tenant)
	system := s.copyTo(tenant)
	if system == "" {
		return nil
	}
	if err := tx.Create(&linkRow{TicketID: t.ID, Tenant: tenant, System: system}).Error; err != nil {
		return err
	}
	_, err := queueDelivery(tx, t.ID, t.CallID, DeliverCreate, "create", struct{}{}, now)
	return err
}

// queueDelivery puts a change behind those that a copy still has to be told,
// and the work for it into the outbox, whose id there it gives. A ticket
// without a copy, and a key that was queued before, change nothing and give "".
func queueDelivery(tx *gorm.DB, ticketID, callID string, kind DeliveryKind, key string, change any, now time.Time) (string, error) {
	data, err := json.Marshal(change)
	if err != nil {
		return "", err
	}
	// Counting up holds the row: changes of one ticket are numbered in the
	// order in which they are committed.
	res := tx.Model(&linkRow{}).Where("ticket_id = ?", ticketID).Update("queued", gorm.Expr("queued + 1"))
	if res.Error != nil || res.RowsAffected == 0 {
		return "", res.Error
	}
	var link linkRow
	if err := tx.Where("ticket_id = ?", ticketID).Take(&link).Error; err != nil {
		return "", err
	}
	row := deliveryRow{TicketID: ticketID, Sequence: link.Queued, Kind: string(kind), ChangeKey: key, Data: string(data), State: deliveryPending, CreatedAt: now}
	if res = tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row); res.Error != nil {
		return "", res.Error
	}
	if res.RowsAffected == 0 {
		return "", tx.Model(&linkRow{}).Where("ticket_id = ?", ticketID).Update("queued", gorm.Expr("queued - 1")).Error
	}
	work := schemas.TicketDeliver{Tenant: link.Tenant, CallID: callID, TicketID: ticketID, Sequence: link.Queued}
	id := DeliverID(ticketID, link.Queued)
	return id, putOutbox(tx, id, schemas.SubjectTicketDeliver(link.Tenant), callID, work, now)
}

// QueueDelivery tells a ticket's copy of a change, later and in order. Key
// makes it count once. False when the ticket has no copy.
func (s *Store) QueueDelivery(ctx context.Context, ticketID string, kind DeliveryKind, key string, change any) (Link, bool, error) {
	var link linkRow
	err := s.inTx(ctx, opLink, func(tx *gorm.DB) error {
		var t ticketRow
		if err := tx.Clauses(clause.Locking{Strength: forChange}).Where("id = ?", ticketID).Take(&t).Error; err != nil {
			return err
		}
		if _, err := queueDelivery(tx, ticketID, t.CallID, kind, key, change, stamp(s.now())); err != nil {
			return err
		}
		return tx.Where("ticket_id = ?", ticketID).Take(&link).Error
	})
	if errors.Is(err, ErrNotFound) {
		return Link{}, false, nil
	}
	return link.domain(), err == nil, err
}

// Claim is a ticket's copy, held by one worker.
type Claim struct {
	Link    Link
	Ticket  Ticket
	Pending []Delivery // in order
	lease   string
}

// claimBatch is how many changes one claim takes.
const claimBatch = 50

// ClaimLink holds a ticket's copy for a worker until a time, and gives what it
// has to be told. Attempted in the claim is what it was before: from now on
// the other system may have a copy. The error is ErrLinkBusy while another
// worker holds it, ErrNotFound when there is no such copy. A copy held
// for much longer than that is free: the clock was put back.
func (s *Store) ClaimLink(ctx context.Context, ticketID string, until time.Time) (c Claim, err error) {
	err = s.inTx(ctx, opLink, func(tx *gorm.DB) error {
		now := stamp(s.now())
		lease := schemas.NewID(now)
		var link linkRow
		// The row is held before it is read, so that what is read is the last;
		// and written once: at a second time PostgreSQL would look after the
		// ticket it refers to, and wait for who changes that.
		if err := tx.Clauses(clause.Locking{Strength: forChange}).Where("ticket_id = ?", ticketID).Take(&link).Error; err != nil {
			return err
		}
		beyond := until.Add(max(0, until.Sub(now)) + clockSkew)
		if held := link.LeaseUntil; held != nil && !held.Before(now) && !held.After(beyond) {
			return ErrLinkBusy
		}
		err := tx.Model(&linkRow{}).Where("ticket_id = ?", ticketID).
			Updates(map[string]any{"lease": lease, "lease_until": stamp(until), "attempted": true}).Error
		if err != nil {
			return err
		}
		var t ticketRow
		if err := tx.Where("id = ?", ticketID).Take(&t).Error; err != nil {
			return err
		}
		var rows []deliveryRow
		if err := tx.Where("ticket_id = ? AND state = ?", ticketID, deliveryPending).Order("sequence").Limit(claimBatch).Find(&rows).Error; err != nil {
			return err
		}
		c = Claim{Link: link.domain(), Ticket: t.domain(), lease: lease}
		for _, r := range rows {
			c.Pending = append(c.Pending, Delivery{TicketID: r.TicketID, Sequence: r.Sequence, Kind: DeliveryKind(r.Kind), Data: json.RawMessage(r.Data), Failures: r.Failures, CreatedAt: r.CreatedAt.UTC()})
		}
		return nil
	})
	return c, err
}

// ReviveDelivery makes a change that was given up pending again: its work came
// back from the dead letters.
func (s *Store) ReviveDelivery(ctx context.Context, ticketID string, n int64) error {
	return s.writing(ctx, opLink, func(db *gorm.DB) error {
		return db.Model(&deliveryRow{}).Where("ticket_id = ? AND sequence = ? AND state = ?", ticketID, n, deliveryDead).
			Updates(map[string]any{"state": deliveryPending, "ended_at": nil, "failures": 0}).Error
	})
}

// ReleaseLink lets the copy go. Why is kept with it, for people; "" is that
// all is well.
func (s *Store) ReleaseLink(ctx context.Context, c Claim, why string) error {
	return s.writing(ctx, opLink, func(db *gorm.DB) error {
		return db.Model(&linkRow{}).Where("ticket_id = ? AND lease = ?", c.Link.TicketID, c.lease).
			Updates(map[string]any{"lease": "", "lease_until": nil, "error": why}).Error
	})
}

// errLeaseLost: the worker took longer than it held the copy for; another one
// may have gone on.
var errLeaseLost = fmt.Errorf("%w: the claim has run out", ErrLinkBusy)

// FinishDelivery notes that a change was told. For the first, link says where
// the copy is. The fact that tells of it goes into the outbox; its id is
// returned.
func (s *Store) FinishDelivery(ctx context.Context, c Claim, n int64, link Link) (factID string, err error) {
	err = s.inTx(ctx, opLink, func(tx *gorm.DB) error {
		now := stamp(s.now())
		set := map[string]any{"synced_at": now, "error": "", "external_id": link.ExternalID}
		if link.URL != "" {
			set["url"] = link.URL
		}
		if link.Status != "" { // what the system reported itself, also since the claim, is newer
			set["status"] = gorm.Expr("CASE WHEN changed_at IS NULL THEN ? ELSE status END", link.Status)
		}
		if err := settleDelivery(tx, c, n, deliveryDone, set, now); err != nil {
			return err
		}
		factID = fmt.Sprintf("ticket.synced.%s.%d", c.Link.TicketID, n)
		return s.putSynced(tx, factID, c.Ticket.row(), link.Status, "", schemas.SyncDelivered, now)
	})
	return factID, err
}

// CountFailure notes a try that failed for another reason than an absence.
func (s *Store) CountFailure(ctx context.Context, c Claim, n int64) error {
	return s.writing(ctx, opLink, func(db *gorm.DB) error {
		return db.Model(&deliveryRow{}).Where("ticket_id = ? AND sequence = ?", c.Link.TicketID, n).Update("failures", gorm.Expr("failures + 1")).Error
	})
}

// GiveUpDelivery notes that a change will not be told; those behind it are.
func (s *Store) GiveUpDelivery(ctx context.Context, c Claim, n int64) error {
	return s.inTx(ctx, opLink, func(tx *gorm.DB) error {
		return settleDelivery(tx, c, n, deliveryDead, map[string]any{}, stamp(s.now()))
	})
}

// settleDelivery ends a change while the copy is held. One that came back from
// the dead letters, older than what was told since, does not count back.
func settleDelivery(tx *gorm.DB, c Claim, n int64, state string, set map[string]any, now time.Time) error {
	set["delivered"] = gorm.Expr("CASE WHEN delivered < ? THEN ? ELSE delivered END", n, n)
	res := tx.Model(&linkRow{}).Where("ticket_id = ? AND lease = ?", c.Link.TicketID, c.lease).Updates(set)
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected == 0 {
		return errLeaseLost
	}
	return tx.Model(&deliveryRow{}).Where("ticket_id = ? AND sequence = ?", c.Link.TicketID, n).
		Updates(map[string]any{"state": state, "ended_at": now}).Error
}

// row is what a fact needs of a ticket.
func (t Ticket) row() ticketRow {
	return ticketRow{ID: t.ID, Number: t.Number, IdempotencyKey: t.IdempotencyKey, CallID: t.CallID}
}

func (s *Store) putSynced(tx *gorm.DB, id string, t ticketRow, status, previous string, cause schemas.SyncCause, now time.Time) error {
	var link linkRow
	if err := tx.Where("ticket_id = ?", t.ID).Take(&link).Error; err != nil {
		return err
	}
	if status == "" {
		status = link.Status
	}
	fact := schemas.TicketSynced{
		Tenant: link.Tenant, CallID: t.CallID, IdempotencyKey: t.IdempotencyKey, TicketID: t.ID, Number: t.Number, System: link.System,
		ExternalID: link.ExternalID, URL: link.URL, Status: status, Previous: previous, Cause: cause, SyncedAt: now,
	}
	return putOutbox(tx, id, schemas.SubjectTicketFact(t.CallID, "synced"), t.CallID, fact, now)
}

// LinksOf gives the copies of tickets, by ticket id.
func (s *Store) LinksOf(ctx context.Context, ticketIDs ...string) (map[string]Link, error) {
	var rows []linkRow
	if len(ticketIDs) > MaxPage {
		return nil, fmt.Errorf("%w: over %d tickets", ErrInvalid, MaxPage)
	}
	err := s.reading(ctx, opLinkRead, func(db *gorm.DB) error {
		return db.Where("ticket_id IN ?", ticketIDs).Find(&rows).Error
	})
	out := make(map[string]Link, len(rows))
	for _, r := range rows {
		out[r.TicketID] = r.domain()
	}
	return out, err
}

// addLinks puts the copies to their tickets.
func (s *Store) addLinks(ctx context.Context, tickets []Ticket) error {
	for len(tickets) > 0 {
		page := tickets[:min(len(tickets), MaxPage)]
		tickets = tickets[len(page):]
		ids := make([]string, 0, len(page))
		for _, t := range page {
			ids = append(ids, t.ID)
		}
		links, err := s.LinksOf(ctx, ids...)
		if err != nil {
			return err
		}
		for i := range page {
			if l, ok := links[page[i].ID]; ok {
				page[i].External = &l
			}
		}
	}
	return nil
}
