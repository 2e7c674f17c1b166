package store

// notifyMigration holds what callers are told by SMS or message, and who does
// not want to be told.
//
// No telephone number stands in notifications: it is the ticket's, read when
// something is sent. What they tell (data) is sealed.
var notifyMigration = migration{id: "0011_notify", up: []string{
	`ALTER TABLE tickets ADD COLUMN language TEXT NOT NULL DEFAULT ''`,
	`CREATE TABLE notifications (
		id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, tenant TEXT NOT NULL, call_id TEXT NOT NULL,
		event TEXT NOT NULL, occurrence TEXT NOT NULL, channel TEXT NOT NULL, data TEXT NOT NULL,
		state TEXT NOT NULL, reason TEXT NOT NULL, gateway_id TEXT NOT NULL, attempts INTEGER NOT NULL,
		created_at {time} NOT NULL, not_before {time}, ended_at {time}, lease TEXT NOT NULL, lease_until {time})`,
	`CREATE UNIQUE INDEX notifications_key ON notifications (ticket_id, event, occurrence, channel)`,
	// Only what is put off: a small part of all.
	`CREATE INDEX notifications_due ON notifications (not_before) WHERE not_before IS NOT NULL`,
	`CREATE TABLE notify_optouts (
		id TEXT PRIMARY KEY, tenant TEXT NOT NULL, phone TEXT NOT NULL, phone_index TEXT NOT NULL, source TEXT NOT NULL, created_at {time} NOT NULL)`,
	`CREATE UNIQUE INDEX notify_optouts_index ON notify_optouts (tenant, phone_index) WHERE phone_index <> ''`,
	`CREATE UNIQUE INDEX notify_optouts_plain ON notify_optouts (tenant, phone) WHERE phone_index = ''`,
	// Pick-up codes come with the number of a return.
	`CREATE INDEX oms_writes_number ON oms_writes (number) WHERE number <> ''`,
}, down: []string{
	`DROP INDEX oms_writes_number`,
	// Work that nobody of before can read, and whose ids would come again.
	`DELETE FROM outbox WHERE type = 'tidegate.v1.notify.send'`,
	`DROP TABLE notify_optouts`, `DROP TABLE notifications`, `ALTER TABLE tickets DROP COLUMN language`,
}}
