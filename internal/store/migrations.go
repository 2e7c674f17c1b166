package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// Migrations are statements, frozen when released: tables as they were then,
// not as the structs are today. Words in braces differ by database.
var words = map[dialect]*strings.Replacer{
	sqliteDialect:   strings.NewReplacer("{time}", "DATETIME", "{json}", "TEXT", "{bytes}", "", "{real}", "REAL"),
	postgresDialect: strings.NewReplacer("{time}", "TIMESTAMPTZ", "{json}", "JSONB", "{bytes}", `COLLATE "C"`, "{real}", "DOUBLE PRECISION"),
}

type migration struct {
	id       string
	up, down []string
	// before does, ahead of down, what statements cannot.
	before func(*Store, *gorm.DB) error
}

var migrations = []migration{
	{id: "0001_shop", up: []string{
		`CREATE TABLE customers (
			id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT NOT NULL, created_at {time} NOT NULL)`,
		`CREATE INDEX customers_phone ON customers (phone)`,
		// number_reversed turns "ends with these digits" into a range of an index.
		`CREATE TABLE orders (
			number TEXT PRIMARY KEY, number_reversed TEXT {bytes} NOT NULL,
			customer_id TEXT NOT NULL REFERENCES customers (id),
			status TEXT NOT NULL, placed_at {time} NOT NULL, payment_method TEXT NOT NULL, total_fen BIGINT NOT NULL)`,
		`CREATE INDEX orders_customer ON orders (customer_id, placed_at)`,
		`CREATE INDEX orders_reversed ON orders (number_reversed)`,
		`CREATE TABLE order_lines (
			order_number TEXT NOT NULL REFERENCES orders (number) ON DELETE CASCADE, id TEXT NOT NULL, position INTEGER NOT NULL,
			sku TEXT NOT NULL, title TEXT NOT NULL, quantity INTEGER NOT NULL, price_fen BIGINT NOT NULL,
			PRIMARY KEY (order_number, id))`,
		`CREATE TABLE parcels (
			tracking_no TEXT PRIMARY KEY, order_number TEXT NOT NULL REFERENCES orders (number) ON DELETE CASCADE,
			carrier TEXT NOT NULL, status TEXT NOT NULL, shipped_at {time}, delivered_at {time})`,
		`CREATE INDEX parcels_order ON parcels (order_number)`,
		`CREATE TABLE refunds (
			id TEXT PRIMARY KEY, order_number TEXT NOT NULL REFERENCES orders (number) ON DELETE CASCADE,
			status TEXT NOT NULL, amount_fen BIGINT NOT NULL, method TEXT NOT NULL,
			requested_at {time} NOT NULL, expected_at {time}, paid_at {time})`,
		`CREATE INDEX refunds_order ON refunds (order_number)`,
	}, down: []string{`DROP TABLE refunds`, `DROP TABLE parcels`, `DROP TABLE order_lines`, `DROP TABLE orders`, `DROP TABLE customers`}},

	{id: "0002_tickets", up: []string{
		`CREATE TABLE tickets (
			id TEXT PRIMARY KEY, number TEXT NOT NULL, idempotency_key TEXT NOT NULL, call_id TEXT NOT NULL,
			kind TEXT NOT NULL, team TEXT NOT NULL, status TEXT NOT NULL,
			order_number TEXT NOT NULL, order_verified BOOLEAN NOT NULL, order_line TEXT NOT NULL,
			reason TEXT NOT NULL, reason_text TEXT NOT NULL, received BOOLEAN,
			contact TEXT NOT NULL, summary TEXT NOT NULL, transcript_url TEXT NOT NULL,
			requested_at {time} NOT NULL, opened_at {time} NOT NULL)`,
		`CREATE UNIQUE INDEX tickets_key ON tickets (idempotency_key)`,
		`CREATE UNIQUE INDEX tickets_number ON tickets (number)`,
		`CREATE INDEX tickets_opened ON tickets (opened_at, id)`,
		`CREATE INDEX tickets_call ON tickets (call_id, opened_at, id)`,
		`CREATE INDEX tickets_order ON tickets (order_number, opened_at, id)`,
		`CREATE INDEX tickets_team ON tickets (team, opened_at, id)`,
		`CREATE TABLE outbox (
			id TEXT PRIMARY KEY, subject TEXT NOT NULL, type TEXT NOT NULL, call_id TEXT NOT NULL,
			data {json} NOT NULL, created_at {time} NOT NULL, sent_at {time})`,
		`CREATE INDEX outbox_pending ON outbox (created_at, id) WHERE sent_at IS NULL`,
	}, down: []string{`DROP TABLE outbox`, `DROP TABLE tickets`}},

	{id: "0003_records", up: []string{
		`CREATE TABLE calls (
			id TEXT PRIMARY KEY, node TEXT NOT NULL, caller TEXT NOT NULL, called TEXT NOT NULL, orchestrator TEXT NOT NULL,
			flow TEXT NOT NULL, flow_version TEXT NOT NULL,
			started_at {time} NOT NULL, answered_at {time}, ended_at {time}, duration_ms BIGINT NOT NULL,
			outcome TEXT NOT NULL, reason TEXT NOT NULL, cause INTEGER NOT NULL, cause_name TEXT NOT NULL,
			intent TEXT NOT NULL, slots {json}, ticket_number TEXT NOT NULL)`,
		`CREATE INDEX calls_started ON calls (started_at, id)`,
		`CREATE INDEX calls_outcome ON calls (outcome, started_at, id)`,
		`CREATE INDEX calls_caller ON calls (caller, started_at, id)`,
		`CREATE TABLE turns (
			call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, position INTEGER NOT NULL,
			role TEXT NOT NULL, text TEXT NOT NULL, input TEXT NOT NULL, prompt_id TEXT NOT NULL,
			intent TEXT NOT NULL, confidence {real} NOT NULL, slots {json}, interrupted BOOLEAN NOT NULL, epoch INTEGER NOT NULL,
			started_at {time} NOT NULL, ended_at {time} NOT NULL, latency_ms BIGINT NOT NULL,
			PRIMARY KEY (call_id, position))`,
		`CREATE TABLE takeovers (
			call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, taken_at {time} NOT NULL,
			source TEXT NOT NULL, target TEXT NOT NULL, turns INTEGER NOT NULL,
			PRIMARY KEY (call_id, taken_at, target))`,
		`CREATE TABLE handoffs (
			call_id TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE, handed_at {time} NOT NULL,
			reason TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, context {json},
			PRIMARY KEY (call_id, handed_at))`,
	}, down: []string{`DROP TABLE handoffs`, `DROP TABLE takeovers`, `DROP TABLE turns`, `DROP TABLE calls`}},

	{id: "0004_terms", up: []string{
		`ALTER TABLE orders ADD COLUMN freight_insured BOOLEAN NOT NULL DEFAULT FALSE`,
		`ALTER TABLE order_lines ADD COLUMN category TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE order_lines ADD COLUMN tags TEXT`,
	}, down: []string{
		`ALTER TABLE order_lines DROP COLUMN tags`, `ALTER TABLE order_lines DROP COLUMN category`,
		`ALTER TABLE orders DROP COLUMN freight_insured`,
	}},

	{id: "0005_pickup", up: []string{
		`ALTER TABLE orders ADD COLUMN address TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE tickets ADD COLUMN pickup_from {time}`,
		`ALTER TABLE tickets ADD COLUMN pickup_until {time}`,
		`ALTER TABLE tickets ADD COLUMN pickup_address TEXT NOT NULL DEFAULT ''`,
	}, down: []string{
		`ALTER TABLE tickets DROP COLUMN pickup_address`, `ALTER TABLE tickets DROP COLUMN pickup_until`,
		`ALTER TABLE tickets DROP COLUMN pickup_from`, `ALTER TABLE orders DROP COLUMN address`,
	}},

	{id: "0006_shop_writes", up: []string{
		`CREATE TABLE payments (
			id TEXT PRIMARY KEY, order_number TEXT NOT NULL REFERENCES orders (number) ON DELETE CASCADE,
			method TEXT NOT NULL, status TEXT NOT NULL, amount_fen BIGINT NOT NULL, paid_at {time})`,
		`CREATE INDEX payments_order ON payments (order_number)`,
		`ALTER TABLE parcels ADD COLUMN expected_at {time}`,
		`ALTER TABLE parcels ADD COLUMN intercepted_at {time}`,
		`CREATE TABLE parcel_events (
			tracking_no TEXT NOT NULL REFERENCES parcels (tracking_no) ON DELETE CASCADE, at {time} NOT NULL,
			text TEXT NOT NULL, place TEXT NOT NULL, PRIMARY KEY (tracking_no, at, text))`,
		`CREATE TABLE returns (
			number TEXT PRIMARY KEY, order_number TEXT NOT NULL REFERENCES orders (number) ON DELETE CASCADE,
			kind TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, reason_text TEXT NOT NULL, contact TEXT NOT NULL,
			pickup_from {time}, pickup_until {time}, pickup_address TEXT NOT NULL, requested_at {time} NOT NULL, created_at {time} NOT NULL)`,
		`CREATE INDEX returns_order ON returns (order_number)`,
		`CREATE TABLE return_lines (
			return_number TEXT NOT NULL REFERENCES returns (number) ON DELETE CASCADE, line_id TEXT NOT NULL, quantity INTEGER NOT NULL,
			PRIMARY KEY (return_number, line_id))`,
		// What a write answered, so that its repeat answers the same.
		`CREATE TABLE shop_writes (
			idempotency_key TEXT PRIMARY KEY, kind TEXT NOT NULL, order_number TEXT NOT NULL, answer TEXT, created_at {time} NOT NULL)`,
	}, down: []string{
		`DROP TABLE shop_writes`, `DROP TABLE return_lines`, `DROP TABLE returns`, `DROP TABLE parcel_events`,
		`ALTER TABLE parcels DROP COLUMN intercepted_at`, `ALTER TABLE parcels DROP COLUMN expected_at`, `DROP TABLE payments`,
	}},

	{id: "0006_oms_writes", up: []string{
		`CREATE TABLE oms_writes (
			idempotency_key TEXT PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL,
			ticket_id TEXT NOT NULL, ticket_number TEXT NOT NULL, call_id TEXT NOT NULL,
			order_number TEXT NOT NULL, order_line TEXT NOT NULL, tracking_no TEXT NOT NULL,
			status TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, number TEXT NOT NULL, address TEXT NOT NULL,
			attempts INTEGER NOT NULL, requested_at {time} NOT NULL, ended_at {time})`,
		`CREATE INDEX oms_writes_ticket ON oms_writes (ticket_id, requested_at)`,
		`CREATE INDEX oms_writes_order ON oms_writes (order_number, requested_at)`,
	}, down: []string{
		// Work and facts that nobody of before can read.
		`DELETE FROM outbox WHERE type IN ('tidegate.v1.returns.create', 'tidegate.v1.returns.created', 'tidegate.v1.orders.cancel', 'tidegate.v1.orders.cancelled',
			'tidegate.v1.parcels.intercept', 'tidegate.v1.parcels.intercepted', 'tidegate.v1.orders.rejected')`,
		`DROP TABLE oms_writes`,
	}},
	lifeMigration,
	{id: "0008_ticket_links", up: []string{
		// A ticket's copy in the tenant's own ticket system.
		`CREATE TABLE ticket_links (
			ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE, tenant TEXT NOT NULL, system TEXT NOT NULL,
			external_id TEXT NOT NULL, url TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL,
			attempted BOOLEAN NOT NULL, queued BIGINT NOT NULL, delivered BIGINT NOT NULL,
			changed_at {time}, sequence BIGINT NOT NULL, synced_at {time}, lease TEXT NOT NULL, lease_until {time})`,
		`CREATE INDEX ticket_links_external ON ticket_links (tenant, external_id)`,
		// What the copy still has to be told, in order.
		`CREATE TABLE ticket_deliveries (
			ticket_id TEXT NOT NULL REFERENCES ticket_links (ticket_id) ON DELETE CASCADE, sequence BIGINT NOT NULL,
			kind TEXT NOT NULL, change_key TEXT NOT NULL, data TEXT NOT NULL, state TEXT NOT NULL, failures INTEGER NOT NULL,
			created_at {time} NOT NULL, ended_at {time}, PRIMARY KEY (ticket_id, sequence))`,
		`CREATE UNIQUE INDEX ticket_deliveries_key ON ticket_deliveries (ticket_id, change_key)`,
		// What other systems told, so that it counts once.
		`CREATE TABLE ticket_link_events (
			tenant TEXT NOT NULL, event_id TEXT NOT NULL, received_at {time} NOT NULL, PRIMARY KEY (tenant, event_id))`,
		`CREATE INDEX ticket_link_events_received ON ticket_link_events (received_at)`,
		// How far each system has been asked for changes.
		`CREATE TABLE ticket_link_cursors (tenant TEXT PRIMARY KEY, since {time} NOT NULL)`,
	}, down: []string{
		// Work and facts that nobody of before can read.
		`DELETE FROM outbox WHERE type IN ('tidegate.v1.ticket.deliver', 'tidegate.v1.ticket.synced')`,
		`DROP TABLE ticket_link_cursors`, `DROP TABLE ticket_link_events`, `DROP TABLE ticket_deliveries`, `DROP TABLE ticket_links`,
	}},
	vaultMigration,
	accessMigration,
	notifyMigration,
}

