package schemas

import "time"

// ReturnKind says what is given for what comes back.
type ReturnKind string

// The kinds of return.
const (
	ReturnForRefund   ReturnKind = "return"   // goods back, money back
	ReturnForExchange ReturnKind = "exchange" // goods back, other goods
	RefundOnly        ReturnKind = "refund"   // nothing comes back
)

// WriteStatus says what became of something asked of an order system.
type WriteStatus string

// The ends of a write. WriteRequested: the system has it, and people or
// carriers decide later.
const (
	WriteDone      WriteStatus = "done"
	WriteRequested WriteStatus = "requested"
	WriteRefused   WriteStatus = "refused"
)

// RefusalCode says why a write was refused.
type RefusalCode string

// The reasons that order systems have. Others are RefusedOther, with the
// system's own words beside it.
const (
	RefusedNotShipped       RefusalCode = "not_shipped"
	RefusedNotDelivered     RefusalCode = "not_delivered"
	RefusedAlreadyShipped   RefusalCode = "already_shipped"
	RefusedAlreadyDelivered RefusalCode = "already_delivered"
	RefusedAlreadyDone      RefusalCode = "already_done" // cancelled, returned or intercepted before
	RefusedNotAllowed       RefusalCode = "not_allowed"
	RefusedTooLate          RefusalCode = "too_late"
	RefusedOther            RefusalCode = "other"
)

// ReturnCreate asks for a return (RMA). The same key makes one, and answers
// the same.
type ReturnCreate struct {
	Tenant         string       `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string       `json:"call_id"`
	IdempotencyKey string       `json:"idempotency_key" jsonschema:"minLength=3,maxLength=200"`
	OrderNumber    string       `json:"order_number" jsonschema:"minLength=1,maxLength=64"`
	Kind           ReturnKind   `json:"kind" jsonschema:"enum=return,enum=exchange,enum=refund"`
	Lines          []ReturnLine `json:"lines,omitempty" jsonschema:"maxItems=50,description=What goes back; none is the whole order."`
	Reason         string       `json:"reason,omitempty" jsonschema:"maxLength=64"`
	ReasonText     string       `json:"reason_text,omitempty" jsonschema:"maxLength=1000"`
	Contact        string       `json:"contact,omitempty" jsonschema:"maxLength=64"`
	Pickup         *Pickup      `json:"pickup,omitempty"`
	RequestedAt    time.Time    `json:"requested_at"`
}

// ReturnLine is how much of a line goes back.
type ReturnLine struct {
	LineID   string `json:"line_id" jsonschema:"minLength=1,maxLength=64"`
	Quantity int    `json:"quantity,omitempty" jsonschema:"minimum=0,description=0 is all of it."`
}

// ReturnCreated: the return is in the order system, or was refused. Number
// is empty when it was.
type ReturnCreated struct {
	CallID         string      `json:"call_id"`
	IdempotencyKey string      `json:"idempotency_key"`
	OrderNumber    string      `json:"order_number"`
	Number         string      `json:"number,omitempty" jsonschema:"maxLength=64"`
	Status         WriteStatus `json:"status" jsonschema:"enum=done,enum=requested,enum=refused,description=done: approved; requested: the shop still decides."`
	Code           RefusalCode `json:"code,omitempty" jsonschema:"enum=not_shipped,enum=not_delivered,enum=already_shipped,enum=already_delivered,enum=already_done,enum=not_allowed,enum=too_late,enum=other"`
	Reason         string      `json:"reason,omitempty" jsonschema:"maxLength=500,description=The system's own words for a refusal."`
	Address        string      `json:"address,omitempty" jsonschema:"maxLength=200,description=Where the goods go."`
	PickupCode     string      `json:"pickup_code,omitempty" jsonschema:"maxLength=32,description=What the courier asks for; where the system gives one."`
	CreatedAt      time.Time   `json:"created_at"`
}

// OrderCancel asks for an order to be cancelled before it is sent.
type OrderCancel struct {
	Tenant         string    `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string    `json:"call_id"`
	IdempotencyKey string    `json:"idempotency_key" jsonschema:"minLength=3,maxLength=200"`
	OrderNumber    string    `json:"order_number" jsonschema:"minLength=1,maxLength=64"`
	Reason         string    `json:"reason,omitempty" jsonschema:"maxLength=64"`
	ReasonText     string    `json:"reason_text,omitempty" jsonschema:"maxLength=1000"`
	RequestedAt    time.Time `json:"requested_at"`
}

// OrderCancelled: the order is cancelled, will be, or cannot be any more.
type OrderCancelled struct {
	CallID         string      `json:"call_id"`
	IdempotencyKey string      `json:"idempotency_key"`
	OrderNumber    string      `json:"order_number"`
	Status         WriteStatus `json:"status" jsonschema:"enum=done,enum=requested,enum=refused"`
	Code           RefusalCode `json:"code,omitempty" jsonschema:"enum=not_shipped,enum=not_delivered,enum=already_shipped,enum=already_delivered,enum=already_done,enum=not_allowed,enum=too_late,enum=other"`
	Reason         string      `json:"reason,omitempty" jsonschema:"maxLength=500"`
	CancelledAt    time.Time   `json:"cancelled_at" jsonschema:"description=When the system answered."`
}

// ParcelIntercept asks for a parcel under way to be stopped and sent back.
type ParcelIntercept struct {
	Tenant         string    `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string    `json:"call_id"`
	IdempotencyKey string    `json:"idempotency_key" jsonschema:"minLength=3,maxLength=200"`
	OrderNumber    string    `json:"order_number" jsonschema:"minLength=1,maxLength=64"`
	TrackingNo     string    `json:"tracking_no" jsonschema:"minLength=1,maxLength=64"`
	Reason         string    `json:"reason,omitempty" jsonschema:"maxLength=64"`
	RequestedAt    time.Time `json:"requested_at"`
}

// ParcelIntercepted: the parcel is stopped, the carrier was told to, or it is
// too late.
type ParcelIntercepted struct {
	CallID         string      `json:"call_id"`
	IdempotencyKey string      `json:"idempotency_key"`
	OrderNumber    string      `json:"order_number"`
	TrackingNo     string      `json:"tracking_no"`
	Status         WriteStatus `json:"status" jsonschema:"enum=done,enum=requested,enum=refused"`
	Code           RefusalCode `json:"code,omitempty" jsonschema:"enum=not_shipped,enum=not_delivered,enum=already_shipped,enum=already_delivered,enum=already_done,enum=not_allowed,enum=too_late,enum=other"`
	Reason         string      `json:"reason,omitempty" jsonschema:"maxLength=500"`
	InterceptedAt  time.Time   `json:"intercepted_at" jsonschema:"description=When the system answered."`
}

// OrderWriteRejected: a write will not be done, since the request is wrong or
// the system could not be made to do it.
type OrderWriteRejected struct {
	CallID         string    `json:"call_id"`
	IdempotencyKey string    `json:"idempotency_key"`
	Kind           string    `json:"kind" jsonschema:"enum=return,enum=cancel,enum=intercept"`
	Code           string    `json:"code" jsonschema:"enum=invalid_request,enum=not_found,enum=unsupported,enum=exhausted"`
	Reason         string    `json:"reason" jsonschema:"maxLength=500"`
	RejectedAt     time.Time `json:"rejected_at"`
}
