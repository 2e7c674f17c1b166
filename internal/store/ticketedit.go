package store

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// ticketEdit is one change of one ticket, inside its transaction.
type ticketEdit struct {
	tx      *gorm.DB
	was     ticketRow
	row     ticketRow
	now     time.Time
	by, why string
	comment string
	extra   []schemas.FieldChange // comments and attachments
	facts   []string
	// fromCopy: another ticket system says so, which is not told back.
	fromCopy bool
	// noApprover: see TicketChange.
	noApprover bool
}

func (e *ticketEdit) status() TicketStatus { return TicketStatus(e.row.Status) }

func (e *ticketEdit) apply(c TicketChange) error {
	e.by, e.why, e.noApprover = c.By, c.Why, c.NoApprover
	if c.Take && e.row.Assignee != "" && e.row.Assignee != c.By {
		return ErrTaken
	}
	if c.Group != nil {
		e.row.Team = string(*c.Group)
	}
	if c.Priority != nil {
		e.row.Priority = string(*c.Priority)
	}
	if c.DueAt != nil {
		e.setDue(*c.DueAt)
	}
	if c.Assignee != nil {
		if err := e.assign(*c.Assignee, c.Status == nil); err != nil {
			return err
		}
	}
	if c.Status == nil {
		return nil
	}
	return e.move(*c.Status)
}

// setDue begins the escalation anew.
func (e *ticketEdit) setDue(at time.Time) {
	e.row.DueAt = stampPtr(&at)
	e.row.EscalateAt = e.row.DueAt
	e.row.Escalated = levelNone
}

// assign gives the ticket to who; a status that says otherwise follows, when
// the change does not give one itself.
func (e *ticketEdit) assign(who string, follow bool) error {
	if ended(e.status()) {
		return &TransitionError{From: e.status(), To: schemas.StatusAssigned}
	}
	e.row.Assignee = who
	if !follow {
		return nil
	}
	switch st := e.status(); {
	case who != "" && (st == schemas.StatusOpen || st == schemas.StatusReopened):
		e.row.Status = string(schemas.StatusAssigned)
	case who == "" && (st == schemas.StatusAssigned || st == schemas.StatusInProgress):
		e.row.Status = string(schemas.StatusOpen)
	}
	return nil
}

func ended(s TicketStatus) bool {
	return s == schemas.StatusResolved || s == schemas.StatusClosed || s == schemas.StatusCancelled
}

func (e *ticketEdit) move(to TicketStatus) error {
	from := e.status()
	if from == to {
		return nil
	}
	if !slices.Contains(transitions[from], to) {
		return &TransitionError{From: from, To: to}
	}
	switch {
	case from == schemas.StatusWaitingApproval:
		if err := e.mayApprove(); err != nil {
			return err
		}
		e.row.Approval = string(ApprovalGiven)
		if to == schemas.StatusCancelled {
			e.row.Approval = string(ApprovalRefused)
		}
	case to == schemas.StatusWaitingApproval:
		e.row.Approval = string(ApprovalNeeded)
	}
	switch {
	case to == schemas.StatusOpen:
		e.row.Assignee = ""
	case to == schemas.StatusAssigned && e.row.Assignee == "":
		return fmt.Errorf("%w: assignee: an assigned ticket has one", ErrInvalid)
	case to == schemas.StatusInProgress && e.row.Assignee == "" && !e.fromCopy:
		e.row.Assignee = e.by
	}
	e.row.Status = string(to)
	e.stop(to)
	return nil
}

// mayApprove: an approval comes from somebody who has the right to give one,
// who does not work on the ticket and has not asked for it.
func (e *ticketEdit) mayApprove() error {
	if e.noApprover {
		return ErrNoApprover
	}
	if e.by == e.was.Assignee {
		return ErrOwnApproval
	}
	var asked []ticketHistoryRow
	err := e.tx.Where("ticket_id = ? AND field = ? AND target = ?", e.row.ID, "status", string(schemas.StatusWaitingApproval)).
		Order("version DESC").Limit(1).Find(&asked).Error
	if err == nil && len(asked) > 0 && asked[0].Who == e.by {
		return ErrOwnApproval
	}
	return err
}

