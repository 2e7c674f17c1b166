package caller

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
)

// Evaluate compares an answered call with what was expected of it, and gives
// a sentence for each difference. Without r.Record, what only the records can
// tell is left out.
func Evaluate(e scenarios.Expect, r Result) []string {
	var out []string
	out = append(out, evaluateTimes(e, r)...)
	switch {
	case e.EndedBy == "" || r.EndedBy == e.EndedBy:
	case r.EndedBy == "":
		out = append(out, fmt.Sprintf("nobody ended the call; the %s was to", e.EndedBy))
	default:
		out = append(out, fmt.Sprintf("the call was ended by the %s, not by the %s", r.EndedBy, e.EndedBy))
	}
	if r.Record != nil {
		out = append(out, evaluateRecord(e, *r.Record)...)
		out = append(out, evaluateTurns(e, r.Record.Turns)...)
	}
	return out
}

func evaluateTimes(e scenarios.Expect, r Result) []string {
	var out []string
	within := func(what string, limit time.Duration, got *int64) {
		switch {
		case limit == 0:
		case got == nil:
			out = append(out, fmt.Sprintf("%s never came; it was expected within %s", what, limit))
		case ms(*got) > limit:
			out = append(out, fmt.Sprintf("%s came after %s, not within %s", what, ms(*got), limit))
		}
	}
	within("the answer", e.AnsweredWithin, r.AnsweredMS)
	within("the first prompt", e.FirstPromptWithin, r.FirstPromptMS)
	if e.TurnLatencyP95 == 0 {
		return out
	}
	var all []time.Duration
	for _, t := range r.Turns {
		if t.LatencyMS == nil {
			out = append(out, fmt.Sprintf("after %q the agent said nothing", t.Said))
			continue
		}
		all = append(all, ms(*t.LatencyMS))
	}
	if p := percentile(all, 95); p > e.TurnLatencyP95 {
		out = append(out, fmt.Sprintf("the turn latency is %s (p95 of %d turns), over %s", p, len(all), e.TurnLatencyP95))
	}
	return out
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// percentile is by nearest rank; 0 of nothing.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[max(0, (len(all)*p+99)/100-1)]
}

func evaluateRecord(e scenarios.Expect, r Record) []string {
	var out []string
	differs := func(what, got, want string) {
		if want != "" && got != want {
			out = append(out, fmt.Sprintf("%s is %q, not %q", what, got, want))
		}
	}
	differs("the outcome", r.Outcome, e.Outcome)
	differs("the intent", r.Intent, e.Intent)
	for _, name := range slices.Sorted(maps.Keys(e.Slots)) {
		differs("the slot "+name, r.Slots[name], e.Slots[name])
	}
	if e.Ticket != nil {
		out = append(out, evaluateTickets(*e.Ticket, r)...)
	}
	for _, t := range r.Tickets {
		differs("the ticket's kind", t.Kind, e.TicketKind)
	}
	if e.Handoff != "" && !slices.ContainsFunc(r.Handoffs, func(h Handoff) bool {
		return e.Handoff == scenarios.HandoffAny || h.Kind == e.Handoff
	}) {
		kinds := make([]string, 0, len(r.Handoffs))
		for _, h := range r.Handoffs {
			kinds = append(kinds, h.Kind)
		}
		out = append(out, fmt.Sprintf("no handoff of kind %s is in the record; it has %q", e.Handoff, kinds))
	}
	return out
}

func evaluateTickets(want bool, r Record) []string {
	switch {
	case !want && (len(r.Tickets) > 0 || r.TicketNumber != ""):
		return []string{fmt.Sprintf("a ticket was opened (%s), and none was expected", r.ticketNumber())}
	case want && len(r.Tickets) == 0:
		return []string{"no ticket was opened"}
	case want && len(r.Tickets) > 1:
		return []string{fmt.Sprintf("%d tickets were opened, not one", len(r.Tickets))}
	case want && r.TicketNumber != r.Tickets[0].Number:
		return []string{fmt.Sprintf("the call names ticket %q, and the ticket is %q", r.TicketNumber, r.Tickets[0].Number)}
	}
	return nil
}

func evaluateTurns(e scenarios.Expect, turns []RecordTurn) []string {
	var out []string
	said := func(part string) bool {
		return slices.ContainsFunc(turns, func(t RecordTurn) bool { return t.Role == "agent" && strings.Contains(t.Text, part) })
	}
	for _, part := range e.Said {
		if !said(part) {
			out = append(out, fmt.Sprintf("the agent never said %q", part))
		}
	}
	for _, part := range e.NotSaid {
		if said(part) {
			out = append(out, fmt.Sprintf("the agent said %q", part))
		}
	}
	if e.Interrupted != nil {
		cut := slices.ContainsFunc(turns, func(t RecordTurn) bool { return t.Role == "agent" && t.Interrupted })
		if cut && !*e.Interrupted {
			out = append(out, "an agent's turn was interrupted, and none was to be")
		}
		if !cut && *e.Interrupted {
			out = append(out, "no agent's turn was interrupted")
		}
	}
	return out
}
