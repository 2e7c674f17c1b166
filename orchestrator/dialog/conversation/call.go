package conversation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// World answers what the dialogue asks of others: the inputs that come back
// for an act, none for one that nobody answers.
type World interface {
	Answer(a dialog.Act) []dialog.Input
}

// Call is a conversation in progress.
type Call struct {
	flow  *dialog.Flow
	world World
	now   time.Time
	state dialog.State
}

// Begin is a call before its first input, dialog.Started.
func Begin(flow *dialog.Flow, world World, start dialog.Start, now time.Time) *Call {
	return &Call{flow: flow, world: world, now: now, state: dialog.Begin(flow, start)}
}

// State is what the conversation knows.
func (c *Call) State() dialog.State { return c.state }

// Turn is what one input led to, the answers of others included.
type Turn struct {
	// Acts are all of them in order, Say among them.
	Acts []dialog.Act
}

// Prompts are what was said.
func (t Turn) Prompts() []dialog.Prompt {
	var out []dialog.Prompt
	for _, a := range t.Acts {
		if s, ok := a.(dialog.Say); ok {
			out = append(out, s.Prompt)
		}
	}
	return out
}

// Said are the names of the prompts.
func (t Turn) Said() []string {
	var out []string
	for _, p := range t.Prompts() {
		out = append(out, p.ID)
	}
	return out
}

// Text is everything that was said.
func (t Turn) Text() string {
	var b strings.Builder
	for _, p := range t.Prompts() {
		b.WriteString(p.Text)
	}
	return b.String()
}

// Done describes what was done besides speaking, as conversations write it.
func (t Turn) Done() []string {
	var out []string
	for _, a := range t.Acts {
		if s := Describe(a); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Describe says an act in a few words; "" for speech and for what is only told.
func Describe(a dialog.Act) string {
	switch a := a.(type) {
	case dialog.FindOrders:
		return "find " + a.Phone + a.Number + a.LastDigits
	case dialog.OpenTicket:
		return fmt.Sprintf("ticket %s %s/%s %s received=%t verified=%t",
			a.Kind, a.OrderNumber, a.OrderLine, a.Reason, a.Received, a.Verified) + describePickup(a.Pickup)
	case dialog.ListenIn:
		return "listen " + cmp.Or(a.Dialect, "none")
	case dialog.Handoff:
		return "handoff " + string(a.Reason)
	case dialog.End:
		return "end " + string(a.Outcome)
	}
	return ""
}

func describePickup(p *dialog.Pickup) string {
	if p == nil {
		return ""
	}
	const minute = "2006-01-02T15:04-07:00"
	return strings.TrimRight(" pickup "+p.From.Format(minute)+"/"+p.Until.Format(minute)+" "+p.Address, " ")
}

// final says whether an act has to be named by whoever describes a call.
func final(act string) bool {
	return strings.HasPrefix(act, "handoff") || strings.HasPrefix(act, "end") || strings.HasPrefix(act, "ticket")
}

// What a dialogue must never do.
var (
	ErrChanged = errors.New("the dialogue changed the state that it was given")
	ErrStored  = errors.New("the state is not the same when it is stored and read back")
)

// maxAnswers bounds what can follow from one input.
const maxAnswers = 50

// Input takes one thing that happened, and the answers to what the dialogue
// asked of others. Every state goes through JSON, as at a takeover.
func (c *Call) Input(in dialog.Input) (Turn, error) {
	var t Turn
	return t, c.feed(&t, in)
}

func (c *Call) feed(t *Turn, in dialog.Input) error {
	before, err := json.Marshal(c.state)
	if err != nil {
		return err
	}
	next, acts := c.flow.Advance(c.state, c.now, in)
	if after, err := json.Marshal(c.state); err != nil || string(after) != string(before) {
		return errors.Join(ErrChanged, err)
	}
	if c.state, err = stored(next); err != nil {
		return err
	}
	t.Acts = append(t.Acts, acts...)
	if len(t.Acts) > maxAnswers {
		return fmt.Errorf("one input led to %d acts", len(t.Acts))
	}
	var answers []dialog.Input
	for _, a := range acts {
		answers = append(answers, c.world.Answer(a)...)
	}
	for _, in := range answers {
		if err := c.feed(t, in); err != nil {
			return err
		}
	}
	return nil
}

func stored(s dialog.State) (dialog.State, error) {
	var back dialog.State
	b, err := json.Marshal(s)
	if err != nil {
		return back, err
	}
	if err := json.Unmarshal(b, &back); err != nil {
		return back, errors.Join(ErrStored, err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		return back, errors.Join(ErrStored, err)
	}
	return back, nil
}

// events are what can happen besides words and keys.
var events = []string{"silence", "handoff_failed", "ticket", "resumed", "cut", "deaf", "hearing", "slow"}

// Events lists the names of what can happen besides words and keys.
func Events() []string { return slices.Clone(events) }

// Event is the input of a name: silence; handoff_failed; ticket, an answer to
// the last request that comes late; resumed by another orchestrator, or cut,
// where the play-out broke off; deaf and hearing, without a recogniser and with
// one again; slow, where an order is looked for longer than a pause in talking.
func (c *Call) Event(name, ticket string) (dialog.Input, bool) {
	switch name {
	case "silence":
		return dialog.Silence{}, true
	case "handoff_failed":
		return dialog.HandoffFailed{Reason: "busy"}, true
	case "ticket":
		if n := len(c.state.Tickets); n > 0 {
			return dialog.TicketOpened{Key: c.state.Tickets[n-1].Request.Key, Number: ticket}, true
		}
	case "resumed":
		return dialog.Resumed{}, true
	case "cut":
		if len(c.state.Said) > 0 {
			return dialog.Resumed{Cut: true, HeardRunes: len([]rune(c.state.Said[0].Text)) + 1}, true
		}
	case "deaf":
		return dialog.RecognitionLost{}, true
	case "hearing":
		return dialog.RecognitionBack{}, true
	case "slow":
		if q := c.state.Orders.Pending; q != nil {
			return dialog.StillLooking{RequestID: q.RequestID}, true
		}
	}
	return nil, false
}
