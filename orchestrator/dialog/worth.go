package dialog

import "slices"

// Worth is what people and rules who get a request want to know of the order
// behind it. It is empty when the order was not verified.
type Worth struct {
	// AmountFen is what the request is about, in fen (1/100 yuan).
	AmountFen     int64  `json:"amount_fen,omitempty"`
	OrderStatus   string `json:"order_status,omitempty"`
	Carrier       string `json:"carrier,omitempty"`
	CustomerLevel string `json:"customer_level,omitempty"`
}

// worth is that of the chosen lines of an order; no line is the whole order.
func (o *Order) worth(lines []string) Worth {
	if o == nil {
		return Worth{}
	}
	w := Worth{AmountFen: o.TotalFen, OrderStatus: o.Status, CustomerLevel: o.CustomerLevel}
	if len(o.Parcels) > 0 {
		w.Carrier = o.Parcels[len(o.Parcels)-1].Carrier
	}
	if len(lines) == 0 {
		return w
	}
	w.AmountFen = 0
	for _, l := range o.Lines {
		if slices.Contains(lines, l.ID) {
			w.AmountFen += l.PriceFen * int64(max(1, l.Quantity))
		}
	}
	return w
}
