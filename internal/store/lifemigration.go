package store

// lifeMigration is the life of a ticket after its opening. Tickets from
// before are version 1, of normal priority, with no due time and nobody's.
var lifeMigration = migration{id: "0007_ticket_life", up: []string{
	`ALTER TABLE customers ADD COLUMN level TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE tickets ADD COLUMN tenant TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE tickets ADD COLUMN version BIGINT NOT NULL DEFAULT 1`,
	`ALTER TABLE tickets ADD COLUMN assignee TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE tickets ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal'`,
	`ALTER TABLE tickets ADD COLUMN approval TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE tickets ADD COLUMN amount_fen BIGINT NOT NULL DEFAULT 0`,
	`ALTER TABLE tickets ADD COLUMN due_at {time}`,
	`ALTER TABLE tickets ADD COLUMN escalate_at {time}`,
	`ALTER TABLE tickets ADD COLUMN escalated INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE tickets ADD COLUMN idle_since {time}`,
	`ALTER TABLE tickets ADD COLUMN ended_at {time}`,
	// Each holds only what is still worked on: a small part of all tickets.
	`CREATE INDEX tickets_assignee ON tickets (assignee) WHERE assignee <> '' AND ` + active,
	`CREATE INDEX tickets_due ON tickets (due_at, team) WHERE due_at IS NOT NULL AND ` + pressing,
	`CREATE INDEX tickets_escalate ON tickets (escalate_at) WHERE escalate_at IS NOT NULL AND ` + pressing,
	`CREATE INDEX tickets_ended ON tickets (ended_at) WHERE ended_at IS NOT NULL`,
	`CREATE TABLE ticket_history (
		ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, version BIGINT NOT NULL, position INTEGER NOT NULL,
		at {time} NOT NULL, who TEXT NOT NULL, field TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, why TEXT NOT NULL,
		PRIMARY KEY (ticket_id, version, position))`,
	`CREATE TABLE ticket_comments (
		id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
		at {time} NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL)`,
	`CREATE INDEX ticket_comments_ticket ON ticket_comments (ticket_id, at, id)`,
	`CREATE TABLE ticket_attachments (
		id TEXT PRIMARY KEY, ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
		at {time} NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL, title TEXT NOT NULL)`,
	`CREATE INDEX ticket_attachments_ticket ON ticket_attachments (ticket_id, at, id)`,
	// Who of a group got the last ticket.
	`CREATE TABLE ticket_turns (team TEXT PRIMARY KEY, last TEXT NOT NULL)`,
}, down: []string{
	`DROP TABLE ticket_turns`, `DROP TABLE ticket_attachments`, `DROP TABLE ticket_comments`, `DROP TABLE ticket_history`,
	`DROP INDEX tickets_ended`, `DROP INDEX tickets_escalate`, `DROP INDEX tickets_due`, `DROP INDEX tickets_assignee`,
	// Facts that nobody of before can read, and whose ids would come again.
	`DELETE FROM outbox WHERE type IN ('tidegate.v1.ticket.changed', 'tidegate.v1.ticket.escalated')`,
	// Statuses of before: whatever is not over is open, as it was.
	`UPDATE tickets SET status = 'open' WHERE status <> 'open'`,
	`UPDATE tickets SET team = 'after_sales' WHERE team NOT IN ('after_sales', 'finance')`,
	`ALTER TABLE tickets DROP COLUMN ended_at`, `ALTER TABLE tickets DROP COLUMN idle_since`, `ALTER TABLE tickets DROP COLUMN escalated`, `ALTER TABLE tickets DROP COLUMN escalate_at`, `ALTER TABLE tickets DROP COLUMN due_at`,
	`ALTER TABLE tickets DROP COLUMN amount_fen`, `ALTER TABLE tickets DROP COLUMN approval`, `ALTER TABLE tickets DROP COLUMN priority`,
	`ALTER TABLE tickets DROP COLUMN assignee`, `ALTER TABLE tickets DROP COLUMN version`, `ALTER TABLE tickets DROP COLUMN tenant`,
	`ALTER TABLE customers DROP COLUMN level`,
}}
