package dialog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidegate/tidegate/internal/zhtext"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// Advice says what a language model is asked for in a call. Without any, no
// Consult is ever made.
type Advice struct {
	// Understand: what a sentence means that nothing was made of.
	Understand bool `json:"understand,omitempty"`
	// Word: an entry of the knowledge base in words that answer the question
	// as it was asked.
	Word bool `json:"word,omitempty"`
}

// ConsultKind is what a Consult is for; a closed set, fit for a metric.
type ConsultKind string

// The kinds of Consult.
const (
	ConsultUnderstand ConsultKind = "understand"
	ConsultWord       ConsultKind = "word"
)

// ConsultKinds lists them.
func ConsultKinds() []ConsultKind { return []ConsultKind{ConsultUnderstand, ConsultWord} }

// maxConsults bounds what one call may ask.
const maxConsults = 12

// Consulting is a Consult that is not answered yet.
type Consulting struct {
	ID       string      `json:"id"`
	Kind     ConsultKind `json:"kind"`
	Text     string      `json:"text"`
	Question string      `json:"question"`
	// Entry is what is to be worded, Sentences how many were said of it.
	Entry     string `json:"entry,omitempty"`
	Sentences int    `json:"sentences,omitempty"`
}

// Continues says whether an input goes on with what is being said: the next
// sentence of an answer that comes sentence by sentence.
func (s State) Continues(in Input) bool {
	c := s.Consulting
	if c == nil || c.Sentences == 0 {
		return false
	}
	switch in := in.(type) {
	case Worded:
		return in.ID == c.ID
	case ConsultFailed:
		return in.ID == c.ID
	}
	return false
}

// AsksMeaning says whether a language model is being asked what the caller's
// last sentence means.
func (s State) AsksMeaning() bool {
	return s.Consulting != nil && s.Consulting.Kind == ConsultUnderstand
}

// respondOrConsult takes the caller's answer. Where nothing can be made of it
// and there is a language model, that is asked, and the answer waits: the
// turn is taken back as if it had not been.
func (t *turn) respondOrConsult(h heard) {
	before, asked := t.s.clone(), t.s.Question
	t.respond(h)
	if !t.missed || !before.Advice.Understand || h.sounds.Len() < 2 || !t.mayConsult(before) {
		return
	}
	*t.s, t.acts, t.told, t.lastSay, t.missed = before, nil, nil, 0, false
	t.consult(Consulting{Kind: ConsultUnderstand, Text: h.text, Question: asked})
}

func (t *turn) mayConsult(s State) bool {
	return !s.Deaf && s.Step == StepAsking && s.Consults < maxConsults
}

func (t *turn) consult(c Consulting) {
	t.s.Consults++
	c.ID = t.s.CallID + "/consult/" + strconv.Itoa(t.s.Consults)
	t.s.Consulting = &c
	t.acts = append(t.acts, t.consultAct(c))
}

// consultAct is everything the model may know and answer: the flow's intents
// and the values of its slots, or the facts. An end of the call is not among
// them.
func (t *turn) consultAct(c Consulting) Consult {
	act := Consult{ID: c.ID, Kind: c.Kind, Text: c.Text}
	if c.Kind == ConsultWord {
		act.Facts = slices.Clone(t.f.knowledge[c.Entry].Answer)
		return act
	}
	act.Asked = t.f.questionText(c.Question)
	for _, name := range sortedKeys(t.f.intents) {
		if t.f.proposable(name) {
			in := t.f.intents[name]
			act.Intents = append(act.Intents, Meaning{Name: name, Label: in.Label, Examples: t.f.examples[name][:min(3, len(t.f.examples[name]))]})
		}
	}
	for _, name := range t.f.slotOrder {
		if len(t.f.slots[name].Values) == 0 {
			continue
		}
		slot := SlotMeaning{Name: name}
		for _, v := range t.f.slots[name].Values {
			slot.Values = append(slot.Values, Meaning{Name: v.Name, Label: v.Say})
		}
		act.Slots = append(act.Slots, slot)
	}
	return act
}

// proposable says whether a model may propose an intent: not the end of the
// call, which cannot be taken back.
func (f *Flow) proposable(intent string) bool {
	task, ok := f.tasks[intent]
	return ok && !task.End && !task.Miss
}

// questionText is a question without what fills its gaps: names of goods are
// of no use to a model.
func (f *Flow) questionText(question string) string {
	text := f.prompts[f.questions[question].Ask].Text
	if len(text) == 0 {
		return ""
	}
	return placeholder.ReplaceAllString(text[0], "…")
}

// consulted takes what a model makes of a sentence. It is a proposal: it is
// put beside the reading of the sentence, and goes the way of every sentence.
func (t *turn) consulted(in Consulted) {
	h, ok := t.consultedFor(in.ID)
	if !ok {
		return
	}
	t.propose(&h, in)
	t.s.Understood = h.record()
	t.respond(h)
}

