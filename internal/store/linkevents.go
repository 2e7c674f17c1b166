package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// LinkEvent is what another ticket system told of a copy.
type LinkEvent struct {
	Tenant     string
	EventID    string // the same for every repeat
	ExternalID string
	TicketID   string       // when ExternalID is not known here yet
	Status     string       // the system's own word
	Moves      TicketStatus // where that word moves our ticket; "" for nowhere
	// Means are the statuses of ours that the system knows by that word.
	Means    []TicketStatus
	URL      string
	At       time.Time
	Sequence int64 // counts a copy's changes, when the system has that
}

// LinkOutcome is what became of an event.
type LinkOutcome string

// The outcomes.
const (
	EventApplied   LinkOutcome = "applied"
	EventDuplicate LinkOutcome = "duplicate"
	EventStale     LinkOutcome = "stale" // something newer is known
	EventUnknown   LinkOutcome = "unknown"
)

type linkEventRow struct {
	Tenant     string `gorm:"primaryKey"`
	EventID    string `gorm:"primaryKey"`
	ReceivedAt time.Time
}

func (linkEventRow) TableName() string { return "ticket_link_events" }

type linkCursorRow struct {
	Tenant string `gorm:"primaryKey"`
	Since  time.Time
}

func (linkCursorRow) TableName() string { return "ticket_link_cursors" }

// ApplyLinkEvent brings what another system told into the ticket's record,
// once and only when it is newer than what is known: by sequence when both
// have one, else by time. Its status stands in the ticket's history, moves the
// ticket where e says so and a way leads there, and is not told back. The facts
// that tell of it are committed with it; their ids are returned.
func (s *Store) ApplyLinkEvent(ctx context.Context, e LinkEvent) (outcome LinkOutcome, facts []string, err error) {
	err = s.inTx(ctx, opLink, func(tx *gorm.DB) error {
		outcome, facts, err = s.applyLinkEvent(tx, e)
		return err
	})
	return outcome, facts, err
}

func (s *Store) applyLinkEvent(tx *gorm.DB, e LinkEvent) (LinkOutcome, []string, error) {
	now := stamp(s.now())
	find := func() (linkRow, error) {
		var link linkRow
		q := tx.Where("tenant = ? AND external_id = ? AND external_id <> ''", e.Tenant, e.ExternalID)
		if e.TicketID != "" {
			q = tx.Where("tenant = ? AND ticket_id = ?", e.Tenant, e.TicketID)
		}
		return link, q.Take(&link).Error
	}
	link, err := find()
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return EventUnknown, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	// The ticket is held first, as whoever changes it does, then its copy:
	// events of one copy are compared one after the other.
	var t ticketRow
	if err := tx.Clauses(clause.Locking{Strength: forChange}).Where("id = ?", link.TicketID).Take(&t).Error; err != nil {
		return "", nil, err
	}
	if err := tx.Model(&linkRow{}).Where("ticket_id = ?", link.TicketID).Update("ticket_id", link.TicketID).Error; err != nil {
		return "", nil, err
	}
	if link, err = find(); err != nil {
		return "", nil, err
	}
	res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&linkEventRow{Tenant: e.Tenant, EventID: e.EventID, ReceivedAt: now})
	if res.Error != nil {
		return "", nil, res.Error
	}
	switch {
	case res.RowsAffected == 0:
		return EventDuplicate, nil, nil
	case stale(link, e, now):
		return EventStale, nil, nil
	}
	set := map[string]any{"status": e.Status, "changed_at": stamp(e.At), "sequence": max(e.Sequence, link.Sequence), "synced_at": now}
	if link.ExternalID == "" && e.ExternalID != "" {
		set["external_id"] = e.ExternalID
	}
	if e.URL != "" {
		set["url"] = e.URL
	}
	if err := tx.Model(&linkRow{}).Where("ticket_id = ?", link.TicketID).Updates(set).Error; err != nil {
		return "", nil, err
	}
	if link.Status == e.Status {
		return EventApplied, nil, nil // nothing that anybody has to be told
	}
	sum := sha256.Sum256([]byte(e.Tenant + "\x00" + e.EventID))
	id := "ticket.synced." + hex.EncodeToString(sum[:16])
	if err := s.putSynced(tx, id, t, e.Status, link.Status, schemas.SyncReported, now); err != nil {
		return "", nil, err
	}
	if slices.Contains(e.Means, TicketStatus(t.Status)) {
		return EventApplied, []string{id}, nil // it says what we told it
	}
	edit := &ticketEdit{tx: tx, was: t, row: t, now: now}
	if err := edit.follow(link, e.Status, e.Moves); err != nil {
		return "", nil, err
	}
	return EventApplied, append([]string{id}, edit.facts...), nil
}

// reportedAhead is how far ahead of ours another system's clock may be.
const reportedAhead = 5 * time.Minute

// stale: what we know is newer, unless it is dated by a clock that was wrong
// then, or nothing would be newer until that day.
func stale(link linkRow, e LinkEvent, now time.Time) bool {
	if e.Sequence > 0 && link.Sequence > 0 {
		return e.Sequence <= link.Sequence
	}
	return link.ChangedAt != nil && stamp(e.At).Before(*link.ChangedAt) && !link.ChangedAt.After(now.Add(reportedAhead+clockSkew))
}

// ForgetLinkEvents drops the ids of events received before a time. What is
// older is kept out by its time or its signature's.
func (s *Store) ForgetLinkEvents(ctx context.Context, before time.Time) error {
	return s.writing(ctx, opLink, func(db *gorm.DB) error {
		return db.Where("received_at < ?", stamp(before)).Delete(&linkEventRow{}).Error
	})
}

// LinkCursor is how far a tenant's system has been asked for changes; the
// zero time when it never was.
func (s *Store) LinkCursor(ctx context.Context, tenant string) (time.Time, error) {
	var rows []linkCursorRow
	err := s.reading(ctx, opLinkRead, func(db *gorm.DB) error {
		return db.Where("tenant = ?", tenant).Limit(1).Find(&rows).Error
	})
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].Since.UTC(), nil
}

// MoveLinkCursor moves it on; back it does not go.
func (s *Store) MoveLinkCursor(ctx context.Context, tenant string, since time.Time) error {
	return s.writing(ctx, opLink, func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "tenant"}}, DoUpdates: clause.AssignmentColumns([]string{"since"}),
			Where: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "ticket_link_cursors.since < excluded.since"}}},
		}).Create(&linkCursorRow{Tenant: tenant, Since: stamp(since)}).Error
	})
}

// LinksUnsettled says whether a tenant's system may have copies whose ids are
// not known here yet.
func (s *Store) LinksUnsettled(ctx context.Context, tenant string) (bool, error) {
	var rows []linkRow
	err := s.reading(ctx, opLinkRead, func(db *gorm.DB) error {
		return db.Select("ticket_id").Where("tenant = ? AND external_id = '' AND attempted = ?", tenant, true).Limit(1).Find(&rows).Error
	})
	return len(rows) > 0, err
}