// stop lets the due time stand still while nobody here has to do anything:
// it moves by what has passed until somebody has to again.
func (e *ticketEdit) stop(to TicketStatus) {
	switch {
	case idle(to) && e.row.IdleSince == nil:
		e.row.IdleSince = &e.now
	case !idle(to) && e.row.IdleSince != nil:
		passed := max(0, e.now.Sub(*e.row.IdleSince))
		for _, at := range []**time.Time{&e.row.DueAt, &e.row.EscalateAt} {
			if *at != nil {
				later := stamp((*at).Add(passed))
				*at = &later
			}
		}
		e.row.IdleSince = nil
	}
}

// idle are the statuses in which a due time stands still. A ticket can come
// back from each of them.
func idle(s TicketStatus) bool {
	return s == schemas.StatusWaitingCustomer || s == schemas.StatusResolved || s == schemas.StatusClosed
}

// differences are the fields that are different now.
func (e *ticketEdit) differences() []schemas.FieldChange {
	var out []schemas.FieldChange
	add := func(field, from, to string) {
		if from != to {
			out = append(out, schemas.FieldChange{Field: field, From: from, To: to})
		}
	}
	add("status", e.was.Status, e.row.Status)
	add("assignee", e.was.Assignee, e.row.Assignee)
	add("group", e.was.Team, e.row.Team)
	add("priority", e.was.Priority, e.row.Priority)
	add("due", timeText(e.was.DueAt), timeText(e.row.DueAt))
	add("approval", e.was.Approval, e.row.Approval)
	return append(out, e.extra...)
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// save writes what is different: the ticket under its old version, its
// history, the fact, and the work for its copy.
func (e *ticketEdit) save() error {
	changes := e.differences()
	if len(changes) == 0 {
		return nil
	}
	e.row.Version = e.was.Version + 1
	res := e.tx.Model(&ticketRow{}).Where("id = ? AND version = ?", e.was.ID, e.was.Version).UpdateColumns(map[string]any{
		"version": e.row.Version, "status": e.row.Status, "team": e.row.Team, "assignee": e.row.Assignee, "priority": e.row.Priority,
		"due_at": e.row.DueAt, "escalate_at": e.row.EscalateAt, "escalated": e.row.Escalated, "approval": e.row.Approval,
		"idle_since": e.row.IdleSince,
	})
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected != 1 {
		return ErrChanged
	}
	if err := putHistory(e.tx, e.row, changes, e.by, e.why, e.now); err != nil {
		return err
	}
	fact := schemas.TicketChanged{
		Tenant: e.row.Tenant, CallID: e.row.CallID, IdempotencyKey: e.row.IdempotencyKey, TicketID: e.row.ID, Number: e.row.Number,
		Version: e.row.Version, By: e.by, Why: e.why, Changes: changes, Status: TicketStatus(e.row.Status), Group: schemas.Group(e.row.Team),
		Assignee: e.row.Assignee, Priority: schemas.Priority(e.row.Priority), DueAt: stampPtr(e.row.DueAt), Comment: e.comment, ChangedAt: e.now,
	}
	if err := e.tell(ChangeID(e.row.ID, e.row.Version), "changed", fact); err != nil {
		return err
	}
	return e.deliver(changes)
}

// ChangeID is the message id of the fact that tells of a ticket's version.
func ChangeID(ticketID string, version int64) string {
	return fmt.Sprintf("ticket.changed.%s.%d", ticketID, version)
}

func (e *ticketEdit) tell(id, event string, fact any) error {
	e.facts = append(e.facts, id)
	return putOutbox(e.tx, id, schemas.SubjectTicketFact(e.row.CallID, event), e.row.CallID, fact, e.now)
}
