package dialog

import (
	"fmt"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
	"slices"
)

// stateVersion is raised when the meaning of a stored State changes.
const stateVersion = 1

// Start is what is known of a call before a word is said.
type Start struct {
	CallID string
	// Caller and Called are telephone numbers; Caller may be empty.
	Caller string
	Called string
	Tenant string
	// Dialects are those that there are recognisers for, besides Mandarin.
	Dialects []string
	// Dialect is what the call begins in, "" Mandarin; Likely is what people
	// speak where the caller's number belongs.
	Dialect, Likely string
	// Advice is what a language model is asked for, if there is one.
	Advice Advice
}

// Step is where the conversation stands.
type Step uint8

// The steps.
const (
	StepUnknown Step = iota
	// StepNew waits for Started.
	StepNew
	// StepAsking waits for the answer to State.Question.
	StepAsking
	// StepLooking waits for the order system, with nothing else to ask.
	StepLooking
	// StepOpening waits for a ticket.
	StepOpening
	// StepHandoff has given the caller to a human.
	StepHandoff
	// StepEnded has said goodbye.
	StepEnded
)

var stepNames = [...]string{"unknown", "new", "asking", "looking", "opening", "handoff", "ended"}

func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return stepNames[StepUnknown]
}

// MarshalText writes the step's name.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a step's name.
func (s *Step) UnmarshalText(b []byte) error {
	i := slices.Index(stepNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("dialog: unknown step %q", b)
	}
	*s = Step(i)
	return nil
}

// State is everything a conversation knows. It is plain data: its JSON form is
// the takeover snapshot, and a State read back behaves exactly like the one
// written. Advance never changes the State it is given.
type State struct {
	Version     int    `json:"version"`
	FlowName    string `json:"flow"`
	FlowVersion string `json:"flow_version"`
	// FlowLanguage is the flow's; empty in snapshots of before it was kept.
	FlowLanguage string `json:"flow_language,omitempty"`
	CallID       string `json:"call_id"`
	Caller       string `json:"caller,omitempty"`
	Called       string `json:"called,omitempty"`
	Tenant       string `json:"tenant,omitempty"`

	Step Step `json:"step"`
	// Question names the flow's question that StepAsking waits on.
	Question string `json:"question,omitempty"`
	// Prompt is the prompt that Question was asked with.
	Prompt string `json:"prompt,omitempty"`
	// Misses and Silences count failed answers to the present question.
	Misses   int `json:"misses,omitempty"`
	Silences int `json:"silences,omitempty"`
	// Hellos counts how often in a row the caller only wanted to hear that
	// someone is there.
	Hellos int `json:"hellos,omitempty"`
	// Turns counts what the caller did; Heard only what was understood.
	Turns int `json:"turns,omitempty"`
	Heard int `json:"heard,omitempty"`

	// Intent is the task in hand; Suspended are tasks to come back to.
	Intent    string   `json:"intent,omitempty"`
	Suspended []string `json:"suspended,omitempty"`
	// LastIntent is the task begun last, also when it is done.
	LastIntent string `json:"last_intent,omitempty"`
	// Held is what the suspended tasks were about.
	Held []HeldTask `json:"held,omitempty"`
	// Refused is the task that a rule has turned down last; Advised are the
	// offers that a rule's advice made, and AdvisedIn is the task that goes
	// on when the present one is turned down.
	Refused   string   `json:"refused,omitempty"`
	Advised   []string `json:"advised,omitempty"`
	AdvisedIn string   `json:"advised_in,omitempty"`
	// Noted is what {notes} said last.
	Noted string `json:"noted,omitempty"`
	// Complaints counts those of this call.
	Complaints int `json:"complaints,omitempty"`
	// Offer is the intent that a yes to the present question starts.
	Offer string          `json:"offer,omitempty"`
	Slots map[string]Slot `json:"slots,omitempty"`
	// Named is the sentence that began the request in hand before an order was
	// chosen: it may name articles.
	Named string `json:"named,omitempty"`
	// Declined is the order whose own address a courier is not to call at.
	Declined string `json:"declined,omitempty"`
	// LastFilled is the slot that a bare "no, that's wrong" undoes.
	LastFilled string `json:"last_filled,omitempty"`

	Orders OrderSearch `json:"orders"`
	// Tickets are the requests of this call, in the order of confirmation.
	Tickets []Ticket `json:"tickets,omitempty"`
	// Told counts how often an entry of the knowledge base was said, Unknown
	// the questions that have none.
	Told    map[string]int `json:"told,omitempty"`
	Unknown int            `json:"unknown,omitempty"`
	// Answered counts questions answered without a ticket.
	Answered int `json:"answered,omitempty"`
	// HandoffFailures counts humans that could not be reached.
	HandoffFailures int           `json:"handoff_failures,omitempty"`
	HandoffReason   HandoffReason `json:"handoff_reason,omitempty"`

	// Dialects, Likely and Dialect are those of Start; Dialect changes.
	// DialectAsked is true when the caller asked for it.
	Dialects     []string `json:"dialects,omitempty"`
	Likely       string   `json:"likely,omitempty"`
	Dialect      string   `json:"dialect,omitempty"`
	DialectAsked bool     `json:"dialect_asked,omitempty"`
	// Deaf: there is no recogniser. DeafTold and HearingTold are what the
	// caller has been told of it.
	Deaf        bool `json:"deaf,omitempty"`
	DeafTold    bool `json:"deaf_told,omitempty"`
	HearingTold bool `json:"hearing_told,omitempty"`

	// Advice is that of Start; Consulting is what the model was asked and has
	// not answered, Consults how often it was asked.
	Advice     Advice      `json:"advice,omitzero"`
	Consulting *Consulting `json:"consulting,omitempty"`
	Consults   int         `json:"consults,omitempty"`

	// Said is what was said in the last turn, for repeating and resuming.
	Said []Prompt `json:"said,omitempty"`
	// Variants counts the use of prompts that have several texts.
	Variants map[string]int `json:"variants,omitempty"`

	Understood Understanding `json:"understood"`
	Ended      Outcome       `json:"ended,omitempty"`
}

