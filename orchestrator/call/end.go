package call

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// connectHuman tries the present target.
func (st *step) connectHuman() {
	if st.s.Target >= len(st.m.Config.Targets) {
		st.handoffFailed("no target")
		return
	}
	t := st.m.Config.Targets[st.s.Target]
	st.s.Phase = PhaseHandingOff
	st.arm(TimerHandoff, st.m.Config.HandoffLimit)
	st.emit(ConnectHuman{Target: t, Headers: st.headers(), Limit: st.m.Config.HandoffLimit}, Save{})
}

// headers is the context that people get with the call: SIP headers of the
// INVITE, or channel variables in a queue.
func (st *step) headers() map[string]string {
	h := map[string]string{
		"X-Tidegate-Call-Id":    st.s.ID,
		"X-Tidegate-Reason":     string(st.s.Handoff.Reason),
		"X-Tidegate-Transcript": st.m.Config.TranscriptBase + st.s.ID,
	}
	ctx := st.s.Handoff.Context
	if st.s.Intent != "" {
		h["X-Tidegate-Intent"] = st.s.Intent
	}
	var slots []string
	for _, k := range slices.Sorted(maps.Keys(ctx)) {
		if name, ok := strings.CutPrefix(k, "slot."); ok {
			slots = append(slots, name+"="+url.QueryEscape(ctx[k]))
		}
	}
	if len(slots) > 0 {
		h["X-Tidegate-Slots"] = strings.Join(slots, "&")
	}
	if n := st.s.Dialog.TicketNumber(); n != "" {
		h["X-Tidegate-Ticket"] = n
	}
	return h
}

func (st *step) bridged(Event) {
	t := st.m.Config.Targets[st.s.Target]
	st.disarm(TimerHandoff)
	st.s.Phase = PhaseBridged
	st.fact("handed_off", schemas.CallHandedOff{
		CallID: st.s.ID, Reason: string(st.s.Handoff.Reason), Target: t.To, Kind: t.Kind, Context: st.s.Handoff.Context, At: st.now,
	})
	// People talk now: the machine stops listening.
	if st.s.Media == MediaAttached || st.s.Media == MediaStarting {
		st.emit(SendMedia{schemas.MediaClose{CallID: st.s.ID, Reason: "handed off"}}, StopFork{})
	}
	st.s.Media = MediaDetached
	st.disarm(TimerMedia)
	st.emit(Save{})
}

// handoffEnded before anybody answered: the next target, then the dialogue.
func (st *step) handoffEnded(Event) {
	st.s.Target++
	if st.s.Target < len(st.m.Config.Targets) {
		st.connectHuman()
		return
	}
	st.handoffFailed("unreachable")
}

func (st *step) handoffFailed(reason string) {
	st.disarm(TimerHandoff)
	st.s.Handoff = nil
	if st.s.Media != MediaAttached {
		st.release(reason)
		return
	}
	st.s.Phase = PhaseTalking
	st.advance(dialog.HandoffFailed{Reason: reason})
	st.emit(Save{})
}

// bridgeOver: the people's part of the call ended and the caller is still
// there.
func (st *step) bridgeOver(Event) { st.endCall("NORMAL_CLEARING") }

func (st *step) hangup(ev Event) {
	h := ev.(Hangup)
	st.s.Reason = h.Reason
	st.endCall(h.Cause)
}

// leaving: nothing that is said or asked now reaches the caller.
func (st *step) leaving(Event) {
	st.s.Phase = PhaseEnding
	clear(st.s.Timers)
	st.arm(TimerEnd, st.m.Config.EndLimit)
}

func (st *step) endCall(cause string) {
	st.s.Phase = PhaseEnding
	clear(st.s.Timers)
	st.arm(TimerEnd, st.m.Config.EndLimit)
	st.emit(HangUp{Cause: cause})
}

// release gives control back: the switch runs the next action of the
// dialplan, another orchestrator or the stored prompt.
func (st *step) release(reason string) {
	st.s.Phase, st.s.Reason = PhaseReleased, reason
	clear(st.s.Timers)
	st.emit(Save{})
}

