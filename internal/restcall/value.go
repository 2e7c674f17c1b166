package restcall

import (
	"context"

	"github.com/goccy/go-yaml/ast"
)

// Value is a template of nothing but functions, or a secret.
type Value struct {
	Text   Text
	Secret Secret
}

// UnmarshalYAML takes a scalar, or {env: NAME} or {file: PATH}.
func (v *Value) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	if _, ok := n.(ast.ScalarNode); ok {
		return v.Text.UnmarshalYAML(ctx, n)
	}
	return v.Secret.UnmarshalYAML(n)
}

func (v Value) wrong() (int, error) {
	if line, err := v.Secret.wrong(); err != nil {
		return line, err
	}
	if v.Text.err == nil && v.Text.tmpl != nil {
		if _, err := v.Text.Render(nil); err != nil {
			return v.Text.Line, err
		}
	}
	return v.Text.wrong()
}

// Set says whether the file has it.
func (v Value) Set() bool { return v.Secret.Set() || v.Text.Source != "" }

// Reveal is the text, or the secret.
func (v Value) Reveal() (string, error) {
	if v.Secret.Set() {
		s, err := v.Secret.Reveal()
		return s.Reveal(), err
	}
	return v.Text.Render(nil)
}

// secrets of a value: none, or one.
func (v Value) secrets() []Secret {
	if v.Secret.Set() {
		return []Secret{v.Secret}
	}
	return nil
}
