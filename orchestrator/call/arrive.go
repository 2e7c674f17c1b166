package call

import (
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

func (st *step) arrived(ev Event) {
	st.fact("started", schemas.CallStarted{
		CallID: st.s.ID, Node: st.s.Node, Caller: st.s.Caller, Called: st.s.Called, Orchestrator: st.s.Orchestrator,
		Flow: st.m.Flow.Name(), FlowVersion: st.m.Flow.Version(), StartedAt: st.s.StartedAt,
	})
	st.began()
	st.arm(TimerLimit, st.m.Config.CallLimit)
	st.s.Phase = PhaseAnswering
	if ev.(Arrived).Answered {
		st.answered(ev)
		return
	}
	st.arm(TimerAnswer, st.m.Config.AnswerLimit)
	st.emit(Answer{})
}

func (st *step) answered(Event) {
	st.disarm(TimerAnswer)
	st.s.Phase, st.s.AnsweredAt = PhaseTalking, st.now
	st.fact("answered", schemas.CallAnswered{CallID: st.s.ID, AnsweredAt: st.now})
	st.startFork(false)
	// The greeting waits for the fork; the look-up of the caller's orders
	// does not.
	st.advance(dialog.Started{})
	st.emit(Save{})
}

func (st *step) startFork(restart bool) {
	st.s.Media = MediaStarting
	st.s.MediaAttempts++
	st.s.LastSeq = 0
	st.arm(TimerMedia, st.m.Config.MediaLimit)
	st.emit(StartFork{Attempt: st.s.MediaAttempts, Restart: restart, Dialect: st.s.Dialog.Dialect})
}

// resumed goes on with a call that another orchestrator had: nothing is said
// or asked twice. The fork is left alone when it is still attached.
func (st *step) resumed(ev Event) {
	r := ev.(Resumed)
	from := st.s.Orchestrator
	st.s.Orchestrator = st.m.Config.Orchestrator
	st.fact("taken_over", schemas.CallTakenOver{
		CallID: st.s.ID, From: from, To: st.s.Orchestrator, Turns: st.s.Turns, TakenAt: st.now,
	})
	switch st.s.Phase {
	case PhaseArriving, PhaseAnswering:
		st.s.Phase = PhaseAnswering
		if r.Answered {
			st.answered(ev)
		} else {
			st.arm(TimerAnswer, st.m.Config.AnswerLimit)
			st.emit(Answer{})
		}
		return
	case PhaseEnding:
		st.endCall("NORMAL_CLEARING")
		return
	case PhaseHandingOff, PhaseBridged:
		// The bridge application ended with the connection: try it again.
		if st.s.Handoff != nil {
			st.s.Phase = PhaseHandingOff
			st.connectHuman()
			st.emit(Save{})
			return
		}
		st.s.Phase = PhaseTalking
	}
	st.resendTickets()
	if st.s.Lookup != nil {
		st.lookUp(*st.s.Lookup)
	}
	if r.ForkAttached && st.s.Media == MediaAttached {
		st.emit(SyncMedia{AfterSeq: st.s.LastSeq})
	} else {
		st.dropSpeech()
		st.startFork(r.ForkAttached)
	}
	st.emit(Save{})
}

// resendTickets asks again for what has no answer. The stream, then the
// unique key, make one ticket of both requests.
func (st *step) resendTickets() {
	for _, t := range st.s.Tickets {
		st.arm(TimerTicket, st.m.Config.TicketLimit)
		st.emit(OpenTicket{Request: t.Request, Again: true})
	}
}
