package schemas

import "time"

// OrdersFind looks orders up. At least one of Phone, Number, LastDigits is
// set; newest orders come first.
type OrdersFind struct {
	Tenant     string `json:"tenant,omitempty" jsonschema:"maxLength=64,description=Whose order system; empty is the default tenant's."`
	CallID     string `json:"call_id,omitempty"`
	Phone      string `json:"phone,omitempty" jsonschema:"maxLength=32"`
	Number     string `json:"number,omitempty" jsonschema:"maxLength=64"`
	LastDigits string `json:"last_digits,omitempty" jsonschema:"pattern=^[0-9A-Z]{2\\,16}$"`
	Limit      int    `json:"limit,omitempty" jsonschema:"minimum=0,maximum=20"`
	BudgetMS   int64  `json:"budget_ms,omitempty" jsonschema:"minimum=0,description=The time the asker has; a worker gives up when it is spent."`
}

// OrdersFound answers OrdersFind. No match is an empty list, not an error.
type OrdersFound struct {
	Orders []Order `json:"orders"`
	More   bool    `json:"more,omitempty" jsonschema:"description=More matched than Limit."`
}

// OrderStatus is where an order stands.
type OrderStatus string

// The states of an order.
const (
	OrderPaid            OrderStatus = "paid"
	OrderShipped         OrderStatus = "shipped"
	OrderDelivered       OrderStatus = "delivered"
	OrderCompleted       OrderStatus = "completed"
	OrderStatusCancelled OrderStatus = "cancelled"
)

// Order is one order as the shop has it. Money is in fen (1/100 yuan).
type Order struct {
	Number         string      `json:"number"`
	Status         OrderStatus `json:"status" jsonschema:"enum=paid,enum=shipped,enum=delivered,enum=completed,enum=cancelled"`
	PlacedAt       time.Time   `json:"placed_at"`
	CustomerName   string      `json:"customer_name,omitempty"`
	CustomerLevel  string      `json:"customer_level,omitempty" jsonschema:"maxLength=32,description=The shop's own word: gold for example."`
	PaymentMethod  string      `json:"payment_method,omitempty" jsonschema:"enum=alipay,enum=wechat,enum=card,enum=credit,enum=cod"`
	TotalFen       int64       `json:"total_fen" jsonschema:"minimum=0"`
	FreightInsured bool        `json:"freight_insured,omitempty" jsonschema:"description=An insurance pays the buyer for sending things back."`
	Lines          []OrderLine `json:"lines"`
	Parcels        []Parcel    `json:"parcels,omitempty"`
	Payments       []Payment   `json:"payments,omitempty"`
	Refunds        []Refund    `json:"refunds,omitempty"`
	Address        string      `json:"address,omitempty" jsonschema:"maxLength=200,description=Where the order was sent to, as one text."`
}

// OrderLine is one item of an order.
type OrderLine struct {
	ID       string   `json:"id"`
	SKU      string   `json:"sku"`
	Title    string   `json:"title"`
	Quantity int      `json:"quantity" jsonschema:"minimum=1"`
	PriceFen int64    `json:"price_fen" jsonschema:"minimum=0"`
	Category string   `json:"category,omitempty" jsonschema:"maxLength=64"`
	Tags     []string `json:"tags,omitempty" jsonschema:"maxItems=20,description=The shop's words for what rules ask about: final_sale or cosmetics for example."`
}

// Parcel is one shipment of an order.
type Parcel struct {
	Carrier     string     `json:"carrier"`
	TrackingNo  string     `json:"tracking_no"`
	Status      string     `json:"status" jsonschema:"enum=created,enum=in_transit,enum=out_for_delivery,enum=delivered,enum=returned"`
	ShippedAt   *time.Time `json:"shipped_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
}

// Refund is money on its way back.
type Refund struct {
	ID          string     `json:"id"`
	Status      string     `json:"status" jsonschema:"enum=requested,enum=approved,enum=paid,enum=rejected"`
	AmountFen   int64      `json:"amount_fen" jsonschema:"minimum=0"`
	Method      string     `json:"method,omitempty"`
	RequestedAt time.Time  `json:"requested_at"`
	ExpectedAt  *time.Time `json:"expected_at,omitempty"`
	PaidAt      *time.Time `json:"paid_at,omitempty"`
}
