package schemas

import "time"

// TicketStatus is where a ticket stands. The store holds which leads to which.
type TicketStatus string

// The statuses of a ticket.
const (
	StatusOpen            TicketStatus = "open"             // nobody has it
	StatusAssigned        TicketStatus = "assigned"         // somebody has it
	StatusInProgress      TicketStatus = "in_progress"      // somebody works on it
	StatusWaitingCustomer TicketStatus = "waiting_customer" // the caller has to do something
	StatusWaitingApproval TicketStatus = "waiting_approval" // somebody else has to agree
	StatusResolved        TicketStatus = "resolved"         // done, the caller may object
	StatusClosed          TicketStatus = "closed"           // done
	StatusReopened        TicketStatus = "reopened"         // done, and not to the caller's content
	StatusCancelled       TicketStatus = "cancelled"        // will not be done; final
)

// TicketStatuses lists all of them, in the order of a ticket's life.
func TicketStatuses() []TicketStatus {
	return []TicketStatus{
		StatusOpen, StatusAssigned, StatusInProgress, StatusWaitingCustomer, StatusWaitingApproval,
		StatusResolved, StatusClosed, StatusReopened, StatusCancelled,
	}
}

// Priority is how much a ticket presses.
type Priority string

// The priorities, the lowest first.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)

// Priorities lists all of them, the lowest first.
func Priorities() []Priority {
	return []Priority{PriorityLow, PriorityNormal, PriorityHigh, PriorityUrgent}
}

// FieldChange is what a change did to one field.
type FieldChange struct {
	Field string `json:"field" jsonschema:"enum=status,enum=assignee,enum=group,enum=priority,enum=due,enum=approval,enum=comment,enum=attachment,enum=external_status"`
	From  string `json:"from" jsonschema:"maxLength=128"`
	To    string `json:"to" jsonschema:"maxLength=128,description=A time is RFC 3339; a comment's or attachment's is its id; an external status is the other system's word."`
}

// TicketChanged: something about a ticket is different. Version counts the
// changes of a ticket from 1, its opening; the other fields are what holds
// after the change.
type TicketChanged struct {
	Tenant         string        `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string        `json:"call_id"`
	IdempotencyKey string        `json:"idempotency_key"`
	TicketID       string        `json:"ticket_id"`
	Number         string        `json:"number"`
	Version        int64         `json:"version" jsonschema:"minimum=2"`
	By             string        `json:"by" jsonschema:"maxLength=64,description=A person's name; or dispatch or escalation; or system: and the connector of another ticket system."`
	Why            string        `json:"why,omitempty" jsonschema:"maxLength=500"`
	Changes        []FieldChange `json:"changes" jsonschema:"minItems=1,maxItems=16"`
	Status         TicketStatus  `json:"status" jsonschema:"enum=open,enum=assigned,enum=in_progress,enum=waiting_customer,enum=waiting_approval,enum=resolved,enum=closed,enum=reopened,enum=cancelled"`
	Group          Group         `json:"group" jsonschema:"enum=after_sales,enum=finance,enum=logistics,enum=complaints"`
	Assignee       string        `json:"assignee,omitempty" jsonschema:"maxLength=64"`
	Priority       Priority      `json:"priority" jsonschema:"enum=low,enum=normal,enum=high,enum=urgent"`
	DueAt          *time.Time    `json:"due_at,omitempty"`
	Comment        string        `json:"comment,omitempty" jsonschema:"maxLength=4000,description=The text of a comment that was added."`
	ChangedAt      time.Time     `json:"changed_at"`
}

// EscalationLevel says how late a ticket is.
type EscalationLevel string

// The levels, in order.
const (
	EscalationNear    EscalationLevel = "near"    // its due time is near
	EscalationOverdue EscalationLevel = "overdue" // its due time is over
)

// TicketEscalated: a ticket is late, or soon will be; said once for a level.
type TicketEscalated struct {
	Tenant      string          `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID      string          `json:"call_id"`
	TicketID    string          `json:"ticket_id"`
	Number      string          `json:"number"`
	Level       EscalationLevel `json:"level" jsonschema:"enum=near,enum=overdue"`
	Group       Group           `json:"group" jsonschema:"enum=after_sales,enum=finance,enum=logistics,enum=complaints"`
	Priority    Priority        `json:"priority" jsonschema:"enum=low,enum=normal,enum=high,enum=urgent"`
	Assignee    string          `json:"assignee,omitempty" jsonschema:"maxLength=64"`
	Previous    string          `json:"previous,omitempty" jsonschema:"maxLength=64,description=Who had it before; the same when nobody took it over."`
	DueAt       time.Time       `json:"due_at"`
	EscalatedAt time.Time       `json:"escalated_at"`
}
