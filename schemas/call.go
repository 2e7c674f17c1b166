package schemas

import "time"

// Role says who spoke a turn.
type Role string

// The roles of a turn.
const (
	RoleCaller Role = "caller"
	RoleAgent  Role = "agent"
)

// TurnInput says how a caller's turn came in.
type TurnInput string

// The ways a turn can come in.
const (
	InputSpeech TurnInput = "speech"
	InputDTMF   TurnInput = "dtmf"
	InputNone   TurnInput = "none"
)

// Outcome is how a call ended for the business.
type Outcome string

// The outcomes of a call. A call whose outcome is unfinished holds slots that
// a callback can go on from.
const (
	OutcomeTicketOpened Outcome = "ticket_opened"
	OutcomeResolved     Outcome = "resolved"
	OutcomeHandedOff    Outcome = "handed_off"
	OutcomeUnfinished   Outcome = "unfinished"
	OutcomeAbandoned    Outcome = "abandoned"
	OutcomeNoInput      Outcome = "no_input"
	OutcomeFailed       Outcome = "failed"
)

// CallStarted: a call reached an orchestrator.
type CallStarted struct {
	CallID       string    `json:"call_id"`
	Node         string    `json:"node" jsonschema:"description=FreeSWITCH host name."`
	Caller       string    `json:"caller" jsonschema:"maxLength=64,description=Calling number as signalled; may be empty when withheld."`
	Called       string    `json:"called" jsonschema:"maxLength=64"`
	Orchestrator string    `json:"orchestrator"`
	Flow         string    `json:"flow"`
	FlowVersion  string    `json:"flow_version"`
	StartedAt    time.Time `json:"started_at"`
}

// CallAnswered: the switch answered the call (SIP 200 OK sent).
type CallAnswered struct {
	CallID     string    `json:"call_id"`
	AnsweredAt time.Time `json:"answered_at"`
}

// CallTurn: one side finished speaking. Index counts from 0 over both sides.
type CallTurn struct {
	CallID      string            `json:"call_id"`
	Index       int               `json:"index" jsonschema:"minimum=0"`
	Role        Role              `json:"role" jsonschema:"enum=caller,enum=agent"`
	Text        string            `json:"text" jsonschema:"maxLength=4000,description=What was said; for an interrupted agent turn, what the caller had heard of it."`
	Input       TurnInput         `json:"input" jsonschema:"enum=speech,enum=dtmf,enum=none"`
	PromptID    string            `json:"prompt_id,omitempty"`
	Intent      string            `json:"intent,omitempty"`
	Confidence  float64           `json:"confidence,omitempty" jsonschema:"minimum=0,maximum=1"`
	Slots       map[string]string `json:"slots,omitempty"`
	Interrupted bool              `json:"interrupted,omitempty"`
	Epoch       int               `json:"epoch" jsonschema:"minimum=0"`
	StartedAt   time.Time         `json:"started_at"`
	EndedAt     time.Time         `json:"ended_at"`
	LatencyMS   int64             `json:"latency_ms,omitempty" jsonschema:"minimum=0,description=Agent turn that answers the caller's speech: from the end of it to the first audio sent."`
}

// CallTakenOver: another orchestrator went on with the call.
type CallTakenOver struct {
	CallID  string    `json:"call_id"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Turns   int       `json:"turns" jsonschema:"minimum=0,description=Turns recorded before the takeover."`
	TakenAt time.Time `json:"taken_at"`
}

// CallHandedOff: the call went to people, with its context.
type CallHandedOff struct {
	CallID  string            `json:"call_id"`
	Reason  string            `json:"reason"`
	Target  string            `json:"target" jsonschema:"description=SIP URI or local queue."`
	Kind    string            `json:"kind" jsonschema:"enum=sip,enum=local_queue"`
	Context map[string]string `json:"context,omitempty"`
	At      time.Time         `json:"at"`
}

// CallEnded closes a call's record. Cause is a Q.850 cause code.
type CallEnded struct {
	CallID       string            `json:"call_id"`
	EndedAt      time.Time         `json:"ended_at"`
	DurationMS   int64             `json:"duration_ms" jsonschema:"minimum=0"`
	Outcome      Outcome           `json:"outcome" jsonschema:"enum=ticket_opened,enum=resolved,enum=handed_off,enum=unfinished,enum=abandoned,enum=no_input,enum=failed"`
	Reason       string            `json:"reason,omitempty"`
	Cause        int               `json:"cause" jsonschema:"minimum=0,maximum=999"`
	CauseName    string            `json:"cause_name,omitempty"`
	Intent       string            `json:"intent,omitempty"`
	Slots        map[string]string `json:"slots,omitempty"`
	TicketNumber string            `json:"ticket_number,omitempty"`
	Turns        int               `json:"turns" jsonschema:"minimum=0"`
}
