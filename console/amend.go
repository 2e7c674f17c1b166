package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// mergePatch is the media type of a change that names the members of a ticket
// that are to be different, with null for what is to be none (RFC 7396).
const mergePatch = "application/merge-patch+json"

// maxDueAhead bounds a due time: what is later is a slip of the pen.
const maxDueAhead = 366 * 24 * time.Hour

// amendTicket changes what a ticket is worked on by: its group, its priority
// and its due time, in one change.
func (s *Service) amendTicket(w http.ResponseWriter, r *http.Request) {
	change := store.TicketChange{By: asker(r).who(), Rules: s.rules}
	s.write(w, r, writing{action: ActionAmend, versioned: true, media: mergePatch, read: func(b *body) map[string]string {
		details := map[string]string{}
		if change.Group = member(b, "group", groups); change.Group != nil {
			details["group"] = string(*change.Group)
		}
		if change.Priority = member(b, "priority", priorities); change.Priority != nil {
			details["priority"] = string(*change.Priority)
		}
		if change.DueAt = s.dueTime(b); change.DueAt != nil {
			details["due_at"] = dueText(*change.DueAt)
		}
		change.Why = b.text("note", 0, maxNote)
		if !slices.ContainsFunc([]string{"group", "priority", "due_at"}, b.has) {
			b.bad("group", "is missing, and so are priority and due_at: nothing is to change")
		}
		return details
	}, do: func(ctx context.Context, id string, version int64) (store.Changed, error) {
		change.Version = version
		return s.desk.ChangeTicket(ctx, id, change)
	}})
}

// member reads one of a list of words, which can be changed but not removed;
// nil when it is not there, or wrong.
func member[T ~string](b *body, name string, allowed []T) *T {
	b.read[name] = true
	if !b.has(name) {
		return nil
	}
	if string(b.members[name]) == "null" {
		b.bad(name, "cannot be removed")
		return nil
	}
	var v T
	if err := json.Unmarshal(b.members[name], &v); err != nil {
		b.bad(name, "is no string")
		return nil
	}
	if !slices.Contains(allowed, v) {
		b.bad(name, "is none of "+joined(allowed))
		return nil
	}
	return &v
}

// dueTime reads the due time: nil when it is not there or wrong, the zero time
// for null. One that is over already would only be escalated at once.
func (s *Service) dueTime(b *body) *time.Time {
	const name = "due_at"
	b.read[name] = true
	if !b.has(name) {
		return nil
	}
	if string(b.members[name]) == "null" {
		return new(time.Time)
	}
	var v string
	if err := json.Unmarshal(b.members[name], &v); err != nil {
		b.bad(name, "is neither a string nor null")
		return nil
	}
	at, ok := parseTime(v)
	switch now := s.now(); {
	case !ok:
		b.bad(name, noTime)
	case !at.After(now):
		b.bad(name, "is over already")
	case at.After(now.Add(maxDueAhead)):
		b.bad(name, "is more than a year ahead")
	default:
		return &at
	}
	return nil
}

func dueText(at time.Time) string {
	if at.IsZero() {
		return "none"
	}
	return at.UTC().Format(time.RFC3339Nano)
}
