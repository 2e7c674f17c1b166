package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/outbox"
	"github.com/tidegate/tidegate/internal/store"
)

// Desk changes tickets as people work on them, each change in one transaction:
// the audit entry of the context (store.Audited), the history, the fact and the
// work for the ticket's copy are committed with it, or none of them. Errors are
// those of the store.
type Desk interface {
	ChangeTicket(ctx context.Context, id string, c store.TicketChange) (store.Changed, error)
	CommentVersion(ctx context.Context, id string, version int64, who, text string) (store.Changed, error)
	outbox.Messages
}

// Bounds of what is written, in characters.
const (
	maxNote     = 500
	maxComment  = 4000
	maxAssignee = 64
)

var (
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
	if err := s.answerTicket(w, r, id); err != nil {
		s.fail(w, r, err)
	}
}

// answerTicket shows a ticket with its life, as it is now, unless it fails.
func (s *Service) answerTicket(w http.ResponseWriter, r *http.Request, id string) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	p := asker(r)
	personal := p.may(ScopePersonal)
	life, err := s.records.TicketLife(ctx, id)
	if err == nil && personal {
		err = s.auditReading(ctx, p, ActionTicketRead, id)
	}
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(life.Ticket.Version))
	writeJSON(w, viewTicketDetail(life, personal))
	return nil
}

// answerChange shows a ticket after its change, which is committed: an error
// here would have the client do it again. When the ticket cannot be read, the
// answer is that it is done, and as which version.
func (s *Service) answerChange(w http.ResponseWriter, r *http.Request, changed store.Changed) {
	err := s.answerTicket(w, r, changed.Ticket.ID)
	if err == nil || r.Context().Err() != nil {
		return
	}
	s.log.Warn("a change is done, and its ticket cannot be shown", "route", r.Pattern, "error", err)
	w.Header().Set("ETag", etag(changed.Ticket.Version))
	w.WriteHeader(http.StatusNoContent)
}

func pathID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !idPattern.MatchString(id) {
		return "", &queryError{[]fieldError{{Field: "id", Detail: "does not match " + idPattern.String()}}}
	}
	return id, nil
}

// writing is a route that writes: what it is in the audit log, whether it has
// to say which version it is based on, how its body is read (into details for
// the audit log), and what it does.
type writing struct {
	action    string
	versioned bool
	media     string // of the body; empty is application/json
	field     string // the member that says what is wanted; empty: those of the details
	read      func(*body) map[string]string
	do        func(ctx context.Context, id string, version int64) (store.Changed, error)
}

// write is what the writing routes have in common: everything wrong is named
// before anything is written, and a change of what somebody has seen says
// which version that was.
func (s *Service) write(w http.ResponseWriter, r *http.Request, wr writing) {
	id, err := pathID(r)
	if err == nil {
		err = newQuery(r.URL.RawQuery).end()
	}
	var version int64
	var given bool
	if err == nil {
		version, given, err = ifMatch(r)
	}
	if err == nil && wr.versioned && !given {
		writeProblem(w, problem{Status: http.StatusPreconditionRequired, Kind: kindNoVersion, Detail: "Say in If-Match which version this is based on: the ETag of the ticket.", Errors: []fieldError{{"If-Match", "is missing"}}})
		return
	}
	var b *body
	if err == nil {
		b, err = readBody(w, r, cmp.Or(wr.media, plainJSON))
	}
	var details map[string]string
	if err == nil {
		details = wr.read(b)
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
	changed, err := wr.do(s.audited(ctx, asker(r), wr.action, id, details), id, version)
	if err != nil {
		s.failWrite(w, r, wr.fields(details), err)
		return
	}
	s.publish(r, changed.Facts)
	s.answerChange(w, r, changed)
}

// publishTimeout is how long an answer waits for what its change has to tell.
const publishTimeout = 2 * time.Second

// publish sends what a change left in the outbox. It is committed: what cannot
// be sent now is by the ticket worker's sweeper, and the answer is the same.
func (s *Service) publish(r *http.Request, ids []string) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), publishTimeout)
	defer cancel()
	err := s.bus.Ready()
	for _, id := range ids {
		if err == nil {
			err = outbox.Publish(ctx, s.bus, s.desk, id)
		}
	}
	if err != nil {
		s.log.Warn("what a change has to tell is left to the sweeper", "error", err)
	}
}

