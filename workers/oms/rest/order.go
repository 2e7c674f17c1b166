package rest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// checked is an order with the customer's number. Tells says that the system
// tells customers' numbers, though it may not have this one's.
type checked struct {
	schemas.Order
	phone string
	tells bool
}

// into maps an object into one of our types: all of it, or an error.
func into(fields []field, item any, where string, v any) error {
	m, err := apply(fields, item, where)
	if err != nil {
		return err
	}
	delete(m, checkPhone)
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return json.Unmarshal(b, v)
}

func orderFrom(fields []field, item any, where string) (o checked, err error) {
	if err := into(fields, item, where, &o.Order); err != nil {
		return checked{}, err
	}
	for _, f := range fields {
		if f.name == checkPhone {
			v, err := f.apply(item, where+"."+checkPhone)
			if err != nil {
				return checked{}, err
			}
			o.phone, _ = v.(string)
			o.tells = true
		}
	}
	slices.SortStableFunc(o.Parcels, func(a, b schemas.Parcel) int {
		switch {
		case a.ShippedAt == nil || b.ShippedAt == nil:
			return 0
		}
		return a.ShippedAt.Compare(*b.ShippedAt)
	})
	oldestRefunds(o.Refunds)
	if err := conform(schemas.TypeOrderGot, schemas.OrderGot{Order: o.Order}); err != nil {
		return checked{}, fmt.Errorf("%s: %w", where, err)
	}
	return o, nil
}

// conform holds an answer to the schema it travels under.
func conform(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	m, _ := schemas.Lookup(name)
	if err := schemas.DecodeStrict(name, b, m.New()); err != nil {
		return fmt.Errorf("%w: %w", ErrMapping, err)
	}
	return nil
}

func oldestRefunds(list []schemas.Refund) {
	slices.SortStableFunc(list, func(a, b schemas.Refund) int { return a.RequestedAt.Compare(b.RequestedAt) })
}

func newestEvents(list []schemas.TraceEvent) {
	slices.SortStableFunc(list, func(a, b schemas.TraceEvent) int { return b.At.Compare(a.At) })
}

func orderAsk(number string) map[string]any {
	number = strings.TrimSpace(number)
	return map[string]any{"number": number, "order_number": number}
}

func sameNumber(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// nationalPhone is a number's digits without the mainland's country code.
func nationalPhone(s string) string {
	d := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '*' {
			return r
		}
		return -1
	}, s)
	for _, prefix := range []string{"0086", "86", "0"} {
		if rest, ok := strings.CutPrefix(d, prefix); ok && len(rest) == 11 && rest[0] == '1' {
			return rest
		}
	}
	return d
}

// minShown is how many digits a number has to show to be somebody's: the last
// four, as some platforms do.
const minShown = 4

// samePhone compares a system's number, of which * may hide digits, with the
// one that was asked for.
func samePhone(theirs, ours string) bool {
	a, b := nationalPhone(theirs), nationalPhone(ours)
	if len(a) != len(b) || len(a)-strings.Count(a, "*") < minShown {
		return false
	}
	for i := range len(a) {
		if a[i] != '*' && a[i] != b[i] {
			return false
		}
	}
	return true
}

// needed is store.ErrInvalid that names every field that is empty.
func needed(pairs ...string) error {
	var missing []string
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			missing = append(missing, pairs[i])
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: needed", store.ErrInvalid, strings.Join(missing, ", "))
}
