package ticket

import (
	"log/slog"
	"time"

	"github.com/tidegate/tidegate/internal/calendar"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

var _ store.Rules = (*Dispatch)(nil)

// NewDispatch reads the calendar and the rules of a configuration.
func NewDispatch(cfg Config, log *slog.Logger) (*Dispatch, error) {
	cal, err := calendar.Load(cfg.CalendarFile, log)
	if err != nil {
		return nil, err
	}
	return LoadRules(cfg.RulesFile, cal)
}

// Regroup says who of the ticket's group may have it: everybody there keeps
// what they have, and the group's rule gives what nobody of them has.
func (d *Dispatch) Regroup(t store.Ticket, now time.Time) store.Regroup {
	var out store.Regroup
	team := d.Groups[t.Group]
	if team.Lead != "" {
		out.Members = append(out.Members, team.Lead)
	}
	for _, p := range team.People {
		out.Members = append(out.Members, p.Name)
	}
	if r := d.ruleOf(t); r != nil {
		out.Assign, out.Candidates = r.Assign, d.candidates(r, now)
	}
	return out
}

// Warn is when so much working time is left until due as the group's rule
// warns before. When no more is left at now, whoever set the time knows that.
func (d *Dispatch) Warn(t store.Ticket, due, now time.Time) time.Time {
	r := d.ruleOf(t)
	if r == nil || r.warn <= 0 {
		return time.Time{}
	}
	left := d.calendar.Between(now, due) - r.warn
	if left <= 0 {
		return time.Time{}
	}
	return d.calendar.Add(now, left)
}

// ruleOf is the rule that a group's ticket is worked on by: the first of the
// group's that fits what a ticket keeps of its request, or else the group's
// first; nil when it has none.
func (d *Dispatch) ruleOf(t store.Ticket) *Rule {
	req := schemas.TicketOpen{
		Tenant: t.Tenant, Kind: t.Kind, Reason: t.Reason, Contact: t.Contact, OrderVerified: t.OrderVerified, AmountFen: t.AmountFen,
	}
	var first *Rule
	for i := range d.Rules {
		switch r := &d.Rules[i]; {
		case r.Group != t.Group:
		case r.fits(&req, d.vip(&req)):
			return r
		case first == nil:
			first = r
		}
	}
	return first
}
