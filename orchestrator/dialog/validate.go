package dialog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidegate/tidegate/schemas"
)

// requiredPrompts are those the interpreter says by name.
var requiredPrompts = []string{
	"greeting", "bridge_silence", "bridge_miss", "repeat", "wait", "noted", "looking", "still_looking",
	"order_found", "order_not_found", "orders_down", "opening", "still_opening",
	"ticket_opened", "ticket_again", "ticket_pending", "ticket_repeat", "ticket_waiting",
	"ticket_failed", "ticket_exists", "handoff", "handoff_gave_up", "handoff_failed",
	"goodbye", "goodbye_silent", "goodbye_failed", promptUnconfirmed, "resume_task", "order_described",
	"order_undated", "order_by_digits", "choice", "ticket_summary", "not_now",
	"dialect_ok", "dialect_standard", "dialect_unavailable", "dialect_which", "keypad_only", "keypad_demo", "speech_again",
}

// requiredQuestions are those the interpreter asks by name.
var requiredQuestions = []string{"intent", "choose_order", "correct", "anything_else", "offer"}

// requiredPhrases are the caller's commands and small words.
var requiredPhrases = []string{
	"repeat", "wait", "wrong", "wrong_order", "unknown", "nothing_more", "farewell", "ticket", "negation",
	"all", "give_up", phraseBefore, phraseAfter, phraseNot, phrasePoor, phraseThing, phraseAny, phraseLink,
}

var requiredSlots = []string{slotOrder}

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	keyPattern    = regexp.MustCompile(`^[0-9*]$`)
	offsetPattern = regexp.MustCompile(`^[+-][0-9]{2}:[0-9]{2}$`)
	readers       = []string{readerOrder, readerLine, readerChoice, readerYesNo, readerVariant, readerTimeRange, readerAddress}
	expectKinds   = []ExpectKind{
		ExpectNone, ExpectYesNo, ExpectOpen, ExpectDigits, ExpectReason, ExpectChoice, ExpectWait,
	}
)

// bad records an error at the definition that keys lead to.
func (l *loader) bad(format string, args []any, keys ...string) {
	what := strings.Join(keys, ".")
	l.fail(fmt.Errorf("%w: %s: %s: %s", ErrFlow, l.at(keys...), what, fmt.Sprintf(format, args...)))
}

func args(a ...any) []any { return a }

// check validates the flow as a whole.
func (l *loader) check() {
	l.checkHeader()
	l.checkVoice()
	l.checkPolicy()
	l.checkRequired()
	l.checkPrompts()
	l.checkQuestions()
	l.checkSlots()
	l.checkFiller()
	l.checkIntents()
	l.checkSayings()
	l.checkTerms()
	l.checkTasks()
	l.checkRules()
	l.checkPhrases()
	l.checkKnowledge()
}

func (l *loader) checkHeader() {
	h := l.flow.header
	for _, f := range []struct{ name, value string }{
		{"name", h.Name}, {"version", h.Version}, {"language", h.Language},
	} {
		if f.value == "" {
			l.bad("must not be empty", nil, "flow", f.name)
		}
	}
	if tag, _, _ := strings.Cut(h.Language, "-"); h.Language != "" && !slices.Contains(languages, tag) {
		l.bad("is %q, flows are in zh or en", args(h.Language), "flow", "language")
	}
	if !offsetPattern.MatchString(h.UTCOffset) {
		l.bad("must look like +08:00", nil, "flow", "utc_offset")
	} else if _, err := time.Parse("-07:00", h.UTCOffset); err != nil {
		l.bad("is no offset from UTC", nil, "flow", "utc_offset")
	}
}

