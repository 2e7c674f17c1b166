package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tidegate/tidegate/schemas"
)

type returnRow struct {
	Number        string `gorm:"primaryKey"`
	OrderNumber   string
	Kind          string
	Status        string
	Reason        string
	ReasonText    string
	Contact       string
	PickupFrom    *time.Time
	PickupUntil   *time.Time
	PickupAddress string
	RequestedAt   time.Time
	CreatedAt     time.Time `gorm:"autoCreateTime:false"`
}

type returnLineRow struct {
	ReturnNumber string `gorm:"primaryKey"`
	LineID       string `gorm:"primaryKey"`
	Quantity     int
}

var errNoReturnNumber = errors.New("no free return number was drawn")

func (returnRow) TableName() string     { return "returns" }
func (returnLineRow) TableName() string { return "return_lines" }

// CreateReturn opens a return (RMA) of an order's lines. What was returned
// before cannot be returned again.
func (s *Store) CreateReturn(ctx context.Context, r schemas.ReturnCreate) (schemas.ReturnCreated, error) {
	if err := needed("idempotency_key", r.IdempotencyKey, "order_number", r.OrderNumber, "kind", string(r.Kind)); err != nil {
		return schemas.ReturnCreated{}, err
	}
	return once(s, ctx, opReturn, writeReturn, r.IdempotencyKey, r.OrderNumber, func(tx *gorm.DB, o orderRow, now time.Time) (schemas.ReturnCreated, error) {
		a := schemas.ReturnCreated{CallID: r.CallID, IdempotencyKey: r.IdempotencyKey, OrderNumber: o.Number, Status: schemas.WriteRequested, CreatedAt: now}
		lines, code, err := returnable(tx, o, r)
		if err == nil && code == "" {
			a.Number, err = s.putReturn(tx, o, r, lines, now)
		}
		if code != "" {
			a.Status, a.Code = schemas.WriteRefused, code
		}
		return a, err
	})
}

// returnable says what goes back, or why nothing can.
func returnable(tx *gorm.DB, o orderRow, r schemas.ReturnCreate) ([]returnLineRow, schemas.RefusalCode, error) {
	switch schemas.OrderStatus(o.Status) {
	case schemas.OrderPaid:
		return nil, schemas.RefusedNotShipped, nil
	case schemas.OrderStatusCancelled:
		return nil, schemas.RefusedAlreadyDone, nil
	case schemas.OrderShipped:
		if r.Kind != schemas.RefundOnly {
			return nil, schemas.RefusedNotDelivered, nil
		}
	}
	var bought []lineRow
	if err := tx.Where("order_number = ?", o.Number).Order("position").Find(&bought).Error; err != nil {
		return nil, "", err
	}
	var gone []returnLineRow
	err := tx.Model(&returnLineRow{}).Select("line_id, sum(quantity) AS quantity").
		Where("return_number IN (SELECT number FROM returns WHERE order_number = ?)", o.Number).Group("line_id").Scan(&gone).Error
	if err != nil {
		return nil, "", err
	}
	left := map[string]int{}
	for _, l := range bought {
		left[l.ID] = l.Quantity
	}
	for _, g := range gone {
		left[g.LineID] -= g.Quantity
	}
	wanted := r.Lines
	if len(wanted) == 0 {
		for _, l := range bought {
			wanted = append(wanted, schemas.ReturnLine{LineID: l.ID})
		}
	}
	var out []returnLineRow
	for _, w := range wanted {
		n, known := left[w.LineID]
		switch {
		case !known:
			return nil, "", fmt.Errorf("%w: lines: no such line", ErrInvalid)
		case w.Quantity < 0:
			return nil, "", fmt.Errorf("%w: lines: quantity below 0", ErrInvalid)
		case w.Quantity == 0:
			w.Quantity = n
		}
		if w.Quantity > n || n <= 0 {
			return nil, schemas.RefusedAlreadyDone, nil
		}
		left[w.LineID] -= w.Quantity
		out = append(out, returnLineRow{LineID: w.LineID, Quantity: w.Quantity})
	}
	return merged(out), "", nil
}

// merged adds up lines that were named twice.
func merged(lines []returnLineRow) []returnLineRow {
	var out []returnLineRow
	at := map[string]int{}
	for _, l := range lines {
		if i, ok := at[l.LineID]; ok {
			out[i].Quantity += l.Quantity
			continue
		}
		at[l.LineID] = len(out)
		out = append(out, l)
	}
	return out
}

func (s *Store) putReturn(tx *gorm.DB, o orderRow, r schemas.ReturnCreate, lines []returnLineRow, now time.Time) (string, error) {
	row := returnRow{
		OrderNumber: o.Number, Kind: string(r.Kind), Status: string(schemas.WriteRequested), Reason: r.Reason, ReasonText: r.ReasonText,
		Contact: r.Contact, RequestedAt: stamp(r.RequestedAt), CreatedAt: now,
	}
	if p := r.Pickup; p != nil {
		row.PickupFrom, row.PickupUntil, row.PickupAddress = stampPtr(&p.From), stampPtr(&p.Until), p.Address
	}
	for range maxDraws {
		var err error
		if row.Number, err = s.newNumber(longNumberDigits); err != nil {
			return "", err
		}
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if res.Error != nil {
			return "", res.Error
		}
		if res.RowsAffected == 0 {
			continue
		}
		for i := range lines {
			lines[i].ReturnNumber = row.Number
		}
		return row.Number, tx.Create(&lines).Error
	}
	return "", errNoReturnNumber
}
