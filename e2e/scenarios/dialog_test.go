package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// conversation talks a scenario through with the shipped dialogue and the
// built-in shop, without sound and without a clock.
type conversation struct {
	t     *testing.T
	flow  *dialog.Flow
	state dialog.State
	now   time.Time
	shop  []store.SeededCustomer
	said  []string
	opens int
	hands int
	ended bool
	// What the call keeps of it: the last task that there was.
	intent string
}

// input takes one thing that happened, and then the answers to what the
// dialogue asked of others, as they come: after it has spoken.
func (c *conversation) input(first dialog.Input) {
	for answers := []dialog.Input{first}; len(answers) > 0; {
		in := answers[0]
		answers = append(answers[1:], c.advance(in)...)
	}
}

func (c *conversation) advance(in dialog.Input) (answers []dialog.Input) {
	next, acts := c.flow.Advance(c.state, c.now, in)
	c.state = next
	if next.LastIntent != "" {
		c.intent = next.LastIntent
	}
	for _, act := range acts {
		switch act := act.(type) {
		case dialog.Say:
			c.said = append(c.said, act.Prompt.Text)
		case dialog.FindOrders:
			answers = append(answers, dialog.OrdersFound{RequestID: act.RequestID, Orders: c.find(act)})
		case dialog.OpenTicket:
			c.opens++
			answers = append(answers, dialog.TicketOpened{Key: act.Key, Number: "20260001"})
		case dialog.Handoff:
			c.hands++
		case dialog.End:
			c.ended = true
		}
	}
	return answers
}

func (c *conversation) find(q dialog.FindOrders) []dialog.Order {
	var out []dialog.Order
	for _, customer := range c.shop {
		for _, o := range customer.Orders {
			fits := q.Number != "" && o.Number == q.Number || q.LastDigits != "" && strings.HasSuffix(o.Number, q.LastDigits) ||
				q.Number == "" && q.LastDigits == "" && customer.Phone == q.Phone
			if !fits {
				continue
			}
			d := dialog.Order{Number: o.Number, Status: string(o.Status), PlacedAt: o.PlacedAt, PaymentMethod: o.PaymentMethod}
			for _, l := range o.Lines {
				d.Lines = append(d.Lines, dialog.Line{ID: l.ID, Name: l.Title, Quantity: l.Quantity, PriceFen: l.PriceFen})
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

// TestDialogueAnswersTheScenarios holds lines and flow together: what a
// scenario says leads the shipped dialogue to what the scenario expects.
func TestDialogueAnswersTheScenarios(t *testing.T) {
	flow := dialog.Default()
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := scenarios.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
			c := &conversation{
				t: t, flow: flow, now: now, shop: store.SeededCustomers(now),
				state: dialog.Begin(flow, dialog.Start{CallID: "c", Caller: s.From, Called: s.To}),
			}
			c.input(dialog.Started{})
			for _, step := range s.Caller {
				before := len(c.said)
				switch {
				case step.Say != "":
					c.input(dialog.Heard{Text: step.Say, Confidence: 0.95})
				case step.Digits != "":
					c.input(dialog.Digits{Digits: step.Digits, Terminated: strings.HasSuffix(step.Digits, "#")})
				case step.Wait == scenarios.WaitHangup:
					for i := 0; i < 20 && !c.ended; i++ { // nobody speaks any more
						c.input(dialog.Silence{})
					}
				}
				t.Logf("%s\n\t%s", step, strings.Join(c.said[before:], "\n\t"))
			}
			c.check(s.Expect)
		})
	}
}

func (c *conversation) check(e scenarios.Expect) {
	c.t.Helper()
	if got := string(c.state.Outcome()); got != e.Outcome {
		c.t.Errorf("outcome %q, want %q", got, e.Outcome)
	}
	if e.Intent != "" && c.intent != e.Intent {
		c.t.Errorf("intent %q, want %q", c.intent, e.Intent)
	}
	if want := e.Ticket != nil && *e.Ticket; want != (c.opens == 1) || c.opens > 1 {
		c.t.Errorf("%d tickets", c.opens)
	}
	if (e.Outcome == "handed_off") != (c.hands == 1) {
		c.t.Errorf("%d handoffs", c.hands)
	}
	if e.EndedBy == scenarios.EndedByAgent && !c.ended {
		c.t.Error("the agent does not hang up")
	}
	for slot, want := range e.Slots {
		if got := c.state.Slots[slot].Value; got != want {
			c.t.Errorf("slot %s is %q, want %q", slot, got, want)
		}
	}
	heard := func(part string) bool {
		return slices.ContainsFunc(c.said, func(s string) bool { return strings.Contains(s, part) })
	}
	for _, part := range e.Said {
		if !heard(part) {
			c.t.Errorf("never said %q", part)
		}
	}
	for _, part := range e.NotSaid {
		if heard(part) {
			c.t.Errorf("said %q", part)
		}
	}
}