func (l *loader) checkPolicy() {
	p := l.flow.policy
	for _, n := range []struct {
		name          string
		value, lo, hi int
	}{
		{"reprompts", p.Reprompts, 1, 5}, {"max_turns", p.MaxTurns, 10, 500},
		{"order_min", p.OrderMin, 5, 40}, {"order_max", p.OrderMax, p.OrderMin, 64},
		{"last_min", p.LastMin, 3, p.OrderMin - 1}, {"order_tries", p.OrderTries, 1, 5},
		{"offer_orders", p.OfferOrders, 2, 9}, {"handoff_tries", p.HandoffTries, 1, 5},
		{"wait_tries", p.WaitTries, 1, 10}, {"digit_group", p.DigitGroup, 2, 6},
	} {
		if n.value < n.lo || n.value > n.hi {
			l.bad("is %d, must be from %d to %d", args(n.value, n.lo, n.hi), "policy", n.name)
		}
	}
	for _, n := range []struct {
		name  string
		value float64
	}{
		{"min_recognition", p.MinRecognition}, {"accept_intent", p.AcceptIntent}, {"switch_intent", p.SwitchIntent},
	} {
		if !(n.value >= 0 && n.value < 1) {
			l.bad("is %v, must be from 0 to below 1", args(n.value), "policy", n.name)
		}
	}
	for name, key := range map[string]string{"human_key": p.HumanKey, "repeat_key": p.RepeatKey} {
		if !keyPattern.MatchString(key) {
			l.bad("must be one key, 0-9 or *", nil, "policy", name)
		}
	}
}

func (l *loader) checkRequired() {
	for _, id := range requiredPrompts {
		if _, ok := l.flow.prompts[id]; !ok {
			l.bad("is missing", nil, "prompts", id)
		}
	}
	for _, id := range requiredQuestions {
		if _, ok := l.flow.questions[id]; !ok {
			l.bad("is missing", nil, "questions", id)
		}
	}
	for _, id := range requiredPhrases {
		if len(l.flow.phrases[id]) == 0 {
			l.bad("is missing", nil, "phrases", id)
		}
	}
	for _, id := range requiredSlots {
		if _, ok := l.flow.slots[id]; !ok {
			l.bad("is missing", nil, "slots", id)
		}
	}
	for _, id := range []string{expectNothing, expectWaiting, expectPatient} {
		if _, ok := l.flow.expects[id]; !ok {
			l.bad("is missing", nil, "expects", id)
		}
	}
	for _, id := range []string{intentHuman, intentGoodbye, outOfScope} {
		if _, ok := l.flow.tasks[id]; !ok {
			l.bad("is missing", nil, "tasks", id)
		}
	}
}

func (l *loader) checkPrompts() {
	for _, id := range sortedKeys(l.flow.prompts) {
		l.name("prompts", id)
		l.checkPrompt(id, "prompts", id)
	}
}

// checkPrompt validates a prompt, wherever keys say it is written.
func (l *loader) checkPrompt(id string, keys ...string) {
	p := l.flow.prompts[id]
	if len(p.Text) == 0 {
		l.bad("has no text", nil, keys...)
	}
	for _, text := range p.Text {
		l.checkText(text, keys...)
	}
	style, ok := schemas.ParseStyle(p.Style)
	if !ok {
		l.bad("unknown style %q, know calm (安抚), slow (慢速), cheerful (热情), apologetic (歉意) and neutral (标准)", args(p.Style), keys...)
	}
	p.Style = string(style) // by whatever name the flow calls it
	l.flow.prompts[id] = p
}

func (l *loader) checkText(text string, keys ...string) {
	if strings.TrimSpace(text) == "" {
		l.bad("has an empty text", nil, keys...)
	}
	if n := utf8.RuneCountInString(text); n > 200 {
		l.bad("is %d characters long, at most 200 can be listened to", args(n), keys...)
	}
	for _, name := range placeholdersIn(text) {
		if _, slot := l.flow.slots[name]; !slot && !slices.Contains(placeholderNames, name) {
			l.bad("unknown placeholder {%s}", args(name), keys...)
		}
	}
	if strings.ContainsAny(placeholder.ReplaceAllString(text, ""), "{}") {
		l.bad("has a brace that belongs to no placeholder", nil, keys...)
	}
}

