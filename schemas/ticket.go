package schemas

import "time"

// RequestKind says what the caller wants done.
type RequestKind string

// The kinds of request a ticket can hold.
const (
	KindReturn    RequestKind = "return"
	KindRefund    RequestKind = "refund"
	KindExchange  RequestKind = "exchange"
	KindCancel    RequestKind = "cancel"
	KindComplaint RequestKind = "complaint"
	KindInquiry   RequestKind = "inquiry"
)

// Group is who works on a ticket.
type Group string

// The groups that tickets are dispatched to.
const (
	GroupAfterSales Group = "after_sales"
	GroupFinance    Group = "finance"
	GroupLogistics  Group = "logistics"
	GroupComplaints Group = "complaints"
)

// Groups lists all of them.
func Groups() []Group {
	return []Group{GroupAfterSales, GroupFinance, GroupLogistics, GroupComplaints}
}

// TicketOpen asks a ticket worker to open one ticket. IdempotencyKey is
// CALL:KIND:LINE; asking twice with one key opens one ticket.
type TicketOpen struct {
	Tenant         string      `json:"tenant,omitempty" jsonschema:"maxLength=64,description=Whose ticket system; empty is the default tenant's."`
	IdempotencyKey string      `json:"idempotency_key" jsonschema:"minLength=3,maxLength=200"`
	CallID         string      `json:"call_id"`
	Kind           RequestKind `json:"kind" jsonschema:"enum=return,enum=refund,enum=exchange,enum=cancel,enum=complaint,enum=inquiry"`
	OrderNumber    string      `json:"order_number" jsonschema:"maxLength=64,description=May be unverified when the order system was away."`
	OrderVerified  bool        `json:"order_verified"`
	OrderLine      string      `json:"order_line,omitempty" jsonschema:"maxLength=64"`
	AmountFen      int64       `json:"amount_fen,omitempty" jsonschema:"minimum=0,description=What the request is about in 1/100 yuan; known when the order is verified."`
	OrderStatus    OrderStatus `json:"order_status,omitempty" jsonschema:"maxLength=32"`
	Carrier        string      `json:"carrier,omitempty" jsonschema:"maxLength=64,description=Who carried the goods."`
	CustomerLevel  string      `json:"customer_level,omitempty" jsonschema:"maxLength=32,description=The shop's own word."`
	Reason         string      `json:"reason,omitempty" jsonschema:"maxLength=64"`
	ReasonText     string      `json:"reason_text,omitempty" jsonschema:"maxLength=1000"`
	Received       *bool       `json:"received,omitempty"`
	Contact        string      `json:"contact" jsonschema:"maxLength=64"`
	Summary        string      `json:"summary,omitempty" jsonschema:"maxLength=2000"`
	TranscriptURL  string      `json:"transcript_url,omitempty" jsonschema:"maxLength=500"`
	Pickup         *Pickup     `json:"pickup,omitempty" jsonschema:"description=A courier is to call for the goods."`
	Language       string      `json:"language,omitempty" jsonschema:"maxLength=16,description=The flow's; what is sent to the caller later is in it."`
	RequestedAt    time.Time   `json:"requested_at"`
}

// Pickup is when and where a courier calls for what goes back.
type Pickup struct {
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Address string    `json:"address,omitempty" jsonschema:"maxLength=200,description=Empty when it is still to be settled with the caller."`
}

// TicketOpened: the ticket exists. Existing is true when the key had been
// used before and the earlier ticket is meant.
type TicketOpened struct {
	Tenant         string      `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string      `json:"call_id"`
	IdempotencyKey string      `json:"idempotency_key"`
	TicketID       string      `json:"ticket_id"`
	Number         string      `json:"number" jsonschema:"pattern=^[0-9]{4\\,12}$,description=Digits only; people say it."`
	Kind           RequestKind `json:"kind"`
	OrderNumber    string      `json:"order_number"`
	Group          Group       `json:"group" jsonschema:"enum=after_sales,enum=finance,enum=logistics,enum=complaints"`
	Existing       bool        `json:"existing"`
	OpenedAt       time.Time   `json:"opened_at"`
	// How it was placed; from before there was dispatch they are missing.
	Status   TicketStatus `json:"status,omitempty" jsonschema:"enum=open,enum=assigned,enum=in_progress,enum=waiting_customer,enum=waiting_approval,enum=resolved,enum=closed,enum=reopened,enum=cancelled"`
	Priority Priority     `json:"priority,omitempty" jsonschema:"enum=low,enum=normal,enum=high,enum=urgent"`
	Assignee string       `json:"assignee,omitempty" jsonschema:"maxLength=64"`
	DueAt    *time.Time   `json:"due_at,omitempty"`
}

// TicketRejected: the ticket will not be opened, and why.
type TicketRejected struct {
	CallID         string    `json:"call_id"`
	IdempotencyKey string    `json:"idempotency_key" jsonschema:"description=Empty when the request was too broken to say which of the call's it was."`
	Code           string    `json:"code" jsonschema:"enum=invalid_request,enum=exhausted"`
	Reason         string    `json:"reason"`
	RejectedAt     time.Time `json:"rejected_at"`
}
