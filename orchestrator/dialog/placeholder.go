package dialog

import (
	"regexp"
	"slices"
)

// placeholder is "{name}" in a prompt's text.
var placeholder = regexp.MustCompile(`\{([a-z_]*)\}`)

// placeholderNames are the values a prompt may name besides the flow's slots.
// value() knows each.
var placeholderNames = []string{
	"amount", "carrier", "delivered_date", "dialect", "dialect_list", "holiday", "holiday_until", "item", "label", "line_list", "method", "notes", "number", "option", "order", "order_date",
	"order_list", "order_tail", "own_address", "own_address_whole", "parcel_tail", "pay_method", "pickup_hours", "pickup_last", "plan", "quality_days", "return_days", "variant", "reason", "received", "refund_date", "ticket_number",
}

func placeholdersIn(text string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}