func (l *loader) checkQuestions() {
	for _, id := range sortedKeys(l.flow.questions) {
		l.name("questions", id)
		q := l.flow.questions[id]
		l.prompt(q.Ask, "questions", id, "ask")
		l.prompt(q.Keypad, "questions", id, "keypad")
		if len(q.Again) == 0 {
			l.bad("has no repetitions", nil, "questions", id, "again")
		}
		for _, p := range q.Again {
			l.prompt(p, "questions", id, "again")
		}
		if _, ok := l.flow.expects[q.Expect]; !ok {
			l.bad("unknown expects %q", args(q.Expect), "questions", id, "expect")
		}
		for _, s := range q.Also {
			if _, ok := l.flow.slots[s]; !ok {
				l.bad("unknown slot %q", args(s), "questions", id, "also")
			}
		}
		for _, k := range sortedKeys(q.Keys) {
			if !keyPattern.MatchString(k) || k == l.flow.policy.HumanKey || k == l.flow.policy.RepeatKey {
				l.bad("key %q is none or is taken", args(k), "questions", id, "keys")
			}
		}
	}
	for _, id := range sortedKeys(l.flow.expects) {
		e := l.flow.expects[id]
		if !slices.Contains(expectKinds, e.Kind) {
			l.bad("unknown kind %q", args(e.Kind), "expects", id, "kind")
		}
		if e.EndpointMS < 0 || e.EndpointMS > 5000 || e.NoInputMS < 0 || e.NoInputMS > 120000 || e.MaxDigits < 0 ||
			e.AnswerMS < 0 || e.AnswerMS > 5000 || e.NumberMS < 0 || e.NumberMS > 5000 || e.MinDigits < 0 || e.MinDigits > 32 {
			l.bad("times or digits are out of range", nil, "expects", id)
		}
		if len(e.Answers) > maxAnswers {
			l.bad("has %d answers, at most %d are compared", args(len(e.Answers), maxAnswers), "expects", id, "answers")
		}
		if e.Kind != ExpectNone && e.NoInputMS == 0 {
			l.bad("must have a no_input_ms, or a silent caller would wait for ever", nil, "expects", id)
		}
	}
}

// maxAnswers bounds the phrases that end a turn sooner.
const maxAnswers = 64

// checkFiller: what covers a wait is the same in every call, so that it can
// be made before it is needed.
func (l *loader) checkFiller() {
	p, ok := l.flow.prompts[promptFiller]
	switch ms := l.flow.policy.FillerMS; {
	case ms == 0 && !ok:
		return
	case ms < 200 || ms > 10000:
		l.bad("is %d, must be from 200 to 10000 where there is a prompt %q", args(ms, promptFiller), "policy", "filler_ms")
	case !ok || len(p.Text) > 8:
		l.bad("must have one to eight texts, as policy.filler_ms is set", nil, "prompts", promptFiller)
	}
	for _, text := range p.Text {
		if len(placeholdersIn(text)) > 0 {
			l.bad("must have no placeholder", nil, "prompts", promptFiller)
		}
	}
}

func (l *loader) checkIntents() {
	for _, id := range sortedKeys(l.flow.intents) {
		l.name("intents", id)
		if _, ok := l.flow.tasks[id]; !ok {
			l.bad("has no task", nil, "intents", id)
		}
		if in := l.flow.intents[id]; len(in.Examples)+len(in.Patterns)+len(l.flow.sayings[id]) == 0 {
			l.bad("has no examples", nil, "intents", id)
		}
	}
}

