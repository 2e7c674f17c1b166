package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// AssignPolicy says how a new ticket finds a person.
type AssignPolicy string

// The policies.
const (
	AssignNone        AssignPolicy = "none"
	AssignRoundRobin  AssignPolicy = "round_robin"
	AssignLeastLoaded AssignPolicy = "least_loaded"
)

// Candidate is a person who can get a ticket now. Capacity is how many
// tickets they can have at a time; 0 is no limit.
type Candidate struct {
	Name     string
	Capacity int
}

// Placement is what dispatch decided about a new ticket.
type Placement struct {
	Rule     string // its name stands in the history
	Group    schemas.Group
	Priority schemas.Priority // empty is normal
	// DueAt and WarnAt are zero when nothing has to be done by then. WarnAt is
	// when the due time counts as near.
	DueAt, WarnAt time.Time
	Approval      bool
	Assign        AssignPolicy
	Candidates    []Candidate // in order
}

// byDispatch stands in the history for who placed a ticket.
const byDispatch = "dispatch"

func (p Placement) onto(row *ticketRow) {
	row.Team, row.Priority, row.Version = string(p.Group), string(p.Priority), 1
	if row.Priority == "" {
		row.Priority = string(schemas.PriorityNormal)
	}
	row.DueAt, row.EscalateAt = stampPtr(&p.DueAt), stampPtr(&p.WarnAt)
	if row.EscalateAt == nil {
		row.EscalateAt = row.DueAt
	}
	row.Status = string(TicketStatusOpen)
}

// settle gives a new ticket to a person and notes how it was placed.
func (p Placement) settle(tx *gorm.DB, row *ticketRow, now time.Time) error {
	who, err := p.pick(tx)
	if err != nil {
		return err
	}
	history := p.given(row, who, now)
	if who != "" || p.Approval {
		err := tx.Model(&ticketRow{}).Where("id = ?", row.ID).
			UpdateColumns(map[string]any{"assignee": row.Assignee, "status": row.Status, "approval": row.Approval}).Error
		if err != nil {
			return err
		}
	}
	return tx.Create(&history).Error
}

// given makes a new ticket somebody's, or nobody's, and gives the beginning of
// its history.
func (p Placement) given(row *ticketRow, who string, now time.Time) []ticketHistoryRow {
	row.Assignee = who
	if who != "" {
		row.Status = string(schemas.StatusAssigned)
	}
	if p.Approval {
		row.Status, row.Approval = string(schemas.StatusWaitingApproval), string(ApprovalNeeded)
	}
	why := ""
	if p.Rule != "" {
		why = "rule " + p.Rule
	}
	changes := []schemas.FieldChange{{Field: "status", To: row.Status}}
	if who != "" {
		changes = append(changes, schemas.FieldChange{Field: "assignee", To: who})
	}
	return historyOf(*row, changes, byDispatch, why, now)
}

type turnTakingRow struct {
	Team string `gorm:"primaryKey"`
	Last string
}

func (turnTakingRow) TableName() string { return "ticket_turns" }

// pick finds who gets a ticket, or nobody. It holds the group's row until the
// transaction ends: two workers that place tickets of one group at the same
// time see each other's.
func (p Placement) pick(tx *gorm.DB) (string, error) {
	if !p.picks() {
		return "", nil
	}
	row := turnTakingRow{Team: string(p.Group)}
	if err := tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "team"}}, DoUpdates: clause.Assignments(map[string]any{"last": gorm.Expr("ticket_turns.last")}),
	}).Create(&row).Error; err != nil {
		return "", err
	}
	if err := tx.Where("team = ?", string(p.Group)).Take(&row).Error; err != nil {
		return "", err
	}
	var load map[string]int
	if p.counts() {
		var err error
		if load, err = loads(tx, p.Candidates); err != nil {
			return "", err
		}
	}
	who := p.choose(row.Last, load)
	if who == "" {
		return "", nil
	}
	return who, tx.Model(&turnTakingRow{}).Where("team = ?", row.Team).UpdateColumn("last", who).Error
}

// picks says whether anybody can get the ticket.
func (p Placement) picks() bool {
	return len(p.Candidates) > 0 && p.Assign != AssignNone && p.Assign != ""
}

// counts says whether the choice depends on how many tickets people have.
func (p Placement) counts() bool {
	return p.Assign == AssignLeastLoaded || slices.ContainsFunc(p.Candidates, func(c Candidate) bool { return c.Capacity > 0 })
}

// choose begins after who was last, so that equal loads take turns as well.
func (p Placement) choose(last string, load map[string]int) string {
	start := 0
	for i, c := range p.Candidates {
		if c.Name == last {
			start = i + 1
		}
	}
	best := ""
	for i := range p.Candidates {
		c := p.Candidates[(start+i)%len(p.Candidates)]
		if c.Capacity > 0 && load[c.Name] >= c.Capacity {
			continue
		}
		if p.Assign == AssignRoundRobin {
			return c.Name
		}
		if best == "" || load[c.Name] < load[best] {
			best = c.Name
		}
	}
	return best
}

func loads(tx *gorm.DB, people []Candidate) (map[string]int, error) {
	names := make([]string, 0, len(people))
	for _, c := range people {
		names = append(names, c.Name)
	}
	var rows []struct {
		Assignee string
		N        int
	}
	err := tx.Model(&ticketRow{}).Select("assignee, count(*) AS n").
		Where("assignee <> '' AND "+active).Where("assignee IN ?", names).Group("assignee").Scan(&rows).Error
	out := make(map[string]int, len(rows))
	for _, r := range rows {
		out[r.Assignee] = r.N
	}
	return out, err
}