// Slot is one thing the caller has told us.
type Slot struct {
	Value string `json:"value"`
	// Raw is what the caller said for it.
	Raw string `json:"raw,omitempty"`
	// Verified is true when an outside system has confirmed the value.
	Verified bool `json:"verified,omitempty"`
}

// OrderSearch is what is known of the caller's orders.
type OrderSearch struct {
	// Seq numbers the requests to the order system.
	Seq int `json:"seq,omitempty"`
	// ByCaller is the search by the caller's number, while not answered.
	ByCaller *FindOrders `json:"by_caller,omitempty"`
	// Pending is the search for a number the caller gave, while not answered.
	Pending *FindOrders `json:"pending,omitempty"`
	// Known are orders found by the caller's number.
	Known []Order `json:"known,omitempty"`
	// Choices are the orders the present question is about.
	Choices []Order `json:"choices,omitempty"`
	// Rejected are numbers the caller said no to.
	Rejected []string `json:"rejected,omitempty"`
	// Chosen is the order the slot "order" stands for.
	Chosen *Order `json:"chosen,omitempty"`
	// Missing is the number that led to no order or could not be looked up.
	Missing string `json:"missing,omitempty"`
	// Given are the digits the caller gave last, for "不是五，是九"; GivenTail is
	// true when they were called the end of the number.
	Given     string `json:"given,omitempty"`
	GivenTail bool   `json:"given_tail,omitempty"`
	// Part is the beginning of a number whose rest is still to come. Else is
	// what to look for when Pending finds nothing: the number in two parts.
	Part string `json:"part,omitempty"`
	Else string `json:"else,omitempty"`
	// NotFound counts numbers that led to no order.
	NotFound int `json:"not_found,omitempty"`
	// Down is why the order system could not be asked.
	Down string `json:"down,omitempty"`
}

// TicketStatus is how far a ticket has come.
type TicketStatus string

// The states of a ticket.
const (
	TicketAsked   TicketStatus = "asked"
	TicketOpen    TicketStatus = "open"
	TicketPending TicketStatus = "pending"
	TicketLost    TicketStatus = "failed"
)

// Ticket is a request that the caller has confirmed.
type Ticket struct {
	Request OpenTicket   `json:"request"`
	Status  TicketStatus `json:"status"`
	Number  string       `json:"number,omitempty"`
}

// Understanding is what was made of the caller's last turn, for the record.
type Understanding struct {
	Intent     string  `json:"intent,omitempty"`
	Confidence float64 `json:"confidence,omitempty"`
	// Intents are all that were meant, Intent first, then by priority.
	Intents []nlu.Scored      `json:"intents,omitempty"`
	Slots   map[string]string `json:"slots,omitempty"`
}

// Begin returns the state of a call before Started.
func Begin(f *Flow, in Start) State {
	return State{
		Version: stateVersion, FlowName: f.Name(), FlowVersion: f.Version(), FlowLanguage: f.Language(),
		CallID: in.CallID, Caller: in.Caller, Called: in.Called, Tenant: in.Tenant,
		Dialects: slices.Clone(in.Dialects), Likely: in.Likely, Dialect: in.Dialect,
		Advice: in.Advice, Step: StepNew,
	}
}

// LastUnderstanding is what was made of the caller's last turn.
func (s State) LastUnderstanding() Understanding { return s.Understood }

// Expecting says how to listen now: the Expect of what was said last. A new
// owner of a call arms its timers from it.
func (s State) Expecting() Expect {
	if n := len(s.Said); n > 0 {
		return s.Said[n-1].Expect
	}
	return Expect{Kind: ExpectNone}
}

// TicketNumber is the number of the last ticket opened, or "".
func (s State) TicketNumber() string {
	for _, t := range slices.Backward(s.Tickets) {
		if t.Number != "" {
			return t.Number
		}
	}
	return ""
}

// Outcome is how the call ends if it ends now: the outcome of End after one,
// else what a hang-up at this moment means.
func (s State) Outcome() Outcome {
	switch {
	case s.Ended != OutcomeUnknown:
		return s.Ended
	case s.Step == StepHandoff:
		return OutcomeHandedOff
	case s.unfinished():
		return OutcomeUnfinished
	case len(s.Tickets) > 0:
		return OutcomeTicketOpened
	case s.Answered > 0:
		return OutcomeResolved
	case s.Turns > 0 && s.Heard == 0 && s.Silences > 0:
		return OutcomeNoInput
	}
	return OutcomeAbandoned
}

// unfinished says whether a request was begun and neither opened nor answered.
func (s State) unfinished() bool {
	if s.Intent != "" || len(s.Suspended) > 0 {
		return true
	}
	return slices.ContainsFunc(s.Tickets, func(t Ticket) bool {
		return t.Status == TicketAsked || t.Status == TicketLost
	})
}

// clone copies what Advance may change in place.
func (s State) clone() State {
	s.Suspended = slices.Clone(s.Suspended)
	s.Held = slices.Clone(s.Held)
	s.Advised = slices.Clone(s.Advised)
	s.Slots = cloneMap(s.Slots)
	s.Variants = cloneMap(s.Variants)
	s.Told = cloneMap(s.Told)
	s.Tickets = slices.Clone(s.Tickets)
	s.Orders.Rejected = slices.Clone(s.Orders.Rejected)
	return s
}

func cloneMap[V any](m map[string]V) map[string]V {
	out := make(map[string]V, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}
