package call

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// outOfScope is the flows' intent for what belongs to none.
const outOfScope = "out_of_scope"

// noTask are intents that a call is not about.
var noTask = []string{outOfScope, "chitchat", "goodbye"}

// expectOf maps what the dialogue waits for to how the bridge listens.
var expectOf = map[dialog.ExpectKind]string{
	dialog.ExpectNone: schemas.ExpectNone, dialog.ExpectYesNo: schemas.ExpectYesNo, dialog.ExpectDigits: schemas.ExpectDigits,
}

func (m *Machine) policyOf(e dialog.Expect) schemas.ListenPolicy {
	kind, ok := expectOf[e.Kind]
	if !ok {
		kind = schemas.ExpectOpen
	}
	p := schemas.ListenPolicy{
		Expect: kind, EndpointMS: e.EndpointMS, NoInputMS: e.NoInputMS, Hints: e.Hints,
		Answers: e.Answers, AnswerMS: e.AnswerMS, MinDigits: e.MinDigits, NumberMS: e.NumberMS,
	}
	p.Filler, p.FillerMS = m.Flow.Filler()
	return p
}

func (st *step) say(p dialog.Prompt) {
	st.s.NextUtterance++
	st.s.Speaking = append(st.s.Speaking, Utterance{
		ID: fmt.Sprintf("u%d", st.s.NextUtterance), PromptID: p.ID, Text: p.Text, Style: p.Style,
		Interruptible: p.Interruptible, Listen: st.listening(p.Expect),
	})
	st.flush()
}

// flush sends what waits, as soon as there is a bridge session to send to.
func (st *step) flush() {
	if st.s.Media != MediaAttached {
		return
	}
	for i := range st.s.Speaking {
		u := &st.s.Speaking[i]
		if u.Sent {
			continue
		}
		u.Sent, u.Epoch = true, st.s.Epoch
		st.arm(TimerPlayout, st.m.Config.PlayoutLimit)
		st.emit(SendMedia{schemas.MediaSay{
			CallID: st.s.ID, Epoch: st.s.Epoch, UtteranceID: u.ID, Text: u.Text, Language: st.m.Language(),
			Voice: st.m.Config.Voice, Rate: st.m.Config.Rate, Style: u.Style, Interruptible: u.Interruptible, Listen: u.Listen,
		}})
	}
}

// dropSpeech forgets what is not heard yet; the dialogue's Resumed says it
// again from the first sentence that was not heard.
func (st *step) dropSpeech() {
	if len(st.s.Speaking) > 0 {
		st.s.Cut = true
	}
	st.s.Speaking = nil
	st.disarm(TimerPlayout)
}

// stopSpeech cuts what is playing because the caller did something.
func (st *step) stopSpeech() {
	if len(st.s.Speaking) == 0 {
		return
	}
	st.s.Epoch++
	st.emit(SendMedia{schemas.MediaStop{CallID: st.s.ID, Epoch: st.s.Epoch}})
}

// resumeSpeech says what an interruption, a lost bridge or a takeover kept
// from the caller, and nothing else.
func (st *step) resumeSpeech() {
	heard, cut := st.s.HeardRunes, st.s.Cut
	st.s.HeardRunes, st.s.Cut = 0, false
	st.advance(dialog.Resumed{Cut: cut, HeardRunes: heard})
	if len(st.s.Speaking) == 0 && st.s.Phase == PhaseTalking && st.s.Media == MediaAttached {
		st.emit(SendMedia{schemas.MediaListen{
			CallID: st.s.ID, Epoch: st.s.Epoch, Listen: st.listening(st.s.Dialog.Expecting()),
		}})
	}
}

func (st *step) playoutStarted(e *schemas.MediaPlayoutStarted) {
	if isFiller(e.UtteranceID) {
		st.s.Filler = &Utterance{ID: e.UtteranceID, PromptID: fillerPrompt, Epoch: e.Epoch, StartedAt: st.now, LatencyMS: max(e.SinceSpeechMS, 0)}
		return
	}
	for i := range st.s.Speaking {
		if u := &st.s.Speaking[i]; u.ID == e.UtteranceID {
			u.StartedAt = st.now
			if st.s.Unanswered { // what follows the first sentence, or silence, answers nobody
				u.LatencyMS = max(e.SinceSpeechMS, 0)
				st.s.Unanswered = false
			}
		}
	}
}

