package ticket

import (
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/calendar"
	"github.com/tidegate/tidegate/internal/numberplan"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// Rule says what becomes of tickets that fit it. An empty list, and what is
// left out, fits everything.
type Rule struct {
	Name string `yaml:"name"`

	Tenants       []string              `yaml:"tenants"`
	Kinds         []schemas.RequestKind `yaml:"kinds"`
	Reasons       []string              `yaml:"reasons"`
	OrderStatuses []schemas.OrderStatus `yaml:"order_statuses"`
	Carriers      []string              `yaml:"carriers"`
	VIP           *bool                 `yaml:"vip"`
	// Amounts are those of verified orders: a rule with a bound does not fit
	// a request whose amount is not known.
	FromFen  *int64 `yaml:"from_fen"`
	BelowFen *int64 `yaml:"below_fen"`

	Group    schemas.Group    `yaml:"group"`
	Priority schemas.Priority `yaml:"priority"` // empty is normal
	// Due is the working time until it has to be done, Warn how much of it is
	// left when that is near.
	Due  string `yaml:"due"`
	Warn string `yaml:"warn"`
	// ApprovalOverFen asks somebody else to agree over an amount, and when the
	// amount is not known.
	ApprovalOverFen *int64             `yaml:"approval_over_fen"`
	Assign          store.AssignPolicy `yaml:"assign"` // empty is none

	due, warn time.Duration
}

// Person is somebody who works on tickets.
type Person struct {
	Name     string   `yaml:"name"`
	Capacity int      `yaml:"capacity"` // tickets at a time; 0 is no limit
	Absent   []string `yaml:"absent"`   // days: 2026-10-08 or 2026-10-08..2026-10-12
	away     []absence
}

// absence is from a midnight UTC until another.
type absence struct{ from, until time.Time }

// Team is a group's people. Lead gets what is late.
type Team struct {
	Lead   string   `yaml:"lead"`
	People []Person `yaml:"people"`
}

// VIP says who is one: by the order system's word, or by number.
type VIP struct {
	Levels   []string `yaml:"levels"`
	Contacts []string `yaml:"contacts"`
	numbers  map[string]bool
}

// Dispatch decides who works on a ticket and by when. Rules decide in order;
// the last one fits everything.
type Dispatch struct {
	Rules    []Rule                 `yaml:"rules"`
	Groups   map[schemas.Group]Team `yaml:"groups"`
	VIP      VIP                    `yaml:"vip"`
	calendar *calendar.Calendar
}

// Place decides about a request at now.
func (d *Dispatch) Place(req *schemas.TicketOpen, now time.Time) store.Placement {
	for i := range d.Rules {
		if r := &d.Rules[i]; r.fits(req, d.vip(req)) {
			return d.place(r, req, now)
		}
	}
	return store.Placement{Group: schemas.GroupAfterSales} // validated rules end before this
}

func (d *Dispatch) place(r *Rule, req *schemas.TicketOpen, now time.Time) store.Placement {
	p := store.Placement{Rule: r.Name, Group: r.Group, Priority: r.Priority, Assign: r.Assign}
	if r.due > 0 {
		// The caller has waited since they asked, also when the request lay
		// somewhere; a clock that is ahead does not give more time.
		since := now
		if req.RequestedAt.Before(now) {
			since = req.RequestedAt
		}
		p.DueAt = d.calendar.Add(since, r.due)
		if r.warn > 0 {
			p.WarnAt = d.calendar.Add(since, r.due-r.warn)
		}
	}
	if r.ApprovalOverFen != nil {
		p.Approval = !req.OrderVerified || req.AmountFen > *r.ApprovalOverFen
	}
	p.Candidates = d.candidates(r, now)
	return p
}

// candidates are those whom a rule gives tickets at now.
func (d *Dispatch) candidates(r *Rule, now time.Time) []store.Candidate {
	if r.Assign == "" || r.Assign == store.AssignNone {
		return nil
	}
	var out []store.Candidate
	today := d.calendar.Today(now)
	for _, person := range d.Groups[r.Group].People {
		if person.here(today) {
			out = append(out, store.Candidate{Name: person.Name, Capacity: person.Capacity})
		}
	}
	return out
}

// Leads are those of each group who are here at now.
func (d *Dispatch) Leads(now time.Time) map[schemas.Group]string {
	out := map[schemas.Group]string{}
	today := d.calendar.Today(now)
	for group, team := range d.Groups {
		i := slices.IndexFunc(team.People, func(p Person) bool { return p.Name == team.Lead })
		if team.Lead != "" && (i < 0 || team.People[i].here(today)) {
			out[group] = team.Lead
		}
	}
	return out
}

func (p Person) here(today time.Time) bool {
	return !slices.ContainsFunc(p.away, func(a absence) bool { return !today.Before(a.from) && today.Before(a.until) })
}

func (r *Rule) fits(req *schemas.TicketOpen, vip bool) bool {
	return r.fitsTenant(req.Tenant) && fits(r.Kinds, req.Kind) && fits(r.Reasons, req.Reason) &&
		fits(r.OrderStatuses, req.OrderStatus) && fits(r.Carriers, req.Carrier) &&
		(r.VIP == nil || *r.VIP == vip) && r.fitsAmount(req)
}

// fitsTenant: calls without a tenant are the default tenant's.
func (r *Rule) fitsTenant(tenant string) bool {
	return fits(r.Tenants, tenant) || tenant == "" && fits(r.Tenants, schemas.DefaultTenant) ||
		tenant == schemas.DefaultTenant && fits(r.Tenants, "")
}

func (r *Rule) fitsAmount(req *schemas.TicketOpen) bool {
	if r.FromFen == nil && r.BelowFen == nil {
		return true
	}
	return req.OrderVerified && (r.FromFen == nil || req.AmountFen >= *r.FromFen) && (r.BelowFen == nil || req.AmountFen < *r.BelowFen)
}

func fits[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func (d *Dispatch) vip(req *schemas.TicketOpen) bool {
	if req.CustomerLevel != "" && slices.ContainsFunc(d.VIP.Levels, func(l string) bool { return strings.EqualFold(l, req.CustomerLevel) }) {
		return true
	}
	n := numberplan.Parse(req.Contact)
	return n.Kind != numberplan.Unknown && d.VIP.numbers[n.Digits]
}
