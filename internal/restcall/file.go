package restcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxFileBytes bounds a file that describes a connection.
const maxFileBytes = 256 << 10

// Mistake is one thing that is wrong in a file. Line is 0 when it concerns
// the file as a whole.
type Mistake struct {
	File string
	Line int
	Key  string // dotted; empty when the line says it all
	Text string
}

// Error is FILE:LINE: KEY: TEXT.
func (m *Mistake) Error() string {
	at := m.File
	if m.Line > 0 {
		at = fmt.Sprintf("%s:%d", m.File, m.Line)
	}
	if m.Key != "" {
		at += ": " + m.Key
	}
	return at + ": " + m.Text
}

// ReadFile reads a file that describes a connection.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(b) > maxFileBytes {
		err = fmt.Errorf("%s: over %d bytes", path, maxFileBytes)
	}
	return b, err
}

// Decode reads YAML strictly into a struct: an unknown key is a mistake, and
// every template and expression in it is compiled. Templates have the time
// zone, the tables and the secrets of the endpoints in it. All mistakes are
// *Mistake, joined.
func Decode(file string, b []byte, into any) (err error) {
	defer func() { // goccy/go-yaml 1.19 panics on some sequences of a wrong tag
		if recover() != nil {
			err = &Mistake{File: file, Text: "the YAML cannot be read"}
		}
	}()
	env := newEnvironment()
	if err := yaml.UnmarshalContext(context.WithValue(context.Background(), environmentKey{}, env), b, into, yaml.Strict()); err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			m := &Mistake{File: file, Text: syntax.GetMessage()}
			if t := syntax.GetToken(); t != nil {
				m.Line = t.Position.Line
			}
			return m
		}
		return &Mistake{File: file, Text: strings.TrimSpace(err.Error())}
	}
	settle(reflect.ValueOf(into), env)
	var errs []error
	mistakes(reflect.ValueOf(into), "", func(key string, line int, err error) {
		errs = append(errs, &Mistake{File: file, Line: line, Key: key, Text: err.Error()})
	})
	return errors.Join(errs...)
}

// settle gives the templates of a file what its endpoints say of themselves.
func settle(v reflect.Value, env *environment) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if !v.CanInterface() {
		return
	}
	if v.CanAddr() {
		if e, ok := v.Addr().Interface().(*Endpoint); ok {
			e.settle(env)
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			settle(v.Field(i), env)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			settle(v.MapIndex(k), env)
		}
	case reflect.Slice:
		for i := range v.Len() {
			settle(v.Index(i), env)
		}
	}
}

// checked is a part of a file that knows what is wrong with it.
type checked interface{ wrong() (line int, err error) }

// mistakes finds every part that is wrong, in the file's keys.
func mistakes(v reflect.Value, key string, report func(string, int, error)) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.CanInterface() {
		if c, ok := v.Interface().(checked); ok {
			if line, err := c.wrong(); err != nil {
				report(key, line, err)
			}
			return
		}
	}
	below := func(name string) string {
		if key == "" {
			return name
		}
		return key + "." + name
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, flags, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			switch {
			case flags == "inline":
				mistakes(v.Field(i), key, report)
			case name != "" && name != "-":
				mistakes(v.Field(i), below(name), report)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			mistakes(v.MapIndex(k), below(k.String()), report)
		}
	case reflect.Slice:
		for i := range v.Len() {
			mistakes(v.Index(i), fmt.Sprintf("%s[%d]", key, i), report)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil {
		return t.Position.Line
	}
	return 0
}

// scalar is the text of a plain value, as it is written: 2.0 is no 2.
func scalar(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.NullNode:
		return "", nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode: // its own value has the mark and the indent
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", errors.New("wants one value")
}
