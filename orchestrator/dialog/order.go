package dialog

import "time"

// Order is what the conversation needs to know of an order.
type Order struct {
	Number        string    `json:"number"`
	Status        string    `json:"status,omitempty"`
	PlacedAt      time.Time `json:"placed_at,omitzero"`
	PaymentMethod string    `json:"payment_method,omitempty"`
	// TotalFen is what was paid, in fen (1/100 yuan).
	TotalFen int64 `json:"total_fen,omitempty"`
	// FreightInsured: an insurance pays for sending things back.
	FreightInsured bool     `json:"freight_insured,omitempty"`
	Lines          []Line   `json:"lines,omitempty"`
	Parcels        []Parcel `json:"parcels,omitempty"`
	Refunds        []Refund `json:"refunds,omitempty"`
	// Address is where it was sent to; empty where the order system does not
	// tell.
	Address string `json:"address,omitempty"`
	// CustomerLevel is the shop's own word for how good a customer this is.
	CustomerLevel string `json:"customer_level,omitempty"`
}

// Line is one article of an order.
type Line struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Quantity int    `json:"quantity,omitempty"`
	// PriceFen is the price of one piece, in fen (1/100 yuan).
	PriceFen int64 `json:"price_fen,omitempty"`
	// Category and Tags are the shop's own words for the sort of goods.
	Category string   `json:"category,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// Parcel is one shipment of an order.
type Parcel struct {
	Carrier     string    `json:"carrier,omitempty"`
	Number      string    `json:"number,omitempty"`
	Status      string    `json:"status,omitempty"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
}

// Refund is money on its way back.
type Refund struct {
	// Status is matched against the flow's rules; the shipped flow knows
	// "requested", "approved", "processing", "paid" and "rejected".
	Status string `json:"status"`
	// AmountFen is in fen (1/100 yuan).
	AmountFen int64 `json:"amount_fen"`
	// Method is how it is paid back; empty means the order's payment method.
	Method      string    `json:"method,omitempty"`
	RequestedAt time.Time `json:"requested_at,omitzero"`
	// ExpectedAt is when the money should arrive, PaidAt when it was sent.
	ExpectedAt time.Time `json:"expected_at,omitzero"`
	PaidAt     time.Time `json:"paid_at,omitzero"`
}
