package dialog

import (
	"errors"
	"fmt"
	"slices"
)

// ErrUnfit: a flow does not know what a conversation has come to.
var ErrUnfit = errors.New("dialog: the flow does not know the conversation")

// Began says whether a conversation was begun with this version of the flow.
func (f *Flow) Began(s State) bool {
	return s.FlowName == f.Name() && s.FlowVersion == f.Version() && (s.FlowLanguage == "" || s.FlowLanguage == f.Language())
}

// Fits says whether a conversation that was begun with another version of the
// flow can be gone on with: everything that its state names is in this one.
func (f *Flow) Fits(s State) error {
	var errs []error
	miss := func(what, name string) { errs = append(errs, fmt.Errorf("%w: no %s %q", ErrUnfit, what, name)) }
	if _, ok := f.questions[s.Question]; !ok && s.Question != "" {
		miss("question", s.Question)
	}
	if _, ok := f.prompts[s.Prompt]; !ok && s.Prompt != "" {
		miss("prompt", s.Prompt)
	}
	for _, intent := range slices.Concat([]string{s.Intent, s.Offer, s.LastIntent}, s.Suspended) {
		if _, ok := f.tasks[intent]; !ok && intent != "" {
			miss("task", intent)
		}
	}
	for _, name := range sortedKeys(s.Slots) {
		spec, ok := f.slots[name]
		switch {
		case !ok:
			miss("slot", name)
		case len(spec.Values) > 0 && f.sayValue(name, s.Slots[name].Value) == "":
			miss("value of slot "+name, s.Slots[name].Value)
		}
	}
	return errors.Join(errs...)
}
