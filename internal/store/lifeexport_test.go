package store

import (
	"context"
	"slices"

	"github.com/go-gormigrate/gormigrate/v2"
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
