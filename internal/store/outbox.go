package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// OutboxMessage is a fact that was committed with what it tells of, and waits
// to be published. ID is the message id: publishing twice counts once.
type OutboxMessage struct {
	ID        string
	Subject   string
	Type      string
	CallID    string
	Data      json.RawMessage
	CreatedAt time.Time
}

// Decode gives the fact as its Go type (a pointer).
func (m OutboxMessage) Decode() (any, error) {
	kind, ok := schemas.Lookup(m.Type)
	if !ok {
		return nil, schemas.ErrUnknownType
	}
	v := kind.New()
	return v, json.Unmarshal(m.Data, v)
}

// clockSkew is how far the clocks of our machines may be apart. What is dated
// later was dated by a clock that has been put back.
const clockSkew = time.Minute

type outboxRow struct {
	ID        string `gorm:"primaryKey"`
	Subject   string
	Type      string
	CallID    string
	Data      string
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
	SentAt    *time.Time
}

func (outboxRow) TableName() string { return "outbox" }

func (r outboxRow) domain() OutboxMessage {
	return OutboxMessage{ID: r.ID, Subject: r.Subject, Type: r.Type, CallID: r.CallID, Data: json.RawMessage(r.Data), CreatedAt: r.CreatedAt.UTC()}
}

// PendingOutbox lists messages committed before a time and not yet marked
// sent, oldest first. One whose time has still to come is listed too: the
// clock was put back since, and nobody waits for it to get there again.
// Messages of some types can be left out.
func (s *Store) PendingOutbox(ctx context.Context, before time.Time, limit int, without ...string) ([]OutboxMessage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	var rows []outboxRow
	err = s.reading(ctx, opOutboxRead, func(db *gorm.DB) error {
		if len(without) > 0 {
			db = db.Where("type NOT IN ?", without)
		}
		return db.Where("sent_at IS NULL AND (created_at < ? OR created_at > ?)", stamp(before), stamp(s.now().Add(clockSkew))).Order("created_at, id").Limit(limit).Find(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	out := make([]OutboxMessage, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out, nil
}

// CountPendingOutbox counts messages not yet marked sent.
func (s *Store) CountPendingOutbox(ctx context.Context) (int64, error) {
	var n int64
	err := s.reading(ctx, opOutboxRead, func(db *gorm.DB) error {
		return db.Model(&outboxRow{}).Where("sent_at IS NULL").Count(&n).Error
	})
	return n, err
}

// OutboxPending finds one message if it has not been marked sent.
func (s *Store) OutboxPending(ctx context.Context, id string) (OutboxMessage, bool, error) {
	var rows []outboxRow
	err := s.reading(ctx, opOutboxRead, func(db *gorm.DB) error {
		// By id alone: see unsent.
		return db.Where("id = ?", id).Limit(1).Find(&rows).Error
	})
	if err != nil || len(rows) == 0 || rows[0].SentAt != nil {
		return OutboxMessage{}, false, err
	}
	return rows[0].domain(), true, nil
}

// MarkOutboxSent notes that a message is in its stream. Marking twice, or
// what is not there, changes nothing.
func (s *Store) MarkOutboxSent(ctx context.Context, id string) error {
	return s.marking.do(ctx, id)
}
