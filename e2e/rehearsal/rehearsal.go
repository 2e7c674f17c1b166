// Package rehearsal talks conversations through with the dialogue and the
// built-in shop, without sound and without a clock: what a call's scenario
// leads to when every word is understood, or what a recogniser's words for it
// lead to.
package rehearsal

import (
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TicketNumber is the number of every ticket of a rehearsal.
const TicketNumber = "20260001"

// maxSilences bounds a caller who says nothing any more.
const maxSilences = 20

// Conversation is one call.
type Conversation struct {
	flow  *dialog.Flow
	state dialog.State
	now   time.Time
	shop  []store.SeededCustomer

	Said    []string // by the agent, prompt by prompt
	Tickets []dialog.OpenTicket
	Handed  int    // handoffs to people
	Ended   bool   // by the agent
	Intent  string // the last task that there was
}

// Begin starts a call from a number at a time, and lets the agent speak.
func Begin(flow *dialog.Flow, caller, called string, now time.Time) *Conversation {
	c := &Conversation{
		flow: flow, now: now, shop: store.SeededCustomers(now),
		state: dialog.Begin(flow, dialog.Start{CallID: "rehearsal", Caller: caller, Called: called}),
	}
	c.Input(dialog.Started{})
	return c
}

// Outcome is how the call ends if it ends now.
func (c *Conversation) Outcome() string { return string(c.state.Outcome()) }

// Slot is what is known of one thing.
func (c *Conversation) Slot(name string) string { return c.state.Slots[name].Value }

// Input takes one thing that happened, and then the answers to what the
// dialogue asked of others, as they come: after it has spoken. It gives what
// the agent said meanwhile.
func (c *Conversation) Input(first dialog.Input) []string {
	before := len(c.Said)
	for inputs := []dialog.Input{first}; len(inputs) > 0; {
		in := inputs[0]
		inputs = append(inputs[1:], c.advance(in)...)
	}
	return c.Said[before:]
}

// Silence lets time pass until the agent hangs up.
func (c *Conversation) Silence() {
	for i := 0; i < maxSilences && !c.Ended; i++ {
		c.Input(dialog.Silence{})
	}
}

func (c *Conversation) advance(in dialog.Input) (answers []dialog.Input) {
	next, acts := c.flow.Advance(c.state, c.now, in)
	c.state = next
	if next.LastIntent != "" {
		c.Intent = next.LastIntent
	}
	for _, act := range acts {
		switch act := act.(type) {
		case dialog.Say:
			c.Said = append(c.Said, act.Prompt.Text)
		case dialog.FindOrders:
			answers = append(answers, dialog.OrdersFound{RequestID: act.RequestID, Orders: c.find(act)})
		case dialog.OpenTicket:
			c.Tickets = append(c.Tickets, act)
			answers = append(answers, dialog.TicketOpened{Key: act.Key, Number: TicketNumber})
		case dialog.Handoff:
			c.Handed++
		case dialog.End:
			c.Ended = true
		}
	}
	return answers
}

// find is the shop's answer, as the order worker gives it.
func (c *Conversation) find(q dialog.FindOrders) []dialog.Order {
	var out []dialog.Order
	for _, customer := range c.shop {
		for _, o := range customer.Orders {
			fits := q.Number != "" && o.Number == q.Number || q.LastDigits != "" && strings.HasSuffix(o.Number, q.LastDigits) ||
				q.Number == "" && q.LastDigits == "" && customer.Phone == q.Phone
			if !fits {
				continue
			}
			d := dialog.Order{Number: o.Number, Status: string(o.Status), PlacedAt: o.PlacedAt, PaymentMethod: o.PaymentMethod,
				TotalFen: o.TotalFen, FreightInsured: o.FreightInsured, Address: o.Address}
			for _, l := range o.Lines {
				d.Lines = append(d.Lines, dialog.Line{ID: l.ID, Name: l.Title, Quantity: l.Quantity, PriceFen: l.PriceFen, Category: l.Category, Tags: l.Tags})
			}
			for _, p := range o.Parcels {
				parcel := dialog.Parcel{Carrier: p.Carrier, Number: p.TrackingNo, Status: p.Status}
				if p.DeliveredAt != nil {
					parcel.DeliveredAt = *p.DeliveredAt
				}
				d.Parcels = append(d.Parcels, parcel)
			}
			for _, r := range o.Refunds {
				refund := dialog.Refund{Status: r.Status, AmountFen: r.AmountFen, Method: r.Method, RequestedAt: r.RequestedAt}
				if r.ExpectedAt != nil {
					refund.ExpectedAt = *r.ExpectedAt
				}
				if r.PaidAt != nil {
					refund.PaidAt = *r.PaidAt
				}
				d.Refunds = append(d.Refunds, refund)
			}
			out = append(out, d)
		}
	}
	return out
}
