package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

type eventRow struct {
	TrackingNo string    `gorm:"primaryKey"`
	At         time.Time `gorm:"primaryKey"`
	Text       string    `gorm:"primaryKey"`
	Place      string
}

func (eventRow) TableName() string { return "parcel_events" }

// needed is ErrInvalid that names every field that is empty: pairs of a name
// and its value.
func needed(pairs ...string) error {
	var missing []string
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			missing = append(missing, pairs[i])
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: needed", ErrInvalid, strings.Join(missing, ", "))
}

func orderNumber(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// Order reads one order; ErrNotFound when there is none.
func (s *Store) Order(ctx context.Context, number string) (schemas.Order, error) {
	if err := needed("number", number); err != nil {
		return schemas.Order{}, err
	}
	var rows []orderRow
	err := s.reading(ctx, opOrderGet, func(db *gorm.DB) (err error) {
		rows, err = s.wholeOrders(db, db.Model(&orderRow{}).Where("number = ?", orderNumber(number)).Limit(1))
		if err == nil && len(rows) == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return schemas.Order{}, fmt.Errorf("order: %w", err)
	}
	return rows[0].domain(), nil
}

// Trace reads the ways of an order's parcels, or of one; ErrNotFound when
// there is no such order or parcel.
func (s *Store) Trace(ctx context.Context, q schemas.TraceFind) (schemas.Trace, error) {
	if q.OrderNumber == "" && q.TrackingNo == "" {
		return schemas.Trace{}, fmt.Errorf("%w: order_number or tracking_no: one is needed", ErrInvalid)
	}
	out := schemas.Trace{Parcels: []schemas.ParcelTrace{}}
	err := s.reading(ctx, opTrace, func(db *gorm.DB) error {
		var parcels []parcelRow
		tx := db.Order("shipped_at, tracking_no")
		if q.OrderNumber != "" {
			if err := db.Select("number").Take(&orderRow{}, "number = ?", orderNumber(q.OrderNumber)).Error; err != nil {
				return err
			}
			tx = tx.Where("order_number = ?", orderNumber(q.OrderNumber))
		}
		if q.TrackingNo != "" {
			tx = tx.Where("tracking_no = ?", q.TrackingNo)
		}
		if err := tx.Find(&parcels).Error; err != nil {
			return err
		}
		if q.TrackingNo != "" && len(parcels) == 0 {
			return ErrNotFound
		}
		for _, p := range parcels {
			t := schemas.ParcelTrace{OrderNumber: p.OrderNumber, Carrier: p.Carrier, TrackingNo: p.TrackingNo, Status: p.Status,
				ExpectedAt: stampPtr(p.ExpectedAt), Events: []schemas.TraceEvent{}}
			var events []eventRow
			if err := db.Where("tracking_no = ?", p.TrackingNo).Order("at DESC, text").Limit(maxEvents).Find(&events).Error; err != nil {
				return err
			}
			for _, e := range events {
				t.Events = append(t.Events, schemas.TraceEvent{At: e.At.UTC(), Text: e.Text, Place: e.Place})
			}
			out.Parcels = append(out.Parcels, t)
		}
		return nil
	})
	if err != nil {
		return schemas.Trace{}, fmt.Errorf("trace: %w", err)
	}
	return out, nil
}

// maxEvents bounds one parcel's way: a message holds 256 KiB.
const maxEvents = 100

// RefundProgress lists an order's refunds, oldest first; ErrNotFound when
// there is no such order.
func (s *Store) RefundProgress(ctx context.Context, number string) ([]schemas.Refund, error) {
	if err := needed("order_number", number); err != nil {
		return nil, err
	}
	var row orderRow
	err := s.reading(ctx, opRefunds, func(db *gorm.DB) error {
		return db.Select("number").Preload("Refunds", func(db *gorm.DB) *gorm.DB { return db.Order("requested_at, id") }).
			Where("number = ?", orderNumber(number)).Take(&row).Error
	})
	if err != nil {
		return nil, fmt.Errorf("refunds: %w", err)
	}
	out := make([]schemas.Refund, 0, len(row.Refunds))
	for _, r := range row.Refunds {
		out = append(out, r.domain())
	}
	return out, nil
}

// SaveOrder writes an order of the customer with a telephone number, who is
// made when nobody has it, over an earlier order of that number; traces are
// the ways of its parcels. It is how a shop's own data gets in.
func (s *Store) SaveOrder(ctx context.Context, phone string, o schemas.Order, traces []schemas.ParcelTrace) error {
	if err := needed("phone", nationalPhone(phone), "number", o.Number); err != nil {
		return err
	}
	if strings.ContainsFunc(orderNumber(o.Number), func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) {
		return fmt.Errorf("%w: number: not digits and letters only", ErrInvalid)
	}
	o.Number = orderNumber(o.Number)
	return s.inTx(ctx, opOrderSave, func(tx *gorm.DB) error {
		var known []customerRow
		n := nationalPhone(phone)
		if err := tx.Where(byPhone(tx, "phone", "phone_index", colPhone, n, []string{n})).Order("id").Limit(1).Find(&known).Error; err != nil {
			return err
		}
		if len(known) == 0 {
			now := stamp(s.now())
			known = []customerRow{{ID: schemas.NewID(now), Name: o.CustomerName, Phone: n, CreatedAt: now}}
			if err := tx.Create(&known[0]).Error; err != nil {
				return err
			}
		}
		if err := putOrder(tx, known[0].ID, o); err != nil {
			return err
		}
		return putTraces(tx, traces)
	})
}

// putTraces writes the ways of parcels that are there, in place of what was
// known of them.
func putTraces(tx *gorm.DB, traces []schemas.ParcelTrace) error {
	for _, t := range traces {
		if err := tx.Where("tracking_no = ?", t.TrackingNo).Delete(&eventRow{}).Error; err != nil {
			return err
		}
		for _, e := range slices.Backward(t.Events) {
			if err := upsert(tx, &eventRow{TrackingNo: t.TrackingNo, At: stamp(e.At), Text: e.Text, Place: e.Place}); err != nil {
				return err
			}
		}
	}
	return nil
}