// migrationLock keeps services that start together from migrating together
// (PostgreSQL advisory lock; any number does, as long as it stays the same).
const migrationLock = 7_433_428_001

// MigrateUp brings the tables to the newest state.
func (s *Store) MigrateUp(ctx context.Context) error {
	return s.migrating(ctx, func(m *gormigrate.Gormigrate) error { return m.Migrate() })
}

// MigrateDown takes the last migration back, with the data it held.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrating(ctx, func(m *gormigrate.Gormigrate) error { return m.RollbackLast() })
}

func (s *Store) migrating(ctx context.Context, fn func(*gormigrate.Gormigrate) error) error {
	return errors.Join(s.migrate(ctx, fn), s.forgetTables())
}

// forgetTables closes idle reading connections of SQLite: the first query of
// one that knew the tables before gives rows without their new columns.
func (s *Store) forgetTables() error {
	if s.dialect != sqliteDialect {
		return nil
	}
	pool, err := s.read.DB()
	if err != nil {
		return err
	}
	pool.SetMaxIdleConns(0)
	pool.SetMaxIdleConns(pool.Stats().MaxOpenConnections)
	return nil
}

func (s *Store) migrate(ctx context.Context, fn func(*gormigrate.Gormigrate) error) error {
	// One transaction around all of it: other starting services wait, a
	// failed migration leaves nothing behind. Both databases can roll DDL back.
	return s.inTx(ctx, opMigrate, func(tx *gorm.DB) error {
		if s.dialect == postgresDialect {
			if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", int64(migrationLock)).Error; err != nil {
				return err
			}
		}
		var list []*gormigrate.Migration
		for _, m := range migrations {
			list = append(list, &gormigrate.Migration{ID: m.id, Migrate: s.statements(m.up), Rollback: s.rollback(m)})
		}
		opts := *gormigrate.DefaultOptions
		opts.UseTransaction = false
		if err := fn(gormigrate.New(tx, &opts, list)); err != nil {
			return fmt.Errorf("migrate: %w", classify(err))
		}
		return nil
	})
}

func (s *Store) rollback(m migration) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		if m.before != nil {
			if err := m.before(s, tx); err != nil {
				return err
			}
		}
		return s.statements(m.down)(tx)
	}
}

// own says whether a statement is meant for this database: one that begins
// with a database's name in braces is for that one only.
func (d dialect) own(stmt string) (string, bool) {
	for _, only := range []dialect{sqliteDialect, postgresDialect} {
		if rest, ok := strings.CutPrefix(stmt, "{"+string(only)+"}"); ok {
			return rest, only == d
		}
	}
	return stmt, true
}

func (s *Store) statements(list []string) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		for _, stmt := range list {
			stmt, mine := s.dialect.own(stmt)
			if !mine {
				continue
			}
			if err := tx.Exec(words[s.dialect].Replace(stmt)).Error; err != nil {
				return err
			}
		}
		return nil
	}
}
