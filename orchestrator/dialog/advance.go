package dialog

import (
	"slices"
	"time"
)

// Names that the interpreter and a flow share.
const (
	slotOrder    = "order"
	slotLine     = "line"
	slotReceived = "received"
	readerOrder  = "order"
	readerLine   = "line"
	readerChoice = "choice"
	readerYesNo  = "yes_no"
	// readerTimeRange and readerAddress read what is no choice: a stretch of
	// time, kept as an ISO 8601 interval, and an address, kept as text.
	readerTimeRange = "time_range"
	readerAddress   = "address"

	intentHuman   = "transfer_human"
	intentGoodbye = "goodbye"
	outOfScope    = "out_of_scope"

	questionIntent      = "intent"
	questionChooseOrder = "choose_order"
	questionCorrect     = "correct"
	questionMore        = "anything_else"
	questionOffer       = "offer"

	expectNothing = "none"
	expectWaiting = "wait"
	expectPatient = "patient"

	preferRefund = "refund"

	valueYes = "yes"
	valueNo  = "no"
)

// turn is one call of Advance: the state being changed and the acts so far.
type turn struct {
	f    *Flow
	s    *State
	now  time.Time
	acts []Act
	// told is what is said in this turn; lastSay is its last act's index.
	told    []Prompt
	lastSay int
	// missed: nothing was made of what the caller said.
	missed bool
	// dialect is what the caller calls the dialect spoken of.
	dialect string
	// notes is what {notes} says in this turn, objected the article that a
	// rule speaks of.
	notes, objected string
}

// Advance takes one input. It returns the new state and what to do, in order.
// An input that nothing waits for changes nothing and asks for nothing.
func (f *Flow) Advance(s State, now time.Time, in Input) (State, []Act) {
	next := s.clone()
	t := &turn{f: f, s: &next, now: now.In(f.zone)}
	switch in := in.(type) {
	case Started:
		t.started()
	case Heard:
		t.heard(in)
	case Digits:
		t.digits(in)
	case Silence:
		t.silence()
	case OrdersFound:
		t.ordersFound(in)
	case StillLooking:
		t.stillLooking(in)
	case TicketOpened:
		t.ticketOpened(in)
	case TicketFailed:
		t.ticketFailed(in)
	case Consulted:
		t.consulted(in)
	case Worded:
		t.worded(in)
	case ConsultFailed:
		t.consultFailed(in)
	case HandoffFailed:
		t.handoffFailed()
	case RecognitionLost:
		t.recognitionLost(in)
	case RecognitionBack:
		t.recognitionBack()
	case Resumed:
		t.resumed(in)
	}
	switch {
	case len(t.told) > 0 && s.Continues(in):
		next.Said = slices.Concat(s.Said, t.told)
	case len(t.told) > 0:
		next.Said = t.told
	}
	return next, t.acts
}
