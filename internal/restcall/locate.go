package restcall

import (
	"errors"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Mistakes turns the errors of a validation, each KEY: TEXT, into *Mistake
// with the line where the key stands, or where what is missing would belong.
func Mistakes(file string, b []byte, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for _, line := range strings.Split(err.Error(), "\n") {
		key, why, ok := strings.Cut(line, ": ")
		if !ok || strings.ContainsAny(key, " \"") {
			key, why = "", line
		}
		errs = append(errs, &Mistake{File: file, Line: locate(b, key), Key: key, Text: why})
	}
	return errors.Join(errs...)
}

// Locate is the line of a key, given as the names above it and its own, with
// the numbers of items in lists; or of the nearest key above it that is there.
// 0 is none.
func Locate(b []byte, keys ...string) (line int) {
	defer func() { // the parser has read it before, but nothing depends on a line
		if recover() != nil {
			line = 0
		}
	}()
	f, err := parser.ParseBytes(b, 0)
	if err != nil || len(f.Docs) == 0 {
		return 0
	}
	node := f.Docs[0].Body
	for _, key := range keys {
		if a, ok := node.(*ast.AnchorNode); ok {
			node = a.Value
		}
		if list, ok := node.(*ast.SequenceNode); ok {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(list.Values) {
				break
			}
			node = list.Values[i]
			line = lineOf(node)
			continue
		}
		next := member(node, key)
		if next == nil {
			break
		}
		line, node = lineOf(next.Key), next.Value
	}
	return line
}

// items are the numbers in a dotted key: a[0].b is a, 0, b.
var items = strings.NewReplacer("[", ".", "]", "")

// locate is the line of a dotted key.
func locate(b []byte, key string) int {
	if key == "" {
		return 0
	}
	return Locate(b, strings.Split(items.Replace(key), ".")...)
}

func member(n ast.Node, name string) *ast.MappingValueNode {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	for _, v := range values {
		if key, err := scalar(v.Key); err == nil && strings.TrimSuffix(key, "?") == name {
			return v
		}
	}
	return nil
}
