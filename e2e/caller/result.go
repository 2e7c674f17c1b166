package caller

import "time"

// Turn is one thing that the caller said or keyed.
type Turn struct {
	Said  string `json:"said"`
	Input string `json:"input"` // "speech" or "dtmf"
	// LatencyMS is from the last packet of the caller's sound, or the last
	// key's end, to the first packet of the agent's next sound. Nil when the
	// agent said nothing before the caller's next turn.
	LatencyMS *int64 `json:"latency_ms"`
	// Heard is what the caller understood of the agent before it answered, of
	// a caller with ears.
	Heard string `json:"heard,omitempty"`
	AtMS  int64  `json:"at_ms"` // from the INVITE to its first packet or key
	// StoppedMS is, for an interruption, from its first packet to the last
	// sound of what it cut.
	StoppedMS *int64 `json:"agent_stopped_ms,omitempty"`
}

// Result is what came of a call. Times are in milliseconds from the INVITE;
// nil is what did not happen.
type Result struct {
	Scenario      string    `json:"scenario"`
	StartedAt     time.Time `json:"started_at"`
	AnsweredMS    *int64    `json:"answered_ms"`     // to the 200
	FirstPromptMS *int64    `json:"first_prompt_ms"` // to the agent's first sound
	DurationMS    int64     `json:"duration_ms"`     // to the call's end
	SIPStatus     int       `json:"sip_status,omitempty"`
	EndedBy       string    `json:"ended_by,omitempty"` // "agent" or "caller"
	Turns         []Turn    `json:"turns"`
	CallID        string    `json:"call_id,omitempty"`
	TicketNumber  string    `json:"ticket_number,omitempty"`
	Intent        string    `json:"intent,omitempty"`
	Outcome       string    `json:"outcome,omitempty"`
	Recording     string    `json:"recording,omitempty"`
	Failures      []string  `json:"failures"`
	OK            bool      `json:"ok"`

	// Record is what the API had to say of the call; nil when nothing.
	Record *Record `json:"-"`
}

// Exit codes of a program that runs a scenario.
const (
	ExitOK     = 0 // everything as expected
	ExitFailed = 1 // the call was placed, and not all was as expected
	ExitError  = 2 // it could not be carried out, or its records not be read
)

// ExitCode gives the code for what Run returned.
func ExitCode(r Result, err error) int {
	switch {
	case err != nil:
		return ExitError
	case !r.OK:
		return ExitFailed
	}
	return ExitOK
}

// EventKind says what an Event tells.
type EventKind string

// The events of a call in the order in which they can come.
const (
	EventDialing      EventKind = "dialing"
	EventRinging      EventKind = "ringing"
	EventAnswered     EventKind = "answered"
	EventAgentSpeaks  EventKind = "agent_speaks"
	EventAgentSilent  EventKind = "agent_silent"
	EventCallerHears  EventKind = "caller_hears"  // Text: the words, as its recogniser has them
	EventCallerSpeaks EventKind = "caller_speaks" // Text: the words
	EventCallerSilent EventKind = "caller_silent"
	EventCallerKeys   EventKind = "caller_keys" // Text: the digits
	EventRefused      EventKind = "refused"     // Text: the SIP status
	EventHungUp       EventKind = "hung_up"     // Text: "agent" or "caller"
	EventRecorded     EventKind = "recorded"    // Text: the call's id in the records
)

// Event is one thing that happened, for a live display.
type Event struct {
	Scenario string        `json:"scenario"`
	Kind     EventKind     `json:"kind"`
	At       time.Duration `json:"at"` // since the INVITE
	Text     string        `json:"text,omitempty"`
}
