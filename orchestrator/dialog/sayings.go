package dialog

import (
	"slices"
	"strings"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

const (
	// perSaying is how many sentences one pattern gives at most.
	perSaying = 16
	// maxExamples bounds the sentences that a flow's intents are learnt from:
	// a flow is loaded while calls wait.
	maxExamples = 30000
)

// wordList is a list of words, or a text with words between white space.
type wordList []string

// UnmarshalYAML reads either form.
func (w *wordList) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err == nil {
		*w = strings.Fields(text)
		return nil
	}
	var many []string
	if err := decode(&many); err != nil {
		return err
	}
	*w = many
	return nil
}

// phrases that the model is told of; a flow may leave them out.
const (
	phraseDenial     = "denial"
	phraseDenialLink = "denial_link"
	phraseCorrection = "correction"
	phraseJoint      = "joint"
	phraseOpener     = "opener"
	phraseCloser     = "closer"
	phraseStory      = "story"
)

// checkSayings expands every pattern into examples.
func (l *loader) checkSayings() {
	f := l.flow
	f.examples = map[string][]string{}
	sets := f.wordSets()
	total := 0
	for _, id := range sortedKeys(f.intents) {
		f.examples[id] = append(f.examples[id], f.intents[id].Examples...)
		for n, p := range f.intents[id].Patterns {
			l.expand(id, p, sets, n+1, "intents", id, "patterns")
		}
		n := 0
		for line := range strings.Lines(f.sayings[id]) {
			n++
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				l.expand(id, line, sets, n, "sayings", id)
			}
		}
		total += len(f.examples[id])
	}
	for _, id := range sortedKeys(f.sayings) {
		if _, ok := f.intents[id]; !ok {
			l.bad("belongs to no intent", nil, "sayings", id)
		}
	}
	if total > maxExamples {
		l.bad("the intents have %d examples, more than %d", args(total, maxExamples), "intents")
	}
}

// expand adds the sentences of the n-th pattern of a section to an intent.
func (l *loader) expand(intent, pattern string, sets map[string][]string, n int, section ...string) {
	sentences, err := nlu.Expand(pattern, sets, perSaying)
	if err != nil {
		l.bad("pattern %d: %v", args(n, err), section...)
		return
	}
	l.flow.examples[intent] = append(l.flow.examples[intent], sentences...)
}

// trained is the model of the flow's intents.
func (f *Flow) trained() *nlu.Model {
	classes := make([]nlu.Class, 0, len(f.intents))
	for _, name := range sortedKeys(f.intents) {
		in := f.intents[name]
		examples := f.examples[name]
		if name == nlu.OutOfScope {
			examples = slices.Concat(examples, f.answers())
		}
		classes = append(classes, nlu.Class{
			Name: name, Priority: in.Priority, Examples: f.folded(examples), Evidence: f.foldedKeys(in.Evidence), Core: f.folded(in.Core),
		})
	}
	denial := f.phrases[phraseDenial]
	if len(denial) == 0 {
		denial = f.phrases["negation"]
	}
	return nlu.Train(classes, nlu.Options{
		Reject: f.policy.AcceptIntent, Negations: f.folded(denial), Links: f.folded(f.phrases[phraseDenialLink]),
		Corrections: f.folded(f.phrases[phraseCorrection]), Joints: f.folded(f.phrases[phraseJoint]),
		Openers: f.folded(f.phrases[phraseOpener]), Closers: f.folded(f.phrases[phraseCloser]),
		Stories: f.folded(f.phrases[phraseStory]), Sets: f.wordSets(),
	})
}

// wordSets are the sets of the flow as the model takes them.
func (f *Flow) wordSets() map[string][]string {
	out := make(map[string][]string, len(f.sets))
	for name, words := range f.sets {
		out[name] = words
	}
	return out
}
