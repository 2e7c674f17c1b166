package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// ErrEnded: the ticket is over, and what is to change counts only while
// somebody works on it.
var ErrEnded = errors.New("the ticket is over")

// Rules are those of dispatch, asked about a ticket that is there already.
// They are asked inside a transaction, and so have no I/O.
type Rules interface {
	// Regroup says who of the ticket's group may have it at now.
	Regroup(t Ticket, now time.Time) Regroup
	// Warn is when a due time of the ticket counts as near; the zero time when
	// it never does, or already would at now.
	Warn(t Ticket, due, now time.Time) time.Time
}

// Regroup is how a group takes a ticket that comes from another one.
type Regroup struct {
	// Members keep a ticket that they have; anybody else's is placed anew.
	Members    []string
	Assign     AssignPolicy
	Candidates []Candidate // in order
}

// ended refuses what nobody works by any more: a ticket that is over has no
// group that it waits for, no urgency and no due time, until it is reopened.
func (c TicketChange) ended(now TicketStatus) error {
	if c.Group == nil && c.Priority == nil && c.DueAt == nil || !ended(now) || c.Status != nil && !ended(*c.Status) {
		return nil
	}
	return fmt.Errorf("%w: it is %s", ErrEnded, now)
}

// regroup moves the ticket to another group. Who has it keeps it only as one of
// that group's people. Otherwise it goes to whom the group's rule gives it, or
// back to the group; it is not in progress with somebody who has not begun.
func (e *ticketEdit) regroup(to schemas.Group, rules Rules, follow bool) error {
	e.row.Team = string(to)
	var how Regroup
	if rules != nil {
		how = rules.Regroup(e.row.domain(), e.now)
	}
	if e.row.Assignee != "" && slices.Contains(how.Members, e.row.Assignee) {
		return nil
	}
	who, err := Placement{Group: to, Assign: how.Assign, Candidates: how.Candidates}.pick(e.tx)
	if err != nil {
		return err
	}
	if !follow { // the change says itself where the ticket goes
		e.row.Assignee = who
		return nil
	}
	if who != "" && e.status() == schemas.StatusInProgress {
		e.row.Status = string(schemas.StatusAssigned)
	}
	return e.assign(who, true)
}
