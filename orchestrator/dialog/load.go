package dialog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tidegate/tidegate/orchestrator/dialog/nlu"
)

// maxFlowFile bounds one YAML file of a flow, in bytes.
const maxFlowFile = 1 << 20

// ErrFlow is wrapped by every error of a flow's content.
var ErrFlow = errors.New("dialog: flow")

// document is one YAML file: any of the sections. A name is defined in one
// file only.
type document struct {
	Flow      *header                 `yaml:"flow"`
	Voice     *voiceSpec              `yaml:"voice"`
	Policy    *policy                 `yaml:"policy"`
	Expects   map[string]expectSpec   `yaml:"expects"`
	Prompts   map[string]promptSpec   `yaml:"prompts"`
	Questions map[string]questionSpec `yaml:"questions"`
	Slots     map[string]slotSpec     `yaml:"slots"`
	Intents   map[string]intentSpec   `yaml:"intents"`
	Tasks     map[string]taskSpec     `yaml:"tasks"`
	Rules     map[string][]ruleSpec   `yaml:"rules"`
	Phrases   map[string][]string     `yaml:"phrases"`
	Words     map[string]string       `yaml:"words"`
	Knowledge map[string]entrySpec    `yaml:"knowledge"`
	// Sets are lists of words for the sayings, which are patterns of what
	// callers say, a line each, by intent.
	Sets    map[string]wordList `yaml:"sets"`
	Sayings map[string]string   `yaml:"sayings"`
	Terms   *termsSpec          `yaml:"terms"`
}

// loader gathers a flow and all that is wrong with it.
type loader struct {
	flow    *Flow
	sources []source
	errs    []error
	header  bool
	voice   bool
	policy  bool
	terms   bool
	// unread: a file could not be read at all.
	unread bool
}

type source struct {
	name string
	file *ast.File
}

// LoadFlow reads every *.yaml file in dir and in its folder knowledge, checks the flow as a whole, and
// returns all errors at once, each with file and line.
func LoadFlow(fsys fs.FS, dir string) (*Flow, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFlow, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no *.yaml file in %q", ErrFlow, dir)
	}
	known, err := fs.Glob(fsys, path.Join(dir, "knowledge/*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFlow, err)
	}
	names = append(names, known...)
	slices.Sort(names)
	l := &loader{flow: emptyFlow()}
	for _, name := range names {
		l.read(fsys, name)
	}
	if !l.unread { // else much would be missing that is only not read
		l.check()
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	l.finish()
	return l.flow, nil
}

func emptyFlow() *Flow {
	return &Flow{
		expects: map[string]expectSpec{}, prompts: map[string]promptSpec{},
		questions: map[string]questionSpec{}, slots: map[string]slotSpec{},
		intents: map[string]intentSpec{}, tasks: map[string]taskSpec{},
		rules: map[string][]ruleSpec{}, phrases: map[string][]string{},
		words: map[string]string{}, knowledge: map[string]entrySpec{}, zone: time.UTC,
		sets: map[string]wordList{}, sayings: map[string]string{},
		heard: map[string][]nlu.Phrase{}, mentions: map[string][]nlu.Phrase{}, excepts: map[string][]nlu.Phrase{}, values: map[string][]spokenValue{},
	}
}

func (l *loader) read(fsys fs.FS, name string) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		l.fail(fmt.Errorf("%w: %w", ErrFlow, err))
		return
	}
	if info.Size() > maxFlowFile {
		l.fail(fmt.Errorf("%w: %s: larger than %d bytes", ErrFlow, name, maxFlowFile))
		return
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		l.fail(fmt.Errorf("%w: %w", ErrFlow, err))
		return
	}
	file, doc, err := decode(data, yaml.Strict())
	if err != nil {
		l.fail(located(name, err))
		// A name that is not known hides nothing else that is wrong.
		if file, doc, err = decode(data); err != nil {
			l.unread = true
			return
		}
	}
	l.sources = append(l.sources, source{name, file})
	l.merge(len(l.sources)-1, doc)
}

var errYAML = errors.New("the YAML cannot be read")

// decode parses a file twice: as a tree, for the places of mistakes, and into
// a document.
func decode(data []byte, opts ...yaml.DecodeOption) (file *ast.File, doc document, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			err = errYAML
		}
	}()
	if file, err = parser.ParseBytes(data, 0); err != nil {
		return nil, doc, err
	}
	err = yaml.UnmarshalWithOptions(data, &doc, opts...)
	return file, doc, err
}

