package dialog

import (
	"github.com/tidegate/tidegate/orchestrator/dialog/rule"
)

// The shapes of a flow's YAML files. docs/dialogue.md describes them.

type header struct {
	Name     string `yaml:"name"`
	Version  string `yaml:"version"`
	Language string `yaml:"language"`
	// UTCOffset is the wall clock that dates are spoken in, such as "+08:00".
	UTCOffset string `yaml:"utc_offset"`
}

type policy struct {
	// Reprompts is how often a question is asked again before the keypad.
	Reprompts int `yaml:"reprompts"`
	// MaxTurns hands the caller to a human: a bound on every conversation.
	MaxTurns int `yaml:"max_turns"`
	// MinRecognition is the recogniser's confidence below which a turn counts
	// as not understood.
	MinRecognition float64 `yaml:"min_recognition"`
	// AcceptIntent and SwitchIntent are the least confidence of an intent
	// when one was asked for, and when it interrupts another task.
	AcceptIntent float64 `yaml:"accept_intent"`
	SwitchIntent float64 `yaml:"switch_intent"`
	// OrderMin and OrderMax bound the length of full order numbers, LastMin
	// that of last digits.
	OrderMin int `yaml:"order_min"`
	OrderMax int `yaml:"order_max"`
	LastMin  int `yaml:"last_min"`
	// OrderTries is how many unknown numbers lead to a human.
	OrderTries int `yaml:"order_tries"`
	// OfferOrders is the most orders listed in one question.
	OfferOrders int `yaml:"offer_orders"`
	// HandoffTries is how many failed handoffs end the call.
	HandoffTries int `yaml:"handoff_tries"`
	// WaitTries is how many silences a worker's answer is waited for.
	WaitTries int `yaml:"wait_tries"`
	// HumanKey and RepeatKey work at any moment.
	HumanKey  string `yaml:"human_key"`
	RepeatKey string `yaml:"repeat_key"`
	// DigitGroup is how many digits are read out in one breath.
	DigitGroup int `yaml:"digit_group"`
	// FillerMS is how long after the caller's turn the prompt "filler" covers
	// an answer that is still to come; 0 is never.
	FillerMS int `yaml:"filler_ms"`
	// Knowledge says how well a sentence has to ask for an entry.
	Knowledge knowledgePolicy `yaml:"knowledge"`
}

type expectSpec struct {
	Kind       ExpectKind `yaml:"kind"`
	EndpointMS int        `yaml:"endpoint_ms"`
	NoInputMS  int        `yaml:"no_input_ms"`
	MaxDigits  int        `yaml:"max_digits"`
	Hints      []string   `yaml:"hints"`
	// Answers, AnswerMS, MinDigits and NumberMS are as in Expect.
	Answers   []string `yaml:"answers"`
	AnswerMS  int      `yaml:"answer_ms"`
	MinDigits int      `yaml:"min_digits"`
	NumberMS  int      `yaml:"number_ms"`
}

type promptSpec struct {
	// Text holds variants, used in turn.
	Text textList `yaml:"text"`
	// Style is one of schemas.Styles, by its English or Chinese name.
	Style string `yaml:"style"`
	// Whole prompts are not interruptible.
	Whole bool `yaml:"whole"`
}

func (p promptSpec) interruptible() bool { return !p.Whole }

// textList is one string or a list of them.
type textList []string

// UnmarshalYAML reads either form.
func (t *textList) UnmarshalYAML(decode func(any) error) error {
	var one string
	if err := decode(&one); err == nil {
		*t = textList{one}
		return nil
	}
	var many []string
	if err := decode(&many); err != nil {
		return err
	}
	*t = many
	return nil
}

type questionSpec struct {
	Ask string `yaml:"ask"`
	// Again are the prompts of the first, second, ... repetition.
	Again []string `yaml:"again"`
	// Keypad is the last prompt before a human.
	Keypad string `yaml:"keypad"`
	Expect string `yaml:"expect"`
	// Keys maps single keys to answers: yes, no, an intent, a slot's value.
	Keys map[string]string `yaml:"keys"`
	// Also are slots that the answer may fill as well: a time where only
	// yes or no was asked for.
	Also []string `yaml:"also"`
}

