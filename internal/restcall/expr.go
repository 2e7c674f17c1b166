package restcall

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/jmespath-community/go-jmespath"
)

// Expr is a JMESPath expression of a file (https://jmespath.org).
type Expr struct {
	Source string
	Line   int
	path   jmespath.JMESPath
	err    error
}

// NewExpr compiles an expression that stands in no file.
func NewExpr(source string) (Expr, error) {
	e := Expr{Source: source}
	e.compile()
	return e, e.err
}

// UnmarshalYAML takes a scalar.
func (e *Expr) UnmarshalYAML(n ast.Node) error {
	e.Line = lineOf(n)
	if e.Source, e.err = scalar(n); e.err == nil {
		e.compile()
	}
	return nil
}

func (e *Expr) compile() {
	defer func() {
		if recover() != nil {
			e.err = errors.New("JMESPath: the expression cannot be read")
		}
	}()
	var err error
	if e.path, err = jmespath.Compile(e.Source); err != nil {
		e.err = fmt.Errorf("JMESPath: %w", err)
	}
}

func (e Expr) wrong() (int, error) { return e.Line, e.err }

// Set says whether the file has it.
func (e Expr) Set() bool { return e.path != nil }

// Search evaluates the expression over decoded JSON; what is not there is
// nil. Errors tell the kinds of values, never the values.
func (e Expr) Search(data any) (v any, err error) {
	if e.path == nil {
		return nil, e.err
	}
	defer func() {
		if recover() != nil {
			v, err = nil, errors.New("JMESPath: cannot be applied to this")
		}
	}()
	if v, err = e.path.Search(data); err != nil {
		// The library's errors quote the value that did not fit.
		return nil, errors.New("JMESPath: cannot be applied to what is there")
	}
	return v, nil
}
