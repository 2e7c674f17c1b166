package store

// accessMigration holds who may ask (api_keys), who did what (audit_log), and
// the words of tickets for searching (ticket_texts).
//
// The searched text is indexed by its characters and pairs of them, cut in Go
// (see grams): neither database can cut Chinese into words. PostgreSQL keeps
// them as the lexemes of a tsvector, SQLite as the words of an FTS5 table that
// follows ticket_texts by triggers.
//
// The audit log refuses changes, and deletions of what is younger than thirty
// days: only its retention deletes.
var accessMigration = migration{id: "0010_access", up: []string{
	`CREATE TABLE api_keys (
		id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL,
		created_at {time} NOT NULL, expires_at {time}, revoked_at {time}, last_used_at {time})`,
	`CREATE TABLE audit_log (
		id TEXT PRIMARY KEY, at {time} NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
		address TEXT NOT NULL, details {json})`,
	`CREATE INDEX audit_at ON audit_log (at, id)`,
	`CREATE INDEX audit_actor ON audit_log (actor, at, id)`,
	`CREATE INDEX audit_subject ON audit_log (subject, at, id)`,

	// What lists of tickets are narrowed by; each holds a part of all tickets.
	`CREATE INDEX tickets_person ON tickets (assignee, opened_at, id) WHERE assignee > ''`,
	`CREATE INDEX tickets_tenant ON tickets (tenant, opened_at, id) WHERE tenant NOT IN ('', 'default')`,
	`CREATE INDEX tickets_approval ON tickets (opened_at, id) WHERE approval = 'needed'`,

	`{postgres}CREATE FUNCTION audit_log_guard() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF TG_OP = 'DELETE' AND OLD.at < now() - INTERVAL '30 days' THEN RETURN OLD; END IF;
			RAISE EXCEPTION 'the audit log is append-only';
		END $$`,
	`{postgres}CREATE TRIGGER audit_log_guard BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_guard()`,
	`{postgres}CREATE FUNCTION audit_log_keep() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$`,
	`{postgres}CREATE TRIGGER audit_log_keep BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_keep()`,
	`{sqlite}CREATE TRIGGER audit_log_frozen BEFORE UPDATE ON audit_log
		BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
	`{sqlite}CREATE TRIGGER audit_log_kept BEFORE DELETE ON audit_log WHEN julianday(old.at) >= julianday('now') - 30
		BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,

	`{postgres}CREATE TABLE ticket_texts (
		ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE, body TEXT NOT NULL, grams TSVECTOR NOT NULL)`,
	`{postgres}CREATE INDEX ticket_texts_grams ON ticket_texts USING GIN (grams)`,
	`{sqlite}CREATE TABLE ticket_texts (
		docid INTEGER PRIMARY KEY, ticket_id TEXT NOT NULL UNIQUE REFERENCES tickets (id) ON DELETE CASCADE,
		body TEXT NOT NULL, grams TEXT NOT NULL)`,
	`{sqlite}CREATE VIRTUAL TABLE ticket_grams USING fts5(grams, content='ticket_texts', content_rowid='docid',
		detail='none', columnsize=0, tokenize="unicode61 remove_diacritics 0")`,
	`{sqlite}CREATE TRIGGER ticket_texts_added AFTER INSERT ON ticket_texts
		BEGIN INSERT INTO ticket_grams (rowid, grams) VALUES (new.docid, new.grams); END`,
	`{sqlite}CREATE TRIGGER ticket_texts_gone AFTER DELETE ON ticket_texts
		BEGIN INSERT INTO ticket_grams (ticket_grams, rowid, grams) VALUES ('delete', old.docid, old.grams); END`,
	`{sqlite}CREATE TRIGGER ticket_texts_changed AFTER UPDATE ON ticket_texts BEGIN
		INSERT INTO ticket_grams (ticket_grams, rowid, grams) VALUES ('delete', old.docid, old.grams);
		INSERT INTO ticket_grams (rowid, grams) VALUES (new.docid, new.grams); END`,
}, down: []string{
	`DROP INDEX tickets_approval`, `DROP INDEX tickets_tenant`, `DROP INDEX tickets_person`,
	`{sqlite}DROP TABLE ticket_grams`, `DROP TABLE ticket_texts`, `DROP TABLE audit_log`,
	`{postgres}DROP FUNCTION audit_log_guard`, `{postgres}DROP FUNCTION audit_log_keep`, `DROP TABLE api_keys`,
}}
