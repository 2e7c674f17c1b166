package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Kind is a sort of record that is kept for a time.
type Kind string

// Kinds of records, in the order in which they are deleted: what hangs on
// others first.
const (
	KindTurns   Kind = "turns"
	KindCalls   Kind = "calls"
	KindTickets Kind = "tickets"
	KindOutbox  Kind = "outbox"
	KindAudit   Kind = "audit"
)

// RetentionConfig says how long records are kept. 0 is for ever, and the
// default of all that people may miss: nobody's records go because a program
// was brought up to date.
type RetentionConfig struct {
	Turns   time.Duration `koanf:"turns" help:"how long what was said in calls is kept, from when it was said; 0: for ever"`
	Calls   time.Duration `koanf:"calls" help:"how long calls are kept, with all that belongs to them, from their start; 0: for ever"`
	Tickets time.Duration `koanf:"tickets" help:"how long tickets are kept, with all that belongs to them, from when they were resolved, closed or cancelled; others stay; 0: for ever"`
	Outbox  time.Duration `koanf:"outbox" help:"how long facts that were sent are kept, from when they were; 0: for ever"`
	Audit   time.Duration `koanf:"audit" help:"how long the audit log is kept; at least 30 days; 0: for ever"`
}

const day = 24 * time.Hour

// RetentionDefaults keeps all records for ever. Only facts that were sent, of
// which the streams and the records have what they told, go after a week.
func RetentionDefaults() RetentionConfig { return RetentionConfig{Outbox: 7 * day} }

// Validate names every key that is wrong.
func (c RetentionConfig) Validate() error {
	var errs []error
	for _, k := range []struct {
		name   string
		d, low time.Duration
	}{
		// Below these, records would go that are still worked with: calls in
		// progress, requests that are delivered again, what an audit needs.
		{"turns", c.Turns, day}, {"calls", c.Calls, day}, {"tickets", c.Tickets, 7 * day}, {"outbox", c.Outbox, time.Hour}, {"audit", c.Audit, AuditFloor},
	} {
		if k.d != 0 && k.d < k.low {
			errs = append(errs, fmt.Errorf("%s: %v is below %v; 0 keeps for ever", k.name, k.d, k.low))
		}
	}
	if c.Turns > c.Calls && c.Calls != 0 {
		errs = append(errs, fmt.Errorf("turns: %v is longer than calls %v, with which they go", c.Turns, c.Calls))
	}
	if c.Tickets != 0 && (c.Outbox == 0 || c.Outbox > c.Tickets) {
		errs = append(errs, fmt.Errorf("outbox: facts of tickets are kept longer than tickets, %v", c.Tickets))
	}
	return errors.Join(errs...)
}

// Of is how long records of a kind are kept; 0: for ever.
func (c RetentionConfig) Of(k Kind) time.Duration {
	return map[Kind]time.Duration{
		KindTurns: c.Turns, KindCalls: c.Calls, KindTickets: c.Tickets, KindOutbox: c.Outbox, KindAudit: c.Audit,
	}[k]
}

// expiry is what a kind's records past their time are.
type expiry struct {
	kind       Kind
	table, key string // key: columns that name a row
	time       string
	also       string
	floor      time.Duration // an age below which nothing goes, whatever is configured
}

// floorMargin keeps off the age at which the database itself refuses: it goes
// by its own clock, and PostgreSQL counts days, one of which has 25 hours in
// most time zones. One refused row would keep its whole batch.
const floorMargin = 2 * time.Hour

var expiries = []expiry{
	{KindTurns, "turns", "call_id, position", "started_at", "", 0},
	{KindCalls, "calls", "id", "started_at", "", 0},
	{KindTickets, "tickets", "id", "ended_at", "ended_at IS NOT NULL AND status IN (" + endedWords + ")", 0},
	{KindOutbox, "outbox", "id", "sent_at", "sent_at IS NOT NULL", 0},
	{KindAudit, "audit_log", "id", "at", "", AuditFloor + floorMargin},
}

// Kinds lists the kinds of records that retention knows.
func Kinds() []Kind {
	var out []Kind
	for _, e := range expiries {
		out = append(out, e.kind)
	}
	return out
}

// where keeps what is older at now than it is kept.
func (e expiry) where(tx *gorm.DB, now time.Time, keep time.Duration) *gorm.DB {
	tx = tx.Table(e.table).Where(e.time+" < ?", stamp(now.Add(-max(keep, e.floor))))
	if e.also != "" {
		tx = tx.Where(e.also)
	}
	return tx
}

// RetainBatch is how many records one transaction deletes at most.
const RetainBatch = 500

// Expired counts records past their time; a kind that is kept for ever, or
// whose table this database has not, is not in the answer.
func (s *Store) Expired(ctx context.Context, c RetentionConfig) (map[Kind]int64, error) {
	out := map[Kind]int64{}
	now := s.now()
	err := s.reading(ctx, opRetain, func(db *gorm.DB) error {
		for _, e := range expiries {
			keep := c.Of(e.kind)
			if keep == 0 || !db.Migrator().HasTable(e.table) {
				continue
			}
			var n int64
			if err := e.where(db, now, keep).Count(&n).Error; err != nil {
				return err
			}
			out[e.kind] = n
		}
		return nil
	})
	return out, err
}

// Retain deletes one batch of each kind of records past their time, oldest
// first, and counts them; more says that there may be others. A kind that fails
// does not keep the others from going: what they deleted, and whether they have
// more, is answered beside the errors. Several may run at the same time: in
// PostgreSQL each takes rows that no other has, in SQLite one waits for the
// other.
func (s *Store) Retain(ctx context.Context, c RetentionConfig, batch int) (deleted map[Kind]int64, more bool, err error) {
	if batch <= 0 {
		batch = RetainBatch
	}
	deleted = map[Kind]int64{}
	now := s.now()
	var errs []error
	for _, e := range expiries {
		keep := c.Of(e.kind)
		if keep == 0 {
			continue
		}
		n, err := s.retainKind(ctx, e, now, keep, batch)
		if err != nil {
			errs = append(errs, fmt.Errorf("retain %s: %w", e.kind, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		deleted[e.kind] = n
		s.metrics.expired.WithLabelValues(string(e.kind)).Add(float64(n))
		// Where a plan asks for the batch more than once, PostgreSQL deletes
		// more than one.
		more = more || n >= int64(batch)
	}
	return deleted, more, errors.Join(errs...)
}

func (s *Store) retainKind(ctx context.Context, e expiry, now time.Time, keep time.Duration, batch int) (n int64, err error) {
	err = s.inTx(ctx, opRetain, func(tx *gorm.DB) (err error) {
		if !tx.Migrator().HasTable(e.table) {
			return nil
		}
		pick := e.where(tx, now, keep).Select(e.key).Order(e.time).Limit(batch)
		if s.dialect == postgresDialect {
			pick = pick.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
		}
		if e.kind == KindTickets {
			n, err = dropTickets(tx, pick)
			return err
		}
		res := tx.Exec("DELETE FROM "+e.table+" WHERE ("+e.key+") IN (?)", pick)
		n = res.RowsAffected
		return res.Error
	})
	return n, err
}