type slotSpec struct {
	// Reader is how the slot is understood: order, line, choice, yes_no,
	// time_range or address.
	Reader   string `yaml:"reader"`
	Question string `yaml:"question"`
	// Values belong to choice and yes_no (there: named yes and no).
	Values []valueSpec `yaml:"values"`
	// Mention are words that name the slot, for "the reason is wrong".
	Mention []string `yaml:"mention"`
	// Except are words that are about something else, though they hold words of
	// a value: "退款收到了" does not say that the goods were received.
	Except []string `yaml:"except"`
	// Got is said when the answer to the slot's question is taken; optional.
	Got string `yaml:"got"`
	// Wish asks for the request when a caller says this slot without one;
	// optional, without it the question of the beginning is asked again.
	Wish string `yaml:"wish"`
	// Implies are values of other slots that having this one means.
	Implies map[string]string `yaml:"implies"`
	// Offer is the question that offers an address of the order's own.
	Offer string `yaml:"offer"`
}

type valueSpec struct {
	Name  string   `yaml:"name"`
	Say   string   `yaml:"say"`
	Words []string `yaml:"words"`
	// Alone are words that mean the value only where nothing else is said:
	// "上门" as an answer.
	Alone []string `yaml:"alone"`
}

type intentSpec struct {
	// Label is the request in a few words, as spoken back.
	Label string `yaml:"label"`
	// Priority decides between intents of one sentence; higher wins.
	Priority int      `yaml:"priority"`
	Examples []string `yaml:"examples"`
	// Patterns are more examples in short, see nlu.Expand; sayings are the
	// same in files of their own.
	Patterns []string           `yaml:"patterns"`
	Evidence map[string]float64 `yaml:"evidence"`
	// Core are the words that name the intent. A negation before them denies
	// it; in a clause of their own they make it one of several.
	Core []string `yaml:"core"`
}

type taskSpec struct {
	// Label makes a task of its own, which no intent but an offer leads to.
	Label string   `yaml:"label"`
	Slots []string `yaml:"slots"`
	// OnlyIf holds the condition that a slot is asked for under.
	OnlyIf map[string]string `yaml:"only_if"`
	// Check are rules that may refuse or advise; they are asked again as soon
	// as the slots that they read are known.
	Check string `yaml:"check"`
	// Notes are rules of which each adds a sentence to {notes}.
	Notes []string `yaml:"notes"`
	// Accept are words that take the offer of this task up, besides yes.
	Accept []string `yaml:"accept"`
	// Plan is the rule set of which {plan} is said in the confirmation.
	Plan string `yaml:"plan"`
	// Asks replaces the question of a slot within this task.
	Asks map[string]string `yaml:"asks"`
	// Exactly one of the following says what the task comes to.
	Ticket  string `yaml:"ticket"`
	Answer  string `yaml:"answer"`
	Say     string `yaml:"say"`
	Handoff bool   `yaml:"handoff"`
	End     bool   `yaml:"end"`
	Miss    bool   `yaml:"miss"`
	// Confirm is the question before a ticket.
	Confirm string `yaml:"confirm"`
	// Offer is an intent offered after Say.
	Offer string `yaml:"offer"`
	// Aside answers at once when the question comes in the midst of
	// another task, which then goes on.
	Aside string `yaml:"aside"`
	// OfferOrder is the question that offers the caller's latest order.
	OfferOrder string `yaml:"offer_order"`
	// Knowledge tasks tell the rules in general: an entry of the knowledge
	// base that is surely asked for comes first.
	Knowledge bool `yaml:"knowledge"`
	// Correct asks what is wrong about the confirmation, Summary tells the
	// agent of the ticket; empty are the prompts ask_correct, ticket_summary.
	Correct string `yaml:"correct"`
	Summary string `yaml:"summary"`
	// Prefer names the likely orders: "refund" those with a refund, "open"
	// those not dispatched, "moving" those not delivered yet.
	Prefer string `yaml:"prefer"`

	onlyIf map[string]*rule.Program
}

type ruleSpec struct {
	// When maps facts to the values that satisfy them; all must hold.
	When map[string][]string `yaml:"when"`
	// If is an expression over rule.Facts that has to hold as well.
	If  string `yaml:"if"`
	Say string `yaml:"say"`
	// Offer is an intent offered after Say.
	Offer string `yaml:"offer"`
	// Advise goes on with the task when the offer is turned down.
	Advise bool `yaml:"advise"`
	// Handoff gives the caller to a human after Say.
	Handoff bool `yaml:"handoff"`

	program *rule.Program
}
