package dialog

// intentComplaint is the intent that anger counts as.
const intentComplaint = "complaint"

// phraseAngry are words of anger; a flow may have none.
const phraseAngry = "angry"

// anger answers a complaint or angry words at once, whatever was asked: what
// else the sentence holds is kept.
func (t *turn) anger(h heard) bool {
	if h.keyed || len(t.f.heard[phraseAngry]) == 0 {
		return false
	}
	if _, ok := t.f.tasks[intentComplaint]; !ok {
		return false
	}
	m, angry := h.sounds.Find(t.f.heard[phraseAngry])
	angry = angry && m.Exact // a likeness of sound is too little to take offence
	intent, sure := t.intentSure(h, t.f.policy.SwitchIntent)
	if !(sure && intent == intentComplaint && len(h.values) == 0) && !angry {
		return false
	}
	t.progress()
	if t.s.Intent != "" {
		t.takeSlots(h, t.f.slotOf(t.s.Question))
	}
	t.suspend()
	t.s.Offer, t.s.AdvisedIn = "", ""
	t.begin(intentComplaint, h)
	return true
}
