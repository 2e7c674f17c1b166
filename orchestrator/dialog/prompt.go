package dialog

// Prompt is one thing said, ready for speech synthesis: nothing in Text needs
// reading rules any more.
type Prompt struct {
	// ID names the prompt in the flow; many texts can come from one ID.
	ID   string `json:"id"`
	Text string `json:"text"`
	// Style is a hint to the voice, one of schemas.Styles.
	Style string `json:"style,omitempty"`
	// Interruptible is false for what the caller has to hear to its end.
	Interruptible bool   `json:"interruptible"`
	Expect        Expect `json:"expect"`
}

// ExpectKind is what sort of answer a prompt waits for.
type ExpectKind string

// The kinds of answers.
const (
	// ExpectNone waits for nothing from the caller.
	ExpectNone ExpectKind = "none"
	// ExpectYesNo is a short answer.
	ExpectYesNo ExpectKind = "yes_no"
	// ExpectOpen is a sentence.
	ExpectOpen ExpectKind = "open"
	// ExpectDigits is a number, spoken or keyed in.
	ExpectDigits ExpectKind = "digits"
	// ExpectReason is why the caller returns the goods.
	ExpectReason ExpectKind = "reason"
	// ExpectChoice is one of a few things just listed.
	ExpectChoice ExpectKind = "choice"
	// ExpectWait waits for a worker; the caller may speak meanwhile.
	ExpectWait ExpectKind = "wait"
)

// Expect says how to listen after a prompt.
type Expect struct {
	Kind ExpectKind `json:"kind"`
	// EndpointMS is the silence after speech that ends the caller's turn.
	EndpointMS int `json:"endpoint_ms,omitempty"`
	// NoInputMS is how long to wait for speech or keys before Silence;
	// 0 means no limit.
	NoInputMS int `json:"no_input_ms,omitempty"`
	// MaxDigits ends a keypad entry at this many keys; 0 means that only #
	// or a pause between keys does.
	MaxDigits int `json:"max_digits,omitempty"`
	// Hints are words to expect, for recognisers that take them.
	Hints []string `json:"hints,omitempty"`
	// Answers are whole answers: after one of them AnswerMS of silence ends
	// the turn already.
	Answers  []string `json:"answers,omitempty"`
	AnswerMS int      `json:"answer_ms,omitempty"`
	// MinDigits is the least number of digits that is a number; a pause in
	// the middle of one ends the turn only after NumberMS.
	MinDigits int `json:"min_digits,omitempty"`
	NumberMS  int `json:"number_ms,omitempty"`
}
