package conversation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// Result is what became of a conversation.
type Result struct {
	Conversation Conversation
	// Failures is empty when everything went as written.
	Failures []Failure
}

// Passed says whether everything went as written.
func (r Result) Passed() bool { return len(r.Failures) == 0 }

// Failure is one thing that went otherwise.
type Failure struct {
	// Line is where it is written otherwise, Caller what the caller did; empty
	// for what shows only at the end.
	Line   int
	Caller string
	// What differs: Want as written, Got as it went. Said are the words that
	// the caller heard in this turn.
	What, Want, Got, Said string
}

func (f Failure) String() string {
	var b strings.Builder
	if f.Caller != "" {
		fmt.Fprintf(&b, "line %d, %s\n", f.Line, f.Caller)
	} else {
		b.WriteString("at the end\n")
	}
	fmt.Fprintf(&b, "  %s, wanted: %s\n  %*s  got: %s", f.What, f.Want, len(f.What)+2, "", f.Got)
	if f.Said != "" {
		fmt.Fprintf(&b, "\n  said: %s", f.Said)
	}
	return b.String()
}

// Run leads a conversation by a flow and compares.
func Run(flow *dialog.Flow, shop Shop, conv Conversation) Result {
	r := Result{Conversation: conv}
	call := Begin(flow, written{shop, conv}, dialog.Start{
		CallID: "call-1", Caller: conv.From, Dialects: conv.Dialects, Likely: conv.Likely, Dialect: conv.Begins,
	}, shop.Now)
	for _, x := range conv.Turns {
		if !r.exchange(call, shop, x) {
			return r
		}
	}
	state := call.State()
	r.compare("outcome", string(conv.Outcome), string(state.Outcome()))
	r.compare("dialect", conv.Dialect, state.Dialect)
	for _, name := range sorted(conv.Slots) {
		r.compare("slot "+name, conv.Slots[name], state.Slots[name].Value)
	}
	return r
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *Result) compare(what, want, got string) {
	if want != got {
		r.Failures = append(r.Failures, Failure{What: what, Want: quoted(want), Got: quoted(got)})
	}
}

func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// exchange plays one turn; false when the rest makes no sense.
func (r *Result) exchange(call *Call, shop Shop, x Exchange) bool {
	fail := func(what, want, got, said string) {
		r.Failures = append(r.Failures, Failure{x.Line, x.caller(), what, want, got, said})
	}
	in, ok := x.input(call, shop)
	if !ok {
		fail("event", "something to happen to", "nothing that "+x.Event+" could happen to", "")
		return false
	}
	t, err := call.Input(in)
	if err != nil {
		fail("dialogue", "an answer", err.Error(), "")
		return false
	}
	if !slices.Equal(t.Said(), x.Bot) {
		fail("prompts", list(x.Bot), list(t.Said()), t.Text())
	}
	for _, part := range x.Text {
		if !strings.Contains(t.Text(), part) {
			fail("words", part, "other words", t.Text())
		}
	}
	done := t.Done()
	if x.Acts != nil && !slices.Equal(done, x.Acts) || x.Acts == nil && slices.ContainsFunc(done, final) {
		fail("acts", list(x.Acts), list(done), t.Text())
	}
	return true
}

func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// caller says what the caller does.
func (x Exchange) caller() string {
	switch {
	case x.Say != "":
		return "caller says " + x.Say
	case x.Keys != "":
		return "caller keys " + x.Keys
	case x.Event != "":
		return "event " + x.Event
	}
	return "the call begins"
}

func (x Exchange) input(call *Call, shop Shop) (dialog.Input, bool) {
	switch {
	case x.Say != "":
		return dialog.Heard{Text: x.Say, Confidence: x.Confidence}, true
	case x.Keys != "":
		return dialog.Digits{Digits: x.Keys, Terminated: true}, true
	case x.Event != "":
		return call.Event(x.Event, shop.Ticket)
	}
	return dialog.Started{}, true
}

// written is the world as a conversation wants it.
type written struct {
	shop Shop
	conv Conversation
}

// Answer implements World.
func (w written) Answer(a dialog.Act) []dialog.Input {
	switch a := a.(type) {
	case dialog.FindOrders:
		return w.orders(a)
	case dialog.OpenTicket:
		switch w.conv.Tickets {
		case "pending":
			return []dialog.Input{dialog.TicketFailed{Key: a.Key, Reason: "bus away", Pending: true}}
		case "failed":
			return []dialog.Input{dialog.TicketFailed{Key: a.Key, Reason: "refused"}}
		case "silent":
			return nil
		}
		return []dialog.Input{dialog.TicketOpened{Key: a.Key, Number: w.shop.Ticket}}
	}
	return nil
}

func (w written) orders(q dialog.FindOrders) []dialog.Input {
	switch {
	case w.conv.Orders == "silent":
		return nil
	case w.conv.Orders == "down" || w.conv.Orders == "number_down" && q.Phone == "":
		return []dialog.Input{dialog.OrdersFound{RequestID: q.RequestID, Err: "unavailable"}}
	}
	return []dialog.Input{dialog.OrdersFound{RequestID: q.RequestID, Orders: w.shop.Find(q)}}
}
