package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// TicketFilter narrows a list of tickets; zero fields do not. Since is
// inclusive, Until exclusive, both of OpenedAt. Text is words that all have
// to be in the summary, the reason or the comments (see ValidSearch).
type TicketFilter struct {
	CallID      string
	OrderNumber string
	Number      string
	Group       schemas.Group
	Kind        schemas.RequestKind
	Status      TicketStatus
	Reason      string
	Since       time.Time
	Until       time.Time
	Text        string
	Tenant      string // schemas.DefaultTenant is that of no name
	Assignee    string
	Priority    schemas.Priority
	Approval    Approval
	// DueBefore keeps what somebody here has to work on and what is due before
	// a time.
	DueBefore time.Time
}

func (s *Store) ticketQuery(db *gorm.DB, f TicketFilter) *gorm.DB {
	tx := equals(db.Model(&ticketRow{}), map[string]string{
		"call_id": f.CallID, "order_number": f.OrderNumber, "number": f.Number, "team": string(f.Group),
		"kind": string(f.Kind), "status": string(f.Status), "reason": f.Reason,
		"assignee": f.Assignee, "priority": string(f.Priority), "approval": string(f.Approval),
	})
	// Indexes of a part of all tickets are found by the words of their part;
	// other words than those of tickets_assignee, which SQLite is to take for
	// what people work on.
	if f.Assignee != "" {
		tx = tx.Where("assignee > ''")
	}
	if f.Approval == ApprovalNeeded {
		tx = tx.Where("approval = 'needed'")
	}
	switch f.Tenant {
	case "":
	case schemas.DefaultTenant:
		tx = tx.Where("tenant IN ('', 'default')")
	default:
		tx = tx.Where("tenant NOT IN ('', 'default') AND tenant = ?", f.Tenant)
	}
	if !f.DueBefore.IsZero() {
		tx = tx.Where("due_at IS NOT NULL AND "+pressing).Where("due_at < ?", stamp(f.DueBefore))
	}
	if f.Text != "" {
		tx = s.matching(tx, f.Text)
	}
	return during(tx, "opened_at", f.Since, f.Until)
}

// Tickets lists tickets, newest first, limit of them after the cursor. The
// second result is the cursor of the next page, or "".
func (s *Store) Tickets(ctx context.Context, f TicketFilter, limit int, after Cursor) ([]Ticket, Cursor, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return nil, "", err
	}
	return s.listTickets(ctx, opTicketsList, f, limit, after)
}

func (s *Store) listTickets(ctx context.Context, op operation, f TicketFilter, limit int, after Cursor) ([]Ticket, Cursor, error) {
	if f.Text != "" {
		if err := ValidSearch(f.Text); err != nil {
			return nil, "", err
		}
	}
	var rows []ticketRow
	err := s.reading(ctx, op, func(db *gorm.DB) error {
		tx, err := page(s.ticketQuery(db, f), "opened_at", after)
		if err != nil {
			return err
		}
		return tx.Limit(limit + 1).Find(&rows).Error
	})
	if err != nil {
		return nil, "", err
	}
	var next Cursor
	if len(rows) > limit {
		rows = rows[:limit]
		next = newCursor(rows[limit-1].OpenedAt, rows[limit-1].ID)
	}
	out := make([]Ticket, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out, next, s.addLinks(ctx, out)
}

// exportBatch is how many tickets of an export are in memory at a time.
const exportBatch = 500

// ExportTickets gives fn every ticket that fits, newest first, some hundred
// at a time. No transaction stays open between: each batch begins where the
// one before ended, and limit bounds the time of one. An error of fn ends it.
func (s *Store) ExportTickets(ctx context.Context, f TicketFilter, limit time.Duration, fn func([]Ticket) error) error {
	for after := Cursor(""); ; {
		one, cancel := context.WithTimeout(ctx, limit)
		list, next, err := s.listTickets(one, opTicketExport, f, exportBatch, after)
		cancel()
		if err != nil {
			return err
		}
		if err := fn(list); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// Ticket finds a ticket by its id; ErrNotFound when there is none.
func (s *Store) Ticket(ctx context.Context, id string) (Ticket, error) {
	var row ticketRow
	err := s.reading(ctx, opTicketsList, func(db *gorm.DB) error { return db.Where("id = ?", id).Take(&row).Error })
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket: %w", err)
	}
	one := []Ticket{row.domain()}
	err = s.addLinks(ctx, one)
	return one[0], err
}
