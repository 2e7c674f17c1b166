package dialog

import "github.com/tidegate/tidegate/internal/zhtext"

// promptUnconfirmed asks a caller who says farewell to a confirmation whether
// the request is to be carried out.
const promptUnconfirmed = "unconfirmed"

// leaves takes a farewell to whatever was asked. "不用了，就这样吧" to a question
// that yes or no answers is its answer, and "没问题，谢谢，再见" confirms; who says
// farewell to a confirmation and neither yes nor no is asked once whether the
// request is to be carried out: it would be lost, and few mean that.
func (t *turn) leaves(h heard) bool {
	intent, ok := t.intentSure(h, t.f.policy.SwitchIntent)
	if !ok || !t.f.tasks[intent].End {
		return false
	}
	task := t.f.tasks[t.s.Intent]
	confirming := task.Confirm != "" && t.s.Question == task.Confirm
	offering := task.OfferOrder != "" && t.s.Question == task.OfferOrder
	yesNo := confirming || offering || t.f.slots[t.f.slotOf(t.s.Question)].Reader == readerYesNo
	switch {
	case confirming && h.answer == zhtext.AnswerYes, yesNo && h.answer != zhtext.AnswerUnknown && !t.says(h, "farewell"):
		return false
	case confirming && h.answer == zhtext.AnswerUnknown && t.s.Prompt != promptUnconfirmed:
		t.progress()
		t.askWith(t.s.Question, promptUnconfirmed)
	default:
		t.goodbye("goodbye")
	}
	return true
}
