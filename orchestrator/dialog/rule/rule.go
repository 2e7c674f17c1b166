// Package rule checks and evaluates the expressions of a flow: what is
// allowed, who pays, what is said. An expression has no loops, no clock and no
// I/O, so its cost is bound by its length and it always says the same of the
// same facts.
package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// The bounds of one expression, and of what it may allocate.
const (
	MaxLength = 600 // characters
	maxNodes  = 100
	memory    = 10_000
)

// ErrRule is wrapped by every error of an expression.
var ErrRule = errors.New("rule")

// Vocabulary is what an expression may name besides the fields of Facts.
type Vocabulary struct {
	// Slots are the flow's slots with the values of those that have a closed
	// set; nil allows any.
	Slots map[string][]string
}

// closed are the facts that have few values, which a typing error would
// otherwise never match.
var closed = map[string][]string{
	"order.status":  {"", "paid", "shipped", "delivered", "completed", "cancelled"},
	"order.payment": {"", "alipay", "wechat", "card", "credit", "cod"},
	"parcel.status": {"", "created", "in_transit", "out_for_delivery", "delivered", "returned"},
	"refund.status": {"none", "requested", "approved", "processing", "paid", "rejected"},
}

// functions are what an expression may call: methods of Facts.
var functions = []string{"Days", "Names", "Tagged"}

// operators are those whose cost does not depend on a number in them.
var operators = []string{
	"==", "!=", "<", "<=", ">", ">=", "and", "or", "&&", "||", "in", "not in", "not", "!", "+", "-", "contains", "startsWith", "endsWith",
}

// Program is a checked expression, immutable and safe for concurrent use.
type Program struct {
	text  string
	code  *vm.Program
	slots []string
}

// Compile checks the types, names, values and size of an expression that says
// yes or no. Errors wrap ErrRule and name line and column of the expression.
func Compile(text string, words Vocabulary) (*Program, error) {
	if n := utf8.RuneCountInString(text); n == 0 || n > MaxLength {
		return nil, fmt.Errorf("%w: has %d characters, must have from 1 to %d", ErrRule, n, MaxLength)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, located(err)
	}
	c := &checker{words: words, source: text}
	ast.Walk(&tree.Node, c)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	code, err := expr.Compile(text, expr.Env(Facts{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins())
	if err != nil {
		return nil, located(err)
	}
	slices.Sort(c.slots)
	return &Program{text: text, code: code, slots: slices.Compact(c.slots)}, nil
}

// Holds evaluates the expression. An error means facts that the types do not
// tell of; the caller should take it for no.
func (p *Program) Holds(facts Facts) (bool, error) {
	machine := vm.VM{MemoryBudget: memory}
	out, err := machine.Run(p.code, facts)
	if err != nil {
		return false, located(err)
	}
	holds, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("%w: %q is %T, not yes or no", ErrRule, p.text, out)
	}
	return holds, nil
}

// Slots are the slots that the expression reads, sorted: "line" as well when
// it reads the article itself.
func (p *Program) Slots() []string { return slices.Clone(p.slots) }

func (p *Program) String() string { return p.text }

// located is a library's error with its place, on one line.
func located(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%w: %d:%d: %s", ErrRule, at.Line, at.Column+1, at.Message)
	}
	return fmt.Errorf("%w: %s", ErrRule, strings.ReplaceAll(err.Error(), "\n", " "))
}

// checker refuses what has no bound or no meaning.
type checker struct {
	words  Vocabulary
	source string
	slots  []string
	errs   []error
}

func (c *checker) bad(n ast.Node, format string, args ...any) {
	at := n.Location()
	at2 := &file.Error{Location: at}
	at2.Bind(file.NewSource(c.source))
	c.errs = append(c.errs, fmt.Errorf("%w: %d:%d: %s", ErrRule, at2.Line, at2.Column+1, fmt.Sprintf(format, args...)))
}

// Visit implements ast.Visitor.
func (c *checker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if n.Value == "line" {
			c.slots = append(c.slots, "line")
		}
	case *ast.IntegerNode, *ast.BoolNode, *ast.StringNode, *ast.ArrayNode, *ast.ConditionalNode:
	case *ast.UnaryNode:
		c.operator(n, n.Operator)
	case *ast.BinaryNode:
		c.operator(n, n.Operator)
		c.values(n.Left, n.Right)
		c.values(n.Right, n.Left)
	case *ast.MemberNode:
		c.member(n)
	case *ast.CallNode:
		if f, ok := n.Callee.(*ast.IdentifierNode); !ok || !slices.Contains(functions, f.Value) {
			c.bad(n, "only %s can be called", strings.Join(functions, ", "))
		}
	default:
		c.bad(*node, "this kind of expression is not allowed in a rule")
	}
}

func (c *checker) operator(n ast.Node, op string) {
	if !slices.Contains(operators, op) {
		c.bad(n, "operator %q is not allowed in a rule", op)
	}
}

func (c *checker) member(n *ast.MemberNode) {
	property, ok := n.Property.(*ast.StringNode)
	if !ok || n.Optional {
		c.bad(n, "a name must follow the dot")
		return
	}
	if _, nested := n.Node.(*ast.IdentifierNode); !nested {
		c.bad(n, "nothing has fields of fields")
		return
	}
	if path(n) != "slots."+property.Value {
		return
	}
	if _, known := c.words.Slots[property.Value]; !known {
		c.bad(n, "unknown slot %q", property.Value)
		return
	}
	c.slots = append(c.slots, property.Value)
}

// path is "order.status" of such a node, or "".
func path(n ast.Node) string {
	m, ok := n.(*ast.MemberNode)
	if !ok {
		return ""
	}
	of, ok := m.Node.(*ast.IdentifierNode)
	name, named := m.Property.(*ast.StringNode)
	if !ok || !named {
		return ""
	}
	return of.Value + "." + name.Value
}

// values compares what a fact is compared with to what it can be.
func (c *checker) values(fact, with ast.Node) {
	name := path(fact)
	known := closed[name]
	if slot, ok := strings.CutPrefix(name, "slots."); ok && len(c.words.Slots[slot]) > 0 {
		known = append(slices.Clone(c.words.Slots[slot]), "")
	}
	if len(known) == 0 {
		return
	}
	literals := []ast.Node{with}
	if list, ok := with.(*ast.ArrayNode); ok {
		literals = list.Nodes
	}
	for _, l := range literals {
		if s, ok := l.(*ast.StringNode); ok && !slices.Contains(known, s.Value) {
			c.bad(l, "%s has no value %q", name, s.Value)
		}
	}
}
