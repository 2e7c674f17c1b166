package dialog

// Input is something that happened to the conversation.
type Input interface{ input() }

// Started is the first input of a call: it has been answered.
type Started struct{}

// Heard is the final transcript of one turn of the caller.
type Heard struct {
	Text string
	// Confidence is the recogniser's, in [0,1]; 0 means it gave none.
	Confidence float64
}

// Digits are keypad keys: 0-9, * and #. A terminating # may be left out.
type Digits struct {
	Digits string
	// Terminated is true when the caller ended the entry with #, false when
	// the entry ended by time-out or by its length.
	Terminated bool
}

// Silence says that the no-input time of the last prompt ran out.
type Silence struct{}

// OrdersFound answers a FindOrders.
type OrdersFound struct {
	RequestID string
	Orders    []Order
	// Err is empty when the order system answered (an empty Orders then means
	// that there is no such order); otherwise why it did not: "timeout",
	// "unavailable" or another word for the record.
	Err string
}

// StillLooking says that the answer to a FindOrders takes longer than people
// wait without a word; it still comes.
type StillLooking struct{ RequestID string }

// TicketOpened answers an OpenTicket with the ticket's number.
type TicketOpened struct {
	Key    string
	Number string
}

// TicketFailed answers an OpenTicket that brought no number.
type TicketFailed struct {
	Key    string
	Reason string
	// Pending is true when the request is stored safely and the ticket will be
	// opened later; the caller is then told that the number follows.
	Pending bool
}

// HandoffFailed says that the caller could not be connected to a human and is
// back in the conversation.
type HandoffFailed struct{ Reason string }

// Resumed says that this orchestrator has taken the call over in mid-call.
// Nothing is asked twice: unless Cut is set, nothing is said at all. What was
// asked of the bus and not answered yet is asked again under the same ids.
type Resumed struct {
	// Cut is true when the play-out of what was said last was broken off.
	Cut bool
	// HeardRunes is how many characters of it had been played, counted over
	// all prompts of that turn. Speech goes on with the first sentence that
	// was not played to its end.
	HeardRunes int
}

// RecognitionLost says that nothing of what the caller says can be understood
// for now; keys can.
type RecognitionLost struct {
	// Synthetic: there is a recogniser, but it understands synthetic voices
	// only.
	Synthetic bool
}

// RecognitionBack says that it can be again.
type RecognitionBack struct{}

// Consulted answers a Consult for a meaning: names of the flow, "" or absent
// for what the sentence does not say. Answer is "yes", "no" or "". What the
// flow does not know of it is dropped.
type Consulted struct {
	ID     string
	Intent string
	Answer string
	Slots  map[string]string
}

// Worded brings the next sentence of the answer to a Consult for words; Last
// is true with the last one, or alone after it.
type Worded struct {
	ID       string
	Sentence string
	Last     bool
}

// ConsultFailed says that a Consult brings no answer, or no more of it.
type ConsultFailed struct{ ID string }

func (Consulted) input()       {}
func (Worded) input()          {}
func (ConsultFailed) input()   {}
func (RecognitionLost) input() {}
func (RecognitionBack) input() {}
func (Started) input()         {}
func (Heard) input()           {}
func (Digits) input()          {}
func (Silence) input()         {}
func (OrdersFound) input()     {}
func (StillLooking) input()    {}
func (TicketOpened) input()    {}
func (TicketFailed) input()    {}
func (HandoffFailed) input()   {}
func (Resumed) input()         {}
