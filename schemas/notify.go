package schemas

// NotifySend is work: send one notification of a ticket. What it says and to
// whom stands in the database; the message only says that it is due, so that
// it may come twice or late.
type NotifySend struct {
	Tenant         string `json:"tenant,omitempty" jsonschema:"maxLength=64"`
	CallID         string `json:"call_id"`
	TicketID       string `json:"ticket_id" jsonschema:"minLength=1,maxLength=64"`
	NotificationID string `json:"notification_id" jsonschema:"minLength=1,maxLength=64"`
}

// SubjectNotifySend is where the notifications of one tenant lie; "" and
// DefaultTenant are the same.
func SubjectNotifySend(tenant string) string {
	return Prefix + ".work.notify." + TenantLabel(tenant)
}
