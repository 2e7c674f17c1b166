package dialog

import (
	"strings"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
	"github.com/tidegate/tidegate/schemas"
)

func (t *turn) started() {
	if t.s.Step != StepNew {
		return
	}
	t.say("greeting")
	t.findByCaller()
	t.ask(questionIntent)
}

func (t *turn) heard(in Heard) {
	if !t.talking() || !t.countTurn() {
		return
	}
	t.s.Consulting = nil // who speaks on waits for no answer
	h := t.understand(in.Text)
	if t.s.Deaf && h.intent.Intent != intentHuman {
		h = heard{} // what is made of a voice that is not understood says nothing
	}
	t.s.Understood = h.record()
	w, wished := t.wish(in.Text)
	sure := in.Confidence <= 0 || in.Confidence >= t.f.policy.MinRecognition
	switch {
	case h.intent.Intent == intentHuman && !t.courierFor(h):
		if served, ok := dialect.Served(w.id, t.s.Dialects); wished && ok {
			t.s.Dialect, t.s.DialectAsked = served, true // for whoever takes the call
		}
		t.handoff(HandoffAsked)
	case wished && sure:
		t.heardWish(w, h)
	case t.s.Step != StepAsking:
		t.heardWaiting(h)
	case h.sounds.Len() == 0:
		t.miss()
	case !sure:
		t.respondUnsure(h)
	default:
		t.respondOrConsult(h)
	}
}

func (t *turn) digits(in Digits) {
	if !t.talking() || !t.countTurn() {
		return
	}
	t.s.Consulting = nil
	digits := strings.TrimSuffix(in.Digits, "#")
	if len(digits) > 1 {
		digits = strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, digits)
		if len(digits) < 2 {
			// One key among others is a slip, and too little to confirm with.
			digits = ""
		}
	}
	h := t.keys(digits)
	t.s.Understood = h.record()
	switch {
	case digits == t.f.policy.HumanKey:
		t.handoff(HandoffAsked)
	case t.s.Step != StepAsking:
		t.heardWaiting(h)
	case digits == t.f.policy.RepeatKey:
		t.repeat()
	case digits == "":
		t.miss()
	default:
		t.respond(h)
	}
}

// talking says whether the caller is in the conversation.
func (t *turn) talking() bool {
	switch t.s.Step {
	case StepAsking, StepLooking, StepOpening:
		return true
	}
	return false
}

// countTurn bounds every conversation: past the limit a human takes over.
func (t *turn) countTurn() bool {
	t.s.Turns++
	if t.s.Turns <= t.f.policy.MaxTurns {
		return true
	}
	t.handoff(HandoffTooLong)
	return false
}

// maxWordless is how many sounds without a word are let pass while a worker is
// being waited for.
const maxWordless = 6

// heardWaiting takes what is said while a worker is being waited for: slots
// are kept while that can change nothing that was confirmed. Sounds without a
// word and keys without a meaning are as good as silence after a few, so that
// noise does not keep a call waiting.
func (t *turn) heardWaiting(h heard) {
	if h.sounds.Len() == 0 && h.ref.kind == refNone && h.part == "" {
		if t.s.Misses++; t.s.Misses > maxWordless {
			t.silence()
			return
		}
	}
	if t.s.Step == StepLooking {
		if t.fillSlots(h, "") > 0 {
			t.s.Heard++
		}
		if h.ref.kind != refNone || t.goOnWaiting(h) {
			if h.ref.kind != refNone {
				t.wantOrder(h.ref)
			}
			if t.s.Orders.Pending == nil {
				t.proceed()
				return
			}
		}
		t.sayAndListen("still_looking", expectWaiting)
		return
	}
	t.sayAndListen("still_opening", expectWaiting)
}

func (t *turn) silence() {
	t.s.Consulting = nil
	switch t.s.Step {
	case StepAsking:
		t.s.Turns++
		t.s.Silences++
		t.again("bridge_silence", HandoffNoInput)
	case StepLooking:
		t.s.Silences++
		if t.s.Silences <= t.f.policy.WaitTries {
			t.sayAndListen("still_looking", expectWaiting)
			return
		}
		if t.s.Orders.Pending != nil {
			t.searchDone(nil, "timeout")
			return
		}
		t.proceed()
	case StepOpening:
		t.s.Silences++
		if t.s.Silences <= t.f.policy.WaitTries {
			t.sayAndListen("still_opening", expectWaiting)
			return
		}
		t.say("ticket_waiting")
		t.handoff(HandoffTicketFailed)
	}
}

