package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

const (
	opTicketChange   operation = "ticket_change"
	opTicketLife     operation = "ticket_life"
	opTicketEscalate operation = "ticket_escalate"
)

// Sentinels of a ticket's life.
var (
	// ErrTransition: no such step leads from the status the ticket has; a
	// TransitionError names both.
	ErrTransition = errors.New("illegal transition")
	// ErrChanged: the ticket has another version than the change is based on.
	ErrChanged = errors.New("changed meanwhile")
	// ErrTaken: somebody else has the ticket.
	ErrTaken = errors.New("taken by somebody else")
	// ErrOwnApproval: who asked for a ticket's approval, or had the ticket then
	// or since, does not approve it as well.
	ErrOwnApproval = errors.New("approval has to come from somebody else")
	// ErrFull: the ticket has as many comments or attachments as it can.
	ErrFull = errors.New("no room for more")
	// ErrNoApprover: the ticket waits for an approval, and who moves it has no
	// right to give one.
	ErrNoApprover = errors.New("no right to approve")
)

// TransitionError is a step that a ticket cannot take.
type TransitionError struct{ From, To TicketStatus }

func (e *TransitionError) Error() string {
	return fmt.Sprintf("illegal transition from %s to %s", e.From, e.To)
}

// Is makes it an ErrTransition.
func (e *TransitionError) Is(target error) bool { return target == ErrTransition }

// transitions say where each status leads.
var transitions = map[TicketStatus][]TicketStatus{
	schemas.StatusOpen:            {schemas.StatusAssigned, schemas.StatusInProgress, schemas.StatusWaitingCustomer, schemas.StatusWaitingApproval, schemas.StatusResolved, schemas.StatusCancelled},
	schemas.StatusAssigned:        {schemas.StatusOpen, schemas.StatusInProgress, schemas.StatusWaitingCustomer, schemas.StatusWaitingApproval, schemas.StatusResolved, schemas.StatusCancelled},
	schemas.StatusInProgress:      {schemas.StatusOpen, schemas.StatusAssigned, schemas.StatusWaitingCustomer, schemas.StatusWaitingApproval, schemas.StatusResolved, schemas.StatusCancelled},
	schemas.StatusWaitingCustomer: {schemas.StatusAssigned, schemas.StatusInProgress, schemas.StatusWaitingApproval, schemas.StatusResolved, schemas.StatusCancelled},
	schemas.StatusWaitingApproval: {schemas.StatusOpen, schemas.StatusAssigned, schemas.StatusInProgress, schemas.StatusCancelled},
	schemas.StatusResolved:        {schemas.StatusClosed, schemas.StatusReopened},
	schemas.StatusClosed:          {schemas.StatusReopened},
	schemas.StatusReopened:        {schemas.StatusAssigned, schemas.StatusInProgress, schemas.StatusWaitingCustomer, schemas.StatusWaitingApproval, schemas.StatusResolved, schemas.StatusCancelled},
	schemas.StatusCancelled:       {},
}

// NextStatuses are those that a status leads to.
func NextStatuses(from TicketStatus) []TicketStatus { return slices.Clone(transitions[from]) }

// endedStatuses are those in which a ticket is over, until it is reopened:
// nobody has it, and its retention counts from then. endedWords are the same in
// the databases' words.
var endedStatuses = []TicketStatus{schemas.StatusResolved, schemas.StatusClosed, schemas.StatusCancelled}

const endedWords = "'resolved', 'closed', 'cancelled'"

// active is true of tickets that somebody has, pressing of those that somebody
// here has to do something about. Indexes of the migration hold the same
// words, so that queries with them can use those.
const (
	active   = "status NOT IN (" + endedWords + ")"
	pressing = "status NOT IN ('waiting_customer', " + endedWords + ")"
)

// Approval says whether somebody else has to agree to what a ticket asks for.
type Approval string

// What an approval can be.
const (
	ApprovalNone     Approval = ""
	ApprovalNeeded   Approval = "needed"
	ApprovalGiven    Approval = "given"
	ApprovalRefused  Approval = "refused"
	maxWho                    = 64
	maxWhy                    = 500
	maxCommentText            = 4000
	maxAttachmentURL          = 500
	maxTitle                  = 100
	// maxAttachments and maxComments bound what a ticket can gather.
	maxAttachments = 50
	maxComments    = 1000
)

// TicketChange is what somebody does to a ticket. Nil fields stay. Version is
// that of the ticket the change is based on; 0 asks for none.
type TicketChange struct {
	By      string // a person's name
	Why     string
	Version int64
	// Take: only when nobody else has the ticket.
	Take bool
	// NoApprover: whoever does it may neither give nor refuse an approval.
	NoApprover bool
	Status     *TicketStatus
	Assignee   *string // "" gives it back to the group
	Group      *schemas.Group
	Priority   *schemas.Priority
	DueAt      *time.Time // the zero time is none
	// Rules say who of another Group gets the ticket and when DueAt is near;
	// without them nobody gets it, and no due time is near before it is over.
	Rules Rules
}

