package dialog

// recognitionLost: nothing that the caller says is understood until
// RecognitionBack. Everything is asked by keypad, and what has no keys is for
// a human.
func (t *turn) recognitionLost(in RecognitionLost) {
	if t.s.Deaf {
		return
	}
	t.s.Deaf, t.s.Consulting = true, nil
	if !t.talking() {
		return
	}
	if t.s.Step == StepAsking && !t.f.keyable(t.s.Question) {
		t.handoff(HandoffNoRecognition)
		return
	}
	if !t.s.DeafTold {
		t.s.DeafTold = true
		if in.Synthetic {
			t.say("keypad_demo")
		} else {
			t.say("keypad_only")
		}
	}
	switch t.s.Step {
	case StepAsking:
		q := t.f.questions[t.s.Question]
		t.s.Silences, t.s.Misses = 0, 0
		t.sayAndListen(q.Keypad, q.Expect)
	case StepLooking:
		t.sayAndListen("still_looking", expectWaiting)
	default:
		t.sayAndListen("still_opening", expectWaiting)
	}
}

// recognitionBack lets the caller speak again. It is said once: a recogniser
// that comes and goes would only confuse.
func (t *turn) recognitionBack() {
	if !t.s.Deaf {
		return
	}
	t.s.Deaf = false
	if t.s.Step != StepAsking || !t.s.DeafTold || t.s.HearingTold {
		return
	}
	t.s.HearingTold = true
	t.s.Silences, t.s.Misses = 0, 0
	t.say("speech_again")
	t.reask()
}

// keyable says whether a question can be answered with keys.
func (f *Flow) keyable(question string) bool {
	if len(f.questions[question].Keys) > 0 || question == questionChooseOrder {
		return true
	}
	switch f.slots[f.slotOf(question)].Reader {
	case readerOrder, readerLine:
		return true
	}
	return false
}

// keypadAgain goes down the ladder of a question that only keys can answer.
func (t *turn) keypadAgain(reason HandoffReason) {
	q := t.f.questions[t.s.Question]
	switch {
	case !t.f.keyable(t.s.Question):
		t.handoff(HandoffNoRecognition)
	case t.s.Misses+t.s.Silences <= t.f.policy.Reprompts:
		t.sayAndListen(q.Keypad, q.Expect)
	case t.s.Question == questionMore && reason == HandoffNoInput:
		t.goodbye("goodbye")
	default:
		t.handoff(HandoffNoRecognition)
	}
}
