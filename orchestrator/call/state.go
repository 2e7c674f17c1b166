package call

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// Phase is where the call itself stands.
type Phase uint8

// The phases. Released is the end for this orchestrator only: the call goes
// on elsewhere.
const (
	PhaseUnknown Phase = iota
	PhaseArriving
	PhaseAnswering
	PhaseTalking
	PhaseHandingOff
	PhaseBridged
	PhaseEnding
	PhaseEnded
	PhaseReleased
)

var phaseNames = [...]string{"unknown", "arriving", "answering", "talking", "handing_off", "bridged", "ending", "ended", "released"}

func (p Phase) String() string { return nameOf(phaseNames[:], int(p)) }

// MarshalText writes the phase's name.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a phase's name.
func (p *Phase) UnmarshalText(b []byte) error {
	i, err := indexOf(phaseNames[:], string(b))
	*p = Phase(i)
	return err
}

// Media is where the call's sound stands.
type Media uint8

// The states of the media session.
const (
	MediaUnknown Media = iota
	MediaDetached
	MediaStarting
	MediaAttached
	MediaFailed
)

var mediaNames = [...]string{"unknown", "detached", "starting", "attached", "failed"}

func (m Media) String() string { return nameOf(mediaNames[:], int(m)) }

// MarshalText writes the state's name.
func (m Media) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a state's name.
func (m *Media) UnmarshalText(b []byte) error {
	i, err := indexOf(mediaNames[:], string(b))
	*m = Media(i)
	return err
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return names[0]
}

func indexOf(names []string, s string) (int, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("call: unknown state %.40q", s)
	}
	return i, nil
}

// Utterance is one prompt on its way to the caller.
type Utterance struct {
	ID            string               `json:"id"`
	PromptID      string               `json:"prompt_id,omitempty"`
	Text          string               `json:"text"`
	Style         string               `json:"style,omitempty"`
	Interruptible bool                 `json:"interruptible,omitempty"`
	Listen        schemas.ListenPolicy `json:"listen"`
	Sent          bool                 `json:"sent,omitempty"`
	Epoch         int                  `json:"epoch,omitempty"`
	StartedAt     time.Time            `json:"started_at,omitzero"`
	LatencyMS     int64                `json:"latency_ms,omitempty"`
}

// Timer names a deadline of the call.
type Timer string

// The timers.
const (
	TimerAnswer  Timer = "answer"  // the switch did not answer the call
	TimerMedia   Timer = "media"   // the fork did not come up
	TimerLost    Timer = "lost"    // the fork ended, the call did not
	TimerSpeech  Timer = "speech"  // no synthesis
	TimerLookup  Timer = "lookup"  // the order system did not answer
	TimerSlow    Timer = "slow"    // the order system takes longer than a pause in talking
	TimerTicket  Timer = "ticket"  // no ticket number yet
	TimerDigits  Timer = "digits"  // pause between keys
	TimerPlayout Timer = "playout" // a prompt neither began nor ended
	TimerHandoff Timer = "handoff" // nobody took the call
	TimerLimit   Timer = "limit"   // longest call
	TimerEnd     Timer = "end"     // the switch did not confirm the hang-up
)

// Config is what Step needs to know of its surroundings. All durations are
// limits.
type Config struct {
	Orchestrator string
	// Voice, Rate and Language are how the assistant speaks; an empty
	// Language is the flow's.
	Voice         string
	Rate          float64
	Language      string
	AnswerLimit   time.Duration
	MediaLimit    time.Duration
	MediaAttempts int
	LookupLimit   time.Duration
	// LookupBudget is how long callers wait without a word for the order
	// system; it goes on looking until LookupLimit.
	LookupBudget   time.Duration
	TicketLimit    time.Duration
	ConsultLimit   time.Duration
	DigitsPause    time.Duration
	PlayoutLimit   time.Duration
	HandoffLimit   time.Duration
	CallLimit      time.Duration
	EndLimit       time.Duration
	Targets        []Target
	TranscriptBase string
	// Dialects are those that there are recognisers for, besides Mandarin;
	// after DialectReports finals in another one the call changes, 0 never.
	Dialects       []string
	DialectReports int
	// Advice is what the language model is asked for.
	Advice dialog.Advice
}

// ConfigDefaults are the limits of a production call.
func ConfigDefaults() Config {
	return Config{
		Rate: 1, AnswerLimit: 10 * time.Second, MediaLimit: 5 * time.Second, MediaAttempts: 3,
		LookupLimit: 8 * time.Second, LookupBudget: 800 * time.Millisecond, TicketLimit: 4 * time.Second, ConsultLimit: 1200 * time.Millisecond, DigitsPause: 3 * time.Second,
		PlayoutLimit: 40 * time.Second, HandoffLimit: 60 * time.Second, CallLimit: 30 * time.Minute, EndLimit: 10 * time.Second,
	}
}

