package store

import (
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// setDue begins the escalation anew, when the due time is another one: each
// level counts once for what it was set to.
func (e *ticketEdit) setDue(at time.Time, rules Rules) {
	due := stampPtr(&at)
	if timeText(due) == timeText(e.row.DueAt) {
		return
	}
	e.row.DueAt, e.row.EscalateAt, e.row.Escalated = due, due, levelNone
	if e.row.IdleSince != nil {
		e.row.IdleSince = &e.now // of a time set while it stands still, nothing has passed
	}
	if due == nil || rules == nil {
		return
	}
	if warn := rules.Warn(e.row.domain(), *due, e.now); !warn.IsZero() && warn.Before(*due) {
		e.row.EscalateAt = stampPtr(&warn)
	}
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
