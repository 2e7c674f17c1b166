package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/orchestrator/dialog/conversation"
)

// input takes what happened and shows what it leads to.
func (c *chat) input(in dialog.Input) error {
	c.before = c.call.State()
	t, err := c.call.Input(in)
	if err != nil {
		return err
	}
	state := c.call.State()
	switch in.(type) {
	case dialog.Heard, dialog.Digits:
		c.understood(state.LastUnderstanding())
	}
	for _, a := range t.Acts {
		c.act(a)
	}
	c.changes(state)
	fmt.Fprintln(c.out)
	return nil
}

func (c *chat) note(format string, a ...any) {
	fmt.Fprintf(c.out, "      · "+format+"\n", a...)
}

func (c *chat) understood(u dialog.Understanding) {
	parts := []string{}
	if u.Intent != "" {
		parts = append(parts, fmt.Sprintf("%s %.2f", u.Intent, u.Confidence))
	}
	for _, name := range slices.Sorted(maps.Keys(u.Slots)) {
		parts = append(parts, name+"="+u.Slots[name])
	}
	if len(parts) > 0 {
		c.note("understood: %s", strings.Join(parts, ", "))
	}
}

func (c *chat) act(a dialog.Act) {
	switch a := a.(type) {
	case dialog.Say:
		notes := []string{a.Prompt.ID}
		if a.Prompt.Style != "" {
			notes = append(notes, a.Prompt.Style)
		}
		if k := a.Prompt.Expect.Kind; k != dialog.ExpectNone && k != "" {
			notes = append(notes, "waits for "+string(k))
		}
		fmt.Fprintf(c.out, "agent>  %s  [%s]\n", a.Prompt.Text, strings.Join(notes, ", "))
	case dialog.FindOrders:
		c.note("%s: %d found", conversation.Describe(a), len(c.world.shop.Find(a)))
	case dialog.Decided:
		c.note("rule %d of %s: %s", a.Rule, a.Rules, a.Say)
	case dialog.OpenTicket:
		c.note("%s", conversation.Describe(a))
		c.note("summary: %s", a.Summary)
	case dialog.Handoff:
		c.note("%s", conversation.Describe(a))
		for _, k := range slices.Sorted(maps.Keys(a.Context)) {
			c.note("  %s: %s", k, a.Context[k])
		}
	default:
		if s := conversation.Describe(a); s != "" {
			c.note("%s", s)
		}
	}
}

// changes shows what is known now and was not before.
func (c *chat) changes(now dialog.State) {
	before := c.before
	if now.Intent != before.Intent {
		c.note("request: %s", orNone(now.Intent))
	}
	for _, name := range slices.Sorted(maps.Keys(now.Slots)) {
		if s := now.Slots[name]; s.Value != before.Slots[name].Value {
			verified := ""
			if s.Verified {
				verified = " (verified)"
			}
			c.note("slot %s: %s%s", name, s.Value, verified)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Slots)) {
		if _, ok := now.Slots[name]; !ok {
			c.note("slot %s: forgotten", name)
		}
	}
	for i, t := range now.Tickets {
		if i >= len(before.Tickets) || before.Tickets[i] != t {
			c.note("ticket %s: %s %s", t.Request.Kind, t.Status, t.Number)
		}
	}
	if now.Step != before.Step {
		c.note("step: %s", now.Step)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// summary says how the call ends.
func (c *chat) summary() {
	s := c.call.State()
	fmt.Fprintf(c.out, "\nthe call ends: %s", s.Outcome())
	for _, t := range s.Tickets {
		fmt.Fprintf(c.out, ", ticket %s %s %s", t.Request.Kind, t.Status, t.Number)
	}
	fmt.Fprintln(c.out)
}
