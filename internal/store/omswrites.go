package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// OMSWriteStatus is where a write to an order system stands: pending, the
// status that the system answered, or rejected.
type OMSWriteStatus string

// The states of a write. Only a pending or a rejected one is written (again,
// when it comes back from the dead letters).
const (
	OMSWritePending   OMSWriteStatus = "pending"
	OMSWriteDone      OMSWriteStatus = "done"
	OMSWriteRequested OMSWriteStatus = "requested"
	OMSWriteRefused   OMSWriteStatus = "refused"
	OMSWriteRejected  OMSWriteStatus = "rejected"
)

// Ended says that nothing more is to be written.
func (s OMSWriteStatus) Ended() bool { return s != OMSWritePending && s != OMSWriteRejected }

// OMSWrite is something asked of an order system for a ticket, once for each
// key, and what came of it. Number is the system's own: of the return (RMA).
type OMSWrite struct {
	IdempotencyKey string
	Tenant         string
	Kind           string // return, cancel or intercept
	TicketID       string
	TicketNumber   string
	CallID         string
	OrderNumber    string
	OrderLine      string
	TrackingNo     string
	Status         OMSWriteStatus
	Code           string
	Reason         string
	Number         string
	Address        string
	Attempts       int
	RequestedAt    time.Time
	EndedAt        *time.Time
}

type omsWriteRow struct {
	IdempotencyKey string `gorm:"primaryKey"`
	Tenant         string
	Kind           string
	TicketID       string
	TicketNumber   string
	CallID         string
	OrderNumber    string
	OrderLine      string
	TrackingNo     string
	Status         string
	Code           string
	Reason         string
	Number         string
	Address        string
	Attempts       int
	RequestedAt    time.Time
	EndedAt        *time.Time
}

func (omsWriteRow) TableName() string { return "oms_writes" }

func (r omsWriteRow) domain() OMSWrite {
	w := OMSWrite{
		IdempotencyKey: r.IdempotencyKey, Tenant: r.Tenant, Kind: r.Kind, TicketID: r.TicketID, TicketNumber: r.TicketNumber, CallID: r.CallID,
		OrderNumber: r.OrderNumber, OrderLine: r.OrderLine, TrackingNo: r.TrackingNo, Status: OMSWriteStatus(r.Status), Code: r.Code,
		Reason: r.Reason, Number: r.Number, Address: r.Address, Attempts: r.Attempts, RequestedAt: r.RequestedAt.UTC(),
	}
	if r.EndedAt != nil {
		at := r.EndedAt.UTC()
		w.EndedAt = &at
	}
	return w
}

func rowOf(w OMSWrite) omsWriteRow {
	return omsWriteRow{
		IdempotencyKey: w.IdempotencyKey, Tenant: w.Tenant, Kind: w.Kind, TicketID: w.TicketID, TicketNumber: w.TicketNumber, CallID: w.CallID,
		OrderNumber: w.OrderNumber, OrderLine: w.OrderLine, TrackingNo: w.TrackingNo, Status: string(OMSWritePending),
		RequestedAt: stamp(w.RequestedAt),
	}
}

// OMSMessageID is the message id of what is said of a write: the same for
// every repeat. What is one of work, return_created, cancelled, intercepted,
// rejected.
func OMSMessageID(what, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "oms." + what + "." + hex.EncodeToString(sum[:16])
}

// OMSWriteRequest is a write to be done and the work that asks for it.
type OMSWriteRequest struct {
	Write   OMSWrite
	Subject string
	Work    any // schemas.ReturnCreate, OrderCancel or ParcelIntercept
}

// RequestOMSWrite notes a write, and in the same transaction puts the work
// that asks for it into the outbox. A key that was noted before stays as it
// is, existed true.
func (s *Store) RequestOMSWrite(ctx context.Context, req OMSWriteRequest) (existed bool, err error) {
	err = s.inTx(ctx, opOMSWrite, func(tx *gorm.DB) error {
		existed, err = s.requestOMSWrite(tx, req)
		return err
	})
	return existed, err
}

func (s *Store) requestOMSWrite(tx *gorm.DB, req OMSWriteRequest) (existed bool, err error) {
	row := rowOf(req.Write)
	res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.RowsAffected == 0, res.Error
	}
	return false, s.putOnce(tx, OMSMessageID("work", row.IdempotencyKey), req.Subject, row.CallID, req.Work)
}

// putOnce is putOutbox for what may lie there already.
func (s *Store) putOnce(tx *gorm.DB, id, subject, callID string, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&outboxRow{
		ID: id, Subject: subject, Type: schemas.TypeOf(message), CallID: callID, Data: string(data), CreatedAt: stamp(s.now()),
	}).Error
}

