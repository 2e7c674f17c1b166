package store

import (
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// setDue begins the escalation anew; what the due time is already, is no
// change. One that stands still does so from now on: what had passed before
// was of another due time.
func (e *ticketEdit) setDue(at time.Time) {
	if timeText(stampPtr(&at)) == timeText(e.row.DueAt) {
		return
	}
	if e.row.IdleSince != nil {
		e.row.IdleSince = &e.now
	}
	e.row.DueAt = stampPtr(&at)
	e.row.EscalateAt = e.row.DueAt
	e.row.Escalated = levelNone
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