var whoPattern = regexp.MustCompile(`^[\p{L}\p{N}._@:-]{1,64}$`)

// ValidWho says whether a name can stand for a person: letters, digits and
// ._@:- only, 64 characters at most.
func ValidWho(s string) bool { return whoPattern.MatchString(s) }

func badText(s string, limit int) bool {
	return utf8.RuneCountInString(s) > limit || !utf8.ValidString(s) ||
		strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func (c TicketChange) validate() error {
	var errs []error
	bad := func(field string) { errs = append(errs, fmt.Errorf("%w: %s", ErrInvalid, field)) }
	if !ValidWho(c.By) {
		bad("by")
	}
	if badText(c.Why, maxWhy) {
		bad("why")
	}
	if c.Status != nil && transitions[*c.Status] == nil {
		bad("status")
	}
	if c.Assignee != nil && *c.Assignee != "" && !ValidWho(*c.Assignee) {
		bad("assignee")
	}
	if c.Group != nil && !slices.Contains(schemas.Groups(), *c.Group) {
		bad("group")
	}
	if c.Priority != nil && !slices.Contains(schemas.Priorities(), *c.Priority) {
		bad("priority")
	}
	if c.Status == nil && c.Assignee == nil && c.Group == nil && c.Priority == nil && c.DueAt == nil {
		bad("nothing is to change")
	}
	return errors.Join(errs...)
}

// Changed is a ticket after a change, and the ids of what waits in the outbox
// because of it: the fact that tells of it, and the work for the ticket's copy
// if it has one; none when nothing was different.
type Changed struct {
	Ticket Ticket
	Facts  []string
}

// ChangeTicket changes a ticket, notes who did what, from what, to what, when
// and why, and puts the fact ticket.changed into the outbox: all of it in one
// transaction. What the ticket already is, is no change.
//
// Assigning an open or reopened ticket makes it assigned; taking it back makes
// it open. Leaving waiting_approval is the approval, cancelling there its
// refusal. In another group, whoever has the ticket keeps it only when they are
// there as well (see Rules), unless the change says itself who gets it. A new
// due time begins the escalation anew. Errors: ErrNotFound, ErrInvalid,
// ErrTransition, ErrChanged, ErrTaken, ErrOwnApproval, ErrNoApprover, ErrEnded.
func (s *Store) ChangeTicket(ctx context.Context, id string, c TicketChange) (Changed, error) {
	if err := c.validate(); err != nil {
		return Changed{}, err
	}
	return s.changing(ctx, opTicketChange, id, c.Version, func(e *ticketEdit) error { return e.apply(c) })
}

// TakeTicket gives a ticket that nobody has to a person.
func (s *Store) TakeTicket(ctx context.Context, id, who string, version int64) (Changed, error) {
	return s.ChangeTicket(ctx, id, TicketChange{By: who, Version: version, Take: true, Assignee: &who})
}

// forChange is how a ticket's row is held by who changes it: rows that refer to
// it (its history, its copy) may be written meanwhile, since its id stays.
// Whoever holds it may wait for the row of its copy, never the other way round.
const forChange = "NO KEY UPDATE"

// changing holds a ticket's row, lets edit change it and writes what is
// different, with its history and its fact.
func (s *Store) changing(ctx context.Context, op operation, id string, version int64, edit func(*ticketEdit) error) (out Changed, err error) {
	err = s.inTx(ctx, op, func(tx *gorm.DB) error {
		var row ticketRow
		// SQLite has one writer, and its dialect leaves the lock out.
		if err := tx.Clauses(clause.Locking{Strength: forChange}).Where("id = ?", id).Take(&row).Error; err != nil {
			return err
		}
		if version != 0 && version != row.Version {
			return ErrChanged
		}
		e := &ticketEdit{tx: tx, was: row, row: row, now: stamp(s.now())}
		if err := edit(e); err != nil {
			return err
		}
		if err := e.save(); err != nil {
			return err
		}
		out = Changed{Ticket: e.row.domain(), Facts: e.facts}
		return nil
	})
	if err != nil {
		return Changed{}, err
	}
	return out, nil
}

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
	if err := c.ended(e.status()); err != nil {
		return err
	}
	if c.Group != nil && c.Assignee != nil {
		e.row.Team = string(*c.Group)
	} else if c.Group != nil && string(*c.Group) != e.row.Team {
		if err := e.regroup(*c.Group, c.Rules, c.Status == nil); err != nil {
			return err
		}
	}
	if c.Priority != nil {
		e.row.Priority = string(*c.Priority)
	}
	if c.DueAt != nil {
		e.setDue(*c.DueAt, c.Rules)
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

func ended(s TicketStatus) bool { return slices.Contains(endedStatuses, s) }

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
	e.row.EndedAt = nil
	if ended(to) {
		e.row.EndedAt = &e.now
	}
	e.stop(to)
	return nil
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
		"idle_since": e.row.IdleSince, "ended_at": e.row.EndedAt,
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
