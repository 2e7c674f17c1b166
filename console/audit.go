package console

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// Actions of the audit log.
const (
	ActionTransition = "ticket.transition"
	ActionComment    = "ticket.comment"
	ActionAssign     = "ticket.assign"
	ActionAmend      = "ticket.amend" // group, priority, due time
	ActionTicketRead = "ticket.read"  // personal data were shown
	ActionCallRead   = "call.read"    // personal data were shown
	ActionExport     = "export.start"
	ActionExported   = "export.end"
	ActionKeyCreate  = "apikey.create"
	ActionKeyRevoke  = "apikey.revoke"
)

var actions = []string{
	ActionTransition, ActionComment, ActionAssign, ActionAmend, ActionTicketRead, ActionCallRead, ActionExport, ActionExported, ActionKeyCreate, ActionKeyRevoke,
}

// audited makes the writing under the context carry its entry.
func (s *Service) audited(ctx context.Context, p principal, action, subject string, details map[string]string) context.Context {
	return store.Audited(ctx, entry(p, action, subject, details))
}

func entry(p principal, action, subject string, details map[string]string) store.AuditEntry {
	return store.AuditEntry{Actor: p.actor, Address: p.address, Action: action, Subject: subject, Details: details}
}

// readings remembers whose reading of which record has its entry already: a
// page that shows one call and asks for it every other second is one reading.
type readings struct {
	mu   sync.Mutex
	seen map[reading]time.Time
}

type reading struct{ actor, address, action, subject string }

const (
	readingLasts = 5 * time.Minute
	maxReadings  = 10000
)

func (rs *readings) known(r reading, now time.Time) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	at, ok := rs.seen[r]
	return ok && now.Sub(at) < readingLasts
}

func (rs *readings) note(r reading, now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.seen) >= maxReadings {
		for k, at := range rs.seen {
			if now.Sub(at) >= readingLasts {
				delete(rs.seen, k)
			}
		}
		if len(rs.seen) >= maxReadings { // forgetting only makes more entries
			clear(rs.seen)
		}
	}
	rs.seen[r] = now
}

// auditReading writes the entry before personal data are shown: what cannot
// be noted is not shown.
func (s *Service) auditReading(ctx context.Context, p principal, action, subject string) error {
	r, now := reading{p.actor, p.address, action, subject}, s.now()
	if s.readings.known(r, now) {
		return nil
	}
	if err := s.records.Audit(ctx, entry(p, action, subject, nil)); err != nil {
		return err
	}
	s.readings.note(r, now)
	return nil
}

type auditView struct {
	ID      string            `json:"id"`
	At      time.Time         `json:"at"`
	Actor   string            `json:"actor"`
	Action  string            `json:"action"`
	Subject string            `json:"subject,omitempty"`
	Address string            `json:"address"`
	Details map[string]string `json:"details"`
}

type auditPage struct {
	Entries    []auditView  `json:"entries"`
	NextCursor store.Cursor `json:"next_cursor,omitempty"`
}

var actorPattern = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func (s *Service) listAudit(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r.URL.RawQuery)
	f := store.AuditFilter{
		Actor: q.matching("actor", actorPattern), Action: oneOf(q, "action", actions), Subject: q.matching("subject", idPattern),
		Since: q.time("since"), Until: q.time("until"),
	}
	q.interval(f.Since, f.Until)
	limit, after := q.page()
	if err := q.end(); err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	list, next, err := s.records.AuditLog(ctx, f, limit, after)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := auditPage{Entries: make([]auditView, 0, len(list)), NextCursor: next}
	for _, e := range list {
		page.Entries = append(page.Entries, auditView{ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Subject: e.Subject, Address: e.Address, Details: filled(e.Details)})
	}
	writeJSON(w, page)
}
