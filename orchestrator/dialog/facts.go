package dialog

import (
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog/rule"
)

// progressOf orders the states of a parcel by how far it has come.
var progressOf = []string{"created", "in_transit", "out_for_delivery", "delivered", "returned"}

// facts are what the rules of the flow can ask about, for one article.
func (t *turn) facts(line Line) rule.Facts {
	f := rule.Facts{
		Now: t.now, Terms: t.f.terms.Terms, Slots: map[string]string{}, Refund: rule.Refund{Status: "none"},
		Order: rule.Order{DaysPlaced: rule.Unknown, DaysDelivered: rule.Unknown},
		Call:  rule.Call{Complaints: t.s.Complaints, Tickets: len(t.s.Tickets), About: t.about()},
	}
	for name, slot := range t.s.Slots {
		f.Slots[name] = slot.Value
	}
	o := t.s.Orders.Chosen
	if o == nil {
		return f
	}
	f.Order = t.orderFacts(*o)
	f.Line = rule.Line{Name: line.Name, Category: line.Category, Tags: line.Tags, PriceFen: int(line.PriceFen), Quantity: line.Quantity}
	if p, arrived := slowest(o.Parcels); p != nil {
		f.Parcel = rule.Parcel{Known: true, Status: p.Status, Carrier: p.Carrier, Count: len(o.Parcels), Arrived: arrived}
	}
	if r := t.refund(); r != nil {
		f.Refund = rule.Refund{Status: r.Status, AmountFen: int(r.AmountFen)}
		f.Refund.DaysOverdue = max(0, f.Days(r.ExpectedAt, t.now))
	}
	if h := t.f.holiday(o.PlacedAt); h != nil {
		f.Holiday = rule.Holiday{Name: h.Name, Until: h.until, Extended: f.Days(h.until, t.now) <= 0}
	}
	return f
}

// about is the request that leads to a ticket: the one in hand, or the one
// that the present question came in the midst of.
func (t *turn) about() string {
	if n := len(t.s.Suspended); n > 0 && t.f.tasks[t.s.Intent].Ticket == "" {
		return t.s.Suspended[n-1]
	}
	return t.s.Intent
}

func (t *turn) orderFacts(o Order) rule.Order {
	f := rule.Order{
		Found: true, Status: o.Status, Placed: o.PlacedAt, Delivered: o.delivered(), PaidFen: int(o.TotalFen),
		Payment: o.PaymentMethod, Insured: o.FreightInsured, Lines: len(o.Lines),
	}
	f.DaysPlaced = rule.Facts{}.Days(f.Placed, t.now)
	f.DaysDelivered = rule.Facts{}.Days(f.Delivered, t.now)
	return f
}

// delivered is when the last of an order's parcels came, or the zero time.
func (o Order) delivered() time.Time {
	var last time.Time
	for _, p := range o.Parcels {
		if p.DeliveredAt.After(last) {
			last = p.DeliveredAt
		}
	}
	return last
}

// slowest is the parcel that is least far on its way, and how many arrived.
func slowest(parcels []Parcel) (*Parcel, int) {
	var out *Parcel
	arrived := 0
	for i := range parcels {
		p := &parcels[i]
		if p.Status == "delivered" {
			arrived++
		}
		if out == nil || slices.Index(progressOf, p.Status) < slices.Index(progressOf, out.Status) {
			out = p
		}
	}
	return out, arrived
}

// handled are the articles that the request is about: those chosen, or all.
func (t *turn) handled() []Line {
	lines := t.lines()
	chosen := lineIDs(t.s.Slots[slotLine].Value)
	out := slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return !slices.Contains(chosen, l.ID) })
	switch {
	case len(out) > 0:
		return out
	case len(lines) > 0:
		return lines
	}
	return []Line{{}}
}

// lineIDs are the lines that the value of a slot line stands for; none for
// the whole order.
func lineIDs(value string) []string {
	if value == "" || value == wholeOrder {
		return nil
	}
	return strings.Split(value, lineSeparator)
}

// lineSeparator stands between several lines of an order.
const lineSeparator = ","

// logisticsValue says what a placeholder of parcels and payment stands for.
func (t *turn) logisticsValue(name string) string {
	o := t.s.Orders.Chosen
	if o == nil {
		if name == "pay_method" {
			return t.f.words["method_unknown"]
		}
		return ""
	}
	p, _ := slowest(o.Parcels)
	switch name {
	case "pay_method":
		if word := t.f.words["method_"+o.PaymentMethod]; word != "" {
			return word
		}
		return t.f.words["method_unknown"]
	case "delivered_date":
		if at := o.delivered(); !at.IsZero() {
			return t.f.mouth.date(at, t.now)
		}
		return t.f.words["date_unknown"]
	case "carrier":
		if p != nil {
			return p.Carrier
		}
	case "parcel_tail":
		if p != nil {
			return t.f.mouth.readDigits(p.Number[len(p.Number)-min(4, len(p.Number)):], t.f.policy.DigitGroup)
		}
	}
	return ""
}