// fields are the members that say what is wanted.
func (wr writing) fields(details map[string]string) []string {
	if wr.field != "" {
		return []string{wr.field}
	}
	return sortedKeys(details)
}

// failWrite answers with why a ticket was not changed, and names the fields
// that wanted it. The statuses that errors know are no secret.
func (s *Service) failWrite(w http.ResponseWriter, r *http.Request, fields []string, err error) {
	refuse := func(status int, kind, detail, why string, fields ...string) {
		p := problem{Status: status, Kind: kind, Detail: detail}
		for _, f := range fields {
			p.Errors = append(p.Errors, fieldError{f, why})
		}
		writeProblem(w, p)
	}
	switch {
	case errors.Is(err, store.ErrChanged):
		refuse(http.StatusPreconditionFailed, kindChanged, "The ticket was changed meanwhile; read it again.", "is not the version of the ticket", "If-Match")
	case errors.Is(err, store.ErrNoApprover):
		refuseScope(w, ScopeTicketsApprove)
	case errors.Is(err, store.ErrOwnApproval):
		refuse(http.StatusForbidden, kindOwnApproval, "The approval has to come from somebody who has not had the ticket since it was asked for, and did not ask for it.", "is for somebody else to decide", fields...)
	case errors.Is(err, store.ErrTransition):
		refuse(http.StatusConflict, kindTransition, "The ticket cannot go there from where it stands; next in its details lists where it can.", "is not possible: "+err.Error(), fields...)
	case errors.Is(err, store.ErrEnded):
		refuse(http.StatusConflict, kindEnded, "The ticket is over. Reopen it first, where its details list that under next.", "is not possible: "+err.Error(), fields...)
	case errors.Is(err, store.ErrFull):
		refuse(http.StatusConflict, kindFull, "The ticket has as many comments as it can.", "has no room", fields...)
	case errors.Is(err, store.ErrInvalid): // what only the ticket itself shows
		refuse(http.StatusConflict, kindTransition, "The ticket cannot go there as it is: an assigned ticket has an assignee; give it to a person instead.", "needs an assignee", fields...)
	default:
		s.fail(w, r, err)
	}
}

func (s *Service) transitionTicket(w http.ResponseWriter, r *http.Request) {
	var to store.TicketStatus
	var note string
	p := asker(r)
	s.write(w, r, writing{action: ActionTransition, versioned: true, field: "to", read: func(b *body) map[string]string {
		to, note = store.TicketStatus(b.text("to", 1, 32)), b.text("note", 0, maxNote)
		if to != "" && !slices.Contains(statuses, to) {
			b.bad("to", "is none of "+joined(statuses))
		}
		return map[string]string{"to": string(to)}
	}, do: func(ctx context.Context, id string, version int64) (store.Changed, error) {
		return s.desk.ChangeTicket(ctx, id, store.TicketChange{By: p.who(), Why: note, Version: version, Status: &to, NoApprover: !p.may(ScopeTicketsApprove)})
	}})
}

func (s *Service) assignTicket(w http.ResponseWriter, r *http.Request) {
	var assignee string
	s.write(w, r, writing{action: ActionAssign, versioned: true, field: "assignee", read: func(b *body) map[string]string {
		assignee = b.text("assignee", 0, maxAssignee)
		if !b.has("assignee") {
			b.bad("assignee", "is missing")
		} else if !assigneePattern.MatchString(assignee) {
			b.bad("assignee", "does not match "+assigneePattern.String())
		}
		return map[string]string{"assigned": strconv.FormatBool(assignee != "")}
	}, do: func(ctx context.Context, id string, version int64) (store.Changed, error) {
		return s.desk.ChangeTicket(ctx, id, store.TicketChange{By: asker(r).who(), Version: version, Assignee: &assignee})
	}})
}

// A comment changes nothing that somebody else could have seen otherwise, so
// that it needs no version.
func (s *Service) commentTicket(w http.ResponseWriter, r *http.Request) {
	var text string
	s.write(w, r, writing{action: ActionComment, field: "text", read: func(b *body) map[string]string {
		text = b.text("text", 1, maxComment)
		if text != "" && strings.TrimSpace(text) == "" {
			b.bad("text", "is blank")
		}
		return nil
	}, do: func(ctx context.Context, id string, version int64) (store.Changed, error) {
		return s.desk.CommentVersion(ctx, id, version, asker(r).who(), text)
	}})
}
