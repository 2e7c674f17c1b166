package call

import (
	"unicode/utf8"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// What a call's dialect comes from; the values of a metric's label.
const (
	DialectCalled   = "called"      // the number called
	DialectArea     = "area"        // where the caller's number belongs
	DialectReported = "reported"    // the recogniser heard it
	DialectAsked    = "asked"       // the caller asked for it
	DialectRefused  = "unavailable" // the caller asked for what nobody understands
)

// DialectSources lists them.
func DialectSources() []string {
	return []string{DialectCalled, DialectArea, DialectReported, DialectAsked, DialectRefused}
}

// Reports is what the recogniser says of the caller's dialect.
type Reports struct {
	// Candidate was heard in Count finals in a row.
	Candidate string `json:"candidate,omitempty"`
	Count     int    `json:"count,omitempty"`
	// Changes counts those made; each doubles what the next one takes.
	Changes int `json:"changes,omitempty"`
}

const (
	// minReported is how many characters a sentence must have to say anything
	// about a dialect: "嗯" sounds alike everywhere.
	minReported = 4
	// maxChanges is how often a call's dialect follows the recogniser.
	maxChanges = 3
)

// listening is how the bridge is to listen for what the dialogue expects.
func (st *step) listening(e dialog.Expect) schemas.ListenPolicy {
	p := st.m.policyOf(e)
	p.Dialect = st.s.Dialog.Dialect
	if st.s.Dialog.Deaf {
		p.Filler = nil // nothing was understood that would be looked up
	}
	return p
}

// reported takes what the recogniser heard the caller speak. Another dialect
// has to be heard several times in a row, and each change makes the next one
// harder, so that a call does not go back and forth. What the caller asked for
// stays.
func (st *step) reported(e *schemas.MediaTranscript) {
	need := st.m.Config.DialectReports
	r := &st.s.Reports
	if need <= 0 || st.s.Dialog.DialectAsked || r.Changes >= maxChanges || !dialect.Known(e.Dialect) || utf8.RuneCountInString(e.Text) < minReported {
		return
	}
	if dialect.Same(e.Dialect, st.s.Dialog.Dialect) {
		r.Candidate, r.Count = "", 0
		return
	}
	if r.Candidate != e.Dialect {
		r.Candidate, r.Count = e.Dialect, 0
	}
	r.Count++
	served, ok := dialect.Served(e.Dialect, st.s.Dialog.Dialects)
	if !ok || r.Count < need<<r.Changes {
		return
	}
	st.s.Dialog.Dialect = served
	*r = Reports{Changes: r.Changes + 1}
	st.emit(DialectChosen{Source: DialectReported, Dialect: served})
}

// listenIn counts a wish of the caller.
func (st *step) listenIn(a dialog.ListenIn) {
	source := DialectAsked
	if a.Dialect == "" {
		source = DialectRefused
	}
	st.emit(DialectChosen{Source: source, Dialect: a.Dialect})
}

// synthetic: a person on a recogniser of synthetic voices is told so, and has
// the keypad.
func (st *step) synthetic(e *schemas.MediaReady) {
	st.s.Synthetic = e.Synthetic
	if e.Synthetic && !st.s.Dialog.Deaf {
		st.advance(dialog.RecognitionLost{Synthetic: true})
		st.emit(Save{})
	}
}

// heardAgain follows the recogniser: whether there is one.
func (st *step) heardAgain(hearing bool) {
	hearing = hearing && !st.s.Synthetic
	switch {
	case hearing && st.s.Dialog.Deaf:
		st.advance(dialog.RecognitionBack{})
	case !hearing && !st.s.Dialog.Deaf:
		st.advance(dialog.RecognitionLost{})
	default:
		return
	}
	st.emit(Save{})
}

// began tells what the call begins in.
func (st *step) began() {
	if st.s.DialectSource != "" {
		st.emit(DialectChosen{Source: st.s.DialectSource, Dialect: st.s.Dialog.Dialect})
	}
}
