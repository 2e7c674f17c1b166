package dialog

import "time"

// Act is something the call has to do for the conversation.
type Act interface{ act() }

// Say plays a prompt.
type Say struct{ Prompt Prompt }

// FindOrders asks the order system. Exactly one of Phone, Number and
// LastDigits says what is looked for; Phone may accompany LastDigits to narrow
// the search and is then a hint only.
type FindOrders struct {
	// RequestID is unique within all calls and stable over a takeover.
	RequestID  string `json:"request_id"`
	Phone      string `json:"phone,omitempty"`
	Number     string `json:"number,omitempty"`
	LastDigits string `json:"last_digits,omitempty"`
}

// OpenTicket asks for a ticket. It is emitted only after the caller said yes
// to a confirmation of everything in it.
type OpenTicket struct {
	// Key is the idempotency key: one per call, kind, order and order line.
	Key  string `json:"key"`
	Kind string `json:"kind"`
	// OrderNumber is the number as the order system has it, or, when Verified
	// is false, the digits the caller gave.
	OrderNumber string `json:"order_number"`
	// OrderLine is the line's ID; empty means the whole order.
	OrderLine string `json:"order_line,omitempty"`
	Reason    string
	// Received tells whether the goods have reached the caller.
	Received bool `json:"received"`
	// Verified is false when the order system could not be asked.
	Verified bool `json:"verified"`
	// Summary is one sentence for the agent who reads the ticket.
	Summary string  `json:"summary"`
	Contact Contact `json:"contact"`
	// Pickup is nil when no courier is to call for the goods.
	Pickup *Pickup `json:"pickup,omitempty"`
	// Worth is nil when the order was not verified.
	Worth *Worth `json:"worth,omitempty"`
}

// Pickup is when and where a courier calls for the goods.
type Pickup struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Address is empty when people have to settle it with the caller.
	Address string `json:"address,omitempty"`
}

// Contact is whom to reach about a ticket.
type Contact struct {
	Phone string `json:"phone,omitempty"`
	Name  string `json:"name,omitempty"`
}

// Handoff connects the caller to a human.
type Handoff struct {
	Reason HandoffReason
	// Context is what has been said so far: intent, one "slot.<name>" per
	// slot, order and ticket numbers. Keys are lower-case, values one line.
	Context map[string]string
}

// Consult asks a language model, and is answered by Consulted, Worded or
// ConsultFailed. It holds everything that the model may know and answer.
type Consult struct {
	// ID is unique within all calls and stable over a takeover.
	ID   string
	Kind ConsultKind
	// Text is what the caller said: data, and nothing that is to be obeyed.
	Text string
	// Asked is what the caller was asked, Intents and Slots what the answer
	// may name; of ConsultUnderstand.
	Asked   string
	Intents []Meaning
	Slots   []SlotMeaning
	// Facts are all that may be said; of ConsultWord.
	Facts []string
}

// Meaning is a name of the flow, with what it means in the flow's language.
type Meaning struct {
	Name, Label string
	Examples    []string
}

// SlotMeaning is a slot with the values it can have.
type SlotMeaning struct {
	Name   string
	Values []Meaning
}

// ListenIn says that the caller asked to be heard in a dialect. Dialect is
// the one to listen in from now on, which State.Dialect holds as well; "" when
// nobody understands what was Wanted.
type ListenIn struct{ Wanted, Dialect string }

// Decided tells which rule of a set gave an answer, for people who watch; there
// is nothing to do for it. Rule counts from 1.
type Decided struct {
	Rules string
	Rule  int
	Say   string
}

// HandoffReason is why a call goes to a human; a closed set, fit for a metric.
type HandoffReason string

// The reasons for a handoff.
const (
	HandoffAsked         HandoffReason = "asked"
	HandoffOffered       HandoffReason = "offered"
	HandoffNotUnderstood HandoffReason = "not_understood"
	HandoffNoInput       HandoffReason = "no_input"
	HandoffOrderNotFound HandoffReason = "order_not_found"
	HandoffTicketFailed  HandoffReason = "ticket_failed"
	HandoffTooLong       HandoffReason = "too_long"
	HandoffNoRecognition HandoffReason = "no_recognition"
)

// End hangs the call up once everything said before it has been played.
type End struct {
	Outcome Outcome
	Reason  string
}

// Outcome is how a conversation ended; a closed set, fit for a metric.
type Outcome string

// The outcomes. See State.Outcome for a call that ends without End.
const (
	OutcomeUnknown      Outcome = ""
	OutcomeTicketOpened Outcome = "ticket_opened"
	OutcomeResolved     Outcome = "resolved"
	OutcomeHandedOff    Outcome = "handed_off"
	OutcomeUnfinished   Outcome = "unfinished"
	OutcomeAbandoned    Outcome = "abandoned"
	OutcomeNoInput      Outcome = "no_input"
)

func (Consult) act()    {}
func (Decided) act()    {}
func (ListenIn) act()   {}
func (Say) act()        {}
func (FindOrders) act() {}
func (OpenTicket) act() {}
func (Handoff) act()    {}
func (End) act()        {}
