package conversation

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tidegate/tidegate/orchestrator/dialog"
)

// Conversation is one call as it should go.
type Conversation struct {
	Name string `yaml:"name"`
	// From is the caller's number.
	From string `yaml:"from"`
	// Orders is "" for an order system that works, "down", "silent" (never
	// answers) or "number_down"; Tickets is "", "pending", "failed" or "silent".
	Orders  string `yaml:"orders"`
	Tickets string `yaml:"tickets"`
	// Turns are what happens, one after the other.
	Turns   []Exchange     `yaml:"turns"`
	Outcome dialog.Outcome `yaml:"outcome"`
	// Dialects, Likely and Begins are of dialog.Start; Dialect is what the call
	// ends in.
	Dialects []string `yaml:"dialects"`
	Likely   string   `yaml:"likely"`
	Begins   string   `yaml:"begins"`
	Dialect  string   `yaml:"dialect"`
	// Slots are values at the end.
	Slots map[string]string `yaml:"slots"`

	// File and Line are where the conversation is written.
	File string `yaml:"-"`
	Line int    `yaml:"-"`
}

// Exchange is what happens once and what follows from it.
type Exchange struct {
	// Say is what the recogniser hears, with its Confidence; Keys are keys.
	Say        string  `yaml:"say"`
	Confidence float64 `yaml:"confidence"`
	Keys       string  `yaml:"keys"`
	// Event is one of Events; none of the three is the call's beginning.
	Event string `yaml:"event"`
	// Bot lists the prompts that are said, Text parts of their words, Acts what
	// is done besides; Acts has to be given where a ticket, a handoff or the end
	// follows.
	Bot  []string `yaml:"bot"`
	Text []string `yaml:"text"`
	Acts []string `yaml:"acts"`

	Line int `yaml:"-"`
}

var (
	orderFates  = []string{"", "down", "silent", "number_down"}
	ticketFates = []string{"", "pending", "failed", "silent"}
)

// maxFile bounds one file of conversations, in bytes.
const maxFile = 1 << 20

// Load reads the conversations of every *.yaml file in dir but the shop's. It
// returns all errors at once, with file and line.
func Load(fsys fs.FS, dir string) ([]Conversation, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	slices.Sort(names)
	var all []Conversation
	var errs []error
	seen := map[string]string{}
	for _, name := range names {
		if path.Base(name) == ShopFile {
			continue
		}
		list, err := loadFile(fsys, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, c := range list {
			if err := c.check(seen); err != nil {
				errs = append(errs, err)
			}
		}
		all = append(all, list...)
	}
	return all, errors.Join(errs...)
}

func read(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s: larger than %d bytes", ErrFormat, name, maxFile)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return data, nil
}

func loadFile(fsys fs.FS, name string) ([]Conversation, error) {
	data, err := read(fsys, name)
	if err != nil {
		return nil, err
	}
	file, list, err := decode(data)
	if err != nil {
		return nil, located(name, err)
	}
	lines := places(file)
	for i := range list {
		list[i].File, list[i].Line = name, 1
		if i >= len(lines) {
			continue
		}
		list[i].Line = lines[i].line
		for j := range list[i].Turns {
			if j < len(lines[i].turns) {
				list[i].Turns[j].Line = lines[i].turns[j]
			}
		}
	}
	return list, nil
}

func decode(data []byte) (file *ast.File, list []Conversation, err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			err = errYAML
		}
	}()
	if file, err = parser.ParseBytes(data, 0); err != nil {
		return nil, nil, err
	}
	err = yaml.UnmarshalWithOptions(data, &list, yaml.Strict())
	return file, list, err
}

// place is where a conversation and its turns begin.
type place struct {
	line  int
	turns []int
}

func places(file *ast.File) []place {
	var out []place
	for _, doc := range file.Docs {
		seq, ok := doc.Body.(*ast.SequenceNode)
		if !ok {
			continue
		}
		for _, n := range seq.Values {
			p := place{line: lineOf(n)}
			if m, ok := n.(ast.MapNode); ok {
				for it := m.MapRange(); it.Next(); {
					if turns, ok := it.Value().(*ast.SequenceNode); ok && it.Key().String() == "turns" {
						for _, t := range turns.Values {
							p.turns = append(p.turns, lineOf(t))
						}
					}
				}
			}
			out = append(out, p)
		}
	}
	return out
}

// lineOf is where a node begins: a mapping's own token is its first colon.
func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0]
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// located puts file and line before a YAML error's bare message.
func located(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return fmt.Errorf("%w: %s:%d: %s", ErrFormat, name, y.GetToken().Position.Line, y.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", ErrFormat, name, err)
}

// check finds what no conversation can mean.
func (c Conversation) check(seen map[string]string) error {
	var errs []error
	bad := func(line int, format string, a ...any) {
		errs = append(errs, fmt.Errorf("%w: %s:%d: %s", ErrFormat, c.File, line, fmt.Sprintf(format, a...)))
	}
	here := fmt.Sprintf("%s:%d", c.File, c.Line)
	switch first, ok := seen[c.Name]; {
	case c.Name == "":
		bad(c.Line, "a conversation needs a name")
	case ok:
		bad(c.Line, "%q is the name of another one too (%s)", c.Name, first)
	}
	seen[c.Name] = here
	if len(c.Turns) == 0 {
		bad(c.Line, "%q has no turns", c.Name)
	}
	if !slices.Contains(orderFates, c.Orders) {
		bad(c.Line, "orders is %q, knows down, silent, number_down", c.Orders)
	}
	if !slices.Contains(ticketFates, c.Tickets) {
		bad(c.Line, "tickets is %q, knows pending, failed, silent", c.Tickets)
	}
	for _, x := range c.Turns {
		given := 0
		for _, s := range []string{x.Say, x.Keys, x.Event} {
			if s != "" {
				given++
			}
		}
		if given > 1 {
			bad(x.Line, "a turn has only one of say, keys and event")
		}
		if x.Event != "" && !slices.Contains(Events(), x.Event) {
			bad(x.Line, "unknown event %q, knows %v", x.Event, Events())
		}
	}
	return errors.Join(errs...)
}
