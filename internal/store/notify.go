package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

const (
	opNotify     operation = "notify"
	opNotifyRead operation = "notify_read"
)

// NotifyState is where a notification stands.
type NotifyState string

// The states of a notification. Sending is that a request is, or was when
// its worker died, on its way; unknown that nobody knows whether it arrived,
// and that it will not be sent again.
const (
	NotifyQueued  NotifyState = "queued"
	NotifySending NotifyState = "sending"
	NotifySent    NotifyState = "sent"
	NotifySkipped NotifyState = "skipped"
	NotifyRefused NotifyState = "refused"
	NotifyFailed  NotifyState = "failed"
	NotifyUnknown NotifyState = "unknown"
)

// Ended says that nothing more is to be sent.
func (s NotifyState) Ended() bool { return s != NotifyQueued && s != NotifySending }

// Sentinels of notifications.
var (
	// ErrNotifyBusy: another worker has it now.
	ErrNotifyBusy = errors.New("the notification is with another worker")
	// ErrNotifyLater: it is put off; DueNotifications names it when it is time.
	ErrNotifyLater = errors.New("the notification is put off")
	// ErrOptedOut: whom it is for does not want to be told.
	ErrOptedOut = errors.New("opted out")
)

// Notification is something that is told once, over one channel. Ticket,
// event, occurrence and channel name it.
type Notification struct {
	ID         string
	TicketID   string
	Tenant     string // "" is calls without one
	CallID     string
	Event      string
	Occurrence string // which of several of one event: a version, a number
	// Code, when something is planned, stands for its Occurrence: a short
	// secret that would be found from a plain digest by trying all there are.
	Code      string
	Channel   string
	Data      json.RawMessage // what it tells beside the ticket
	State     NotifyState
	Reason    string // why it was skipped, refused, put off or failed
	GatewayID string
	Attempts  int // requests that were made
	CreatedAt time.Time
	NotBefore *time.Time
	EndedAt   *time.Time
}

// NotifyID is the id of a notification, and the idempotency key that a
// gateway sees: the same for every repeat.
func NotifyID(ticketID, event, occurrence, channel string) string {
	sum := sha256.Sum256([]byte(ticketID + "\x00" + event + "\x00" + occurrence + "\x00" + channel))
	return "ntf_" + hex.EncodeToString(sum[:16])
}

// NotifyWorkID is the message id of the work for a notification.
func NotifyWorkID(id string) string { return "notify.send." + id }

type notificationRow struct {
	ID         string `gorm:"primaryKey"`
	TicketID   string
	Tenant     string
	CallID     string
	Event      string
	Occurrence string
	Channel    string
	Data       string
	State      string
	Reason     string
	GatewayID  string
	Attempts   int
	CreatedAt  time.Time `gorm:"autoCreateTime:false"`
	NotBefore  *time.Time
	EndedAt    *time.Time
	Lease      string
	LeaseUntil *time.Time
}

func (notificationRow) TableName() string { return "notifications" }

func (r notificationRow) domain() Notification {
	return Notification{
		ID: r.ID, TicketID: r.TicketID, Tenant: r.Tenant, CallID: r.CallID, Event: r.Event, Occurrence: r.Occurrence, Channel: r.Channel,
		Data: json.RawMessage(r.Data), State: NotifyState(r.State), Reason: r.Reason, GatewayID: r.GatewayID, Attempts: r.Attempts,
		CreatedAt: r.CreatedAt.UTC(), NotBefore: stampPtr(r.NotBefore), EndedAt: stampPtr(r.EndedAt),
	}
}

// occurring gives a notification its occurrence and its id. One of a code is
// known when it was planned under any index key, or before codes had one.
func occurring(tx *gorm.DB, n *Notification) (id string, known bool, err error) {
	if n.Code == "" {
		return NotifyID(n.TicketID, n.Event, n.Occurrence, n.Channel), false, nil
	}
	sum := sha256.Sum256([]byte(n.Code))
	names := []string{hex.EncodeToString(sum[:8])} // of before, and without a vault
	if v := vaultOf(tx); v != nil {
		names = append(v.Indexes(colNotifyCode, n.Code), names...)
	}
	var have []string
	for _, name := range names {
		have = append(have, NotifyID(n.TicketID, n.Event, name, n.Channel))
	}
	n.Occurrence, id = names[0], have[0]
	var rows []string
	if err := tx.Model(&notificationRow{}).Where("id IN ?", have).Limit(1).Pluck("id", &rows).Error; err != nil || len(rows) == 0 {
		return id, false, err
	}
	return rows[0], true, nil
}

