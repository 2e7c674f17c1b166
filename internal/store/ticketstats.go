package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// StatsFilter chooses what returns statistics are about: tickets opened and
// calls ended from Since on and before Until. Offset is that of the clock by
// which days are counted, in whole minutes.
type StatsFilter struct {
	Since  time.Time
	Until  time.Time
	Offset time.Duration
	Kind   schemas.RequestKind
	Group  schemas.Group
}

// Count is how many tickets or calls have a value.
type Count struct {
	Value string
	N     int64
}

// OpenTime is the time from a caller's confirmation to the ticket. Within
// counts the tickets that took at most that of OpenTimeBounds.
type OpenTime struct {
	N      int64
	Mean   time.Duration
	Max    time.Duration
	Within []int64
}

// OpenTimeBounds are what OpenTime.Within counts by.
var OpenTimeBounds = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second, 5 * time.Minute}

// Stats are the figures of a time.
type Stats struct {
	Tickets  int64
	ByDay    []Count // YYYY-MM-DD, in order
	ByKind   []Count
	ByReason []Count // at most MaxReasons, most frequent first
	ByGroup  []Count
	ByStatus []Count
	OpenTime OpenTime
	// Calls counts calls that ended, ByOutcome by how.
	Calls     int64
	ByOutcome []Count
}

// MaxReasons bounds the list of reasons, which flows may add to.
const MaxReasons = 100

// Statistics counts tickets and calls. All of it is read in one transaction,
// so that the parts agree with each other.
func (s *Store) Statistics(ctx context.Context, f StatsFilter) (Stats, error) {
	var st Stats
	err := s.reading(ctx, opTicketStats, func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return s.statistics(tx, f, &st) }, s.snapshot())
	})
	return st, err
}

func (s *Store) statistics(tx *gorm.DB, f StatsFilter, st *Stats) error {
	tickets := func() *gorm.DB {
		q := equals(tx.Model(&ticketRow{}), map[string]string{"kind": string(f.Kind), "team": string(f.Group)})
		return during(q, "opened_at", f.Since, f.Until)
	}
	calls := func() *gorm.DB {
		return during(tx.Model(&callRow{}).Where("outcome <> ''"), "ended_at", f.Since, f.Until)
	}
	for _, c := range []struct {
		from  func() *gorm.DB
		value string
		order string
		into  *[]Count
	}{
		{tickets, s.dayOf("opened_at", f.Offset), "value", &st.ByDay},
		{tickets, "kind", "n DESC, value", &st.ByKind},
		{tickets, "reason", "n DESC, value", &st.ByReason},
		{tickets, "team", "n DESC, value", &st.ByGroup},
		{tickets, "status", "n DESC, value", &st.ByStatus},
		{calls, "outcome", "n DESC, value", &st.ByOutcome},
	} {
		q := c.from().Select(c.value + " AS value, count(*) AS n").Group("value").Order(c.order)
		if c.into == &st.ByReason {
			q = q.Limit(MaxReasons)
		}
		if err := q.Scan(c.into).Error; err != nil {
			return err
		}
	}
	for _, c := range st.ByKind {
		st.Tickets += c.N
	}
	for _, c := range st.ByOutcome {
		st.Calls += c.N
	}
	return s.openTime(tickets(), &st.OpenTime)
}

func (s *Store) openTime(tickets *gorm.DB, into *OpenTime) error {
	ms := "extract(epoch FROM opened_at - requested_at) * 1000"
	if s.dialect == sqliteDialect {
		ms = "(julianday(opened_at) - julianday(requested_at)) * 86400000"
	}
	sel := "count(*), coalesce(avg(max(0, " + ms + ")), 0), coalesce(max(" + ms + "), 0)"
	if s.dialect == postgresDialect {
		sel = "count(*), coalesce(avg(greatest(0, " + ms + ")), 0), coalesce(max(" + ms + "), 0)"
	}
	for _, b := range OpenTimeBounds {
		sel += fmt.Sprintf(", coalesce(sum(CASE WHEN %s <= %d THEN 1 ELSE 0 END), 0)", ms, b.Milliseconds())
	}
	var mean, longest float64
	into.Within = make([]int64, len(OpenTimeBounds))
	to := []any{&into.N, &mean, &longest}
	for i := range into.Within {
		to = append(to, &into.Within[i])
	}
	if err := tickets.Select(sel).Row().Scan(to...); err != nil {
		return err
	}
	into.Mean = time.Duration(mean * float64(time.Millisecond)).Round(time.Millisecond)
	into.Max = max(0, time.Duration(longest*float64(time.Millisecond)).Round(time.Millisecond))
	return nil
}

// dayOf is the date of a time column by a clock so far ahead of UTC.
func (s *Store) dayOf(column string, offset time.Duration) string {
	minutes := int(offset / time.Minute)
	if s.dialect == sqliteDialect {
		return fmt.Sprintf("date(%s, '%+d minutes')", column, minutes)
	}
	return fmt.Sprintf("to_char((%s AT TIME ZONE 'UTC') + INTERVAL '%d minutes', 'YYYY-MM-DD')", column, minutes)
}