func (l *loader) checkTasks() {
	for _, id := range sortedKeys(l.flow.tasks) {
		t := l.flow.tasks[id]
		if _, ok := l.flow.intents[id]; !ok && t.Label == "" {
			l.bad("has no intent of its name, and no label of its own", nil, "tasks", id)
		}
		for _, s := range t.Slots {
			if _, ok := l.flow.slots[s]; !ok {
				l.bad("unknown slot %q", args(s), "tasks", id, "slots")
			}
		}
		for _, s := range sortedKeys(t.Asks) {
			if _, ok := l.flow.questions[t.Asks[s]]; !ok || !slices.Contains(t.Slots, s) {
				l.bad("%s is no slot of the task, or %q no question", args(s, t.Asks[s]), "tasks", id, "asks")
			}
		}
		ends := 0
		for _, set := range []bool{t.Ticket != "", t.Answer != "", t.Say != "", t.Handoff, t.End, t.Miss} {
			if set {
				ends++
			}
		}
		if ends != 1 {
			l.bad("needs exactly one of ticket, answer, say, handoff, end, miss", nil, "tasks", id)
		}
		if _, ok := l.flow.rules[t.Answer]; t.Answer != "" && !ok {
			l.bad("unknown rules %q", args(t.Answer), "tasks", id, "answer")
		}
		if _, ok := l.flow.questions[t.Confirm]; (t.Confirm != "" || t.Ticket != "") && !ok {
			l.bad("unknown question %q; a ticket needs a confirmation", args(t.Confirm), "tasks", id, "confirm")
		}
		if t.Ticket != "" && !slices.Contains(t.Slots, slotOrder) {
			l.bad("a ticket needs the slot order", nil, "tasks", id, "slots")
		}
		if _, ok := l.flow.questions[t.OfferOrder]; t.OfferOrder != "" && !ok {
			l.bad("unknown question %q", args(t.OfferOrder), "tasks", id, "offer_order")
		}
		l.checkTaskPrompts(id, t)
		l.checkTaskRules(id, t)
	}
}

func (l *loader) checkTaskPrompts(id string, t taskSpec) {
	if t.Say != "" {
		l.prompt(t.Say, "tasks", id, "say")
	}
	if t.Aside != "" {
		l.prompt(t.Aside, "tasks", id, "aside")
	}
	l.offer(t.Offer, "tasks", id, "offer")
	for key, prompt := range map[string]string{"correct": t.Correct, "summary": t.Summary} {
		if prompt != "" {
			l.prompt(prompt, "tasks", id, key)
		}
	}
	if t.Prefer != "" && preferences[t.Prefer] == nil {
		l.bad("unknown value %q, know %s", args(t.Prefer, strings.Join(sortedKeys(preferences), ", ")), "tasks", id, "prefer")
	}
}

func (l *loader) checkRules() {
	for _, id := range sortedKeys(l.flow.rules) {
		l.name("rules", id)
		rules := l.flow.rules[id]
		if n := len(rules); n == 0 || len(rules[n-1].When) > 0 || rules[n-1].If != "" {
			l.bad("the last rule must hold always", nil, "rules", id)
		}
		l.checkConditions(id)
		for i, r := range rules {
			at := []string{"rules", id, strconv.Itoa(i)}
			if r.Say != "" || l.answers(id) {
				l.prompt(r.Say, at...)
			}
			l.offer(r.Offer, at...)
			for _, fact := range sortedKeys(r.When) {
				_, slot := l.flow.slots[fact]
				if !slot && !slices.Contains(factNames, fact) {
					l.bad("unknown fact %q", args(fact), at...)
				}
				l.checkFactValues(fact, r.When[fact], at...)
			}
		}
	}
}

// checkFactValues compares a rule's values with those the slot can have.
func (l *loader) checkFactValues(fact string, want []string, at ...string) {
	values := l.flow.slots[fact].Values
	if len(values) == 0 {
		return
	}
	for _, w := range want {
		if !slices.ContainsFunc(values, func(v valueSpec) bool { return v.Name == w }) {
			l.bad("slot %s has no value %q", args(fact, w), at...)
		}
	}
}

func (l *loader) checkPhrases() {
	for _, id := range sortedKeys(l.flow.phrases) {
		l.name("phrases", id)
		for _, p := range l.flow.phrases[id] {
			if strings.TrimSpace(p) == "" {
				l.bad("has an empty phrase", nil, "phrases", id)
			}
		}
	}
}

func (l *loader) name(section, id string) {
	if !namePattern.MatchString(id) {
		l.bad("names are lower-case letters, digits and _", nil, section, id)
	}
}

func (l *loader) prompt(id string, keys ...string) {
	if _, ok := l.flow.prompts[id]; !ok {
		l.bad("unknown prompt %q", args(id), keys...)
	}
}

func (l *loader) offer(intent string, keys ...string) {
	if intent == "" {
		return
	}
	if _, ok := l.flow.tasks[intent]; !ok {
		l.bad("unknown intent %q", args(intent), keys...)
	}
}