func (st *step) playoutEnded(e *schemas.MediaPlayoutEnded) {
	if isFiller(e.UtteranceID) {
		st.fillerEnded(e)
		return
	}
	i := slices.IndexFunc(st.s.Speaking, func(u Utterance) bool { return u.ID == e.UtteranceID })
	if i < 0 {
		st.ignore(KindMedia)
		return
	}
	u := st.s.Speaking[i]
	st.s.Speaking = slices.Delete(st.s.Speaking, i, i+1)
	heard := e.HeardText
	if e.Reason == "finished" {
		heard, st.s.SpeechFailures = u.Text, 0
	} else {
		st.s.Cut = true
	}
	st.s.HeardRunes += utf8.RuneCountInString(heard)
	if heard != "" {
		st.agentTurn(u, heard, e.Reason != "finished")
	}
	if len(st.s.Speaking) == 0 {
		st.disarm(TimerPlayout)
	} else {
		st.arm(TimerPlayout, st.m.Config.PlayoutLimit)
	}
	st.settle()
	if e.Reason == "failed" {
		st.speechFailed()
	}
}

// fillerPrompt names what the bridge says by itself in the record.
const fillerPrompt = "filler"

func isFiller(id string) bool { return strings.HasPrefix(id, schemas.FillerID) }

// fillerEnded records what the bridge said to cover a wait: the caller heard
// it. The dialogue does not know of it.
func (st *step) fillerEnded(e *schemas.MediaPlayoutEnded) {
	u := Utterance{ID: e.UtteranceID, PromptID: fillerPrompt, Epoch: e.Epoch}
	if f := st.s.Filler; f != nil && f.ID == e.UtteranceID {
		u = *f
	}
	st.s.Filler = nil
	if e.HeardText != "" {
		st.agentTurn(u, e.HeardText, e.Reason != "finished")
	}
}

func (st *step) agentTurn(u Utterance, heard string, interrupted bool) {
	began := u.StartedAt
	if began.IsZero() {
		began = st.now
	}
	st.fact("turn", schemas.CallTurn{
		CallID: st.s.ID, Index: st.s.Turns, Role: schemas.RoleAgent, Text: heard, Input: schemas.InputNone,
		PromptID: u.PromptID, Interrupted: interrupted, Epoch: u.Epoch, StartedAt: began, EndedAt: st.now, LatencyMS: u.LatencyMS,
	})
	st.s.Turns++
}

// callerTurn feeds the dialogue and records the turn with what was made of
// it; the record comes first in the effects, as it happened first.
func (st *step) callerTurn(text string, input schemas.TurnInput, began, ended time.Time, in dialog.Input) {
	turn := schemas.CallTurn{
		CallID: st.s.ID, Index: st.s.Turns, Role: schemas.RoleCaller, Text: text, Input: input,
		Epoch: st.s.Epoch, StartedAt: began, EndedAt: ended,
	}
	st.s.Turns++
	st.s.Unanswered = input == schemas.InputSpeech // the bridge measures from speech
	at := len(st.out)
	st.advance(in)
	st.reading(&turn)
	if st.s.Dialog.AsksMeaning() {
		st.s.Held = &turn
	} else {
		st.out = slices.Insert(st.out, at, Effect(Fact{Event: "turn", Data: turn}))
	}
	st.emit(Save{})
}

// reading notes in a turn what the dialogue made of it.
func (st *step) reading(turn *schemas.CallTurn) {
	u := st.s.Dialog.LastUnderstanding()
	turn.Intent, turn.Slots = u.Intent, u.Slots
	if u.Intent == outOfScope && st.s.Dialog.Misses == 0 {
		// An answer to a question has no intent of its own; only what was
		// not understood at all is out of scope.
		turn.Intent = ""
	}
	if st.s.Intent == "" && !slices.Contains(noTask, u.Intent) {
		// Begun and finished within this one turn.
		st.s.Intent = u.Intent
	}
	turn.Confidence = min(max(u.Confidence, 0), 1)
}

// recordHeld records the turn that was held until a language model had said what
// it means, before whatever else happens.
func (st *step) recordHeld() {
	if st.s.Held == nil || !st.s.Over() && st.s.Dialog.AsksMeaning() && st.s.Dialog.Consulting.ID == st.s.Consulting {
		return
	}
	st.out = slices.Insert(st.out, 0, Effect(Fact{Event: "turn", Data: *st.s.Held}))
	st.s.Held = nil
}
