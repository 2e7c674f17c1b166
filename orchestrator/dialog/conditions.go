package dialog

import (
	"fmt"
	"strconv"

	"github.com/tidegate/tidegate/orchestrator/dialog/rule"
)

// vocabulary is what expressions may name of the flow.
func (l *loader) vocabulary() rule.Vocabulary {
	words := rule.Vocabulary{Slots: map[string][]string{}}
	for name, slot := range l.flow.slots {
		words.Slots[name] = nil
		for _, v := range slot.Values {
			words.Slots[name] = append(words.Slots[name], v.Name)
		}
	}
	return words
}

// checkConditions compiles the expressions of a rule set. An error names file
// and line of the rule, its set and its place in it.
func (l *loader) checkConditions(set string) {
	rules := l.flow.rules[set]
	for i := range rules {
		r := &rules[i]
		where := func(format string, a ...any) {
			l.fail(fmt.Errorf("%w: %s: rules.%s, rule %d: "+format, append([]any{ErrFlow, l.at("rules", set, strconv.Itoa(i)), set, i + 1}, a...)...))
		}
		switch {
		case r.Handoff && (r.Offer != "" || r.Advise):
			where("a handoff leaves nothing to offer")
		case r.Advise && r.Offer == "":
			where("an advice must offer something")
		case r.Say == "" && (r.Offer != "" || r.Handoff):
			where("an offer must be said")
		}
		if r.If == "" {
			continue
		}
		p, err := rule.Compile(r.If, l.vocabulary())
		if err != nil {
			where("%w", err)
			continue
		}
		r.program = p
	}
}

// answers says whether a rule set has to say something in every case.
func (l *loader) answers(set string) bool {
	for _, task := range l.flow.tasks {
		if task.Answer == set {
			return true
		}
	}
	return false
}

// checkTaskRules checks what a task leaves to rules.
func (l *loader) checkTaskRules(id string, t taskSpec) {
	if _, ok := l.flow.rules[t.Check]; t.Check != "" && !ok {
		l.bad("unknown rules %q", args(t.Check), "tasks", id, "check")
	}
	for _, set := range t.Notes {
		if _, ok := l.flow.rules[set]; !ok {
			l.bad("unknown rules %q", args(set), "tasks", id, "notes")
		}
	}
	if _, ok := l.flow.rules[t.Plan]; t.Plan != "" && !ok {
		l.bad("unknown rules %q", args(t.Plan), "tasks", id, "plan")
	}
	t.onlyIf = map[string]*rule.Program{}
	for _, slot := range sortedKeys(t.OnlyIf) {
		p, err := rule.Compile(t.OnlyIf[slot], l.vocabulary())
		if err != nil {
			l.fail(fmt.Errorf("%w: %s: tasks.%s.only_if.%s: %w", ErrFlow, l.at("tasks", id, "only_if", slot), id, slot, err))
			continue
		}
		t.onlyIf[slot] = p
	}
	l.flow.tasks[id] = t
}
