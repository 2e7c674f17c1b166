package caller

import (
	"reflect"
	"testing"
	"time"

	"github.com/tidegate/tidegate/e2e/scenarios"
)

func msp(n int64) *int64 { return &n }

func TestEvaluate(t *testing.T) {
	yes, no := true, false
	turns := []RecordTurn{
		{Role: "agent", Text: "您好，请问有什么可以帮您？"},
		{Role: "caller", Text: "转人工"},
		{Role: "agent", Text: "好的，马上", Interrupted: true},
	}
	full := Result{
		AnsweredMS: msp(100), FirstPromptMS: msp(900), EndedBy: "agent",
		Turns: []Turn{{Said: "一", LatencyMS: msp(400)}, {Said: "二", LatencyMS: msp(1500)}},
		Record: &Record{
			Outcome: "ticket_opened", Intent: "return_request", TicketNumber: "2026", Slots: map[string]string{"order": "33", "reason": "late"},
			Turns: turns, Tickets: []Ticket{{Number: "2026", Kind: "return"}}, Handoffs: []Handoff{{Kind: "local_queue"}},
		},
	}
	with := func(change func(r *Result, rec *Record)) Result {
		r, rec := full, *full.Record
		r.Record = &rec
		change(&r, &rec)
		return r
	}
	const s = time.Second
	tests := []struct {
		name string
		e    scenarios.Expect
		r    Result
		want []string
	}{
		{"nothing expected", scenarios.Expect{}, Result{}, nil},
		{"all as expected", scenarios.Expect{
			Outcome: "ticket_opened", Intent: "return_request", Ticket: &yes, TicketKind: "return", Slots: map[string]string{"order": "33"}, Handoff: "local_queue",
			EndedBy: "agent", Interrupted: &yes, AnsweredWithin: s, FirstPromptWithin: s, TurnLatencyP95: 2 * s,
			Said: []string{"有什么可以帮您"}, NotSaid: []string{"转人工"},
		}, full, nil},
		{"another kind of ticket", scenarios.Expect{Ticket: &yes, TicketKind: "exchange"}, full, []string{`the ticket's kind is "return", not "exchange"`}},
		{"any handoff", scenarios.Expect{Handoff: "any"}, full, nil},
		{"times over", scenarios.Expect{AnsweredWithin: 50 * time.Millisecond, FirstPromptWithin: 800 * time.Millisecond, TurnLatencyP95: s}, full, []string{
			"the answer came after 100ms, not within 50ms", "the first prompt came after 900ms, not within 800ms",
			"the turn latency is 1.5s (p95 of 2 turns), over 1s",
		}},
		{"times missing", scenarios.Expect{AnsweredWithin: s, FirstPromptWithin: s, TurnLatencyP95: s}, Result{Turns: []Turn{{Said: "喂"}}}, []string{
			"the answer never came; it was expected within 1s", "the first prompt never came; it was expected within 1s", `after "喂" the agent said nothing`,
		}},
		{"record differs", scenarios.Expect{
			Outcome: "resolved", Intent: "freight_policy", Slots: map[string]string{"order": "34", "received": "yes", "reason": "late"},
			Handoff: "sip", EndedBy: "caller", Interrupted: &no, Said: []string{"再见"}, NotSaid: []string{"您好"},
		}, full, []string{
			"the call was ended by the agent, not by the caller", `the outcome is "ticket_opened", not "resolved"`, `the intent is "return_request", not "freight_policy"`,
			`the slot order is "33", not "34"`, `the slot received is "", not "yes"`, `no handoff of kind sip is in the record; it has ["local_queue"]`,
			`the agent never said "再见"`, `the agent said "您好"`, "an agent's turn was interrupted, and none was to be",
		}},
		{"nobody ended it", scenarios.Expect{EndedBy: "agent"}, Result{}, []string{"nobody ended the call; the agent was to"}},
		{"not interrupted", scenarios.Expect{Interrupted: &yes}, with(func(_ *Result, rec *Record) { rec.Turns = turns[:2] }), []string{"no agent's turn was interrupted"}},
		{"ticket not wanted", scenarios.Expect{Ticket: &no}, full, []string{"a ticket was opened (2026), and none was expected"}},
		{"ticket not there", scenarios.Expect{Ticket: &yes}, with(func(_ *Result, rec *Record) { rec.Tickets = nil }), []string{"no ticket was opened"}},
		{"two tickets", scenarios.Expect{Ticket: &yes}, with(func(_ *Result, rec *Record) { rec.Tickets = make([]Ticket, 2) }), []string{"2 tickets were opened, not one"}},
		{"another ticket", scenarios.Expect{Ticket: &yes}, with(func(_ *Result, rec *Record) { rec.TicketNumber = "7" }), []string{`the call names ticket "7", and the ticket is "2026"`}},
		{"no record", scenarios.Expect{Outcome: "resolved", Ticket: &yes, Said: []string{"x"}}, Result{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Evaluate(tt.e, tt.r); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		all  []time.Duration
		want time.Duration
	}{{nil, 0}, {[]time.Duration{7}, 7}, {[]time.Duration{3, 9}, 9}, {hundred, 95}, {hundred[:20], 99}} {
		if got := percentile(tt.all, 95); got != tt.want {
			t.Errorf("p95 of %d: %d, want %d", len(tt.all), got, tt.want)
		}
	}
}
