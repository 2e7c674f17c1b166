package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog/knowledge"
)

const (
	// promptAnswer begins the names of prompts that say an entry of the
	// knowledge base.
	promptAnswer = "knowledge_"
	// promptUnknown offers a human for what nobody told the assistant,
	// promptUnknownAside says so in the midst of a request, promptToldAll that
	// there is no more to an answer than was said.
	promptUnknown      = "unknown"
	promptUnknownAside = "unknown_aside"
	promptToldAll      = "told_all"

	phraseFiller = "filler"
	phraseAsking = "asking"
	phraseTopic  = "topic"
	// phraseDrop gives a request up where nothing else is to be given up.
	phraseDrop = "drop"

	// maxDropped is the length of such a sentence, in characters.
	maxDropped = 5

	// maxTold is how often an entry is said in one call, maxUnknown how many
	// questions without an entry lead to a human.
	maxTold    = 2
	maxUnknown = 2
)

// entrySpec is what is known about one question of callers.
type entrySpec struct {
	// Questions are ways to ask for it, Words name its subject.
	Questions []string `yaml:"questions"`
	Words     []string `yaml:"words"`
	// Answer and Style are as in prompts.
	Answer textList `yaml:"answer"`
	Style  string   `yaml:"style"`
	// Offer is an intent offered after the answer.
	Offer string `yaml:"offer"`
}

// knowledgePolicy says how well a sentence has to ask for an entry.
type knowledgePolicy struct {
	// Accept is enough for what is otherwise not understood, Sure for what
	// may also be the answer to a question or a general request.
	Accept float64 `yaml:"accept"`
	Sure   float64 `yaml:"sure"`
}

// maxQuestions bounds an entry, in ways to ask for it and words of its own.
const maxQuestions = 64

// checkKnowledge validates the entries and makes each answer a prompt, so that
// it is checked, prepared and said like all others.
func (l *loader) checkKnowledge() {
	f := l.flow
	if len(f.knowledge) == 0 {
		return
	}
	p := f.policy.Knowledge
	if !(p.Accept > 0 && p.Accept <= p.Sure && p.Sure <= 1) {
		l.bad("accept is %v and sure %v; must be above 0, up to 1, accept not above sure", args(p.Accept, p.Sure), "policy", "knowledge")
	}
	for _, id := range []string{promptUnknown, promptUnknownAside, promptToldAll} {
		if _, ok := f.prompts[id]; !ok {
			l.bad("is missing, which a flow with knowledge needs", nil, "prompts", id)
		}
	}
	for _, id := range []string{phraseFiller, phraseAsking, phraseTopic} {
		if len(f.phrases[id]) == 0 {
			l.bad("is missing, which a flow with knowledge needs", nil, "phrases", id)
		}
	}
	for _, id := range sortedKeys(f.knowledge) {
		l.checkEntry(id, f.knowledge[id])
	}
}

func (l *loader) checkEntry(id string, e entrySpec) {
	l.name("knowledge", id)
	l.offer(e.Offer, "knowledge", id, "offer")
	for key, list := range map[string][]string{"questions": e.Questions, "words": e.Words} {
		if len(list) == 0 || len(list) > maxQuestions {
			l.bad("has %d of them, must have 1 to %d", args(len(list), maxQuestions), "knowledge", id, key)
		}
		for _, s := range list {
			if strings.TrimSpace(s) == "" {
				l.bad("has an empty one", nil, "knowledge", id, key)
			}
		}
	}
	for _, text := range e.Answer {
		if names := placeholdersIn(text); len(names) > 0 {
			l.bad("names {%s}; an answer holds for every caller", args(names[0]), "knowledge", id, "answer")
		}
	}
	if e.Offer != "" && slices.ContainsFunc(e.Answer, func(s string) bool { return !strings.HasSuffix(s, "？") && !strings.HasSuffix(s, "?") }) {
		l.bad("must end with the question that offers %s", args(e.Offer), "knowledge", id, "answer")
	}
	prompt := promptAnswer + id
	if _, ok := l.flow.prompts[prompt]; ok {
		l.bad("prompt %q is there already", args(prompt), "knowledge", id)
		return
	}
	l.flow.prompts[prompt] = promptSpec{Text: e.Answer, Style: e.Style}
	l.checkPrompt(prompt, "knowledge", id, "answer")
}

// learn builds the index of the checked knowledge base.
func (f *Flow) learn() {
	entries := make([]knowledge.Entry, 0, len(f.knowledge))
	for _, id := range sortedKeys(f.knowledge) {
		e := f.knowledge[id]
		entries = append(entries, knowledge.Entry{ID: id, Questions: f.folded(e.Questions), Words: f.folded(e.Words)})
	}
	f.known = knowledge.New(entries, f.folded(f.phrases[phraseFiller]))
}

// Entries lists the names of the knowledge base's entries.
func (f *Flow) Entries() []string { return sortedKeys(f.knowledge) }

