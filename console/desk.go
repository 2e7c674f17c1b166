package console

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// Desk changes tickets as people work on them. Every method that writes does
// so in one transaction through the store, under the context it is given: the
// audit entry in it (store.Audited) and the fact in the outbox are committed
// with the change, or none of them.
//
// Version is that of the ticket that the change is based on; 0 asks for none.
type Desk interface {
	// History is what happened to a ticket, the oldest first.
	History(ctx context.Context, ticketID string) (History, error)
	// Transition moves a ticket to a status; ErrIllegal when none leads there.
	Transition(ctx context.Context, ticketID string, version int64, to store.TicketStatus, note, actor string) error
	// Assign gives a ticket to a person; "" takes it back.
	Assign(ctx context.Context, ticketID string, version int64, assignee, actor string) error
	Comment(ctx context.Context, ticketID string, version int64, text, actor string) error
}

// Errors of a Desk besides those of the store.
var (
	// ErrIllegal: the ticket cannot do this from where it stands.
	ErrIllegal = errors.New("illegal transition")
	// ErrChanged: the ticket has another version by now.
	ErrChanged = errors.New("changed meanwhile")
)

// History is the life of a ticket until now. Version grows with each change;
// Next are the statuses it can go to.
type History struct {
	Version  int64
	Assignee string
	Next     []store.TicketStatus
	Changes  []Change
	Comments []TicketComment
}

// Change is one change of one field of a ticket.
type Change struct {
	At    time.Time
	Actor string
	Field string
	From  string
	To    string
	Note  string
}

// TicketComment is what somebody wrote about a ticket.
type TicketComment struct {
	At    time.Time
	Actor string
	Text  string
}

// Bounds of what is written, in characters.
const (
	maxNote     = 500
	maxComment  = 4000
	maxAssignee = 64
)

var (
	statusPattern   = regexp.MustCompile(`^[a-z_]{1,32}$`)
	assigneePattern = regexp.MustCompile(`^[\p{L}\p{N}._@-]{0,64}$`)
	etagPattern     = regexp.MustCompile(`^"([1-9][0-9]{0,17})"$`)
)

// etag is a ticket's version as an entity tag (RFC 9110, 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch reads the version that a change is based on.
func ifMatch(r *http.Request) (version int64, given bool, err error) {
	v := strings.TrimSpace(r.Header.Get("If-Match"))
	if v == "" {
		return 0, false, nil
	}
	m := etagPattern.FindStringSubmatch(v)
	if m == nil {
		return 0, true, &queryError{[]fieldError{{Field: "If-Match", Detail: `is no ETag of a ticket, like "3"`}}}
	}
	version, err = strconv.ParseInt(m[1], 10, 64)
	return version, true, err
}

func (s *Service) showTicket(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err == nil {
		err = newQuery(r.URL.RawQuery).end()
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	s.answerTicket(ctx, w, r, id)
}

// answerTicket shows a ticket with its history, as it is now.
func (s *Service) answerTicket(ctx context.Context, w http.ResponseWriter, r *http.Request, id string) {
	p := asker(r)
	personal := p.may(ScopePersonal)
	t, err := s.records.Ticket(ctx, id)
	var h History
	if err == nil && s.desk != nil {
		h, err = s.desk.History(ctx, id)
	}
	if err == nil && personal {
		err = s.auditReading(ctx, p, ActionTicketRead, id)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if h.Version > 0 {
		w.Header().Set("ETag", etag(h.Version))
	}
	writeJSON(w, viewTicketDetail(t, h, personal))
}

func pathID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !idPattern.MatchString(id) {
		return "", &queryError{[]fieldError{{Field: "id", Detail: "does not match " + idPattern.String()}}}
	}
	return id, nil
}

// write is what the writing routes have in common: everything wrong is named
// before anything is written, and a change of what somebody has seen says
// which version that was.
func (s *Service) write(w http.ResponseWriter, r *http.Request, action string, versioned bool, read func(*body) map[string]string, do func(ctx context.Context, id string, version int64) error) {
	id, err := pathID(r)
	if err == nil {
		err = newQuery(r.URL.RawQuery).end()
	}
	var version int64
	var given bool
	if err == nil {
		version, given, err = ifMatch(r)
	}
	if err == nil && versioned && !given {
		writeProblem(w, problem{Status: http.StatusPreconditionRequired, Kind: kindNoVersion, Detail: "Say in If-Match which version this is based on: the ETag of the ticket.", Errors: []fieldError{{"If-Match", "is missing"}}})
		return
	}
	var b *body
	if err == nil {
		b, err = readBody(w, r)
	}
	var details map[string]string
	if err == nil {
		details = read(b)
		err = b.end()
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	if s.desk == nil {
		writeProblem(w, problem{Status: http.StatusServiceUnavailable, Kind: kindUnavailable, Detail: "This console only reads."})
		return
	}
	if err := do(s.audited(ctx, asker(r), action, id, details), id, version); err != nil {
		s.failWrite(w, r, err)
		return
	}
	s.answerTicket(ctx, w, r, id)
}

func (s *Service) failWrite(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrIllegal):
		writeProblem(w, problem{Status: http.StatusConflict, Kind: kindTransition, Detail: "The ticket cannot go there from where it stands; next in its details lists where it can.", Errors: []fieldError{{"to", "is no status to go to from here"}}})
	case errors.Is(err, ErrChanged):
		writeProblem(w, problem{Status: http.StatusPreconditionFailed, Kind: kindChanged, Detail: "The ticket was changed meanwhile; read it again.", Errors: []fieldError{{"If-Match", "is not the version of the ticket"}}})
	default:
		s.fail(w, r, err)
	}
}

func (s *Service) transitionTicket(w http.ResponseWriter, r *http.Request) {
	var to, note string
	s.write(w, r, ActionTransition, true, func(b *body) map[string]string {
		to, note = b.text("to", 1, 32), b.text("note", 0, maxNote)
		if to != "" && !statusPattern.MatchString(to) {
			b.bad("to", "does not match "+statusPattern.String())
		}
		return map[string]string{"to": to}
	}, func(ctx context.Context, id string, version int64) error {
		return s.desk.Transition(ctx, id, version, store.TicketStatus(to), note, asker(r).actor)
	})
}

func (s *Service) assignTicket(w http.ResponseWriter, r *http.Request) {
	var assignee string
	s.write(w, r, ActionAssign, true, func(b *body) map[string]string {
		assignee = b.text("assignee", 0, maxAssignee)
		if _, there := b.members["assignee"]; !there {
			b.bad("assignee", "is missing")
		} else if !assigneePattern.MatchString(assignee) {
			b.bad("assignee", "does not match "+assigneePattern.String())
		}
		return map[string]string{"assigned": strconv.FormatBool(assignee != "")}
	}, func(ctx context.Context, id string, version int64) error {
		return s.desk.Assign(ctx, id, version, assignee, asker(r).actor)
	})
}

// A comment changes nothing that somebody else could have seen otherwise, so
// that it needs no version.
func (s *Service) commentTicket(w http.ResponseWriter, r *http.Request) {
	var text string
	s.write(w, r, ActionComment, false, func(b *body) map[string]string {
		text = b.text("text", 1, maxComment)
		if text != "" && strings.TrimSpace(text) == "" {
			b.bad("text", "is blank")
		}
		return nil
	}, func(ctx context.Context, id string, version int64) error {
		return s.desk.Comment(ctx, id, version, text, asker(r).actor)
	})
}