// PlanNotifications notes what is to be told, with the work for each in the
// outbox. What was planned before stays as it is. The ids are of all of them.
func (s *Store) PlanNotifications(ctx context.Context, list []Notification) (ids []string, err error) {
	err = s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		ids = ids[:0]
		now := stamp(s.now())
		for _, n := range list {
			id, known, err := occurring(tx, &n)
			if err != nil {
				return err
			}
			if ids = append(ids, id); known {
				continue
			}
			row := notificationRow{
				ID: id, TicketID: n.TicketID, Tenant: n.Tenant, CallID: n.CallID, Event: n.Event, Occurrence: n.Occurrence, Channel: n.Channel,
				Data: string(n.Data), State: string(NotifyQueued), CreatedAt: now,
			}
			res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
			if res.Error != nil {
				return res.Error
			}
			if res.RowsAffected == 0 {
				continue
			}
			work := schemas.NotifySend{Tenant: n.Tenant, CallID: n.CallID, TicketID: n.TicketID, NotificationID: id}
			if err := putOutbox(tx, NotifyWorkID(id), schemas.SubjectNotifySend(n.Tenant), n.CallID, work, now); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

// NotifyClaim is a notification, held by one worker. Lost says that an
// earlier request was made whose answer nobody has.
type NotifyClaim struct {
	Notification Notification
	Ticket       Ticket
	Lost         bool
	lease        string
}

// ClaimNotification holds a notification for a worker until a time. One that
// has ended is given without being held. The error is ErrNotifyBusy while
// another worker holds it, ErrNotifyLater before its time, ErrNotFound when
// there is no such notification (any more). One held for much longer than until
// is free: the clock was put back.
func (s *Store) ClaimNotification(ctx context.Context, id string, until time.Time) (c NotifyClaim, err error) {
	err = s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		now := stamp(s.now())
		lease := schemas.NewID(now)
		beyond := stamp(until.Add(max(0, until.Sub(now)) + clockSkew))
		res := tx.Model(&notificationRow{}).
			Where("id = ? AND state IN ? AND (lease_until IS NULL OR lease_until < ? OR lease_until > ?) AND (not_before IS NULL OR not_before <= ?)",
				id, []string{string(NotifyQueued), string(NotifySending)}, now, beyond, now).
			Updates(map[string]any{"lease": lease, "lease_until": stamp(until)})
		if res.Error != nil {
			return res.Error
		}
		var row notificationRow
		if err := tx.Where("id = ?", id).Take(&row).Error; err != nil {
			return err
		}
		c = NotifyClaim{Notification: row.domain()}
		switch {
		case c.Notification.State.Ended():
			return nil
		case res.RowsAffected == 0 && row.NotBefore != nil && row.NotBefore.After(now):
			return ErrNotifyLater
		case res.RowsAffected == 0:
			return ErrNotifyBusy
		}
		var t ticketRow
		if err := tx.Where("id = ?", row.TicketID).Take(&t).Error; err != nil {
			return err
		}
		c.Ticket, c.Lost, c.lease = t.domain(), row.State == string(NotifySending), lease
		return nil
	})
	return c, err
}

// errNotifyLease: the worker took longer than it held the notification for.
var errNotifyLease = fmt.Errorf("%w: the claim has run out", ErrNotifyBusy)

// BeginNotification notes that a request is about to be made: from now on it
// may have been. Phone, unless it is "", is looked for among the opt-outs in
// the same transaction; the error is then ErrOptedOut, and nothing is noted.
func (s *Store) BeginNotification(ctx context.Context, c NotifyClaim, phone string) error {
	return s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		err := s.updateNotification(tx, c, map[string]any{"state": string(NotifySending), "attempts": gorm.Expr("attempts + 1")})
		if err != nil || phone == "" {
			return err
		}
		out, err := optedOut(tx, c.Notification.Tenant, phone)
		if err == nil && out {
			err = ErrOptedOut
		}
		return err
	})
}

// ReleaseNotification lets a notification go, to be sent by the work that
// comes again, or when at is not zero, not before that. NotSent says that no
// request arrived for certain.
func (s *Store) ReleaseNotification(ctx context.Context, c NotifyClaim, notSent bool, why string, at time.Time) error {
	set := map[string]any{"lease": "", "lease_until": nil, "reason": why}
	if notSent {
		set["state"] = string(NotifyQueued)
	}
	if !at.IsZero() {
		set["not_before"] = stamp(at)
	}
	return s.writing(ctx, opNotify, func(db *gorm.DB) error { return s.updateNotification(db, c, set) })
}

