package ticket

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// System is a ticket system that gets copies of a tenant's tickets. Our
// database stays the source: what a System is told was committed before, and
// is told again until it is known to be there. Every method returns within
// ctx and is safe for concurrent use. Errors are these:
//
//	ErrUnsupported        the connector cannot do this, whatever is asked
//	store.ErrInvalid      the system will never take this: no further try helps
//	store.ErrUnavailable  the system is away or overloaded: worth another try
//	ErrDenied             it does not let us in: worth another try after people
//	                      have seen to the credentials
//	ErrGarbled            what it answers is not understood
type System interface {
	// Create makes the copy. A worker that does not know whether an earlier
	// try arrived asks Find first; a system that cannot be searched has to
	// take the ticket's key as an idempotency key instead.
	Create(ctx context.Context, t Ticket) (External, error)
	// Update brings fields of the copy to what ours are. Doing it twice does
	// no harm.
	Update(ctx context.Context, e External, c Change) error
	// Comment adds to the copy, under the comment's id where the system has
	// idempotency keys.
	Comment(ctx context.Context, e External, c Comment) error
	// Find looks for the copy of the ticket with this key; false when there is
	// none.
	Find(ctx context.Context, key string) (External, bool, error)
	// Changes lists what people changed in the system at or after a time,
	// oldest first, and why others of what it lists cannot be used. What was
	// told before may be told again.
	Changes(ctx context.Context, since time.Time) (changes []ExternalChange, refused []*FieldError, err error)
	// Ready is nil while the system answers and lets us in.
	Ready(ctx context.Context) error
}

// Receiver is a System that also sends what changed. Receive checks the
// signature and reads the message: the changes in it that can be used, and why
// the others cannot. Its error is ErrSignature, ErrUnsupported (this system
// sends nothing) or, when there is nothing to be used, a *FieldError.
type Receiver interface {
	Receive(header http.Header, body []byte) (changes []ExternalChange, refused []*FieldError, err error)
}

// Sentinels of ticket systems, beside those of the store.
var (
	ErrUnsupported = errors.New("not supported by this ticket system")
	ErrDenied      = errors.New("the ticket system does not let us in")
	ErrGarbled     = errors.New("the ticket system's answer is not understood")
	ErrSignature   = errors.New("the signature is not right")
)

// FieldError names the field of a message that is wrong, and why.
type FieldError struct{ Field, Detail string }

// Error is FIELD: DETAIL.
func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

// Ticket is what a ticket system is told of a ticket. Every field is there
// for templates, empty or null where nothing is known.
type Ticket struct {
	Key           string    `json:"key"` // the same for ever, and no other ticket's
	Number        string    `json:"number"`
	Tenant        string    `json:"tenant"`
	CallID        string    `json:"call_id"`
	Kind          string    `json:"kind"`
	Group         string    `json:"group"`
	Status        string    `json:"status"`
	Assignee      string    `json:"assignee"`
	Priority      string    `json:"priority"`
	Due           time.Time `json:"due"`
	OrderNumber   string    `json:"order_number"`
	OrderVerified bool      `json:"order_verified"`
	OrderLine     string    `json:"order_line"`
	Reason        string    `json:"reason"`
	ReasonText    string    `json:"reason_text"`
	Received      *bool     `json:"received"`
	Contact       string    `json:"contact"`
	Summary       string    `json:"summary"`
	TranscriptURL string    `json:"transcript_url"`
	Pickup        *Pickup   `json:"pickup"`
	RequestedAt   time.Time `json:"requested_at"`
	OpenedAt      time.Time `json:"opened_at"`
}

// Pickup is when and where a courier calls.
type Pickup struct {
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Address string    `json:"address"`
}

