package restcall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/goccy/go-yaml/ast"
)

// maxTextBytes bounds what one template may become, and each value that is
// made on the way there; maxRounds bounds its loops, all of them together.
const (
	maxTextBytes = 256 << 10
	maxRounds    = 100_000
)

// Text is a template of a file: text/template with a closed function set.
type Text struct {
	Source string
	Line   int
	tmpl   *template.Template
	err    error
}

// NewText compiles a template that stands in no file.
func NewText(source string) (Text, error) {
	t := newText(newEnvironment(), source, "")
	return t, t.err
}

// newText compiles a template whose values are written as mode says: "" as
// they are, inPath or inJSON. It is not left to the file's author, who would
// forget it once.
func newText(env *environment, source, mode string) Text {
	t := Text{Source: source}
	if t.tmpl, t.err = compile(env, source); t.err == nil && mode != "" {
		escape(t.tmpl, mode)
	}
	return t
}

// UnmarshalYAML takes any scalar.
func (t *Text) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	return t.read(ctx, n, "")
}

func (t *Text) read(ctx context.Context, n ast.Node, mode string) error {
	source, err := scalar(n)
	if *t = newText(environmentOf(ctx), source, mode); err != nil {
		t.err = err
	}
	t.Line = lineOf(n)
	return nil // what is wrong comes with everything else that is
}

func (t Text) wrong() (int, error) { return t.Line, t.err }

// Render fills the template in. Errors name the field, never its value.
func (t Text) Render(data any) (string, error) { return render(t.tmpl, data) }

func render(tmpl *template.Template, data any) (string, error) {
	if tmpl == nil {
		return "", nil
	}
	var out boundedText
	if err := tmpl.Execute(&out, data); err != nil {
		return "", templateError(err)
	}
	return out.b.String(), nil
}

// boundedText keeps a template from growing, and from going round, without
// end: each round of a loop begins with an empty text (see count).
type boundedText struct {
	b      strings.Builder
	rounds int
}

var (
	errTextTooLong   = fmt.Errorf("becomes over %d bytes", maxTextBytes)
	errTooManyRounds = fmt.Errorf("its loops go round over %d times", maxRounds)
)

func (w *boundedText) Write(p []byte) (int, error) {
	if len(p) == 0 {
		if w.rounds++; w.rounds > maxRounds {
			return 0, errTooManyRounds
		}
	}
	if w.b.Len()+len(p) > maxTextBytes {
		return 0, errTextTooLong
	}
	return w.b.Write(p)
}

// templateError keeps the reason and drops "template: :1:2: executing ...".
func templateError(err error) error {
	var exec template.ExecError
	if errors.As(err, &exec) {
		text := exec.Err.Error()
		if i := strings.Index(text, ">: "); i >= 0 {
			text = text[i+3:]
		}
		return errors.New(text)
	}
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "template: "); ok {
		if parts := strings.SplitN(rest, ": ", 2); len(parts) == 2 {
			text = parts[1]
		}
	}
	return errors.New("template: " + text)
}

func compile(env *environment, source string) (*template.Template, error) {
	if len(source) > maxTextBytes {
		return nil, errTextTooLong
	}
	functions := env.functions()
	t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(source)
	if err != nil {
		return nil, templateError(err)
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("template: define and block are not used here")
	}
	if t.Tree == nil || t.Root == nil {
		return t, nil
	}
	err = nil
	each(t.Root, func(n parse.Node) {
		switch n := n.(type) {
		case *parse.IdentifierNode:
			_, own := functions[n.Ident]
			if (!own || n.Ident == inPath) && !slices.Contains(builtins, n.Ident) {
				err = fmt.Errorf("template: there is no function %q; there are %s", n.Ident, strings.Join(Functions(), ", "))
			}
		case *parse.TemplateNode:
			err = errors.New("template: define and block are not used here")
		case *parse.RangeNode:
			count(n)
		}
	})
	return t, err
}

// count puts an empty text at the beginning of a loop's body. The parser makes
// none, and a text is written in every round, also when nothing else is.
func count(n *parse.RangeNode) {
	n.List.Nodes = append([]parse.Node{&parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos}}, n.List.Nodes...)
}

// bounded is a text that a function made.
func bounded(s string) (string, error) {
	if len(s) > maxTextBytes {
		return "", errTextTooLong
	}
	return s, nil
}

// each visits every node of a template.
func each(n parse.Node, visit func(parse.Node)) {
	visit(n)
	branch := func(b *parse.BranchNode) {
		each(b.Pipe, visit)
		each(b.List, visit)
		if b.ElseList != nil {
			each(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			each(c, visit)
		}
	case *parse.ActionNode:
		each(n.Pipe, visit)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			each(c, visit)
		}
	case *parse.CommandNode:
		for _, c := range n.Args {
			each(c, visit)
		}
	case *parse.ChainNode:
		each(n.Node, visit)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
}

// Path is a template whose values become single parts of a path, escaped.
type Path struct{ Text }

// UnmarshalYAML takes any scalar.
func (p *Path) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	return p.read(ctx, n, inPath)
}

// escape puts "| MODE" behind every action that writes something, as
// html/template does with its escapers.
func escape(t *template.Template, mode string) {
	if t.Tree == nil || t.Root == nil {
		return
	}
	each(t.Root, func(n parse.Node) {
		a, ok := n.(*parse.ActionNode)
		if !ok || len(a.Pipe.Decl) > 0 {
			return
		}
		last := a.Pipe.Cmds[len(a.Pipe.Cmds)-1]
		if id, ok := last.Args[0].(*parse.IdentifierNode); ok && id.Ident == mode {
			return
		}
		id := parse.NewIdentifier(mode).SetTree(t.Tree).SetPos(a.Pos)
		a.Pipe.Cmds = append(a.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: a.Pos, Args: []parse.Node{id}})
	})
}
