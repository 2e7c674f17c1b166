package call

import (
	"strings"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog"
	"github.com/tidegate/tidegate/schemas"
)

// media takes one event of the bridge in. Reliable events count from 1 in
// each bridge session: one seen before is dropped, and one after a gap is
// asked for again together with what is missing.
func (st *step) media(ev Event) {
	data := ev.(MediaEvent).Data
	base, ok := mediaBase(data)
	if !ok {
		st.ignore(KindMedia)
		return
	}
	if _, ready := data.(*schemas.MediaReady); ready && st.s.Media == MediaStarting {
		st.s.LastSeq = base.Seq - 1
	}
	if base.Seq > 0 {
		switch {
		case base.Seq <= st.s.LastSeq:
			return
		case base.Seq > st.s.LastSeq+1:
			st.emit(SyncMedia{AfterSeq: st.s.LastSeq})
			return
		}
		st.s.LastSeq = base.Seq
	}
	if st.s.Phase != PhaseTalking {
		// Only the sound's own book-keeping goes on while people talk.
		switch e := data.(type) {
		case *schemas.MediaPlayoutEnded:
			st.playoutEnded(e)
		case *schemas.MediaDegraded:
			if e.Component == "asr" {
				st.heardAgain(e.Restored)
			}
		}
		return
	}
	switch e := data.(type) {
	case *schemas.MediaReady:
		st.mediaReady()
		st.synthetic(e)
		if e.ASREngine != "" {
			st.heardAgain(true) // another bridge's session has a recogniser
		}
	case *schemas.MediaSpeechStarted:
		st.s.Epoch = max(st.s.Epoch, e.Epoch)
		st.callerSpeaks()
	case *schemas.MediaTranscript:
		st.transcript(e)
	case *schemas.MediaPlayoutStarted:
		st.playoutStarted(e)
	case *schemas.MediaPlayoutEnded:
		st.playoutEnded(e)
	case *schemas.MediaNoInput:
		st.noInput()
	case *schemas.MediaDigit:
		st.digit(Digit{Digit: e.Digit})
	case *schemas.MediaDegraded:
		st.degraded(e)
	case *schemas.MediaClosed:
		// The bridge sees a hang-up before the event socket tells of it.
		st.arm(TimerLost, hangupGrace)
	}
}

// maxSpeechFailures is how many sentences in a row may fail.
const maxSpeechFailures = 2

// hangupGrace is how long after the end of its websocket a call may still
// turn out to be over.
const hangupGrace = 300 * time.Millisecond

func mediaBase(data any) (schemas.MediaEvent, bool) {
	switch e := data.(type) {
	case *schemas.MediaReady:
		return e.MediaEvent, true
	case *schemas.MediaSpeechStarted:
		return e.MediaEvent, true
	case *schemas.MediaTranscript:
		return e.MediaEvent, true
	case *schemas.MediaPlayoutStarted:
		return e.MediaEvent, true
	case *schemas.MediaPlayoutEnded:
		return e.MediaEvent, true
	case *schemas.MediaNoInput:
		return e.MediaEvent, true
	case *schemas.MediaDigit:
		return e.MediaEvent, true
	case *schemas.MediaDegraded:
		return e.MediaEvent, true
	case *schemas.MediaClosed:
		return e.MediaEvent, true
	}
	return schemas.MediaEvent{}, false
}

func (st *step) mediaReady() {
	st.disarm(TimerMedia)
	again := st.s.Media == MediaStarting && st.s.MediaAttempts > 1
	st.s.Media = MediaAttached
	st.s.Epoch = 0
	if again && len(st.s.Speaking) == 0 {
		st.resumeSpeech()
	}
	st.flush()
}

// transcript: an empty final one was noise. After noise the caller hears
// what the noise cut off; without a cut, the bridge just listens on.
func (st *step) transcript(e *schemas.MediaTranscript) {
	if !e.Final {
		return
	}
	if strings.TrimSpace(e.Text) == "" {
		if st.s.Dialog.Deaf {
			st.noInput() // who speaks cannot be understood, and is told so
			return
		}
		st.resumeSpeech()
		return
	}
	st.reported(e)
	st.discardUnheard()
	ended := st.now.Add(-time.Duration(e.EndedAgoMS) * time.Millisecond)
	began := ended.Add(-time.Duration(max(e.EndMS-e.StartMS, 0)) * time.Millisecond)
	st.callerTurn(e.Text, schemas.InputSpeech, began, ended, dialog.Heard{Text: e.Text, Confidence: e.Confidence})
}

// discardUnheard forgets prompts of an epoch that an interruption ended: the
// bridge drops them, and the answer to the caller takes their place.
func (st *step) discardUnheard() {
	kept := st.s.Speaking[:0]
	for _, u := range st.s.Speaking {
		if !u.Sent || u.Epoch >= st.s.Epoch || !u.StartedAt.IsZero() {
			kept = append(kept, u)
		}
	}
	st.s.Speaking = kept
}

