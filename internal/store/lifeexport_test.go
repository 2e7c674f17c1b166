package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// MigrationCount is how many steps down there are.
var MigrationCount = len(migrations)

// MigrateDownBelow takes a migration back, and all after it.
func (s *Store) MigrateDownBelow(ctx context.Context, id string) error {
	at := slices.IndexFunc(migrations, func(m migration) bool { return m.id == id })
	return s.migrating(ctx, func(m *gormigrate.Gormigrate) error { return m.RollbackTo(migrations[at-1].id) })
}

// Transitions is the table of a ticket's life.
var Transitions = transitions

// Plans runs fn and explains, as one text, how the database would answer each
// query of tickets that it made, if it had too many to read them all.
func (s *Store) Plans(fn func() error) (string, error) {
	var mu sync.Mutex
	var queries []string
	for _, db := range s.handles() {
		note := func(tx *gorm.DB) {
			if q := tx.Statement.SQL.String(); strings.HasPrefix(q, "SELECT") && strings.Contains(q, "ticket") {
				mu.Lock()
				defer mu.Unlock()
				queries = append(queries, tx.Dialector.Explain(q, tx.Statement.Vars...))
			}
		}
		if err := db.Callback().Query().After("gorm:query").Register("explain", note); err != nil {
			return "", err
		}
		if err := db.Callback().Row().After("gorm:row").Register("explain", note); err != nil {
			return "", err
		}
	}
	if err := fn(); err != nil {
		return "", err
	}
	var out strings.Builder
	err := s.write.Transaction(func(tx *gorm.DB) error {
		explain := "EXPLAIN QUERY PLAN "
		if s.dialect == postgresDialect {
			explain = "EXPLAIN "
			if err := tx.Exec("SET LOCAL enable_seqscan = off").Error; err != nil {
				return err
			}
		}
		for _, q := range slices.Clone(queries) {
			var rows []map[string]any
			if err := tx.Raw(explain + q).Scan(&rows).Error; err != nil {
				return err
			}
			fmt.Fprintln(&out, q)
			for _, r := range rows {
				fmt.Fprintln(&out, "  ", r)
			}
		}
		return nil
	})
	return out.String(), err
}

// EndedWords are the statuses in which a ticket is over, as queries have them.
const EndedWords = endedWords

// EndedStatuses are the same, as code has them.
func EndedStatuses() []TicketStatus { return slices.Clone(endedStatuses) }
