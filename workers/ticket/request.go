package ticket

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/tidegate/tidegate/schemas"
)

var (
	// A call id becomes part of a subject: no dots, spaces or wildcards.
	callIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	orderPattern  = regexp.MustCompile(`^[0-9A-Za-z-]{0,64}$`)
)

// validate checks what the schema cannot, and names every field that is
// wrong; it quotes no values.
func validate(req *schemas.TicketOpen) error {
	var errs []error
	bad := func(field, why string) { errs = append(errs, fmt.Errorf("%s: %s", field, why)) }
	if !callIDPattern.MatchString(req.CallID) {
		bad("call_id", "malformed")
	}
	if strings.TrimSpace(req.IdempotencyKey) == "" || !strings.HasPrefix(req.IdempotencyKey, req.CallID+":") {
		bad("idempotency_key", "does not begin with the call id")
	}
	if !slices.Contains(kinds, req.Kind) {
		bad("kind", "unknown")
	}
	if !orderPattern.MatchString(req.OrderNumber) {
		bad("order_number", "malformed")
	}
	if req.OrderVerified && req.OrderNumber == "" {
		bad("order_number", "missing, though verified")
	}
	// The contact may be empty (number withheld) or a name (a SIP user): a
	// caller is not turned away for it.
	if strings.ContainsFunc(req.Contact, unicode.IsControl) {
		bad("contact", "holds control characters")
	}
	if p := req.Pickup; p != nil {
		if p.From.IsZero() || !p.Until.After(p.From) {
			bad("pickup", "does not end after it begins")
		}
		if strings.ContainsFunc(p.Address, unicode.IsControl) {
			bad("pickup.address", "holds control characters")
		}
	}
	if req.AmountFen < 0 {
		bad("amount_fen", "below 0")
	}
	if req.RequestedAt.IsZero() {
		bad("requested_at", "missing")
	}
	for _, f := range []struct{ field, value string }{
		{"idempotency_key", req.IdempotencyKey}, {"order_line", req.OrderLine}, {"reason", req.Reason},
		{"reason_text", req.ReasonText}, {"summary", req.Summary}, {"transcript_url", req.TranscriptURL},
		{"tenant", req.Tenant}, {"carrier", req.Carrier}, {"customer_level", req.CustomerLevel},
	} {
		// PostgreSQL stores no NUL.
		if strings.ContainsRune(f.value, 0) {
			bad(f.field, "holds a NUL character")
		}
	}
	return errors.Join(errs...)
}
