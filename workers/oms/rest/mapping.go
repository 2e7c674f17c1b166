package rest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

// ErrMapping: the system's answer does not hold what the file says it does.
var ErrMapping = errors.New("answer does not fit the mapping")

// maxItems bounds the lists of one answer.
const maxItems = 500

// path is a JMESPath of a file; one that is not there is the value itself.
type path struct{ restcall.Expr }

func (p path) get(v any) (any, error) {
	if !p.Set() {
		return v, nil
	}
	out, err := p.Search(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %s cannot be worked out for %s", ErrMapping, p.Source, sampleOf(v))
	}
	return out, nil
}

// list evaluates to a list; null is an empty one.
func (p path) list(v any) ([]any, error) {
	switch v.(type) {
	case map[string]any, []any, nil:
	default: // in which JMESPath finds nothing, as if there were none
		return nil, fmt.Errorf("%w: %s is neither an object nor a list", ErrMapping, shape(v))
	}
	got, err := p.get(v)
	if err != nil || got == nil {
		return nil, err
	}
	items, ok := got.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: %s is no list but %s", ErrMapping, p.name(), shape(got))
	}
	if len(items) > maxItems {
		return nil, fmt.Errorf("%w: %s has over %d items", ErrMapping, p.name(), maxItems)
	}
	return items, nil
}

func (p path) name() string {
	if p.Source == "" {
		return "@"
	}
	return p.Source
}

// field is a compiled fieldSpec with the target that it fills.
type field struct {
	target
	from, each path
	value      *string
	deflt      *string
	table      map[string]string
	layout     string
	zone       *time.Location
	unit       string
	sub        []field
}

// apply maps one object of a system's answer to ours; where is its place for
// errors.
func apply(fields []field, v any, where string) (map[string]any, error) {
	out := map[string]any{}
	var errs []error
	for _, f := range fields {
		at := where + "." + f.name
		got, err := f.apply(v, at)
		switch {
		case err != nil:
			errs = append(errs, err)
		case got != nil:
			out[f.name] = got
		case f.required:
			errs = append(errs, fmt.Errorf("%w: %s: %s is missing in %s", ErrMapping, at, f.source(), sampleOf(v)))
		}
	}
	return out, errors.Join(errs...)
}

func (f field) source() string {
	switch {
	case f.kind == kindList:
		return f.each.name()
	case f.value == nil:
		return f.from.name()
	}
	return "value"
}

// apply gives the field's value in the form of our JSON, nil for none.
func (f field) apply(v any, at string) (any, error) {
	if f.kind == kindList {
		return f.objects(v, at)
	}
	if f.value != nil {
		return f.scalar(*f.value, at)
	}
	got, err := f.from.get(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	if got == nil || got == "" {
		if f.deflt == nil {
			return nil, nil
		}
		return f.scalar(*f.deflt, at)
	}
	if f.kind == kindTexts {
		return f.texts(got, at)
	}
	s, ok := text(got)
	if !ok {
		return nil, f.wrong(at, got, "is no single value")
	}
	if f.table != nil {
		word, known := f.table[s]
		switch {
		case known:
			s = word
		case f.deflt != nil:
			s = *f.deflt
		default:
			return nil, f.wrong(at, got, "is not in the table")
		}
	}
	return f.scalar(s, at)
}

func (f field) objects(v any, at string) (any, error) {
	items, err := f.each.list(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	out := make([]any, 0, len(items))
	for i, item := range items {
		o, err := apply(f.sub, item, fmt.Sprintf("%s[%d]", at, i))
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if len(out) == 0 && !f.required {
		return nil, nil
	}
	return out, nil
}

func (f field) texts(v any, at string) (any, error) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	var out []string
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return nil, f.wrong(at, item, "is no text")
		}
		if f.table != nil {
			if s, ok = f.table[s]; !ok {
				continue // words that rules do not ask about
			}
		}
		out = append(out, cut(s, 64))
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out[:min(len(out), 20)], nil
}

func (f field) scalar(s, at string) (any, error) {
	switch f.kind {
	case kindCount, kindMoney:
		unit := f.unit
		if f.kind == kindCount {
			unit = "fen"
		}
		n, err := fen(s, unit)
		if err != nil {
			return nil, f.wrong(at, s, err.Error())
		}
		return n, nil
	case kindTime:
		t, ok, err := instant(s, f.layout, f.zone)
		if err != nil {
			return nil, f.wrong(at, s, err.Error())
		}
		if !ok {
			return nil, nil
		}
		return t, nil
	case kindFlag:
		b, err := flag(s)
		if err != nil {
			return nil, f.wrong(at, s, err.Error())
		}
		return b, nil
	}
	if f.enum != nil && !slices.Contains(f.enum, s) {
		return nil, f.wrong(at, s, fmt.Sprintf("is none of %v; a table is needed", f.enum))
	}
	if s == "" {
		return nil, nil
	}
	return cut(s, f.max), nil
}

func (f field) wrong(at string, v any, why string) error {
	show := shape(v)
	if f.enum != nil {
		show = word(v)
	}
	return fmt.Errorf("%w: %s: %s = %s %s", ErrMapping, at, f.source(), show, why)
}
