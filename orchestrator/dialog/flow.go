package dialog

import (
	"cmp"
	"embed"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/tidegate/tidegate/orchestrator/dialog/knowledge"
	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

//go:embed flows
var embedded embed.FS

// Flow is one conversation design, loaded and checked. It is immutable and
// safe for concurrent use.
type Flow struct {
	header    header
	voice     voiceSpec
	policy    policy
	expects   map[string]expectSpec
	prompts   map[string]promptSpec
	questions map[string]questionSpec
	slots     map[string]slotSpec
	intents   map[string]intentSpec
	tasks     map[string]taskSpec
	rules     map[string][]ruleSpec
	terms     termsSpec
	phrases   map[string][]string
	words     map[string]string
	knowledge map[string]entrySpec
	sets      map[string]wordList
	sayings   map[string]string
	// examples are what intents are learnt from: their own and those that
	// the sayings stand for.
	examples map[string][]string

	zone  *time.Location
	ear   ear
	mouth mouth
	model *nlu.Model
	known *knowledge.Index
	// heard and values are phrases and slot values, ready to be matched.
	heard    map[string][]nlu.Phrase
	mentions map[string][]nlu.Phrase
	// accepts are the words that take an offer up, by the task offered.
	accepts map[string][]nlu.Phrase
	// excepts hold the words of other things, by slot.
	excepts map[string][]nlu.Phrase
	// cores are the words that name an intent, by intent.
	cores  map[string][]nlu.Phrase
	values map[string][]spokenValue
	// slotAsked is the slot that each question fills.
	slotAsked map[string]string
	// dialects are the names that callers have for dialects.
	dialects []spokenDialect
	// slotOrder is slot names sorted, for deterministic reading.
	slotOrder []string
}

// spokenValue is a slot's value with the words that mean it.
type spokenValue struct {
	name  string
	words []nlu.Phrase
	// alone mean it where nothing else is said.
	alone []nlu.Phrase
}

// shippedFolder is where the default flow is in embedded.
const shippedFolder = "flows/returns/zh-CN"

// Shipped is the folder of the default flow, to make another one of.
func Shipped() fs.FS {
	folder, err := fs.Sub(embedded, shippedFolder)
	if err != nil {
		panic("dialog: no embedded flow: " + err.Error())
	}
	return folder
}

var defaultFlow = sync.OnceValue(func() *Flow {
	f, err := LoadFlow(embedded, shippedFolder)
	if err != nil {
		panic("dialog: the embedded flow is broken: " + err.Error())
	}
	return f
})

// Default is the embedded flow "returns" in zh-CN.
func Default() *Flow { return defaultFlow() }

// Name is the flow's name, such as "returns".
func (f *Flow) Name() string { return f.header.Name }

// Version changes with every change of the flow's text or logic.
func (f *Flow) Version() string { return f.header.Version }

// Language is a BCP 47 tag, such as "zh-CN".
func (f *Flow) Language() string { return f.header.Language }

// Examples lists every sentence that the flow's intents are learned from.
func (f *Flow) Examples() []string {
	var out []string
	for _, name := range sortedKeys(f.intents) {
		out = append(out, f.examples[name]...)
	}
	return out
}

// Intents lists the flow's intents in alphabetical order: a closed label set.
func (f *Flow) Intents() []string {
	return sortedKeys(f.intents)
}

// Counts is how much is in a flow.
type Counts struct {
	Intents, Examples, Slots, Questions, Prompts, Rules int
}

// Counts counts what is defined, and every rule of every set.
func (f *Flow) Counts() Counts {
	n := Counts{
		Intents: len(f.intents), Examples: len(f.Examples()), Slots: len(f.slots),
		Questions: len(f.questions), Prompts: len(f.prompts),
	}
	for _, set := range f.rules {
		n.Rules += len(set)
	}
	return n
}

// promptFiller covers a long wait; a flow may have none.
const promptFiller = "filler"

// Filler is what is said while an answer is still to come, and how many
// milliseconds after the caller's turn; nothing when the flow has none.
func (f *Flow) Filler() (texts []string, afterMS int) {
	return f.prompts[promptFiller].Text, f.policy.FillerMS
}

// FixedPrompts lists everything the flow says word by word, for synthesis
// before the first call, ordered by ID.
func (f *Flow) FixedPrompts() []Prompt {
	var out []Prompt
	for _, id := range sortedKeys(f.prompts) {
		p := f.prompts[id]
		for _, text := range p.Text {
			if len(placeholdersIn(text)) == 0 {
				out = append(out, Prompt{
					ID: id, Text: text, Style: p.Style,
					Interruptible: p.interruptible(), Expect: Expect{Kind: ExpectNone},
				})
			}
		}
	}
	return out
}

// sortedKeys returns a map's keys in order, so that nothing depends on the
// order of a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