// look finds the entry that a sentence asks for at least as well as least
// says.
func (t *turn) look(h heard, least float64) (id string, ok bool) {
	if h.keyed || t.s.Deaf || h.ref.kind != refNone || t.f.known.Len() == 0 {
		return "", false
	}
	found := t.f.known.Find(h.sounds, 1)
	if len(found) == 0 || found[0].Score < least {
		return "", false
	}
	return found[0].ID, true
}

// answerFirst answers what clearly asks for an entry before anything else is
// made of the sentence: "赠品要不要一起退" holds words that choose something. What
// clearly asks for something to be done comes before knowledge, unless its
// task only tells the rules in general.
func (t *turn) answerFirst(h heard) bool {
	id, ok := t.look(h, t.f.policy.Knowledge.Sure)
	if !ok || t.answersQuestion(h) {
		return false
	}
	if intent, sure := t.intentSure(h, t.f.policy.SwitchIntent); sure {
		task := t.f.tasks[intent]
		if !task.Knowledge {
			return false
		}
		if t.ofRequest(task, h) && t.aside(task) {
			t.progress()
			t.reask()
			return true
		}
	}
	t.answer(id, h)
	return true
}

// surely is the confidence from which a question about the rules is answered
// for the request in hand, also where an entry speaks of something close to it.
const surely = 0.95

// ofRequest says whether what a sentence surely asks can be answered for the
// request in hand, not only in general: "上门取件要钱吗" of goods that are broken.
func (t *turn) ofRequest(task taskSpec, h heard) bool {
	_, named := h.sounds.Find(t.f.cores[h.intent.Intent])
	return (named || t.says(h, phraseCost)) && t.s.Intent != "" && task.Answer != "" && h.intent.Confidence >= surely && t.missing(task) == "" && t.asksExactly(h)
}

// answersQuestion says whether a sentence that asks nothing is an answer to
// the question in hand: "配件不全" is a reason, not the wish to know of
// accessories, also when nobody has asked for one yet.
func (t *turn) answersQuestion(h heard) bool {
	if t.ofPickup(h) {
		return true
	}
	slot := t.f.slotOf(t.s.Question)
	switch {
	case t.says(h, phraseAsking):
		return false
	case (t.atRest() || t.offersOrder()) && t.namesGoods(h):
		return true
	case t.s.Question == questionIntent:
		return t.wishFor(h) != ""
	case t.restates(h), slot == slotOrder && t.says(h, "unknown"):
		return true
	case slot == "":
		return false
	}
	lines := t.lines()
	return h.values[slot] != "" || t.f.slots[slot].Reader == readerLine && h.pick(len(lines), func(i int) bool { return h.meansLine(lines[i]) }) >= 0
}

// lost takes what nothing else was made of: knowledge, an honest "I don't
// know", or a miss.
func (t *turn) lost(h heard) {
	if again, ok := t.intentSure(h, t.f.policy.SwitchIntent); (t.restates(h) || ok && again == t.s.Intent) && t.s.Misses+t.s.Silences < t.f.policy.Reprompts {
		t.s.Misses++
		t.say("noted")
		t.reask()
		return
	}
	if id, ok := t.look(h, t.f.policy.Knowledge.Accept); ok {
		t.answer(id, h)
		return
	}
	if t.s.Intent != "" && h.sounds.Len() <= maxDropped && t.says(h, phraseDrop) {
		t.giveUp()
		return
	}
	if !t.asks(h) {
		t.miss()
		return
	}
	t.missed = true
	t.s.Unknown++
	switch {
	case t.s.Unknown > maxUnknown:
		t.handoff(HandoffNotUnderstood)
	case t.atRest():
		t.offerHuman(promptUnknown)
	default:
		t.missAs(promptUnknownAside)
	}
}

// asks says whether a sentence asks something about the shop.
func (t *turn) asks(h heard) bool {
	if h.keyed || t.s.Deaf || t.f.known.Len() == 0 {
		return false
	}
	return t.asksExactly(h) && t.says(h, phraseTopic)
}

// atRest says whether nothing is being asked of the caller that would be
// interrupted.
func (t *turn) atRest() bool {
	return t.s.Intent == "" && (t.s.Question == questionIntent || t.s.Question == questionMore)
}

// answer says an entry of the knowledge base, and goes on as after any other
// answer, or with the question in hand.
func (t *turn) answer(id string, h heard) {
	t.progress()
	t.s.Told[id]++
	switch {
	case t.s.Told[id] > maxTold && t.atRest():
		t.offerHuman(promptToldAll)
	case t.s.Told[id] > maxTold:
		t.handoff(HandoffNotUnderstood)
	default:
		t.s.Answered++
		t.tell(id, h)
	}
}

// tellPlain says an entry as it is written.
func (t *turn) tellPlain(id string) {
	if t.atRest() {
		t.concluded(promptAnswer+id, t.f.knowledge[id].Offer)
		return
	}
	t.sayPlainly(promptAnswer+id, t.f.knowledge[id].Offer)
	t.reask()
}

func (t *turn) offerHuman(prompt string) {
	t.s.Offer = intentHuman
	t.askWith(questionOffer, prompt)
}
