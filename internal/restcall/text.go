package restcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// maxTextBytes bounds what one template may become.
const maxTextBytes = 256 << 10

// builtins are what is kept of text/template's own functions: those that
// compare and choose, and none that formats widths or calls values.
var builtins = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index"}

// functions is the closed set that templates may use beside builtins.
var functions = template.FuncMap{
	"default":  func(fallback, v any) any { return choose(fallback, v) },
	"upper":    func(v any) string { return strings.ToUpper(show(v)) },
	"lower":    func(v any) string { return strings.ToLower(show(v)) },
	"trim":     func(v any) string { return strings.TrimSpace(show(v)) },
	"truncate": truncate,
	"replace":  func(old, repl string, v any) string { return strings.ReplaceAll(show(v), old, repl) },
	"join":     join,
	"digits":   func(v any) string { return strings.Map(digit, show(v)) },
	"date":     date,
	"unix":     unix,
	"yuan":     yuan,
	"json":     func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
	"mask":     func(v any) string { return maskText(show(v)) },
	"part":     pathPart, // put behind every action of a path; see escapePath
}

// Functions names what templates may use.
func Functions() []string {
	names := slices.Clone(builtins)
	for name := range functions {
		if name != "part" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Text is a template of a file: text/template with a closed function set.
type Text struct {
	Source string
	Line   int
	tmpl   *template.Template
	err    error
}

// NewText compiles a template that stands in no file.
func NewText(source string) (Text, error) {
	t := Text{Source: source}
	t.tmpl, t.err = compile(source)
	return t, t.err
}

// UnmarshalYAML takes any scalar.
func (t *Text) UnmarshalYAML(n ast.Node) error {
	t.Line = lineOf(n)
	if t.Source, t.err = scalar(n); t.err == nil {
		t.tmpl, t.err = compile(t.Source)
	}
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

// boundedText keeps a template from growing without end.
type boundedText struct{ b strings.Builder }

var errTextTooLong = fmt.Errorf("becomes over %d bytes", maxTextBytes)

func (w *boundedText) Write(p []byte) (int, error) {
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

func compile(source string) (*template.Template, error) {
	if len(source) > maxTextBytes {
		return nil, errTextTooLong
	}
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
			if (!own || n.Ident == "part") && !slices.Contains(builtins, n.Ident) {
				err = fmt.Errorf("template: there is no function %q; there are %s", n.Ident, strings.Join(Functions(), ", "))
			}
		case *parse.TemplateNode:
			err = errors.New("template: define and block are not used here")
		}
	})
	return t, err
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
func (p *Path) UnmarshalYAML(n ast.Node) error {
	_ = p.Text.UnmarshalYAML(n)
	if p.err == nil {
		escapePath(p.tmpl)
	}
	return nil
}

// escapePath puts "| part" behind every action, as html/template does with
// its escapers.
func escapePath(t *template.Template) {
	if t.Tree == nil || t.Root == nil {
		return
	}
	each(t.Root, func(n parse.Node) {
		if a, ok := n.(*parse.ActionNode); ok && len(a.Pipe.Decl) == 0 {
			id := parse.NewIdentifier("part").SetTree(t.Tree).SetPos(a.Pos)
			a.Pipe.Cmds = append(a.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: a.Pos, Args: []parse.Node{id}})
		}
	})
}

func pathPart(v any) (string, error) {
	s := show(v)
	if s == "" || s == "." || s == ".." {
		return "", errors.New("a part of the path is empty or dots")
	}
	return url.PathEscape(s), nil
}

// show is how a value reads in a text: null is nothing, numbers are plain.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any, []any:
		b, _ := json.Marshal(v)
		return string(b)
	case float64:
		b, _ := json.Marshal(v)
		return string(b)
	}
	return fmt.Sprint(v)
}

func choose(fallback, v any) any {
	if v == nil || v == "" {
		return fallback
	}
	return v
}

func truncate(n int, v any) string {
	s := show(v)
	if n < 0 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

func join(sep string, v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		return "", errors.New("join: wants a list")
	}
	parts := make([]string, 0, len(list))
	for _, e := range list {
		parts = append(parts, show(e))
	}
	return strings.Join(parts, sep), nil
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// date writes a time in a layout of Go's and a time zone.
func date(layout, zone string, v any) (string, error) {
	t, err := timeOf(v)
	if err != nil || t.IsZero() {
		return "", err
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return "", fmt.Errorf("date: unknown time zone %.40q", zone)
	}
	return t.In(loc).Format(layout), nil
}

func unix(v any) (int64, error) {
	t, err := timeOf(v)
	return t.Unix(), err
}

func timeOf(v any) (time.Time, error) {
	s := show(v)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, errors.New("date: is no time")
	}
	return t, nil
}

// yuan writes fen as yuan with two decimals.
func yuan(v any) (string, error) {
	var fen int64
	switch v := v.(type) {
	case float64:
		fen = int64(v)
	case int64:
		fen = v
	case int:
		fen = int64(v)
	default:
		return "", errors.New("yuan: wants a number of fen")
	}
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100), nil
}

func control(r rune) bool { return unicode.IsControl(r) }
