package call

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// TimerConsult: the language model said nothing, or nothing more.
const TimerConsult Timer = "consult"

// KindConsulted is the kind of Consulted.
const KindConsulted Kind = "consulted"

// Consult asks the language model; Budget is the time for a meaning, for the
// first sentence, and between sentences.
type Consult struct {
	Request dialog.Consult
	Budget  time.Duration
}

func (Consult) effect() {}

// Consulted brings an answer to Consult, or a sentence of it: a
// dialog.Consulted, dialog.Worded or dialog.ConsultFailed.
type Consulted struct {
	ID     string
	Answer dialog.Input
}

// Kind implements Event.
func (Consulted) Kind() Kind { return KindConsulted }

// Adviser is a language model. What it says is a proposal that the dialogue
// checks. Word gives sentences to said as they come; an error after some of
// them means that there are no more.
type Adviser interface {
	Understand(ctx context.Context, q dialog.Consult) (dialog.Consulted, error)
	Word(ctx context.Context, q dialog.Consult, said func(sentence string)) error
}

// consult asks. A question that is on its way already, as after a takeover, is
// not asked twice: it has its time limit.
func (st *step) consult(a dialog.Consult) {
	if st.s.Consulting == a.ID {
		return
	}
	st.s.Consulting = a.ID
	st.arm(TimerConsult, st.m.Config.ConsultLimit)
	st.emit(Consult{Request: a, Budget: st.m.Config.ConsultLimit})
}

// consulted takes an answer that is still waited for.
func (st *step) consulted(ev Event) {
	c := ev.(Consulted)
	if st.s.Consulting == "" || st.s.Consulting != c.ID {
		st.ignore(KindConsulted)
		return
	}
	if w, ok := c.Answer.(dialog.Worded); ok && !w.Last {
		st.arm(TimerConsult, st.m.Config.ConsultLimit)
	}
	st.meant(c.Answer)
}

// meant goes on with what a model made of the caller's turn, or without, and
// notes it there.
func (st *step) meant(answer dialog.Input) {
	st.advance(answer)
	if st.s.Held != nil && !st.s.Dialog.AsksMeaning() {
		held := *st.s.Held
		st.reading(&held)
		st.s.Held = &held
	}
	st.emit(Save{})
}

// consultOver forgets a question that the dialogue no longer waits for.
func (st *step) consultOver() {
	if c := st.s.Dialog.Consulting; c == nil || c.ID != st.s.Consulting {
		st.s.Consulting = ""
		st.disarm(TimerConsult)
	}
}

// speechGrace is how long a caller who speaks is left to it before the order
// system's slowness is spoken of.
const speechGrace = 4 * time.Second

// callerSpeaks: what a model would say now would be said into the caller's
// words. When it was only noise, Resumed goes on.
func (st *step) callerSpeaks() {
	st.s.Consulting = ""
	st.disarm(TimerConsult)
	if _, slow := st.s.Timers[TimerSlow]; slow {
		st.arm(TimerSlow, speechGrace)
	}
}
