package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// AuditEntry says who did what to which record, when and from where. Details
// hold names of fields and counts, never personal data.
type AuditEntry struct {
	ID      string
	At      time.Time
	Actor   string // id of an API key, or one of the console's own names
	Action  string
	Subject string // id of a ticket, a call or a key; empty for exports
	Address string
	Details map[string]string
}

type auditRow struct {
	ID      string `gorm:"primaryKey"`
	At      time.Time
	Actor   string
	Action  string
	Subject string
	Address string
	Details map[string]string `gorm:"serializer:json"`
}

func (auditRow) TableName() string { return "audit_log" }

func (r auditRow) domain() AuditEntry {
	return AuditEntry{ID: r.ID, At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Subject: r.Subject, Address: r.Address, Details: r.Details}
}

type auditKey struct{}

// Audited makes the next writing transaction under the context carry an audit
// entry: what is written and the entry of it are committed together or not at
// all. Its ID and time are filled in here.
func Audited(ctx context.Context, e AuditEntry) context.Context {
	return context.WithValue(ctx, auditKey{}, e)
}

func (s *Store) withAudit(ctx context.Context, fn func(*gorm.DB) error) func(*gorm.DB) error {
	e, ok := ctx.Value(auditKey{}).(AuditEntry)
	if !ok {
		return fn
	}
	return func(tx *gorm.DB) error {
		if err := fn(tx); err != nil {
			return err
		}
		return s.addAudit(tx, e)
	}
}

func (s *Store) addAudit(tx *gorm.DB, e AuditEntry) error {
	now := stamp(s.now())
	return tx.Create(&auditRow{
		ID: schemas.NewID(now), At: now, Actor: e.Actor, Action: e.Action, Subject: e.Subject, Address: e.Address, Details: e.Details,
	}).Error
}

// Audit keeps an entry about something that writes nothing itself: a reading
// or an export.
func (s *Store) Audit(ctx context.Context, e AuditEntry) error {
	return s.writing(ctx, opAuditWrite, func(db *gorm.DB) error { return s.addAudit(db, e) })
}

// AuditFilter narrows a list of entries; zero fields do not. Since is
// inclusive, Until exclusive.
type AuditFilter struct {
	Actor   string
	Action  string
	Subject string
	Since   time.Time
	Until   time.Time
}

// AuditLog lists entries, newest first, limit of them after the cursor. The
// second result is the cursor of the next page, or "".
func (s *Store) AuditLog(ctx context.Context, f AuditFilter, limit int, after Cursor) ([]AuditEntry, Cursor, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return nil, "", err
	}
	var rows []auditRow
	err = s.reading(ctx, opAuditList, func(db *gorm.DB) error {
		tx := equals(db.Model(&auditRow{}), map[string]string{"actor": f.Actor, "action": f.Action, "subject": f.Subject})
		tx, err := page(during(tx, "at", f.Since, f.Until), "at", after)
		if err != nil {
			return err
		}
		return tx.Limit(limit + 1).Find(&rows).Error
	})
	if err != nil {
		return nil, "", err
	}
	var next Cursor
	if len(rows) > limit {
		rows = rows[:limit]
		next = newCursor(rows[limit-1].At, rows[limit-1].ID)
	}
	out := make([]AuditEntry, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out, next, nil
}

// AuditFloor is the age below which the database itself refuses to delete an
// entry; what is older goes by retention.
const AuditFloor = 30 * 24 * time.Hour

// equals adds a condition for each column with a value.
func equals(tx *gorm.DB, columns map[string]string) *gorm.DB {
	for column, value := range columns {
		if value != "" {
			tx = tx.Where(column+" = ?", value)
		}
	}
	return tx
}

// during keeps what happened from since on and before until.
func during(tx *gorm.DB, column string, since, until time.Time) *gorm.DB {
	if !since.IsZero() {
		tx = tx.Where(column+" >= ?", stamp(since))
	}
	if !until.IsZero() {
		tx = tx.Where(column+" < ?", stamp(until))
	}
	return tx
}