// Told is what systems are told of a stored ticket.
func Told(t store.Ticket, tenant string) Ticket {
	out := Ticket{
		Key: t.ID, Number: t.Number, Tenant: tenant, CallID: t.CallID, Kind: string(t.Kind), Group: string(t.Group), Status: string(t.Status),
		OrderNumber: t.OrderNumber, OrderVerified: t.OrderVerified, OrderLine: t.OrderLine, Reason: t.Reason, ReasonText: t.ReasonText,
		Received: t.Received, Contact: t.Contact, Summary: t.Summary, TranscriptURL: t.TranscriptURL, RequestedAt: t.RequestedAt, OpenedAt: t.OpenedAt,
		Assignee: t.Assignee, Priority: string(t.Priority),
	}
	if t.DueAt != nil {
		out.Due = *t.DueAt
	}
	if p := t.Pickup; p != nil {
		out.Pickup = &Pickup{From: p.From, Until: p.Until, Address: p.Address}
	}
	return out
}

// External is where a copy is.
type External struct {
	ID     string `json:"id"`
	URL    string `json:"url"`    // for people; may be empty
	Status string `json:"status"` // the system's own word; may be empty
	Key    string `json:"key"`    // the ticket's, as in Ticket
}

// Change is what is new of a ticket. Empty fields did not change.
type Change struct {
	ID         string    `json:"id"` // the same for every repeat
	Status     string    `json:"status"`
	Group      string    `json:"group"`
	Assignee   string    `json:"assignee"`
	Unassigned bool      `json:"unassigned"` // nobody has it any more
	Priority   string    `json:"priority"`
	Due        time.Time `json:"due"`
	NoDue      bool      `json:"no_due"` // it has to be done by no time any more
	At         time.Time `json:"at"`
}

// Comment is something said about a ticket.
type Comment struct {
	ID     string    `json:"id"` // the same for every repeat
	Author string    `json:"author"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// ExternalChange is what somebody changed in the other system.
type ExternalChange struct {
	ID         string // the same for every repeat
	ExternalID string
	Key        string // the ticket's, when the system gives it back; may be empty
	Status     string
	Moves      string // the status of ours that the word leads to; "" for none
	// Means are the statuses of ours that the system is told by this word: in
	// one of these, our ticket has nothing to learn from it.
	Means    []string
	URL      string
	At       time.Time
	Sequence int64 // counts the copy's changes; 0 when the system has no such thing
}

// Meaning finds the statuses of ours that a word stands for, where theirs
// gives the word for each.
func Meaning(word string, theirs func(status string) string) []string {
	var out []string
	for _, s := range schemas.TicketStatuses() {
		if theirs(string(s)) == word {
			out = append(out, string(s))
		}
	}
	return out
}

// CheckMoves names the entries of a connection's moves that lead to no status
// of ours.
func CheckMoves(moves map[string]string) error {
	var errs []error
	for _, word := range slices.Sorted(maps.Keys(moves)) {
		if to := schemas.TicketStatus(moves[word]); !slices.Contains(schemas.TicketStatuses(), to) {
			errs = append(errs, fmt.Errorf("moves.%s: %.40q is no status of ours; there are %s", word, to, statusList()))
		}
	}
	return errors.Join(errs...)
}

func statusList() string {
	var out []string
	for _, s := range schemas.TicketStatuses() {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}

// Sample is a ticket of nobody, for trying a connection.
func Sample(now time.Time) Ticket {
	received, day := true, now.UTC().Truncate(24*time.Hour)
	return Ticket{
		Key: schemas.NewID(now), Number: "52013148", CallID: "sample-call", Kind: string(schemas.KindReturn), Group: string(schemas.GroupAfterSales),
		Status: string(store.TicketStatusOpen), Priority: string(schemas.PriorityNormal), Due: day.Add(50 * time.Hour), OrderNumber: "20261112003378", OrderVerified: true, OrderLine: "1", Reason: "wrong_size",
		ReasonText: "尺码不合适 \"too large\"", Received: &received, Contact: "13800138001", Summary: "退羽绒服一件 {sample}",
		TranscriptURL: "https://tidegate.example/calls/sample-call",
		Pickup:        &Pickup{From: day.Add(26 * time.Hour), Until: day.Add(28 * time.Hour), Address: "上海市黄浦区中山路128号"},
		RequestedAt:   now.UTC().Truncate(time.Second), OpenedAt: now.UTC().Truncate(time.Second),
	}
}