func (st *step) noInput() {
	if len(st.s.Speaking) > 0 || st.s.Digits != "" || st.s.Closing || st.s.Handoff != nil {
		return // said at the same moment as something else
	}
	st.advance(dialog.Silence{})
	st.emit(Save{})
}

// digit collects keys. Outside an expected number one key is a whole entry;
// inside one, '#', the full length or a pause ends it.
func (st *step) digit(ev Event) {
	key := ev.(Digit).Digit
	if st.s.Closing || st.s.Handoff != nil {
		return
	}
	st.stopSpeech()
	expect := st.s.Dialog.Expecting()
	number := expect.Kind == dialog.ExpectDigits || expect.MaxDigits > 0
	switch {
	case key == "#":
		st.takeDigits(true)
		return
	case len(st.s.Digits) < 32:
		st.s.Digits += key
	}
	if !number || (expect.MaxDigits > 0 && len(st.s.Digits) >= expect.MaxDigits) {
		st.takeDigits(false)
		return
	}
	st.arm(TimerDigits, st.m.Config.DigitsPause)
}

func (st *step) takeDigits(terminated bool) {
	st.disarm(TimerDigits)
	digits := st.s.Digits
	st.s.Digits = ""
	if digits == "" {
		digits, terminated = "#", true
	}
	st.discardUnheard()
	st.callerTurn(digits, schemas.InputDTMF, st.now, st.now, dialog.Digits{Digits: digits, Terminated: terminated})
}

// degraded: without recognition the dialogue asks for keys. Without synthesis
// nothing can be said; the bridge asks for another worker meanwhile, and what
// is to be said waits there. When none comes in time, people have to.
func (st *step) degraded(e *schemas.MediaDegraded) {
	switch {
	case e.Component == "asr":
		st.heardAgain(e.Restored)
	case e.Component != "tts":
	case !e.Restored:
		st.arm(TimerSpeech, st.m.Config.MediaLimit)
	default:
		st.disarm(TimerSpeech)
		st.s.SpeechFailures = 0
		if st.s.Cut && len(st.s.Speaking) == 0 {
			st.resumeSpeech()
		}
	}
}

// speechFailed: one sentence could not be synthesised. It is tried again,
// but not for ever.
func (st *step) speechFailed() {
	if _, waiting := st.s.Timers[TimerSpeech]; waiting || st.s.Phase != PhaseTalking || st.s.Closing || st.s.Handoff != nil {
		return
	}
	if st.s.SpeechFailures++; st.s.SpeechFailures > maxSpeechFailures {
		st.speechGone()
	} else if len(st.s.Speaking) == 0 {
		st.resumeSpeech()
	}
}

func (st *step) speechGone() {
	st.dropSpeech()
	st.mediaGone("tts")
}

func (st *step) fileReady(ev Event) { st.emit(PlayFile{Path: ev.(FileReady).Path}) }

// mediaState comes after a takeover or a gap. Events up to its LastSeq are
// being sent again behind it; what we asked to be said and the bridge does
// not know of was lost on the way and is said now.
func (st *step) mediaState(ev Event) {
	r := ev.(MediaState)
	if r.Err != nil {
		if st.s.Media == MediaAttached {
			st.forkLost(ForkLost{})
		}
		return
	}
	st.s.Epoch = max(st.s.Epoch, r.State.Epoch)
	if r.State.LastSeq == st.s.LastSeq && r.State.Playing == "" && !r.State.CallerSpeaking && len(st.s.Speaking) > 0 {
		st.dropSpeech()
		st.resumeSpeech()
	}
}

func (st *step) forkFailed(ev Event) { st.retryMedia(false) }

func (st *step) forkLost(Event) {
	if st.s.Media == MediaFailed || st.s.Media == MediaDetached {
		return
	}
	st.retryMedia(true)
}

func (st *step) retryMedia(restart bool) {
	st.disarm(TimerLost)
	st.dropSpeech()
	st.s.Cut = true
	if st.s.MediaAttempts < st.m.Config.MediaAttempts {
		st.startFork(restart)
		return
	}
	st.s.Media = MediaFailed
	st.mediaGone("media")
}

// mediaGone: this call can no longer talk, so people have to; without people
// the dialplan's last actions take it.
func (st *step) mediaGone(what string) {
	st.disarm(TimerMedia, TimerPlayout)
	st.s.Failed = true
	if len(st.m.Config.Targets) == 0 {
		st.release(what)
		return
	}
	if st.s.Handoff == nil {
		st.s.Handoff, st.s.Target = &dialog.Handoff{Reason: dialog.HandoffReason("no_" + what), Context: map[string]string{}}, 0
	}
	st.settle()
}