// located puts file and line before a YAML error's bare message.
func located(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return fmt.Errorf("%w: %s:%d: %s", ErrFlow, name, y.GetToken().Position.Line, y.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", ErrFlow, name, err)
}

func (l *loader) merge(src int, doc document) {
	once(l, src, "flow", &l.header, &l.flow.header, doc.Flow)
	once(l, src, "voice", &l.voice, &l.flow.voice, doc.Voice)
	once(l, src, "policy", &l.policy, &l.flow.policy, doc.Policy)
	once(l, src, "terms", &l.terms, &l.flow.terms, doc.Terms)
	add(l, src, "expects", l.flow.expects, doc.Expects)
	add(l, src, "prompts", l.flow.prompts, doc.Prompts)
	add(l, src, "questions", l.flow.questions, doc.Questions)
	add(l, src, "slots", l.flow.slots, doc.Slots)
	add(l, src, "intents", l.flow.intents, doc.Intents)
	add(l, src, "tasks", l.flow.tasks, doc.Tasks)
	add(l, src, "rules", l.flow.rules, doc.Rules)
	add(l, src, "phrases", l.flow.phrases, doc.Phrases)
	add(l, src, "words", l.flow.words, doc.Words)
	add(l, src, "knowledge", l.flow.knowledge, doc.Knowledge)
	add(l, src, "sets", l.flow.sets, doc.Sets)
	add(l, src, "sayings", l.flow.sayings, doc.Sayings)
}

// once takes a section that only one file may hold.
func once[V any](l *loader, src int, section string, have *bool, into, from *V) {
	if from == nil {
		return
	}
	if *have {
		l.twice(src, "section "+section, section)
	}
	*into, *have = *from, true
}

func add[V any](l *loader, src int, section string, into, from map[string]V) {
	for _, k := range sortedKeys(from) {
		if _, ok := into[k]; ok {
			l.twice(src, section+"."+k, section, k)
		}
		into[k] = from[k]
	}
}

// twice names both places of what may be defined once.
func (l *loader) twice(src int, what string, keys ...string) {
	here, _ := l.sources[src].find(keys)
	var first string
	for _, s := range l.sources[:src] {
		if at, ok := s.find(keys); ok {
			first = at
			break
		}
	}
	l.fail(fmt.Errorf("%w: %s: %s is defined twice, first at %s", ErrFlow, here, what, first))
}

func (l *loader) fail(err error) { l.errs = append(l.errs, err) }

// finish derives what the interpreter needs from a checked flow.
func (l *loader) finish() {
	f := l.flow
	f.speaks()
	f.slotOrder = sortedKeys(f.slots)
	f.dialects = spokenDialects()
	if t, err := time.Parse("-07:00", f.header.UTCOffset); err == nil {
		_, seconds := t.Zone()
		f.zone = time.FixedZone(f.header.UTCOffset, seconds)
	}
	for name, list := range f.phrases {
		f.heard[name] = f.compile(list)
	}
	f.accepts = map[string][]nlu.Phrase{}
	for name, task := range f.tasks {
		f.accepts[name] = f.compile(task.Accept)
	}
	f.slotAsked = map[string]string{}
	for _, task := range f.tasks {
		for slot, question := range task.Asks {
			f.slotAsked[question] = slot
		}
	}
	for name, slot := range f.slots {
		f.slotAsked[slot.Question] = name
		f.mentions[name] = f.compile(slot.Mention)
		f.excepts[name] = f.compile(slot.Except)
		for _, v := range slot.Values {
			f.values[name] = append(f.values[name], spokenValue{v.Name, f.compile(v.Words), f.compile(v.Alone)})
		}
	}
	f.cores = map[string][]nlu.Phrase{}
	for name, intent := range f.intents {
		f.cores[name] = f.compile(intent.Core)
	}
	f.learn()
	f.model = f.trained()
}

// answers are what callers say to a question or to the assistant itself:
// words that by themselves ask for nothing.
func (f *Flow) answers() []string {
	var out []string
	for _, name := range []string{"repeat", "wait", "wrong", "wrong_order", "unknown", "nothing_more", "ticket", "all"} {
		out = append(out, f.phrases[name]...)
	}
	for _, name := range sortedKeys(f.expects) {
		out = append(out, f.expects[name].Answers...)
	}
	for _, name := range sortedKeys(f.slots) {
		for _, v := range f.slots[name].Values {
			out = append(out, v.Words...)
		}
	}
	return out
}

// at finds where a definition stands, as "file:line", by its YAML path; a key
// that is a number counts list items from 0. What is not there at all is at
// the nearest section around it.
func (l *loader) at(keys ...string) string {
	for n := len(keys); n > 0; n-- {
		for _, s := range l.sources {
			if at, ok := s.find(keys[:n]); ok {
				return at
			}
		}
	}
	return l.sources[0].name
}

// find is where a path leads to in one file.
func (s source) find(keys []string) (at string, ok bool) {
	b := (&yaml.PathBuilder{}).Root()
	for _, k := range keys {
		if i, err := strconv.ParseUint(k, 10, 16); err == nil {
			b = b.Index(uint(i))
		} else {
			b = b.Child(k)
		}
	}
	node, err := b.Build().FilterFile(s.file)
	if err != nil || node == nil || node.GetToken() == nil {
		return s.name, false
	}
	return fmt.Sprintf("%s:%d", s.name, node.GetToken().Position.Line), true
}
