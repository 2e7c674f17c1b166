package scenarios

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// decoder walks a YAML file and notes everything that is wrong with it. The
// YAML library's own strict mode stops at the first error.
type decoder struct {
	file string
	errs []error
}

func (d *decoder) fail(n ast.Node, format string, args ...any) {
	d.failAt(line(n), format, args...)
}

func (d *decoder) failAt(line int, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s", d.file, line, fmt.Sprintf(format, args...)))
}

func line(n ast.Node) int {
	if n == nil {
		return 1
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// root parses the file; nil when there is nothing to walk.
func (d *decoder) root(b []byte) ast.Node {
	if len(b) > maxFile {
		d.failAt(1, "over %d bytes", maxFile)
		return nil
	}
	if !utf8.Valid(b) {
		d.failAt(1, "is not UTF-8")
		return nil
	}
	f, err := parser.ParseBytes(b, 0)
	if err != nil {
		at := 1
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			at = syntax.GetToken().Position.Line
		}
		first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		d.failAt(at, "%s", first)
		return nil
	}
	if len(f.Docs) != 1 || f.Docs[0] == nil || f.Docs[0].Body == nil {
		d.failAt(1, "must hold one YAML document")
		return nil
	}
	return f.Docs[0].Body
}

// fields reads a mapping; keys that are not in known are errors.
func (d *decoder) fields(n ast.Node, what string, known map[string]func(ast.Node)) bool {
	pairs, ok := pairs(n)
	if !ok {
		d.fail(n, "%s: must be a mapping", what)
		return false
	}
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		key, ok := text(p.Key)
		set, is := known[key]
		switch {
		case !ok || !is:
			d.fail(p.Key, "%s: unknown key %.40q; known are %s", what, p.Key.String(), strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case seen[key]:
			d.fail(p.Key, "%s: key %q stands twice", what, key)
		default:
			set(p.Value)
		}
		seen[key] = true
	}
	return true
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// text is a scalar as it is written; numbers are text here.
func text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// words reads text of one line.
func (d *decoder) words(key string, longest int, dst *string) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := text(n)
		s = strings.TrimSpace(s)
		switch {
		case !ok || s == "":
			d.fail(n, "%s: must be text", key)
		case strings.ContainsAny(s, "\r\n\x00"):
			d.fail(n, "%s: must be one line", key)
		case utf8.RuneCountInString(s) > longest:
			d.fail(n, "%s: over %d characters", key, longest)
		default:
			*dst = s
		}
	}
}

// checked reads text that must pass a test.
func (d *decoder) checked(key, want string, fits func(string) bool, dst *string) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := text(n)
		if !ok || !fits(s) {
			d.fail(n, "%s: must be %s", key, want)
			return
		}
		*dst = s
	}
}

func (d *decoder) oneOf(key string, allowed []string, dst *string) func(ast.Node) {
	return d.checked(key, "one of "+strings.Join(allowed, ", "), func(s string) bool { return slices.Contains(allowed, s) }, dst)
}

func (d *decoder) duration(key string, low, high time.Duration, dst *time.Duration) func(ast.Node) {
	return func(n ast.Node) {
		s, _ := text(n)
		v, err := time.ParseDuration(s)
		if err != nil || v < low || v > high {
			d.fail(n, "%s: must be a time from %s to %s, such as 500ms or 3s", key, low, high)
			return
		}
		*dst = v
	}
}

func (d *decoder) number(key string, low, high float64, dst *float64) func(ast.Node) {
	return func(n ast.Node) {
		s, _ := text(n)
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v >= low && v <= high) {
			d.fail(n, "%s: must be a number from %g to %g", key, low, high)
			return
		}
		*dst = v
	}
}

func (d *decoder) flag(key string, set func(bool)) func(ast.Node) {
	return func(n ast.Node) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(n, "%s: must be true or false", key)
			return
		}
		set(b.Value)
	}
}

func (d *decoder) items(key string, most int, each func(i int, n ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		seq, ok := n.(*ast.SequenceNode)
		switch {
		case !ok:
			d.fail(n, "%s: must be a list", key)
		case len(seq.Values) > most:
			d.fail(n, "%s: over %d items", key, most)
		default:
			for i, v := range seq.Values {
				each(i, v)
			}
		}
	}
}

// oneOrMore reads text of one line, or a list of such.
func (d *decoder) oneOrMore(key string, dst *[]string) func(ast.Node) {
	return func(n ast.Node) {
		if _, one := text(n); !one {
			d.texts(key, dst)(n)
			return
		}
		var s string
		d.words(key, maxSay, &s)(n)
		*dst = []string{s}
	}
}

func (d *decoder) texts(key string, dst *[]string) func(ast.Node) {
	return d.items(key, 50, func(_ int, n ast.Node) {
		var s string
		d.words(key, maxSay, &s)(n)
		*dst = append(*dst, s)
	})
}
