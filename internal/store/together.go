package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// Bounds of what is done together.
const (
	openTogether = 64
	markTogether = 256
	// markLinger costs nobody anything: the fact is out already.
	markLinger = 2 * time.Millisecond
)

// opening is a ticket to open, and then what became of it.
type opening struct {
	req     schemas.TicketOpen
	place   Placement
	ticket  Ticket
	existed bool

	row     ticketRow
	history []ticketHistoryRow
}

func (s *Store) gatherers() {
	lanes, linger := 2, markLinger
	if s.dialect == sqliteDialect {
		lanes, linger = 1, 0 // there is one connection that writes
	}
	s.opening = &gather[*opening]{lanes: lanes, most: openTogether, run: s.commitTogether}
	s.marking = &gather[string]{lanes: 1, most: markTogether, linger: linger, run: s.markTogether}
}

// commitTogether opens all of them in one transaction, which costs one wait
// for the disk. When one fails, none is opened, and each has a transaction of
// its own.
func (s *Store) commitTogether(ctx context.Context, batch []*opening) []error {
	errs := make([]error, len(batch))
	err := s.transaction(ctx, func(tx *gorm.DB) error { return s.openTogether(tx, batch) })
	if err == nil || len(batch) == 1 {
		errs[0] = err
		return errs
	}
	for i := range batch {
		errs[i] = s.transaction(ctx, func(tx *gorm.DB) error { return s.openTogether(tx, batch[i:i+1]) })
	}
	return errs
}

// openTogether opens tickets one after the other, and in PostgreSQL, where
// each statement is a way there and back, by one for all of them; those that
// this does not open, because they are there or their number is taken, come
// one by one all the same.
func (s *Store) openTogether(tx *gorm.DB, batch []*opening) error {
	left := batch
	if s.dialect == postgresDialect {
		var err error
		if left, err = s.insertTogether(tx, batch); err != nil {
			return err
		}
	}
	for _, o := range left {
		var err error
		if o.ticket, o.existed, err = s.openTicket(tx, o.req, o.place); err != nil {
			return err
		}
	}
	return nil
}

// insertTogether gives those that it did not open.
func (s *Store) insertTogether(tx *gorm.DB, batch []*opening) (left []*opening, err error) {
	now := stamp(s.now())
	// In the order of their keys: two workers with the same requests then wait
	// for each other in the same order.
	sorted := slices.SortedStableFunc(slices.Values(batch), func(a, b *opening) int { return strings.Compare(a.req.IdempotencyKey, b.req.IdempotencyKey) })
	var list []*opening
	for i, o := range sorted {
		if i > 0 && sorted[i-1].req.IdempotencyKey == o.req.IdempotencyKey {
			left = append(left, o) // finds the other's ticket
			continue
		}
		o.row = newTicketRow(o.req, o.place, now)
		if o.row.Number, err = s.newNumber(numberDigits); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	turns, there, err := assignTogether(tx, list, now)
	if err != nil {
		return nil, err
	}
	left = append(left, there...)
	list = slices.DeleteFunc(list, func(o *opening) bool { return slices.Contains(there, o) })
	if len(list) == 0 {
		return left, nil
	}
	opened, err := writeTogether(tx, list, now)
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		if !opened[o.row.ID] {
			left = append(left, o)
			continue
		}
		o.ticket, o.existed = o.row.domain(), false
		turns.took(o)
		if err := s.linkTicket(tx, o.ticket, o.req.Tenant, now); err != nil {
			return nil, err
		}
	}
	return left, turns.save(tx)
}

// writeTogether inserts tickets with what belongs to each, and gives the ids
// of those that are new. What belongs to others is not written.
func writeTogether(tx *gorm.DB, list []*opening, now time.Time) (map[string]bool, error) {
	var (
		tickets     []ticketRow
		history     []ticketHistoryRow
		attachments []attachmentRow
		facts       []outboxRow
		factsOf     []string
	)
	for _, o := range list {
		tickets, history = append(tickets, o.row), append(history, o.history...)
		if a, ok := transcriptOf(o.row, now); ok {
			attachments = append(attachments, a)
		}
		fact, err := openedFact(o.row.domain(), o.req, now)
		if err != nil {
			return nil, err
		}
		facts, factsOf = append(facts, fact), append(factsOf, o.row.ID)
	}
	var all [4]*columns
	var errs [4]error
	all[0], errs[0] = columnsOf(tx, tickets)
	all[1], errs[1] = columnsOf(tx, history)
	all[2], errs[2] = columnsOf(tx, attachments)
	all[3], errs[3] = columnsOf(tx, facts)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	all[3].add("of ticket", "text", factsOf)
	openText.once.Do(func() { openText.stmt = openStatement(all) })
	var args []any
	for _, c := range all {
		args = append(args, c.args...)
	}
	opened := make(map[string]bool, len(list))
	return opened, query(tx, openText.stmt, args, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		opened[id] = true
		return err
	})
}

// openText is the statement of writeTogether, the same for all rows.
var openText struct {
	once sync.Once
	stmt string
}

