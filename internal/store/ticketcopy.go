package store

import (
	"fmt"
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// copiedChange is what a ticket's copy is told of a change: the fields that
// are different now, and no others, so that nothing is undone that somebody
// changed over there meanwhile.
type copiedChange struct {
	Status     string     `json:"status,omitempty"`
	Group      string     `json:"group,omitempty"`
	Assignee   string     `json:"assignee,omitempty"`
	Unassigned bool       `json:"unassigned,omitempty"` // taken back
	Priority   string     `json:"priority,omitempty"`
	Due        *time.Time `json:"due,omitempty"`
	NoDue      bool       `json:"no_due,omitempty"` // it has none any more
	At         time.Time  `json:"at"`
}

// copiedComment is what a ticket's copy is told of a comment.
type copiedComment struct {
	Author string    `json:"author"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// deliver puts what the ticket's copy has to be told of an edit behind what it
// still has to be told, in the transaction of the edit. What came from there is
// not told back.
func (e *ticketEdit) deliver(changes []schemas.FieldChange) error {
	if e.fromCopy {
		return nil
	}
	key := fmt.Sprint("v", e.row.Version)
	told, some := copiedChange{At: e.now}, false
	for _, c := range changes {
		switch c.Field {
		case "status":
			told.Status = c.To
		case "group":
			told.Group = c.To
		case "assignee":
			told.Assignee, told.Unassigned = c.To, c.To == ""
		case "priority":
			told.Priority = c.To
		case "due":
			told.Due, told.NoDue = stampPtr(e.row.DueAt), c.To == ""
		default:
			continue // what a copy does not have
		}
		some = true
	}
	if some {
		if err := e.queue(DeliverUpdate, key, told); err != nil {
			return err
		}
	}
	if e.comment == "" {
		return nil
	}
	return e.queue(DeliverComment, key+"c", copiedComment{Author: e.by, Text: e.comment, At: e.now})
}

func (e *ticketEdit) queue(kind DeliveryKind, key string, what any) error {
	id, err := queueDelivery(e.tx, e.row.ID, e.row.CallID, kind, key, what, e.now)
	if err == nil && id != "" {
		e.facts = append(e.facts, id)
	}
	return err
}

// byCopy begins the name that stands in the history for a ticket system.
const byCopy = "system:"

// follow brings what another system told of the copy into the ticket's life:
// its word into the history, and, where that word is one of ours, the status.
// The word stands alone when the copy has not been told everything yet (then
// it is about an older state), when no way leads there, and when the ticket
// waits for an approval: who works over there gives none.
func (e *ticketEdit) follow(link linkRow, word string, to TicketStatus) error {
	e.fromCopy, e.by = true, byCopy+link.System
	e.extra = []schemas.FieldChange{{Field: "external_status", From: shortWord(link.Status), To: shortWord(word)}}
	if to != "" && link.Queued == link.Delivered && e.status() != schemas.StatusWaitingApproval {
		before := e.row
		for _, step := range wayTo(e.status(), to) {
			if err := e.move(step); err != nil {
				e.row = before
				break
			}
		}
	}
	return e.save()
}

// wayTo are the steps that lead to a status another system has reached; what
// is closed there may never have been resolved.
func wayTo(from, to TicketStatus) []TicketStatus {
	if to == schemas.StatusClosed && from != schemas.StatusResolved {
		return []TicketStatus{schemas.StatusResolved, to}
	}
	return []TicketStatus{to}
}

// shortWord bounds a word that the other system chose, where it is told of;
// the ticket's record has the whole.
func shortWord(s string) string {
	if r := []rune(s); len(r) > maxExternalWord {
		return string(r[:maxExternalWord])
	}
	return s
}

const maxExternalWord = 128
