package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// What callers say that is no answer and asks for nothing. A flow may have none
// of these phrases, and of the prompts that answer them.
const (
	// phraseHello is said to hear whether anyone is there: "喂", "在吗".
	phraseHello = "hello"
	// phraseUnderstood takes note of what was told: "好的", "嗯".
	phraseUnderstood = "understood"
	// phraseSmall are words that may stand around one that is said alone,
	// besides those of filler: "那上门吧".
	phraseSmall = "small"
	// phraseWhat asks for what was said once more: "什么".
	phraseWhat = "what"
	// phraseCost asks what something costs: "要钱吗".
	phraseCost = "cost"
	// phraseCourierWhen asks when couriers come.
	phraseCourierWhen = "courier_when"
	// phraseRather puts an answer right that was given before: "不是，还是尺码".
	phraseRather = "rather"
	// phraseGiveUp drops the request in hand, phraseWithdraw one that was made
	// before the call; phraseNotGivenUp are words that hold theirs and drop
	// nothing: "要不退了吧".
	phraseGiveUp     = "give_up"
	phraseWithdraw   = "withdraw"
	phraseNotGivenUp = "give_up_not"

	// promptHere answers a hello where anything may be said, promptHereAside
	// before the question in hand.
	promptHere      = "here"
	promptHereAside = "here_aside"
	// promptMoreShort asks who only took note whether there is more.
	promptMoreShort = "more_short"
	// promptWithdraw tells how a return that runs already is withdrawn, and
	// offers a human.
	promptWithdraw = "withdraw"
)

// alone says whether a sentence is nothing but one of some phrases, with words
// around it that say nothing.
func (t *turn) alone(h heard, phrases []nlu.Phrase) bool {
	if h.keyed {
		return false
	}
	m, ok := h.sounds.Find(phrases)
	return ok && m.Exact && h.sounds.Without(phrases).Without(t.f.heard[phraseSmall]).Without(t.f.heard[phraseFiller]).Len() == 0
}

// readAlone reads the values that are named by a word which means them only
// where nothing else is said.
func (t *turn) readAlone(h *heard) {
	if h.answer == zhtext.AnswerNo || t.asksExactly(*h) {
		return // "不上门", "上门吗"
	}
	for _, name := range t.f.slotOrder {
		for _, v := range t.f.values[name] {
			if h.values[name] == "" && t.alone(*h, v.alone) {
				h.values[name] = v.name
			}
		}
	}
}

// onlyValue says whether a sentence is nothing but the value of a slot, and so
// asks for nothing: "不想要了", "上门取件".
func (t *turn) onlyValue(h heard) bool {
	for _, name := range t.f.slotOrder {
		for _, v := range t.f.values[name] {
			if v.name == h.values[name] && (t.alone(h, v.words) || t.alone(h, v.alone)) {
				return true
			}
		}
	}
	return false
}

// greeted answers who only wants to hear that someone is there, or takes note
// where nothing was told yet, and asks the question in hand once more. Who says
// it again and again hears nothing: that counts as a turn that led nowhere.
func (t *turn) greeted(h heard) bool {
	hello := h.answer == zhtext.AnswerUnknown && t.alone(h, t.f.heard[phraseHello])
	if !hello && t.s.Question == questionIntent && len(h.values) == 0 {
		hello = t.alone(h, t.f.heard[phraseUnderstood])
	}
	if !hello || !t.f.has(promptHere) || !t.f.has(promptHereAside) {
		t.s.Hellos = 0
		return false
	}
	if t.s.Hellos++; t.s.Hellos > t.f.policy.Reprompts {
		t.s.Misses = max(t.s.Misses, t.f.policy.Reprompts)
		t.miss()
		return true
	}
	if q := t.f.questions[t.s.Question]; t.atRest() && t.s.Prompt == q.Ask && !t.s.Deaf {
		t.sayAndListen(promptHere, q.Expect)
		return true
	}
	t.say(promptHereAside)
	t.reask()
	return true
}

// tookNote takes "好的" to "anything else": it is asked in short, once, and then
// that was all.
func (t *turn) tookNote(h heard) bool {
	if !t.f.has(promptMoreShort) || !t.alone(h, t.f.heard[phraseUnderstood]) {
		return false
	}
	if t.s.Prompt == promptMoreShort {
		t.goodbye("goodbye")
		return true
	}
	t.progress()
	t.askWith(questionMore, promptMoreShort)
	return true
}

// givesUp says whether a sentence gives a request up, and what it asks for
// when the words for that are left out: "不退了，换一件".
func (t *turn) givesUp(h heard, phrase string) (instead nlu.Result, ok bool) {
	if h.keyed {
		return nlu.Result{}, false
	}
	said := h.sounds.Without(t.f.heard[phraseNotGivenUp])
	if _, ok := said.Find(t.f.heard[phrase]); !ok {
		return nlu.Result{}, false
	}
	return t.f.model.Judge(said.Without(t.f.heard[phrase])), true
}

// drops takes a sentence that gives the request in hand up, also for another
// one; where none is in hand it is about a return that was asked for before.
func (t *turn) drops(h heard) bool {
	phrase := phraseGiveUp
	if t.s.Intent == "" {
		phrase = phraseWithdraw
	}
	instead, ok := t.givesUp(h, phrase)
	if !ok {
		return false
	}
	if t.leavesOut(h) {
		t.progress()
		t.proceed()
		return true
	}
	h.intent = instead
	intent, sure := t.intentSure(h, t.f.policy.SwitchIntent)
	_, named := h.sounds.Find(t.f.cores[intent])
	switch {
	case sure && named && intent == t.s.Intent:
		return false // "不换了，就退吧" in the midst of a return
	case sure && named && !t.f.tasks[intent].End:
		t.progress()
		t.s.Offer, t.s.AdvisedIn = "", ""
		t.begin(intent, h)
	case t.s.Intent != "":
		t.giveUp()
	case t.s.Offer == "" && t.f.has(promptWithdraw):
		t.progress()
		t.s.Answered++
		t.offerHuman(promptWithdraw)
	default:
		return false
	}
	return true
}

// leavesOut takes "手套不退了" where several articles are in hand: the others
// stay.
func (t *turn) leavesOut(h heard) bool {
	lines := t.lines()
	held := lineIDs(t.s.Slots[slotLine].Value)
	if t.s.Slots[slotLine].Value == wholeOrder {
		held = nil
		for _, l := range lines {
			held = append(held, l.ID)
		}
	}
	left := slices.Clone(held)
	for _, l := range lines {
		if h.meansLine(l) {
			left = slices.DeleteFunc(left, func(id string) bool { return id == l.ID })
		}
	}
	if len(left) == 0 || len(left) == len(held) {
		return false
	}
	t.set(slotLine, strings.Join(left, lineSeparator), h.text)
	return true
}
