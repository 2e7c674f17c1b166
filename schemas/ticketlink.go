package schemas

import "time"

// TicketDeliver is work: tell the tenant's own ticket system what is new of a
// ticket, up to a sequence number. What is new stands in the database, in
// order; the message only says that there is something, so that it may come
// twice, late or out of order.
type TicketDeliver struct {
	Tenant   string `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID   string `json:"call_id"`
	TicketID string `json:"ticket_id" jsonschema:"minLength=1,maxLength=64"`
	Sequence int64  `json:"sequence" jsonschema:"minimum=1"`
}

// SyncCause says what made a ticket and its copy in another system agree.
type SyncCause string

// The causes.
const (
	SyncDelivered SyncCause = "delivered" // we told the other system
	SyncReported  SyncCause = "reported"  // it told us
)

// TicketSynced: the ticket and its copy in the tenant's own ticket system
// agree again.
type TicketSynced struct {
	Tenant         string    `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string    `json:"call_id"`
	IdempotencyKey string    `json:"idempotency_key"`
	TicketID       string    `json:"ticket_id"`
	Number         string    `json:"number"`
	System         string    `json:"system" jsonschema:"maxLength=64,description=The connector's name."`
	ExternalID     string    `json:"external_id" jsonschema:"maxLength=200"`
	URL            string    `json:"url,omitempty" jsonschema:"maxLength=500,description=Where people see the copy."`
	Status         string    `json:"status,omitempty" jsonschema:"maxLength=100,description=The other system's own word."`
	Previous       string    `json:"previous,omitempty" jsonschema:"maxLength=100,description=Its word before."`
	Cause          SyncCause `json:"cause" jsonschema:"enum=delivered,enum=reported"`
	SyncedAt       time.Time `json:"synced_at"`
}

// SubjectTicketDeliver is where the work for one tenant's ticket system lies;
// "" and DefaultTenant are the same.
func SubjectTicketDeliver(tenant string) string {
	return Prefix + ".work.ticket.deliver." + TenantLabel(tenant)
}
