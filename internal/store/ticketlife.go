package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	// ErrOwnApproval: who works on a ticket, or asked for its approval, does
	// not approve it as well.
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

// active is true of tickets that somebody has, pressing of those that somebody
// here has to do something about. Indexes of the migration hold the same
// words, so that queries with them can use those.
const (
	active   = "status NOT IN ('resolved', 'closed', 'cancelled')"
	pressing = "status NOT IN ('waiting_customer', 'resolved', 'closed', 'cancelled')"
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
// refusal. Errors: ErrNotFound, ErrInvalid, ErrTransition, ErrChanged,
// ErrTaken, ErrOwnApproval, ErrNoApprover.
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

// validLink accepts links that people can follow and nothing else: https, or
// this project's own scheme for what it keeps itself.
func validLink(s string) bool {
	if len(s) > maxAttachmentURL || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Hostname() != ""
	case LinkScheme:
		return u.Opaque != "" || u.Host != "" && u.Path != ""
	}
	return false
}

// LinkScheme begins links to what the installation keeps itself:
// tidegate://recordings/CALL for example.
const LinkScheme = "tidegate"
