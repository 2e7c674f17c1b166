package call

import (
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// Kind names an event for the transition table, logs and metrics.
type Kind string

// The kinds of events.
const (
	KindArrived       Kind = "arrived"
	KindResumed       Kind = "resumed"
	KindAnswered      Kind = "answered"
	KindForkFailed    Kind = "fork_failed"
	KindForkLost      Kind = "fork_lost"
	KindMedia         Kind = "media"
	KindMediaState    Kind = "media_state"
	KindDigit         Kind = "digit"
	KindFileReady     Kind = "file_ready"
	KindOrdersFound   Kind = "orders_found"
	KindTicketOpened  Kind = "ticket_opened"
	KindTicketFailed  Kind = "ticket_failed"
	KindBridged       Kind = "bridged"
	KindHandoffEnded  Kind = "handoff_ended"
	KindCommandFailed Kind = "command_failed"
	KindTimer         Kind = "timer"
	KindHangup        Kind = "hangup"
	KindHungUp        Kind = "hung_up"
	KindControlLost   Kind = "control_lost"
	KindBusRestored   Kind = "bus_restored"
	KindLeaving       Kind = "leaving"
)

// Kinds lists every kind, for metrics pre-set to 0.
func Kinds() []Kind {
	return []Kind{
		KindArrived, KindResumed, KindAnswered, KindForkFailed, KindForkLost, KindMedia, KindMediaState, KindDigit,
		KindFileReady, KindOrdersFound, KindTicketOpened, KindTicketFailed, KindBridged, KindHandoffEnded,
		KindCommandFailed, KindTimer, KindHangup, KindHungUp, KindControlLost, KindBusRestored, KindLeaving, KindConsulted,
	}
}

// Event is something that happened to the call.
type Event interface{ Kind() Kind }

type (
	// Arrived: the switch handed the call over for the first time.
	Arrived struct{ Answered bool }
	// Resumed: this orchestrator took the call over from another.
	Resumed struct{ Answered, ForkAttached bool }
	// Answered: the caller hears us.
	Answered struct{}
	// ForkFailed: the fork's websocket could not be opened.
	ForkFailed struct{ Reason string }
	// ForkLost: the fork's websocket broke.
	ForkLost struct{}
	// MediaEvent is one event of the bridge's session; Data points to a
	// schemas.Media... type.
	MediaEvent struct{ Data any }
	// MediaState answers Sync; Err when nobody answered.
	MediaState struct {
		State schemas.MediaState
		Err   error
	}
	// Digit is one key, heard by the switch (RFC 4733).
	Digit struct{ Digit string }
	// FileReady: the fork wrote a sound file that is to be played.
	FileReady struct{ Path string }
	// OrdersFound answers FindOrders.
	OrdersFound struct {
		RequestID string
		Orders    []dialog.Order
		Err       string
	}
	// TicketOpened and TicketFailed answer OpenTicket.
	TicketOpened struct{ Key, Number string }
	// TicketFailed: Pending is true when the request is kept and will be
	// done later.
	TicketFailed struct {
		Key, Reason string
		Pending     bool
	}
	// Bridged: somebody answered, or the queue took the caller.
	Bridged struct{}
	// HandoffEnded: the bridge or queue application ended.
	HandoffEnded struct{ Response string }
	// CommandFailed: the switch refused an effect.
	CommandFailed struct{ Effect, Reason string }
	// TimerFired: a deadline passed.
	TimerFired struct{ Timer Timer }
	// Hangup: we want the call to end: a second signal, an operator.
	Hangup struct{ Cause, Reason string }
	// Leaving: the call is being hung up; HungUp follows.
	Leaving struct{}
	// HungUp: the call is over.
	HungUp struct {
		Cause string
		Q850  int
	}
	// BusRestored: messages of workers and of the bridge may have been missed.
	BusRestored struct{}
	// ControlLost: the connection to the switch ended, the call did not.
	ControlLost struct{ Reason string }
)

// Kind implements Event.
func (Arrived) Kind() Kind       { return KindArrived }
func (Resumed) Kind() Kind       { return KindResumed }
func (Answered) Kind() Kind      { return KindAnswered }
func (ForkFailed) Kind() Kind    { return KindForkFailed }
func (ForkLost) Kind() Kind      { return KindForkLost }
func (MediaEvent) Kind() Kind    { return KindMedia }
func (MediaState) Kind() Kind    { return KindMediaState }
func (Digit) Kind() Kind         { return KindDigit }
func (FileReady) Kind() Kind     { return KindFileReady }
func (OrdersFound) Kind() Kind   { return KindOrdersFound }
func (TicketOpened) Kind() Kind  { return KindTicketOpened }
func (TicketFailed) Kind() Kind  { return KindTicketFailed }
func (Bridged) Kind() Kind       { return KindBridged }
func (HandoffEnded) Kind() Kind  { return KindHandoffEnded }
func (CommandFailed) Kind() Kind { return KindCommandFailed }
func (TimerFired) Kind() Kind    { return KindTimer }
func (Hangup) Kind() Kind        { return KindHangup }
func (HungUp) Kind() Kind        { return KindHungUp }
func (ControlLost) Kind() Kind   { return KindControlLost }
func (BusRestored) Kind() Kind   { return KindBusRestored }
func (Leaving) Kind() Kind       { return KindLeaving }

// Effect is something to be done for the call. Effects are carried out in
// order; none is waited for by Step.
type Effect interface{ effect() }

type (
	// Answer answers the call.
	Answer struct{}
	// StartFork attaches the audio fork; Attempt counts from 1 and picks the
	// bridge. Restart stops a dead fork first.
	StartFork struct {
		Attempt int
		Restart bool
		// Dialect is what the caller is likely to speak; "" is Mandarin.
		Dialect string
	}
	// StopFork detaches the audio fork.
	StopFork struct{}
	// SendMedia sends a command to the bridge's session; Data is a
	// schemas.Media... command.
	SendMedia struct{ Data any }
	// SyncMedia asks the bridge for its state and for events after a number.
	SyncMedia struct{ AfterSeq uint64 }
	// PlayFile plays a sound file on the switch.
	PlayFile struct{ Path string }
	// FindOrders asks the order system.
	FindOrders struct {
		Request dialog.FindOrders
		Budget  time.Duration
	}
	// OpenTicket asks for a ticket; again is true after a takeover.
	OpenTicket struct {
		Request schemas.TicketOpen
		Again   bool
	}
	// ConnectHuman bridges or queues the caller, with headers.
	ConnectHuman struct {
		Target  Target
		Headers map[string]string
		Limit   time.Duration
	}
	// HangUp ends the call; Cause is FreeSWITCH's name.
	HangUp struct{ Cause string }
	// Fact goes to the record; Data is a schemas.Call... fact.
	Fact struct {
		Event string
		Data  any
	}
	// DialectChosen says where the dialect of the call comes from, for the
	// record; the bridge learns of it with the next policy.
	DialectChosen struct{ Source, Dialect string }
	// Save writes the snapshot.
	Save struct{}
	// Forget removes the snapshot: the call is over.
	Forget struct{}
	// Ignored: no transition expects the event in this phase.
	Ignored struct {
		Phase Phase
		Kind  Kind
	}
)

func (Answer) effect()        {}
func (StartFork) effect()     {}
func (StopFork) effect()      {}
func (SendMedia) effect()     {}
func (SyncMedia) effect()     {}
func (PlayFile) effect()      {}
func (FindOrders) effect()    {}
func (OpenTicket) effect()    {}
func (ConnectHuman) effect()  {}
func (HangUp) effect()        {}
func (Fact) effect()          {}
func (DialectChosen) effect() {}
func (Save) effect()          {}
func (Forget) effect()        {}
func (Ignored) effect()       {}
