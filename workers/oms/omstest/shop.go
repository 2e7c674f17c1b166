package omstest

import (
	"time"

	"github.com/tidegate/tidegate/schemas"
)

// Shop is what an order system holds when the suite begins: orders by the
// part they play. A connector's test loads NewShop into its system, or
// describes what its system holds already.
type Shop struct {
	// Phone is a customer's number; Orders are theirs, newest first, at least
	// three, and among them the parts below.
	Phone  string
	Orders []schemas.Order
	// Unsent is paid and not sent; Sent has a parcel under way; Delivered has
	// arrived, with at least one refund.
	Unsent, Sent, Delivered string
	// OtherPhone is another customer, with one order that ends with the same
	// four characters as Delivered does.
	OtherPhone string
	Other      schemas.Order
	// Traces are the ways of parcels, by order number.
	Traces map[string][]schemas.ParcelTrace
	// Nobody is a number without orders; NoOrder is no order's.
	Nobody, NoOrder string
}

// Order finds one of the shop's orders.
func (s Shop) Order(number string) schemas.Order {
	for _, o := range append([]schemas.Order{s.Other}, s.Orders...) {
		if o.Number == number {
			return o
		}
	}
	return schemas.Order{}
}

// All lists every order with its customer's number.
func (s Shop) All(each func(phone string, o schemas.Order)) {
	for _, o := range s.Orders {
		each(s.Phone, o)
	}
	each(s.OtherPhone, s.Other)
}

// NewShop is the suite's own shop, as it stands at now. People and numbers
// are invented.
func NewShop(now time.Time) Shop {
	now = now.UTC().Truncate(time.Second)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	ptr := func(t time.Time) *time.Time { return &t }
	const day = 24 * time.Hour
	line := func(id, sku, title string, n int, fen int64) schemas.OrderLine {
		return schemas.OrderLine{ID: id, SKU: sku, Title: title, Quantity: n, PriceFen: fen}
	}
	paid := func(id string, fen int64, at time.Time) []schemas.Payment {
		return []schemas.Payment{{ID: id, Method: "alipay", Status: "paid", AmountFen: fen, PaidAt: ptr(at.Add(time.Minute))}}
	}
	unsent := schemas.Order{
		Number: "A2026112500017", Status: schemas.OrderPaid, PlacedAt: ago(6 * time.Hour), CustomerName: "钱多多", PaymentMethod: "alipay", TotalFen: 15700,
		Lines:    []schemas.OrderLine{line("1", "MUG-1", "马克杯", 2, 3900), line("2", "TRAY-1", "托盘", 1, 7900)},
		Payments: paid("PAY17", 15700, ago(6*time.Hour)), Address: "江苏省苏州市姑苏区平江路9号",
	}
	sent := schemas.Order{
		Number: "A2026112300042", Status: schemas.OrderShipped, PlacedAt: ago(2 * day), CustomerName: "钱多多", PaymentMethod: "alipay", TotalFen: 29900,
		Lines:    []schemas.OrderLine{line("1", "KETTLE-2", "电热水壶", 1, 29900)},
		Parcels:  []schemas.Parcel{{Carrier: "中通快递", TrackingNo: "ZT900000042", Status: "in_transit", ShippedAt: ptr(ago(day))}},
		Payments: paid("PAY42", 29900, ago(2*day)), Address: "江苏省苏州市姑苏区平江路9号",
	}
	delivered := schemas.Order{
		Number: "A2026111400081", Status: schemas.OrderDelivered, PlacedAt: ago(11 * day), CustomerName: "钱多多", PaymentMethod: "alipay", TotalFen: 49800,
		Lines: []schemas.OrderLine{line("1", "SHIRT-M", "衬衫 M码", 2, 19900), line("2", "SOCK-3", "袜子三双", 1, 10000)},
		Parcels: []schemas.Parcel{
			{Carrier: "顺丰速运", TrackingNo: "SF900000081", Status: "delivered", ShippedAt: ptr(ago(10 * day)), DeliveredAt: ptr(ago(3 * day))},
		},
		Payments: paid("PAY81", 49800, ago(11*day)),
		Refunds: []schemas.Refund{
			{ID: "REF81A", Status: "paid", AmountFen: 5000, Method: "alipay", RequestedAt: ago(2 * day), ExpectedAt: ptr(ago(day)), PaidAt: ptr(ago(day))},
			{ID: "REF81B", Status: "approved", AmountFen: 10000, Method: "alipay", RequestedAt: ago(day)},
		},
		Address: "江苏省苏州市姑苏区平江路9号",
	}
	other := schemas.Order{
		Number: "B2026110200081", Status: schemas.OrderCompleted, PlacedAt: ago(23 * day), CustomerName: "孙小小", PaymentMethod: "wechat", TotalFen: 8800,
		Lines:    []schemas.OrderLine{line("1", "BOOK-7", "菜谱", 1, 8800)},
		Parcels:  []schemas.Parcel{{Carrier: "圆通速递", TrackingNo: "YT900000081", Status: "delivered", ShippedAt: ptr(ago(22 * day)), DeliveredAt: ptr(ago(20 * day))}},
		Payments: []schemas.Payment{{ID: "PAYB81", Method: "wechat", Status: "paid", AmountFen: 8800, PaidAt: ptr(ago(23 * day))}},
	}
	way := func(o schemas.Order, events ...schemas.TraceEvent) []schemas.ParcelTrace {
		p := o.Parcels[0]
		return []schemas.ParcelTrace{{OrderNumber: o.Number, Carrier: p.Carrier, TrackingNo: p.TrackingNo, Status: p.Status, Events: events}}
	}
	return Shop{
		Phone: "13912345670", Orders: []schemas.Order{unsent, sent, delivered},
		Unsent: unsent.Number, Sent: sent.Number, Delivered: delivered.Number,
		OtherPhone: "13987654320", Other: other,
		Traces: map[string][]schemas.ParcelTrace{
			sent.Number: way(sent,
				schemas.TraceEvent{At: ago(5 * time.Hour), Text: "快件到达苏州转运中心", Place: "苏州"},
				schemas.TraceEvent{At: ago(day), Text: "快件已揽收", Place: "宁波"}),
			delivered.Number: way(delivered,
				schemas.TraceEvent{At: ago(3 * day), Text: "快件已签收", Place: "苏州"},
				schemas.TraceEvent{At: ago(10 * day), Text: "快件已揽收", Place: "宁波"}),
		},
		Nobody: "13900000009", NoOrder: "A9999999999999",
	}
}
