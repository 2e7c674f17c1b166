package store

import (
	"gorm.io/gorm"
)

// vaultMigration makes room for sealed values: a blind index beside each
// number, a record of the keys in use, where a rotation stands, and what
// retention and lists by state look along. Indexes of plain numbers shrink to
// rows that are not sealed yet.
var vaultMigration = migration{id: "0009_vault", up: []string{
	`ALTER TABLE customers ADD COLUMN phone_index TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE tickets ADD COLUMN contact_index TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE calls ADD COLUMN caller_index TEXT NOT NULL DEFAULT ''`,
	`DROP INDEX customers_phone`,
	`DROP INDEX calls_caller`,
	`CREATE INDEX customers_phone ON customers (phone) WHERE phone_index = ''`,
	`CREATE INDEX calls_caller ON calls (caller, started_at, id) WHERE caller_index = ''`,
	`CREATE INDEX customers_phone_index ON customers (phone_index) WHERE phone_index <> ''`,
	`CREATE INDEX tickets_contact_index ON tickets (contact_index, opened_at, id) WHERE contact_index <> ''`,
	`CREATE INDEX calls_caller_index ON calls (caller_index, started_at, id) WHERE caller_index <> ''`,
	`CREATE INDEX tickets_team_status ON tickets (team, status, opened_at, id)`,
	`CREATE INDEX turns_started ON turns (started_at)`,
	`CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL`,
	// What is sealed is no JSON.
	`{postgres}ALTER TABLE outbox ALTER COLUMN data TYPE TEXT USING data::text`,
	// A value of each key that is or was in use, sealed or indexed with it:
	// a wrong or missing key shows when a service starts.
	`CREATE TABLE vault_keys (
		id TEXT PRIMARY KEY, probe TEXT NOT NULL, first_used_at {time} NOT NULL)`,
	`CREATE TABLE vault_rotation (
		name TEXT PRIMARY KEY, generation TEXT NOT NULL, position TEXT NOT NULL, updated_at {time} NOT NULL)`,
}, before: openEverything, down: []string{
	`DROP TABLE vault_rotation`, `DROP TABLE vault_keys`,
	`{postgres}ALTER TABLE outbox ALTER COLUMN data TYPE JSONB USING data::jsonb`,
	`DROP INDEX outbox_sent`, `DROP INDEX turns_started`, `DROP INDEX tickets_team_status`,
	`DROP INDEX calls_caller_index`, `DROP INDEX tickets_contact_index`, `DROP INDEX customers_phone_index`,
	`DROP INDEX calls_caller`, `DROP INDEX customers_phone`,
	`ALTER TABLE calls DROP COLUMN caller_index`, `ALTER TABLE tickets DROP COLUMN contact_index`,
	`ALTER TABLE customers DROP COLUMN phone_index`,
	`CREATE INDEX customers_phone ON customers (phone)`,
	`CREATE INDEX calls_caller ON calls (caller, started_at, id)`,
}}

// openEverything puts every sealed value back as it was, for the tables of
// before, which know nothing of keys.
func openEverything(s *Store, tx *gorm.DB) error {
	for _, t := range sealedTables {
		if err := s.unsealTable(tx, t); err != nil {
			return err
		}
	}
	return nil
}
