package call

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// Machine steps calls of one flow. It is immutable.
type Machine struct {
	Flow   *dialog.Flow
	Config Config
}

// Language is the one that the assistant speaks.
func (m *Machine) Language() string { return cmp.Or(m.Config.Language, m.Flow.Language()) }

// Start is what is known of a call when it arrives.
type Start struct {
	ID, Node, Core, Caller, Called, Tenant string
	// Dialect is what the call begins in, and DialectSource says why; Likely is
	// what people speak where the caller's number belongs.
	Dialect, DialectSource, Likely string
}

// Begin is the state of a call before its first event.
func (m *Machine) Begin(in Start, now time.Time) State {
	return State{
		Version: stateVersion, ID: in.ID, Node: in.Node, Core: in.Core, Caller: in.Caller, Called: in.Called, Tenant: in.Tenant,
		Orchestrator: m.Config.Orchestrator, Phase: PhaseArriving, Media: MediaDetached, StartedAt: now,
		Timers: map[Timer]time.Time{}, DialectSource: in.DialectSource,
		Dialog: dialog.Begin(m.Flow, dialog.Start{
			CallID: in.ID, Caller: in.Caller, Called: in.Called, Tenant: in.Tenant,
			Dialects: m.Config.Dialects, Dialect: in.Dialect, Likely: in.Likely, Advice: m.Config.Advice,
		}),
	}
}

// step is one run of Step: a working copy of the state, and what came out.
type step struct {
	m   *Machine
	s   State
	now time.Time
	out []Effect
}

type handler func(*step, Event)

// legal says which phase may follow which; the first phase of a row is the
// one that is left. Step never makes another move (a property test holds it
// to that).
var legal = map[Phase][]Phase{
	PhaseArriving:   {PhaseAnswering, PhaseTalking, PhaseEnding, PhaseEnded, PhaseReleased},
	PhaseAnswering:  {PhaseTalking, PhaseEnding, PhaseEnded, PhaseReleased},
	PhaseTalking:    {PhaseHandingOff, PhaseEnding, PhaseEnded, PhaseReleased},
	PhaseHandingOff: {PhaseTalking, PhaseBridged, PhaseEnding, PhaseEnded, PhaseReleased},
	PhaseBridged:    {PhaseHandingOff, PhaseTalking, PhaseEnding, PhaseEnded, PhaseReleased},
	PhaseEnding:     {PhaseEnded, PhaseReleased},
	PhaseEnded:      {},
	PhaseReleased:   {},
}

// Legal says whether a call in phase from may move to phase to.
func Legal(from, to Phase) bool { return from == to || slices.Contains(legal[from], to) }

// transitions is the table: what each phase does with each kind of event.
// What is not in it is counted and ignored.
var transitions map[Phase]map[Kind]handler

func init() {
	// Worker answers count in every phase with a caller in it: a ticket
	// opened while the caller is being connected belongs into the record.
	answers := map[Kind]handler{
		KindOrdersFound: (*step).ordersFound, KindTicketOpened: (*step).ticketOpened, KindTicketFailed: (*step).ticketFailed,
		KindBusRestored: (*step).busRestored,
	}
	endings := map[Kind]handler{
		KindHungUp: (*step).hungUp, KindControlLost: (*step).controlLost, KindHangup: (*step).hangup, KindTimer: (*step).timer,
		KindLeaving: (*step).leaving,
	}
	resumed := map[Kind]handler{KindResumed: (*step).resumed}
	row := func(parts ...map[Kind]handler) map[Kind]handler {
		out := map[Kind]handler{}
		for _, p := range parts {
			maps.Copy(out, p)
		}
		return out
	}
	transitions = map[Phase]map[Kind]handler{
		PhaseArriving: row(endings, resumed, map[Kind]handler{KindArrived: (*step).arrived}),
		PhaseAnswering: row(endings, resumed, map[Kind]handler{
			KindAnswered: (*step).answered, KindCommandFailed: (*step).commandFailed,
		}),
		PhaseTalking: row(endings, resumed, answers, map[Kind]handler{
			KindMedia: (*step).media, KindMediaState: (*step).mediaState, KindForkFailed: (*step).forkFailed,
			KindForkLost: (*step).forkLost, KindDigit: (*step).digit, KindFileReady: (*step).fileReady,
			KindCommandFailed: (*step).commandFailed, KindConsulted: (*step).consulted,
		}),
		PhaseHandingOff: row(endings, resumed, answers, map[Kind]handler{
			KindBridged: (*step).bridged, KindHandoffEnded: (*step).handoffEnded, KindCommandFailed: (*step).commandFailed,
			KindMedia: (*step).media,
		}),
		PhaseBridged: row(endings, resumed, answers, map[Kind]handler{
			KindHandoffEnded: (*step).bridgeOver, KindMedia: (*step).media,
		}),
		PhaseEnding: row(endings, resumed, answers),
	}
}

