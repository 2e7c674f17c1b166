package dialog

// digress takes what is no answer to the present question: another subject,
// or nothing that can be used.
func (t *turn) digress(h heard) {
	least := t.f.policy.SwitchIntent
	intent, ok := t.intentSure(h, least)
	if !ok || intent == t.s.Intent {
		t.lost(h)
		return
	}
	task := t.f.tasks[intent]
	t.progress()
	switch {
	case task.Handoff:
		t.handoff(HandoffAsked)
	case task.End:
		t.goodbye("goodbye")
	case t.aside(task):
		t.reask()
	default:
		if !t.instead(task, h) {
			t.suspend()
		}
		t.begin(intent, h)
	}
}

// aside answers a question in passing, if the task can be.
func (t *turn) aside(task taskSpec) bool {
	switch {
	case task.Aside != "" && task.Answer != "" && t.missing(task) == "":
		t.say(t.rule(task.Answer).Say)
	case task.Aside != "":
		t.say(task.Aside)
	case task.Say != "" && task.Offer == "":
		t.say(task.Say)
	default:
		return false
	}
	t.s.Answered++
	return true
}
