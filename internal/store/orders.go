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

// Bounds of an order look-up.
const (
	DefaultOrders = 5
	MaxOrders     = 20
)

type customerRow struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	Phone     string
	Level     string
	CreatedAt time.Time `gorm:"autoCreateTime:false"`

	PhoneIndex string
}

type orderRow struct {
	Number         string `gorm:"primaryKey"`
	NumberReversed string
	CustomerID     string
	Status         string
	PlacedAt       time.Time
	PaymentMethod  string
	TotalFen       int64
	FreightInsured bool
	Address        string
	Customer       customerRow  `gorm:"foreignKey:CustomerID"`
	Lines          []lineRow    `gorm:"foreignKey:OrderNumber;references:Number"`
	Parcels        []parcelRow  `gorm:"foreignKey:OrderNumber;references:Number"`
	Payments       []paymentRow `gorm:"foreignKey:OrderNumber;references:Number"`
	Refunds        []refundRow  `gorm:"foreignKey:OrderNumber;references:Number"`
}

type lineRow struct {
	OrderNumber string `gorm:"primaryKey"`
	ID          string `gorm:"primaryKey"`
	Position    int
	SKU         string
	Title       string
	Quantity    int
	PriceFen    int64
	Category    string
	Tags        []string `gorm:"serializer:json"`
}

type parcelRow struct {
	TrackingNo  string `gorm:"primaryKey"`
	OrderNumber string
	Carrier     string
	Status      string
	ShippedAt   *time.Time
	DeliveredAt *time.Time
	ExpectedAt  *time.Time
	// InterceptedAt is when the carrier was told to stop it.
	InterceptedAt *time.Time
}

type paymentRow struct {
	ID          string `gorm:"primaryKey"`
	OrderNumber string
	Method      string
	Status      string
	AmountFen   int64
	PaidAt      *time.Time
}

type refundRow struct {
	ID          string `gorm:"primaryKey"`
	OrderNumber string
	Status      string
	AmountFen   int64
	Method      string
	RequestedAt time.Time
	ExpectedAt  *time.Time
	PaidAt      *time.Time
}

func (customerRow) TableName() string { return "customers" }
func (orderRow) TableName() string    { return "orders" }
func (lineRow) TableName() string     { return "order_lines" }
func (parcelRow) TableName() string   { return "parcels" }
func (paymentRow) TableName() string  { return "payments" }
func (refundRow) TableName() string   { return "refunds" }

// FindOrders looks orders up by what q holds; what is given must all match.
// Newest orders come first. A question without phone, number or last digits
// is ErrInvalid; no match is an empty answer.
func (s *Store) FindOrders(ctx context.Context, q schemas.OrdersFind) (schemas.OrdersFound, error) {
	limit := q.Limit
	if limit == 0 {
		limit = DefaultOrders
	}
	if limit < 0 || limit > MaxOrders {
		return schemas.OrdersFound{}, fmt.Errorf("%w: limit: not in 0..%d", ErrInvalid, MaxOrders)
	}
	if q.Phone == "" && q.Number == "" && q.LastDigits == "" {
		return schemas.OrdersFound{}, fmt.Errorf("%w: phone, number or last_digits: one is needed", ErrInvalid)
	}
	var rows []orderRow
	err := s.reading(ctx, opOrdersFind, func(db *gorm.DB) (err error) {
		rows, err = s.wholeOrders(db, orderQuery(db, q).Order("orders.placed_at DESC, orders.number DESC").Limit(limit+1))
		return err
	})
	if err != nil {
		return schemas.OrdersFound{}, err
	}
	found := schemas.OrdersFound{Orders: []schemas.Order{}, More: len(rows) > limit}
	for _, row := range rows[:min(limit, len(rows))] {
		found.Orders = append(found.Orders, row.domain())
	}
	return found, nil
}

// whole reads an order with everything that belongs to it.
func whole(tx *gorm.DB) *gorm.DB {
	by := func(columns string) func(*gorm.DB) *gorm.DB {
		return func(db *gorm.DB) *gorm.DB { return db.Order(columns) }
	}
	return tx.Preload("Customer").Preload("Lines", by("position")).Preload("Parcels", by("shipped_at NULLS LAST, tracking_no")).
		Preload("Payments", by("paid_at NULLS LAST, id")).Preload("Refunds", by("requested_at, id"))
}

func orderQuery(db *gorm.DB, q schemas.OrdersFind) *gorm.DB {
	tx := db.Model(&orderRow{})
	if q.Phone != "" {
		n := nationalPhone(q.Phone)
		tx = tx.Where("orders.customer_id IN (SELECT id FROM customers WHERE ?)", byPhone(db, "phone", "phone_index", colPhone, n, []string{n}))
	}
	if q.Number != "" {
		tx = tx.Where("orders.number = ?", strings.ToUpper(strings.TrimSpace(q.Number)))
	}
	if q.LastDigits != "" {
		// Numbers hold 0-9 A-Z only, all below "~": the range is exactly those
		// that begin, reversed, with the digits.
		low := reversed(strings.ToUpper(q.LastDigits))
		tx = tx.Where("orders.number_reversed >= ? AND orders.number_reversed < ?", low, low+"~")
	}
	return tx
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func (r orderRow) domain() schemas.Order {
	o := schemas.Order{
		Number: r.Number, Status: schemas.OrderStatus(r.Status), PlacedAt: r.PlacedAt.UTC(),
		CustomerName: r.Customer.Name, CustomerLevel: r.Customer.Level, PaymentMethod: r.PaymentMethod, TotalFen: r.TotalFen, FreightInsured: r.FreightInsured, Address: r.Address,
		Lines: make([]schemas.OrderLine, 0, len(r.Lines)),
	}
	for _, l := range r.Lines {
		o.Lines = append(o.Lines, schemas.OrderLine{ID: l.ID, SKU: l.SKU, Title: l.Title, Quantity: l.Quantity, PriceFen: l.PriceFen, Category: l.Category, Tags: l.Tags})
	}
	for _, p := range r.Parcels {
		o.Parcels = append(o.Parcels, schemas.Parcel{
			Carrier: p.Carrier, TrackingNo: p.TrackingNo, Status: p.Status,
			ShippedAt: stampPtr(p.ShippedAt), DeliveredAt: stampPtr(p.DeliveredAt),
		})
	}
	for _, p := range r.Payments {
		o.Payments = append(o.Payments, schemas.Payment{ID: p.ID, Method: p.Method, Status: p.Status, AmountFen: p.AmountFen, PaidAt: stampPtr(p.PaidAt)})
	}
	for _, f := range r.Refunds {
		o.Refunds = append(o.Refunds, f.domain())
	}
	return o
}

func (r refundRow) domain() schemas.Refund {
	return schemas.Refund{
		ID: r.ID, Status: r.Status, AmountFen: r.AmountFen, Method: r.Method, RequestedAt: r.RequestedAt.UTC(),
		ExpectedAt: stampPtr(r.ExpectedAt), PaidAt: stampPtr(r.PaidAt),
	}
}
