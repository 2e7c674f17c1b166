package restcall

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Call describes one request and what its answer means.
type Call struct {
	Message `yaml:",inline"`
	OK      []int           `yaml:"ok"`      // default: every 2xx
	Missing []int           `yaml:"missing"` // statuses that mean: there is none
	Map     map[string]Expr `yaml:"map"`
}

// Validate names everything that is wrong; fields are those that the mapping
// may give, required those that it has to.
func (c *Call) Validate(key string, fields, required []string) error {
	if c == nil {
		return nil
	}
	errs := []error{c.Message.Validate(key)}
	bad := func(sub, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s.%s: %s", key, sub, fmt.Sprintf(format, args...)))
	}
	for _, status := range append(slices.Clone(c.OK), c.Missing...) {
		if status < 200 || status > 499 {
			bad("ok", "%d is not in 200..499", status)
		}
	}
	for name := range c.Map {
		if !slices.Contains(fields, name) {
			bad("map."+name, "there is no such field; there are %s", strings.Join(fields, ", "))
		}
	}
	for _, name := range required {
		if !c.Map[name].Set() {
			bad("map."+name, "missing")
		}
	}
	return errors.Join(errs...)
}

func (c *Call) success(status int) bool {
	if len(c.OK) > 0 {
		return slices.Contains(c.OK, status)
	}
	return status >= 200 && status < 300
}

// Values are the fields of a mapped answer. A field that the answer does not
// have is not there.
type Values map[string]any

// Text is a field as text; "" when it is not there.
func (v Values) Text(field string) string { return show(v[field]) }

// List is a field as a list of objects.
func (v Values) List(field string) ([]Values, bool) {
	list, ok := v[field].([]any)
	if !ok {
		return nil, v[field] == nil
	}
	out := make([]Values, 0, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, false
		}
		out = append(out, m)
	}
	return out, true
}

// sampleBytes is how much of an answer an error shows, masked.
const sampleBytes = 300

// Extract applies expressions to decoded JSON. The error names the field, its
// expression and a masked sample of what was there.
func Extract(mapping map[string]Expr, answer any, required ...string) (Values, error) {
	return extract(mapping, answer, func() place { return place{} }, required)
}

// extract asks for the answer's place when it has to show a sample.
func extract(mapping map[string]Expr, answer any, at func() place, required []string) (Values, error) {
	out := Values{}
	for field, expr := range mapping {
		v, err := expr.Search(answer)
		if err != nil {
			return nil, fmt.Errorf("map.%s: %q: %w in %s", field, expr.Source, err, maskJSON(at(), answer, sampleBytes))
		}
		if v != nil {
			out[field] = v
		}
	}
	for _, field := range required {
		if v, ok := out[field]; !ok || v == "" {
			return nil, fmt.Errorf("map.%s: %q finds nothing in %s", field, mapping[field].Source, maskJSON(at(), answer, sampleBytes))
		}
	}
	return out, nil
}