// NotifyEnd is what became of a notification.
type NotifyEnd struct {
	State     NotifyState
	Reason    string
	GatewayID string
}

// EndNotification notes what became of a notification.
func (s *Store) EndNotification(ctx context.Context, c NotifyClaim, end NotifyEnd) error {
	set := map[string]any{
		"state": string(end.State), "reason": end.Reason, "gateway_id": end.GatewayID, "ended_at": stamp(s.now()),
		"lease": "", "lease_until": nil, "not_before": nil,
	}
	return s.writing(ctx, opNotify, func(db *gorm.DB) error { return s.updateNotification(db, c, set) })
}

func (s *Store) updateNotification(db *gorm.DB, c NotifyClaim, set map[string]any) error {
	res := db.Model(&notificationRow{}).Where("id = ? AND lease = ?", c.Notification.ID, c.lease).Updates(set)
	if res.Error == nil && res.RowsAffected == 0 {
		return errNotifyLease
	}
	return res.Error
}

// ReviveNotification makes one that failed or was refused queued again: its
// work came back from the dead letters.
func (s *Store) ReviveNotification(ctx context.Context, id string) error {
	return s.writing(ctx, opNotify, func(db *gorm.DB) error {
		return db.Model(&notificationRow{}).Where("id = ? AND state IN ?", id, []string{string(NotifyFailed), string(NotifyRefused)}).
			Updates(map[string]any{"state": string(NotifyQueued), "ended_at": nil, "attempts": 0, "reason": ""}).Error
	})
}

// DueNotifications lists notifications that were put off until now or before,
// the oldest first.
func (s *Store) DueNotifications(ctx context.Context, limit int) ([]Notification, error) {
	var rows []notificationRow
	err := s.reading(ctx, opNotifyRead, func(db *gorm.DB) error {
		return db.Where("not_before IS NOT NULL AND not_before <= ?", stamp(s.now())).Order("not_before").Limit(limit).Find(&rows).Error
	})
	return notifications(rows), err
}

// WakeNotification notes that the work for one that was put off is in its
// stream.
func (s *Store) WakeNotification(ctx context.Context, id string) error {
	return s.writing(ctx, opNotify, func(db *gorm.DB) error {
		return db.Model(&notificationRow{}).Where("id = ? AND not_before <= ?", id, stamp(s.now())).Update("not_before", nil).Error
	})
}

// NotificationsOfTicket lists what a ticket's caller was told, in order.
func (s *Store) NotificationsOfTicket(ctx context.Context, ticketID string) ([]Notification, error) {
	var rows []notificationRow
	err := s.reading(ctx, opNotifyRead, func(db *gorm.DB) error {
		return db.Where("ticket_id = ?", ticketID).Order("created_at, id").Limit(MaxPage).Find(&rows).Error
	})
	return notifications(rows), err
}

func notifications(rows []notificationRow) []Notification {
	out := make([]Notification, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out
}

// TicketByNumber finds the ticket of a number that people say.
func (s *Store) TicketByNumber(ctx context.Context, number string) (Ticket, error) {
	var row ticketRow
	err := s.reading(ctx, opTicketsList, func(db *gorm.DB) error { return db.Where("number = ?", number).Take(&row).Error })
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket: %w", err)
	}
	return row.domain(), nil
}

// ReturnByNumber finds the newest return that a tenant's order system gave a
// number (RMA).
func (s *Store) ReturnByNumber(ctx context.Context, tenant, number string) (OMSWrite, error) {
	if number == "" {
		return OMSWrite{}, fmt.Errorf("return: %w", ErrNotFound)
	}
	tenants := []string{tenant}
	if schemas.TenantName(tenant) == "" {
		tenants = []string{"", schemas.DefaultTenant}
	}
	var row omsWriteRow
	err := s.reading(ctx, opOMSRead, func(db *gorm.DB) error {
		return db.Where("number = ? AND number <> '' AND kind = 'return' AND tenant IN ?", number, tenants).Order("requested_at DESC").Take(&row).Error
	})
	if err != nil {
		return OMSWrite{}, fmt.Errorf("return: %w", err)
	}
	return row.domain(), nil
}