// consultedFor ends a Consult that asked for a meaning and reads its sentence
// again.
func (t *turn) consultedFor(id string) (heard, bool) {
	c := t.s.Consulting
	if c == nil || c.ID != id || c.Kind != ConsultUnderstand {
		return heard{}, false
	}
	t.s.Consulting = nil
	if t.s.Step != StepAsking || t.s.Question != c.Question {
		return heard{}, false
	}
	return t.understand(c.Text), true
}

// propose adds to a reading what the flow knows of a proposal. What was read
// stays. A yes to a confirmation has to be the caller's own.
func (t *turn) propose(h *heard, in Consulted) {
	if t.f.proposable(in.Intent) {
		least := max(t.f.policy.AcceptIntent, t.f.policy.SwitchIntent)
		h.intent = nlu.Result{Scored: nlu.Scored{Intent: in.Intent, Confidence: least}}
	}
	for _, name := range sortedKeys(in.Slots) {
		if _, known := t.f.slots[name]; known && h.values[name] == "" && t.f.sayValue(name, in.Slots[name]) != "" {
			h.values[name] = in.Slots[name]
		}
	}
	if h.answer != zhtext.AnswerUnknown {
		return
	}
	confirm := t.f.tasks[t.s.Intent].Confirm
	switch {
	case in.Answer == valueNo:
		h.answer = zhtext.AnswerNo
	case in.Answer == valueYes && (confirm == "" || t.s.Question != confirm):
		h.answer = zhtext.AnswerYes
	}
}

// consultFailed goes on as if there were no model.
func (t *turn) consultFailed(in ConsultFailed) {
	if h, ok := t.consultedFor(in.ID); ok {
		t.respond(h)
		return
	}
	t.wordingEnds(in.ID)
}

// tell says an entry: in the model's words where there is one, else in its
// own. An entry that ends with a question is said as it is written.
func (t *turn) tell(id string, h heard) {
	if t.s.Advice.Word && t.f.knowledge[id].Offer == "" && t.mayConsult(*t.s) {
		t.consult(Consulting{Kind: ConsultWord, Text: h.text, Question: t.s.Question, Entry: id})
		return
	}
	t.tellPlain(id)
}

// worded says the next sentence of an answer. One that says more than the
// facts do ends it.
func (t *turn) worded(in Worded) {
	c := t.s.Consulting
	if c == nil || c.ID != in.ID || c.Kind != ConsultWord {
		return
	}
	if in.Sentence != "" {
		if c.Sentences >= maxSentences || !sayable(in.Sentence, t.f.knowledge[c.Entry].Answer) {
			t.wordingEnds(in.ID)
			return
		}
		next := *c
		next.Sentences++
		t.s.Consulting = &next
		p := t.render(promptAnswer + c.Entry)
		p.Text = in.Sentence
		t.put(p, expectNothing)
	}
	if in.Last {
		t.wordingEnds(in.ID)
	}
}

// wordingEnds goes on after a worded answer; when nothing was said of it, it
// is said as it is written.
func (t *turn) wordingEnds(id string) {
	c := t.s.Consulting
	if c == nil || c.ID != id || c.Kind != ConsultWord {
		return
	}
	t.s.Consulting = nil
	switch {
	case t.s.Step != StepAsking || t.s.Question != c.Question:
	case c.Sentences == 0:
		t.tellPlain(c.Entry)
	case t.atRest():
		t.next()
	default:
		t.reask()
	}
}

// Bounds of a worded answer.
const (
	maxSentences     = 3
	maxSentenceRunes = 90
)

// sayable says whether a sentence can be read out and names no number that the
// facts do not: numbers are what a model must not invent.
func sayable(sentence string, facts []string) bool {
	rs := []rune(sentence)
	if len(rs) == 0 || len(rs) > maxSentenceRunes || strings.ContainsAny(sentence, "{}<>[]()*#_`|\\/@&=$%^~") {
		return false
	}
	known := numerals(strings.Join(facts, "。"))
	for _, n := range numerals(sentence) {
		if !slices.Contains(known, n) {
			return false
		}
	}
	return true
}

// numerals lists the numbers in a text, as written. A lone "一" or "两" is mostly
// none ("一般", "一起").
func numerals(text string) []string {
	var out []string
	run := []rune{}
	flush := func() {
		if s := string(run); len(run) > 0 && s != "一" {
			out = append(out, s)
		}
		run = run[:0]
	}
	for _, r := range zhtext.Narrow(text) {
		if strings.ContainsRune("0123456789.零〇一二两三四五六七八九十百千万亿半", r) {
			run = append(run, r)
			continue
		}
		flush()
	}
	flush()
	return out
}
