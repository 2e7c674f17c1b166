package schemas

import "time"

// OrderGet asks for one order by its whole number.
type OrderGet struct {
	Tenant   string `json:"tenant,omitempty" jsonschema:"maxLength=64,description=Whose order system; empty is the default tenant's."`
	CallID   string `json:"call_id,omitempty"`
	Number   string `json:"number" jsonschema:"minLength=1,maxLength=64"`
	BudgetMS int64  `json:"budget_ms,omitempty" jsonschema:"minimum=0"`
}

// OrderGot answers OrderGet. No such order is an error answer.
type OrderGot struct {
	Order Order `json:"order"`
}

// TraceFind asks where parcels are: one parcel by TrackingNo, or all of an
// order. At least one is set; TrackingNo narrows when both are.
type TraceFind struct {
	Tenant      string `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID      string `json:"call_id,omitempty"`
	OrderNumber string `json:"order_number,omitempty" jsonschema:"maxLength=64"`
	TrackingNo  string `json:"tracking_no,omitempty" jsonschema:"maxLength=64"`
	BudgetMS    int64  `json:"budget_ms,omitempty" jsonschema:"minimum=0"`
}

// Trace answers TraceFind. An order that has not been sent has no parcels.
type Trace struct {
	Parcels []ParcelTrace `json:"parcels"`
}

// ParcelTrace is the way of one parcel, newest event first.
type ParcelTrace struct {
	OrderNumber string       `json:"order_number,omitempty" jsonschema:"maxLength=64"`
	Carrier     string       `json:"carrier"`
	TrackingNo  string       `json:"tracking_no"`
	Status      string       `json:"status" jsonschema:"enum=created,enum=in_transit,enum=out_for_delivery,enum=delivered,enum=returned"`
	ExpectedAt  *time.Time   `json:"expected_at,omitempty"`
	Events      []TraceEvent `json:"events"`
}

// TraceEvent is one thing that happened to a parcel, in the carrier's words.
type TraceEvent struct {
	At    time.Time `json:"at"`
	Text  string    `json:"text" jsonschema:"maxLength=500"`
	Place string    `json:"place,omitempty" jsonschema:"maxLength=200"`
}

// RefundsFind asks how far an order's refunds are.
type RefundsFind struct {
	Tenant      string `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID      string `json:"call_id,omitempty"`
	OrderNumber string `json:"order_number" jsonschema:"minLength=1,maxLength=64"`
	BudgetMS    int64  `json:"budget_ms,omitempty" jsonschema:"minimum=0"`
}

// RefundsFound answers RefundsFind, oldest first. None is an empty list.
type RefundsFound struct {
	Refunds []Refund `json:"refunds"`
}

// Payment is money that came in for an order.
type Payment struct {
	ID        string     `json:"id"`
	Method    string     `json:"method,omitempty"`
	Status    string     `json:"status" jsonschema:"enum=pending,enum=paid,enum=failed,enum=refunded"`
	AmountFen int64      `json:"amount_fen" jsonschema:"minimum=0"`
	PaidAt    *time.Time `json:"paid_at,omitempty"`
}