func (st *step) controlLost(ev Event) {
	st.s.Phase = PhaseReleased
	clear(st.s.Timers)
}

func (st *step) hungUp(ev Event) {
	h := ev.(HungUp)
	st.s.Phase, st.s.Cause, st.s.Q850 = PhaseEnded, h.Cause, h.Q850
	clear(st.s.Timers)
	// What was being said when the caller left, as far as it was heard, is
	// not known; what had ended is in the record already.
	st.fact("ended", st.ended())
	if st.s.Media != MediaDetached {
		st.emit(SendMedia{schemas.MediaClose{CallID: st.s.ID, Reason: "hangup"}})
	}
	st.s.Media = MediaDetached
	st.emit(Forget{})
}

func (st *step) ended() schemas.CallEnded {
	d := st.s.Dialog
	e := schemas.CallEnded{
		CallID: st.s.ID, EndedAt: st.now, DurationMS: st.now.Sub(st.s.StartedAt).Milliseconds(),
		Outcome: schemas.Outcome(d.Outcome()), Reason: st.s.Reason, Cause: st.s.Q850, CauseName: st.s.Cause,
		Intent: st.s.Intent, TicketNumber: d.TicketNumber(), Turns: st.s.Turns,
	}
	if st.s.Failed && e.Outcome != schemas.OutcomeHandedOff && e.Outcome != schemas.OutcomeTicketOpened {
		e.Outcome = schemas.OutcomeFailed
	}
	if len(d.Slots) > 0 {
		e.Slots = make(map[string]string, len(d.Slots))
		for k, v := range d.Slots {
			e.Slots[k] = v.Value
		}
	}
	return e
}

// commandFailed: the switch would not do it.
func (st *step) commandFailed(ev Event) {
	switch e := ev.(CommandFailed); {
	case e.Effect == "Answer":
		st.release(e.Reason)
	case e.Effect == "ConnectHuman" && st.s.Phase == PhaseHandingOff:
		st.handoffEnded(ev)
	case e.Effect == "StartFork" && st.s.Phase == PhaseTalking:
		st.retryMedia(true)
	}
}

func (st *step) timer(ev Event) {
	t := ev.(TimerFired).Timer
	if at, ok := st.s.Timers[t]; !ok || st.now.Before(at) {
		return // disarmed or armed anew meanwhile
	}
	st.disarm(t)
	switch t {
	case TimerAnswer:
		st.release("not answered")
	case TimerMedia:
		if st.s.Phase == PhaseTalking {
			st.retryMedia(true)
		}
	case TimerSpeech:
		if st.s.Phase == PhaseTalking {
			st.speechGone()
		}
	case TimerLost:
		if st.s.Phase == PhaseTalking {
			st.forkLost(ForkLost{})
		}
	case TimerLookup:
		if st.s.Lookup != nil {
			st.ordersFound(OrdersFound{RequestID: st.s.Lookup.RequestID, Err: "timeout"})
		}
	case TimerSlow:
		st.stillLooking()
	case TimerConsult:
		st.meant(dialog.ConsultFailed{ID: st.s.Consulting})
	case TimerTicket:
		for _, t := range slices.Clone(st.s.Tickets) {
			// The stream has the request: its ticket comes later.
			st.ticketFailed(TicketFailed{Key: t.Request.IdempotencyKey, Reason: "timeout", Pending: true})
		}
	case TimerDigits:
		st.takeDigits(false)
	case TimerPlayout:
		if st.s.Media == MediaAttached {
			st.arm(TimerPlayout, st.m.Config.PlayoutLimit)
			st.emit(SyncMedia{AfterSeq: st.s.LastSeq})
		}
	case TimerHandoff:
		st.handoffEnded(ev)
	case TimerLimit:
		st.s.Reason = "too long"
		st.endCall("NORMAL_CLEARING")
	case TimerEnd:
		st.hungUp(HungUp{Cause: "NORMAL_UNSPECIFIED", Q850: 31})
	}
}