// Step takes one event in. It never changes the state it is given.
func (m *Machine) Step(s State, now time.Time, ev Event) (State, []Effect) {
	st := &step{m: m, s: s.clone(), now: now}
	if h, ok := transitions[s.Phase][ev.Kind()]; ok {
		h(st, ev)
	} else {
		st.emit(Ignored{Phase: s.Phase, Kind: ev.Kind()})
	}
	st.recordHeld()
	return st.s, st.out
}

func (s State) clone() State {
	s.Speaking = slices.Clone(s.Speaking)
	s.Tickets = slices.Clone(s.Tickets)
	s.Timers = maps.Clone(s.Timers)
	if s.Timers == nil {
		s.Timers = map[Timer]time.Time{}
	}
	return s
}

func (st *step) emit(e ...Effect) { st.out = append(st.out, e...) }

func (st *step) ignore(k Kind) { st.emit(Ignored{Phase: st.s.Phase, Kind: k}) }

func (st *step) arm(t Timer, after time.Duration) { st.s.Timers[t] = st.now.Add(after) }

func (st *step) disarm(timers ...Timer) {
	for _, t := range timers {
		delete(st.s.Timers, t)
	}
}

func (st *step) fact(event string, data any) { st.emit(Fact{Event: event, Data: data}) }

// advance feeds the dialogue and carries its acts out.
func (st *step) advance(in dialog.Input) {
	spoke := st.s.Dialog.Continues(in)
	next, acts := st.m.Flow.Advance(st.s.Dialog, st.now, in)
	st.s.Dialog = next
	st.consultOver()
	if next.Intent != "" {
		st.s.Intent = next.Intent
	}
	for _, a := range acts {
		switch a := a.(type) {
		case dialog.Say:
			if !spoke {
				// What was said before no longer matters for resuming.
				spoke, st.s.HeardRunes, st.s.Cut = true, 0, false
			}
			st.say(a.Prompt)
		case dialog.ListenIn:
			st.listenIn(a)
		case dialog.FindOrders:
			st.s.Lookup = &a
			st.lookUp(a)
		case dialog.Consult:
			st.consult(a)
		case dialog.OpenTicket:
			st.openTicket(a)
		case dialog.Handoff:
			st.s.Handoff, st.s.Target = &a, 0
		case dialog.End:
			st.s.Closing, st.s.Reason = true, a.Reason
		}
	}
	st.settle()
}

// settle does what waits for silence: the goodbye before a hang-up, the
// announcement before a handoff.
func (st *step) settle() {
	if len(st.s.Speaking) > 0 || st.s.Phase != PhaseTalking {
		return
	}
	switch {
	case st.s.Handoff != nil:
		st.connectHuman()
	case st.s.Closing:
		st.endCall("NORMAL_CLEARING")
	}
}

func (st *step) openTicket(a dialog.OpenTicket) {
	received := a.Received
	req := schemas.TicketOpen{
		Tenant: st.s.Tenant, IdempotencyKey: a.Key, CallID: st.s.ID, Kind: schemas.RequestKind(a.Kind), OrderNumber: a.OrderNumber,
		OrderVerified: a.Verified, OrderLine: a.OrderLine, Reason: a.Reason, Received: &received,
		Contact: a.Contact.Phone, Summary: a.Summary, TranscriptURL: st.m.Config.TranscriptBase + st.s.ID, RequestedAt: st.now,
		Language: st.m.Flow.Language(),
	}
	if w := a.Worth; w != nil {
		req.AmountFen, req.OrderStatus, req.Carrier, req.CustomerLevel = w.AmountFen, schemas.OrderStatus(w.OrderStatus), w.Carrier, w.CustomerLevel
	}
	if p := a.Pickup; p != nil {
		req.Pickup = &schemas.Pickup{From: p.From, Until: p.Until, Address: p.Address}
	}
	again := slices.ContainsFunc(st.s.Tickets, func(t TicketRequest) bool { return t.Request.IdempotencyKey == a.Key })
	if again {
		// The request as it was first made, so that a repeat is a repeat.
		for _, t := range st.s.Tickets {
			if t.Request.IdempotencyKey == a.Key {
				req = t.Request
			}
		}
	} else {
		st.s.Tickets = append(st.s.Tickets, TicketRequest{Request: req})
	}
	st.arm(TimerTicket, st.m.Config.TicketLimit)
	// Before the request goes out, so that whoever takes the call over asks
	// with the same key.
	st.emit(Save{}, OpenTicket{Request: req, Again: again})
}