// miss is a turn that led nowhere.
func (t *turn) miss() { t.missAs("bridge_miss") }

// missAs is miss with another beginning.
func (t *turn) missAs(bridge string) {
	t.missed = true
	t.s.Misses++
	t.again(bridge, HandoffNotUnderstood)
}

// again goes down the ladder of a question that was not answered: its
// repetitions, the keypad, a human. Who never said a word gets a goodbye.
func (t *turn) again(bridge string, reason HandoffReason) {
	if t.s.Deaf {
		t.keypadAgain(reason)
		return
	}
	q := t.f.questions[t.s.Question]
	failures := t.s.Misses + t.s.Silences
	switch {
	case failures <= t.f.policy.Reprompts:
		t.say(bridge)
		t.sayAndListen(q.Again[min(failures, len(q.Again))-1], q.Expect)
	case failures == t.f.policy.Reprompts+1:
		t.sayAndListen(q.Keypad, q.Expect)
	case t.s.Question == questionMore && reason == HandoffNoInput:
		t.goodbye("goodbye")
	case reason == HandoffNoInput && t.s.Heard == 0 && t.s.Misses == 0:
		t.s.Step, t.s.Ended = StepEnded, OutcomeNoInput
		t.say("goodbye_silent")
		t.acts = append(t.acts, End{OutcomeNoInput, "silent"})
	default:
		t.handoff(reason)
	}
}

// progress notes that a turn led somewhere.
func (t *turn) progress() {
	t.s.Heard++
	t.s.Misses, t.s.Silences = 0, 0
}

// says reports whether one of the caller's set phrases was said.
func (t *turn) says(h heard, phrase string) bool {
	if h.keyed {
		return false
	}
	_, ok := h.sounds.Find(t.f.heard[phrase])
	return ok
}

// phraseServe are words that ask for something to be done, and not for time:
// "帮我查一下"; a flow may have none.
const phraseServe = "serve"

// maxCommand is the length, in characters, up to which a sentence with "say
// that again" in it is nothing but that.
const maxCommand = 14

// command carries out what can be asked of the assistant itself.
func (t *turn) command(h heard) bool {
	if h.sounds.Len() > maxCommand || h.keyed {
		return false
	}
	switch {
	case t.says(h, "ticket") && t.s.TicketNumber() != "":
		t.progress()
		t.say("ticket_repeat")
		t.reask()
	case t.says(h, "repeat") || t.alone(h, t.f.heard[phraseWhat]):
		t.repeat()
	case t.says(h, "wait") && len(h.values) == 0 && h.ref.kind == refNone && !t.says(h, phraseServe) && !t.wantsElse(h):
		t.sayAndListen("wait", expectPatient)
	default:
		return false
	}
	return true
}

// wantsElse says whether a sentence surely asks for another request to be
// carried out: "等一下，我的快递到哪了" does not only want time.
func (t *turn) wantsElse(h heard) bool {
	intent, ok := t.intentSure(h, t.f.policy.SwitchIntent)
	task := t.f.tasks[intent]
	return ok && intent != t.s.Intent && (task.Ticket != "" || task.Answer != "")
}

// repeat says again what was said last, slower.
func (t *turn) repeat() {
	said := t.s.Said
	if q := t.f.tasks[t.s.Intent].Confirm; q != "" && t.s.Question == q {
		t.notes = t.s.Noted
	}
	t.say("repeat")
	for _, p := range said {
		if p.ID == "repeat" || p.ID == "wait" || p.ID == "greeting" ||
			p.ID == "bridge_miss" || p.ID == "bridge_silence" || p.Expect.Kind != ExpectNone {
			continue
		}
		p.Style = string(schemas.StyleSlow)
		t.put(p, expectNothing)
	}
	t.reask()
	last := &t.told[len(t.told)-1]
	last.Style = string(schemas.StyleSlow)
	t.acts[t.lastSay] = Say{*last}
}

// intentSure is the intent heard if it is sure enough to act on.
func (t *turn) intentSure(h heard, least float64) (string, bool) {
	in := h.intent
	if in.Intent == "" || in.Intent == nlu.OutOfScope || in.Confidence < least {
		return "", false
	}
	return in.Intent, !t.f.tasks[in.Intent].Miss
}
