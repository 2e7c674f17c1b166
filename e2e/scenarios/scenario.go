package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Scenario is one simulated call.
type Scenario struct {
	Name, Description string
	From, To          string // calling and called number
	Language, Voice   string
	Rate              float64       // speaking rate; 0 is the engine's own
	Timeout           time.Duration // of the whole call
	Caller            []Step
	Expect            Expect

	folder fs.FS // what "play" is relative to
}

// Lines are the caller's spoken lines in their order. What is said in answer
// to what is heard has no order and is not among them.
func (s Scenario) Lines() []string {
	var lines []string
	for _, step := range s.Caller {
		if step.Say != "" {
			lines = append(lines, step.Say)
		}
	}
	return lines
}

// Listens tells whether the caller answers to what it hears, and so needs a
// recogniser of its own and an agent who recognises.
func (s Scenario) Listens() bool {
	return slices.ContainsFunc(s.Caller, func(step Step) bool { return len(step.Answers) > 0 })
}

// ErrNoFolder is returned by Open for a scenario that was not read from a folder.
var ErrNoFolder = errors.New("scenario has no folder")

// Open opens a file that the scenario names.
func (s Scenario) Open(name string) (fs.File, error) {
	if s.folder == nil {
		return nil, fmt.Errorf("open %s: %w", name, ErrNoFolder)
	}
	return s.folder.Open(name)
}

// Wait is what a step waits for before it acts.
type Wait string

// What can be waited for; the zero value waits for nothing.
const (
	WaitNothing     Wait = ""
	WaitPromptStart Wait = "prompt_start"
	WaitPromptEnd   Wait = "prompt_end"
	WaitHangup      Wait = "hangup"
)

// Defaults of what a scenario leaves out.
const (
	DefaultLanguage    = "zh-CN"
	DefaultTimeout     = 2 * time.Minute
	DefaultWaitTimeout = 30 * time.Second
	DefaultSilence     = 900 * time.Millisecond // over the pauses inside a prompt, under every no-input time
)

// Step is one item of the time line: a wait, a pause, an action, in this
// order, each of which may be missing.
type Step struct {
	Line    int // in the file
	Wait    Wait
	Silence time.Duration // that ends a prompt
	Timeout time.Duration // of the wait; 0: only the scenario's

	Pause     time.Duration // "pause", or "after" beside a wait
	Say       string        // words; of the file, beside Play
	Play      string        // WAV file
	Digits    string
	Interrupt bool // the agent must be speaking when this is said
	Hangup    bool

	// Answers are given to what the agent says until it hangs up.
	Answers []Answer
}

// Speaks tells whether the step makes sound.
func (s Step) Speaks() bool { return s.Say != "" || s.Play != "" }

// NeedsAgent tells whether the step cannot be done once the agent has hung up.
func (s Step) NeedsAgent() bool {
	return s.Speaks() || s.Digits != "" || s.Wait == WaitPromptStart || s.Wait == WaitPromptEnd
}

func (s Step) String() string {
	switch {
	case s.Say != "":
		return fmt.Sprintf("say %q", s.Say)
	case s.Play != "":
		return "play " + s.Play
	case s.Digits != "":
		return "digits " + s.Digits
	case s.Hangup:
		return "hangup"
	case len(s.Answers) > 0:
		return fmt.Sprintf("answers to %d questions", len(s.Answers))
	case s.Wait != WaitNothing:
		return "wait " + string(s.Wait)
	default:
		return "pause " + s.Pause.String()
	}
}

// Kinds of handoff that can be expected.
const (
	HandoffSIP        = "sip"
	HandoffLocalQueue = "local_queue"
	HandoffAny        = "any"
)

// Who can end a call.
const (
	EndedByAgent  = "agent"
	EndedByCaller = "caller"
)

// Expect is what must have come of a call. Zero values expect nothing.
type Expect struct {
	Outcome, Intent string
	Ticket          *bool
	TicketKind      string            // of the tickets that there are
	Slots           map[string]string // Order is in it as "order"
	Handoff         string
	EndedBy         string
	Interrupted     *bool

	AnsweredWithin, FirstPromptWithin, TurnLatencyP95 time.Duration

	Said, NotSaid []string
}
