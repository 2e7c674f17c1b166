package restcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Tree is the body of a request. As a tree of YAML, every text in it is a
// template, a text that begins with "=" is a JMESPath expression over the
// same data and keeps its type, and a key that ends with "?" is left out when
// its value is empty. As one text it is JSON, and its values quote themselves.
// What values hold can so never change the structure.
type Tree struct {
	Line int
	env  *environment
	// templates and expressions are its texts, to look for words in.
	templates, expressions []string
	root                   branch
	size                   int
	errs                   []error
}

// branch gives a value, or nothing.
type branch func(data any) (any, error)

// UnmarshalYAML takes any node.
func (t *Tree) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	t.Line, t.env = lineOf(n), environmentOf(ctx)
	t.root = t.grow(n, "", 0)
	return nil
}

func (t Tree) wrong() (int, error) { return t.Line, errors.Join(t.errs...) }

// Set says whether the file has a body.
func (t Tree) Set() bool { return t.root != nil }

// Render fills the body in: maps, slices, strings, and what expressions give.
func (t Tree) Render(data any) (any, error) {
	if t.root == nil {
		return nil, nil
	}
	return t.root(data)
}

// Bounds of a body: aliases could make a short file a large one.
const (
	maxDepth = 32
	maxSize  = 5000
)

func (t *Tree) bad(n ast.Node, at string, err error) branch {
	place := fmt.Errorf("line %d: %w", lineOf(n), err)
	if at = strings.TrimPrefix(at, "."); at != "" {
		place = fmt.Errorf("line %d: %s: %w", lineOf(n), at, err)
	}
	t.errs = append(t.errs, place)
	return func(any) (any, error) { return nil, err }
}

func (t *Tree) grow(n ast.Node, at string, depth int) branch {
	if t.size++; depth > maxDepth || t.size > maxSize {
		return t.bad(n, at, errors.New("too deep or too large"))
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.object(n.Values, n, at, depth)
	case *ast.MappingValueNode:
		return t.object([]*ast.MappingValueNode{n}, n, at, depth)
	case *ast.AnchorNode:
		return t.grow(n.Value, at, depth)
	case *ast.SequenceNode:
		return t.list(n, at, depth)
	case *ast.StringNode, *ast.LiteralNode:
		return t.leaf(n, at)
	case *ast.NullNode:
		return func(any) (any, error) { return nil, nil }
	case ast.ScalarNode:
		v := n.GetValue()
		return func(any) (any, error) { return v, nil }
	}
	_, err := scalar(n)
	return t.bad(n, at, err)
}

func (t *Tree) leaf(n ast.Node, at string) branch {
	source, _ := scalar(n)
	place := func(err error) error { return fmt.Errorf("body%s: %w", at, err) }
	if expr, ok := strings.CutPrefix(source, "="); ok {
		t.expressions = append(t.expressions, expr)
		e, err := NewExpr(strings.TrimSpace(expr))
		if err != nil {
			return t.bad(n, at, err)
		}
		return func(data any) (any, error) {
			v, err := e.Search(data)
			if err != nil {
				return nil, place(err)
			}
			return v, nil
		}
	}
	t.templates = append(t.templates, source)
	if at == "" {
		return t.document(n, source)
	}
	text := newText(t.env, source, "")
	if text.err != nil {
		return t.bad(n, at, text.err)
	}
	return func(data any) (any, error) {
		s, err := text.Render(data)
		if err != nil {
			return nil, place(err)
		}
		return s, nil
	}
}

// document is a body that is written as JSON.
func (t *Tree) document(n ast.Node, source string) branch {
	text := newText(t.env, source, inJSON)
	if text.err != nil {
		return t.bad(n, "", text.err)
	}
	return func(data any) (any, error) {
		s, err := text.Render(data)
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber() // numbers are sent as they are written
		var v any
		if err := dec.Decode(&v); err != nil || !ended(dec) {
			return nil, errors.New(`body: is no JSON once filled in; values quote themselves: {"a": {{ .key }}}`)
		}
		return v, nil
	}
}

func (t *Tree) object(values []*ast.MappingValueNode, n ast.Node, at string, depth int) branch {
	type member struct {
		key      string
		optional bool
		value    branch
	}
	var members []member
	seen := map[string]bool{}
	for _, v := range values {
		key, err := scalar(v.Key)
		if err != nil {
			return t.bad(n, at, err)
		}
		name, optional := strings.CutSuffix(key, "?")
		if seen[name] {
			t.bad(v, at+"."+name, errors.New("is there twice"))
		}
		seen[name] = true
		members = append(members, member{name, optional, t.grow(v.Value, at+"."+name, depth+1)})
	}
	return func(data any) (any, error) {
		out := map[string]any{}
		for _, m := range members {
			v, err := m.value(data)
			if err != nil {
				return nil, err
			}
			if !m.optional || !empty(v) {
				out[m.key] = v
			}
		}
		return out, nil
	}
}

func (t *Tree) list(n *ast.SequenceNode, at string, depth int) branch {
	var items []branch
	for i, v := range n.Values {
		items = append(items, t.grow(v, fmt.Sprintf("%s[%d]", at, i), depth+1))
	}
	return func(data any) (any, error) {
		out := make([]any, 0, len(items))
		for _, item := range items {
			v, err := item(data)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