// PlaceTicket opens the ticket of req as dispatch decided, and in the same
// transaction gives it to a person, notes that in its history, and puts the
// fact that tells of it into the outbox. When req's idempotency key has a
// ticket already, that one is returned with existed true, and nothing is
// written.
func (s *Store) PlaceTicket(ctx context.Context, req schemas.TicketOpen, p Placement) (t Ticket, existed bool, err error) {
	o := &opening{req: req, place: p}
	err = s.metrics.observe(opTicketOpen, func() error { return s.opening.do(ctx, o) })
	return o.ticket, o.existed, err
}

// Levels of escalation.
const (
	levelNone = iota
	levelNear
	levelOverdue
)

// byEscalation stands in the history for who escalated a ticket.
const byEscalation = "escalation"

// Escalation is one step that was taken.
type Escalation struct {
	Ticket Ticket
	Level  schemas.EscalationLevel
	Facts  []string
}

// maxEscalations is how many tickets one transaction escalates at most.
const maxEscalations = 200

// EscalateTickets takes the next step with tickets whose due time is near or
// over at now, limit of them at most: a higher priority, and the group's lead
// of leads as the person who has it, except that one which waits for an
// approval stays with whom it is: having it, the lead could not approve it any
// more, and is often who should. Each level happens once, whatever the
// clock does; a ticket that is found over its due time is not said to be near
// it any more. Tickets that wait for the caller are left alone.
//
// Several workers may do this at the same time: each row is claimed in the
// transaction that changes it (PostgreSQL skips rows that another has, SQLite
// has one writer), with its history and its facts.
func (s *Store) EscalateTickets(ctx context.Context, now time.Time, limit int, leads map[schemas.Group]string) (out []Escalation, err error) {
	if limit < 1 || limit > maxEscalations {
		return nil, fmt.Errorf("%w: limit: not in 1..%d", ErrInvalid, maxEscalations)
	}
	err = s.inTx(ctx, opTicketEscalate, func(tx *gorm.DB) error {
		out = nil
		var rows []ticketRow
		q := tx.Where("escalate_at IS NOT NULL AND "+pressing).Where("escalate_at <= ?", stamp(now)).Order("escalate_at").Limit(limit)
		if err := q.Clauses(clause.Locking{Strength: forChange, Options: "SKIP LOCKED"}).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			e := &ticketEdit{tx: tx, was: row, row: row, now: stamp(now), by: byEscalation}
			step, err := e.escalate(now, leads)
			if err != nil {
				return err
			}
			out = append(out, step)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *ticketEdit) escalate(now time.Time, leads map[schemas.Group]string) (Escalation, error) {
	level := schemas.EscalationNear
	e.row.Escalated, e.row.EscalateAt = levelNear, e.row.DueAt
	if e.row.DueAt == nil || !e.row.DueAt.After(now) {
		level = schemas.EscalationOverdue
		e.row.Escalated, e.row.EscalateAt = levelOverdue, nil
	}
	e.why = "due time " + string(level)
	e.row.Priority = string(raised(schemas.Priority(e.row.Priority)))
	if lead := leads[schemas.Group(e.row.Team)]; lead != "" && e.status() != schemas.StatusWaitingApproval {
		if err := e.assign(lead, true); err != nil {
			return Escalation{}, err
		}
	}
	if err := e.save(); err != nil {
		return Escalation{}, err
	}
	if len(e.facts) == 0 { // nothing that people see is different, but the level is
		err := e.tx.Model(&ticketRow{}).Where("id = ?", e.row.ID).
			UpdateColumns(map[string]any{"escalate_at": e.row.EscalateAt, "escalated": e.row.Escalated}).Error
		if err != nil {
			return Escalation{}, err
		}
	}
	due := e.now
	if e.row.DueAt != nil {
		due = e.row.DueAt.UTC()
	}
	fact := schemas.TicketEscalated{
		Tenant: e.row.Tenant, CallID: e.row.CallID, TicketID: e.row.ID, Number: e.row.Number, Level: level, Group: schemas.Group(e.row.Team),
		Priority: schemas.Priority(e.row.Priority), Assignee: e.row.Assignee, Previous: e.was.Assignee, DueAt: due, EscalatedAt: e.now,
	}
	if err := e.tell(EscalationID(e.row.ID, level, due, e.row.Version), "escalated", fact); err != nil {
		return Escalation{}, err
	}
	return Escalation{Ticket: e.row.domain(), Level: level, Facts: e.facts}, nil
}

// EscalationID is the message id of an escalation: a level counts once for a
// due time. One that was changed and then set back counts again, so that the
// ticket's version belongs to it.
func EscalationID(ticketID string, level schemas.EscalationLevel, due time.Time, version int64) string {
	return fmt.Sprintf("ticket.escalated.%s.%s.%d.%d", ticketID, level, due.UnixMicro(), version)
}

func raised(p schemas.Priority) schemas.Priority {
	all := schemas.Priorities()
	for i, x := range all[:len(all)-1] {
		if x == p {
			return all[i+1]
		}
	}
	return schemas.PriorityUrgent
}

// CountOverdue counts, by group, the tickets that somebody here has to work on
// and that are over their due time.
func (s *Store) CountOverdue(ctx context.Context, now time.Time) (map[schemas.Group]int64, error) {
	var rows []struct {
		Team string
		N    int64
	}
	err := s.reading(ctx, opTicketsList, func(db *gorm.DB) error {
		return db.Model(&ticketRow{}).Select("team, count(*) AS n").
			Where("due_at IS NOT NULL AND "+pressing).Where("due_at <= ?", stamp(now)).Group("team").Scan(&rows).Error
	})
	out := map[schemas.Group]int64{}
	for _, r := range rows {
		out[schemas.Group(r.Team)] = r.N
	}
	return out, err
}

var errNoNumber = errors.New("no free ticket number was drawn")