func openStatement(all [4]*columns) string {
	stmt, args := "WITH new AS (", 0
	for i, c := range all {
		switch i {
		case 0:
			// DO NOTHING covers both unique indexes, and waits for another
			// transaction that holds the same key.
			stmt += c.insert(1, nil, " ON CONFLICT DO NOTHING RETURNING id")
		case 3:
			stmt += "),\nfacts AS (" + c.insert(args+1, nil, ` WHERE x."of ticket" IN (SELECT id FROM new)`)
		default:
			stmt += "),\n" + c.table + "_new AS (" + c.insert(args+1, nil, ` WHERE x.ticket_id IN (SELECT id FROM new)`)
		}
		args += len(c.args)
	}
	return stmt + ")\nSELECT id FROM new"
}

// query runs a statement whose arguments are arrays: gorm would make lists of
// single arguments of them.
func query(tx *gorm.DB, stmt string, args []any, each func(scan func(...any) error) error) error {
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, stmt, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// turnTaking is who of each group got the last ticket, as far as a batch has
// changed that. The groups' rows are held until the transaction ends.
type turnTaking struct {
	last  map[string]string
	taken map[string]string
}

func (t turnTaking) took(o *opening) {
	if o.row.Assignee != "" {
		t.taken[o.row.Team] = o.row.Assignee
	}
}

func (t turnTaking) save(tx *gorm.DB) error {
	if len(t.taken) == 0 {
		return nil
	}
	var teams, last []string
	for team, who := range t.taken {
		teams, last = append(teams, team), append(last, who)
	}
	_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, `UPDATE ticket_turns SET last = x.last
		FROM unnest($1::text[], $2::text[]) AS x(team, last) WHERE ticket_turns.team = x.team`, teams, last)
	return err
}

// assignTogether gives new tickets to people, as Placement.settle does with
// one. Where people are to get tickets it looks which requests have theirs
// already: those must not use up anybody's turn.
func assignTogether(tx *gorm.DB, list []*opening, now time.Time) (t turnTaking, there []*opening, err error) {
	t = turnTaking{last: map[string]string{}, taken: map[string]string{}}
	var teams, keys []string
	var people []Candidate
	for _, o := range list {
		if o.place.picks() {
			teams, keys = append(teams, o.row.Team), append(keys, o.req.IdempotencyKey)
		}
		if o.place.picks() && o.place.counts() {
			people = append(people, o.place.Candidates...)
		}
	}
	exist, load := map[string]bool{}, map[string]int{}
	if len(teams) > 0 {
		if exist, load, err = t.begin(tx, teams, keys, people); err != nil {
			return t, nil, err
		}
	}
	for _, o := range list {
		if exist[o.req.IdempotencyKey] {
			there = append(there, o)
			continue
		}
		who := ""
		if o.place.picks() {
			if who = o.place.choose(t.last[o.row.Team], load); who != "" {
				t.last[o.row.Team] = who
				load[who]++
			}
		}
		o.history = o.place.given(&o.row, who, now)
	}
	return t, there, nil
}

// begin holds the groups' rows, in order, and reads what the choice depends on.
func (t turnTaking) begin(tx *gorm.DB, teams, keys []string, people []Candidate) (exist map[string]bool, load map[string]int, err error) {
	slices.Sort(teams)
	err = query(tx, `INSERT INTO ticket_turns (team, last) SELECT team, '' FROM unnest($1::text[]) AS x(team)
		ON CONFLICT (team) DO UPDATE SET last = ticket_turns.last RETURNING team, last`, []any{slices.Compact(teams)}, func(scan func(...any) error) error {
		var team, last string
		err := scan(&team, &last)
		t.last[team] = last
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	exist = map[string]bool{}
	err = query(tx, `SELECT idempotency_key FROM tickets WHERE idempotency_key = ANY ($1::text[])`, []any{keys}, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		exist[key] = true
		return err
	})
	if err != nil || len(people) == 0 {
		return exist, map[string]int{}, err
	}
	slices.SortFunc(people, func(a, b Candidate) int { return strings.Compare(a.Name, b.Name) })
	load, err = loads(tx, slices.CompactFunc(people, func(a, b Candidate) bool { return a.Name == b.Name }))
	return exist, load, err
}

// unsent is a condition that PostgreSQL does not take for that of the index
// of unsent messages. Many rows enter that index and leave it again; until
// they are swept up, whoever goes through it reads all of them, while a
// message's id leads to it at once.
const unsent = "coalesce(sent_at, 'infinity') = 'infinity'"

const markStatement = "UPDATE outbox SET sent_at = $1 WHERE id = ANY ($2::text[]) AND " + unsent

func (s *Store) markTogether(ctx context.Context, ids []string) []error {
	errs := make([]error, len(ids))
	err := s.writing(ctx, opOutboxMark, func(db *gorm.DB) error {
		now := stamp(s.now())
		if s.dialect == postgresDialect {
			_, err := db.Statement.ConnPool.ExecContext(db.Statement.Context, markStatement, now, ids)
			return err
		}
		return db.Model(&outboxRow{}).Where("id IN ? AND sent_at IS NULL", ids).Update("sent_at", now).Error
	})
	for i := range errs {
		errs[i] = err
	}
	return errs
}