// Target is where people answer.
type Target struct {
	Kind string // "sip" or "local_queue"
	To   string // SIP URI, or the queue's name
}

// Kinds of targets.
const (
	TargetSIP        = "sip"
	TargetLocalQueue = "local_queue"
)

// stateVersion is raised when the meaning of a stored State changes.
const stateVersion = 1

// State is everything a call knows; its JSON is the takeover snapshot.
type State struct {
	Version      int    `json:"version"`
	ID           string `json:"id"`
	Node         string `json:"node"`
	Core         string `json:"core,omitempty"`
	Caller       string `json:"caller,omitempty"`
	Called       string `json:"called,omitempty"`
	Tenant       string `json:"tenant,omitempty"`
	Orchestrator string `json:"orchestrator"`

	Phase      Phase     `json:"phase"`
	Media      Media     `json:"media"`
	StartedAt  time.Time `json:"started_at"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`

	Dialog dialog.State `json:"dialog"`
	// Intent is what the call is about: the last task the caller brought.
	Intent string `json:"intent,omitempty"`

	// Epoch is the media session's, as last heard of or raised by us.
	Epoch int `json:"epoch"`
	// LastSeq is the last reliable media event that was taken in.
	LastSeq       uint64 `json:"last_seq"`
	MediaAttempts int    `json:"media_attempts,omitempty"`

	Turns         int         `json:"turns"`
	NextUtterance int         `json:"next_utterance"`
	Speaking      []Utterance `json:"speaking,omitempty"`
	// Filler is what the bridge says by itself, while it does.
	Filler *Utterance `json:"filler,omitempty"`
	// HeardRunes counts the characters the caller heard of what was said
	// last; Cut says that some of it was broken off.
	HeardRunes int  `json:"heard_runes,omitempty"`
	Cut        bool `json:"cut,omitempty"`
	// Unanswered: the caller has said something since the agent last spoke.
	Unanswered bool `json:"unanswered,omitempty"`
	// SpeechFailures counts sentences in a row that could not be synthesised.
	SpeechFailures int `json:"speech_failures,omitempty"`

	// Reports is what the recogniser says of the dialect, DialectSource where
	// the one that the call began in came from.
	Reports       Reports `json:"reports"`
	DialectSource string  `json:"dialect_source,omitempty"`
	// Synthetic: the recogniser does not understand people, and the caller
	// is one.
	Synthetic bool `json:"synthetic,omitempty"`

	Digits  string              `json:"digits,omitempty"`
	Lookup  *dialog.FindOrders  `json:"lookup,omitempty"`
	Tickets []TicketRequest     `json:"tickets,omitempty"`
	Timers  map[Timer]time.Time `json:"timers,omitempty"`
	// Consulting is the question that the language model is being asked.
	Consulting string `json:"consulting,omitempty"`
	// Held is the caller's turn that it is asked about, not recorded yet.
	Held *schemas.CallTurn `json:"held,omitempty"`

	// Handoff waits for the prompts before it; Target is the one being tried.
	Handoff *dialog.Handoff `json:"handoff,omitempty"`
	Target  int             `json:"target,omitempty"`
	// Closing waits for the prompts before it, then the call is hung up.
	Closing bool   `json:"closing,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Failed  bool   `json:"failed,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Q850    int    `json:"q850,omitempty"`
}

// TicketRequest is a ticket asked for and not answered yet.
type TicketRequest struct {
	Request schemas.TicketOpen `json:"request"`
}

// ErrSnapshot: a stored snapshot cannot be gone on from.
var ErrSnapshot = errors.New("call snapshot cannot be used")

// MarshalSnapshot writes the state for another orchestrator.
func (s State) MarshalSnapshot() ([]byte, error) { return json.Marshal(s) }

// UnmarshalSnapshot reads what MarshalSnapshot wrote.
func UnmarshalSnapshot(b []byte) (State, error) {
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if s.Version != stateVersion {
		return s, fmt.Errorf("%w: version %d", ErrSnapshot, s.Version)
	}
	return s, nil
}

// NextTimer is the earliest deadline; ok is false when there is none.
func (s State) NextTimer() (name Timer, at time.Time, ok bool) {
	for n, t := range s.Timers {
		if !ok || t.Before(at) || (t.Equal(at) && n < name) {
			name, at, ok = n, t, true
		}
	}
	return name, at, ok
}

// Over says whether this orchestrator has nothing left to do for the call.
func (s State) Over() bool { return s.Phase == PhaseEnded || s.Phase == PhaseReleased }