// BeginOMSWrite counts an attempt at a write and gives what is known of it.
// Work that was asked for in another way than RequestOMSWrite is noted now. With
// again, the work came before: a write that was given up then stays so, and no
// attempt is counted. Otherwise it has come back from the dead letters and
// begins anew.
func (s *Store) BeginOMSWrite(ctx context.Context, w OMSWrite, again bool) (OMSWrite, error) {
	var row omsWriteRow
	err := s.inTx(ctx, opOMSWrite, func(tx *gorm.DB) error {
		fresh := rowOf(w)
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&fresh).Error; err != nil {
			return err
		}
		if !again {
			if err := tx.Model(&omsWriteRow{}).Where("idempotency_key = ? AND status = ?", w.IdempotencyKey, string(OMSWriteRejected)).
				Updates(map[string]any{"status": string(OMSWritePending), "attempts": 0, "code": "", "reason": "", "ended_at": nil}).Error; err != nil {
				return err
			}
		}
		if err := tx.Model(&omsWriteRow{}).Where("idempotency_key = ? AND status <> ?", w.IdempotencyKey, string(OMSWriteRejected)).
			Update("attempts", gorm.Expr("attempts + 1")).Error; err != nil {
			return err
		}
		return tx.Where("idempotency_key = ?", w.IdempotencyKey).Take(&row).Error
	})
	return row.domain(), err
}

// OMSWriteEnd is what came of a write, and the fact that tells of it.
type OMSWriteEnd struct {
	Status                        OMSWriteStatus
	Code, Reason, Number, Address string
	Event, Subject                string // of Fact
	Fact                          any
	// Next are writes that follow from it.
	Next []OMSWriteRequest
}

// EndOMSWrite notes what came of a write, with the fact in the outbox, in one
// transaction. A write that had ended stays as it was, changed false.
func (s *Store) EndOMSWrite(ctx context.Context, key string, end OMSWriteEnd) (changed bool, err error) {
	err = s.inTx(ctx, opOMSWrite, func(tx *gorm.DB) error {
		now := stamp(s.now())
		res := tx.Model(&omsWriteRow{}).Where("idempotency_key = ? AND status IN ?", key, []string{string(OMSWritePending), string(OMSWriteRejected)}).
			Updates(map[string]any{"status": string(end.Status), "code": end.Code, "reason": end.Reason, "number": end.Number,
				"address": sealed(tx, colWriteAddress, key, end.Address), "ended_at": now})
		changed = res.RowsAffected > 0
		if res.Error != nil || !changed {
			return res.Error
		}
		var row omsWriteRow
		if err := tx.Where("idempotency_key = ?", key).Take(&row).Error; err != nil {
			return err
		}
		for _, next := range end.Next {
			next.Write.TicketID, next.Write.TicketNumber = row.TicketID, row.TicketNumber
			if _, err := s.requestOMSWrite(tx, next); err != nil {
				return err
			}
		}
		return s.putOnce(tx, OMSMessageID(end.Event, key), end.Subject, row.CallID, end.Fact)
	})
	return changed, err
}

// OMSWriteByKey finds one write.
func (s *Store) OMSWriteByKey(ctx context.Context, key string) (OMSWrite, error) {
	var row omsWriteRow
	err := s.reading(ctx, opOMSRead, func(db *gorm.DB) error { return db.Where("idempotency_key = ?", key).Take(&row).Error })
	if err != nil {
		return OMSWrite{}, fmt.Errorf("write to an order system: %w", err)
	}
	return row.domain(), nil
}

// OMSWriteByMessage finds the write of a call's tickets whose work has a
// message id.
func (s *Store) OMSWriteByMessage(ctx context.Context, callID, messageID string) (OMSWrite, error) {
	var rows []omsWriteRow
	err := s.reading(ctx, opOMSRead, func(db *gorm.DB) error {
		return db.Where("ticket_id IN (SELECT id FROM tickets WHERE call_id = ?)", callID).Limit(MaxPage).Find(&rows).Error
	})
	if err != nil {
		return OMSWrite{}, fmt.Errorf("write to an order system: %w", err)
	}
	for _, r := range rows {
		if OMSMessageID("work", r.IdempotencyKey) == messageID {
			return r.domain(), nil
		}
	}
	return OMSWrite{}, fmt.Errorf("write to an order system: %w", ErrNotFound)
}

// OMSWritesOfTicket lists what was asked of order systems for a ticket, in the
// order in which it was asked.
func (s *Store) OMSWritesOfTicket(ctx context.Context, ticketID string) ([]OMSWrite, error) {
	return s.omsWrites(ctx, "ticket_id = ?", ticketID)
}

// OMSWritesOfOrder lists what was asked for an order, whatever the tenant.
func (s *Store) OMSWritesOfOrder(ctx context.Context, number string) ([]OMSWrite, error) {
	return s.omsWrites(ctx, "order_number = ?", number)
}

func (s *Store) omsWrites(ctx context.Context, where, value string) ([]OMSWrite, error) {
	if value == "" {
		return nil, fmt.Errorf("%w: ticket or order: missing", ErrInvalid)
	}
	var rows []omsWriteRow
	err := s.reading(ctx, opOMSRead, func(db *gorm.DB) error {
		return db.Where(where, value).Order("requested_at, idempotency_key").Limit(MaxPage).Find(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	out := make([]OMSWrite, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out, nil
}
