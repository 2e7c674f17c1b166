package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

// writeRow is what a write answered, by its key.
type writeRow struct {
	IdempotencyKey string `gorm:"primaryKey"`
	Kind           string
	OrderNumber    string
	Answer         *string
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
}

func (writeRow) TableName() string { return "shop_writes" }

// Kinds of writes.
const (
	writeReturn    = "return"
	writeCancel    = "cancel"
	writeIntercept = "intercept"
)

// once does a write and keeps its answer, or gives the answer that an earlier
// write with the key had. do runs with the order locked; its error undoes
// all.
func once[A any](s *Store, ctx context.Context, op operation, kind, key, number string, do func(tx *gorm.DB, o orderRow, now time.Time) (A, error)) (answer A, err error) {
	number = orderNumber(number)
	err = s.inTx(ctx, op, func(tx *gorm.DB) error {
		now := stamp(s.now())
		// DO NOTHING in PostgreSQL waits for another transaction with the key.
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&writeRow{IdempotencyKey: key, Kind: kind, OrderNumber: number, CreatedAt: now})
		if res.Error != nil {
			return res.Error
		}
		if res.RowsAffected == 0 {
			var old writeRow
			if err := tx.Where("idempotency_key = ?", key).Take(&old).Error; err != nil {
				return err
			}
			if old.Kind != kind || old.OrderNumber != number || old.Answer == nil {
				return fmt.Errorf("%w: idempotency_key: used for something else", ErrInvalid)
			}
			return json.Unmarshal([]byte(*old.Answer), &answer)
		}
		var o orderRow
		locked := tx
		if s.dialect == postgresDialect { // SQLite has one writer at a time
			locked = tx.Clauses(clause.Locking{Strength: "UPDATE"})
		}
		if err := locked.Where("number = ?", number).Take(&o).Error; err != nil {
			return err
		}
		var err error
		if answer, err = do(tx, o, now); err != nil {
			return err
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		return tx.Model(&writeRow{}).Where("idempotency_key = ?", key).Update("answer", sealed(tx, colShopAnswer, key, string(b))).Error
	})
	if err != nil {
		var none A
		return none, fmt.Errorf("%s: %w", kind, err)
	}
	return answer, nil
}

// Cancel cancels an order that has not been sent, and asks for its money
// back; ErrNotFound when there is no such order.
func (s *Store) Cancel(ctx context.Context, c schemas.OrderCancel) (schemas.OrderCancelled, error) {
	if err := needed("idempotency_key", c.IdempotencyKey, "order_number", c.OrderNumber); err != nil {
		return schemas.OrderCancelled{}, err
	}
	return once(s, ctx, opCancel, writeCancel, c.IdempotencyKey, c.OrderNumber, func(tx *gorm.DB, o orderRow, now time.Time) (schemas.OrderCancelled, error) {
		a := schemas.OrderCancelled{CallID: c.CallID, IdempotencyKey: c.IdempotencyKey, OrderNumber: o.Number, Status: schemas.WriteDone, CancelledAt: now}
		switch schemas.OrderStatus(o.Status) {
		case schemas.OrderPaid:
		case schemas.OrderShipped:
			a.Status, a.Code = schemas.WriteRefused, schemas.RefusedAlreadyShipped
		case schemas.OrderStatusCancelled:
			a.Status, a.Code = schemas.WriteRefused, schemas.RefusedAlreadyDone
		default:
			a.Status, a.Code = schemas.WriteRefused, schemas.RefusedAlreadyDelivered
		}
		if a.Status == schemas.WriteRefused {
			return a, nil
		}
		if err := tx.Model(&orderRow{}).Where("number = ?", o.Number).Update("status", string(schemas.OrderStatusCancelled)).Error; err != nil {
			return a, err
		}
		if o.TotalFen == 0 || o.PaymentMethod == "cod" { // nothing was paid
			return a, nil
		}
		return a, tx.Create(&refundRow{
			ID: "R" + schemas.NewID(now), OrderNumber: o.Number, Status: "requested", AmountFen: o.TotalFen, Method: o.PaymentMethod, RequestedAt: now,
		}).Error
	})
}

// Intercept notes that a parcel under way is to be stopped; ErrNotFound when
// the order has no such parcel.
func (s *Store) Intercept(ctx context.Context, i schemas.ParcelIntercept) (schemas.ParcelIntercepted, error) {
	if err := needed("idempotency_key", i.IdempotencyKey, "order_number", i.OrderNumber, "tracking_no", i.TrackingNo); err != nil {
		return schemas.ParcelIntercepted{}, err
	}
	return once(s, ctx, opIntercept, writeIntercept, i.IdempotencyKey, i.OrderNumber, func(tx *gorm.DB, o orderRow, now time.Time) (schemas.ParcelIntercepted, error) {
		a := schemas.ParcelIntercepted{
			CallID: i.CallID, IdempotencyKey: i.IdempotencyKey, OrderNumber: o.Number, TrackingNo: i.TrackingNo,
			Status: schemas.WriteRequested, InterceptedAt: now,
		}
		var p parcelRow
		if err := tx.Where("tracking_no = ? AND order_number = ?", i.TrackingNo, o.Number).Take(&p).Error; err != nil {
			return a, err
		}
		switch {
		case p.InterceptedAt != nil, p.Status == "returned":
			a.Status, a.Code = schemas.WriteRefused, schemas.RefusedAlreadyDone
		case p.Status == "delivered":
			a.Status, a.Code = schemas.WriteRefused, schemas.RefusedAlreadyDelivered
		default:
			return a, tx.Model(&parcelRow{}).Where("tracking_no = ?", p.TrackingNo).Update("intercepted_at", now).Error
		}
		return a, nil
	})
}
