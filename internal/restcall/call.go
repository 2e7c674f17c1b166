package restcall

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Call describes one request and what its answer means.
type Call struct {
	Method   string          `yaml:"method"`
	Path     Path            `yaml:"path"`
	Query    map[string]Text `yaml:"query"`
	Headers  map[string]Text `yaml:"headers"`
	Encoding string          `yaml:"encoding"` // json (default) or form
	Body     Tree            `yaml:"body"`
	OK       []int           `yaml:"ok"`      // default: every 2xx
	Missing  []int           `yaml:"missing"` // statuses that mean: there is none
	Map      map[string]Expr `yaml:"map"`
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Validate names everything that is wrong; fields are those that the mapping
// may give, required those that it has to.
func (c *Call) Validate(key string, fields, required []string) error {
	if c == nil {
		return nil
	}
	var errs []error
	bad := func(sub, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s.%s: %s", key, sub, fmt.Sprintf(format, args...)))
	}
	if !slices.Contains(methods, c.Method) {
		bad("method", "%.20q is none of %s", c.Method, strings.Join(methods, ", "))
	}
	if !strings.HasPrefix(c.Path.Source, "/") {
		bad("path", "does not begin with /")
	}
	if c.Encoding != "" && c.Encoding != "json" && c.Encoding != "form" {
		bad("encoding", "%.20q is neither json nor form", c.Encoding)
	}
	if c.Body.Set() && c.Method == http.MethodGet {
		bad("body", "a GET has none")
	}
	for name := range c.Headers {
		if !headerName.MatchString(name) {
			bad("headers", "%.40q is no name of a header", name)
		}
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

// Request is a call filled in, before it is let in and sent.
type Request struct {
	Method string
	Target string // path and query
	Header http.Header
	Body   []byte
}

// Render fills the call in. The error is ErrTemplate and names the key.
func (c *Call) Render(key string, data any) (*Request, error) {
	fail := func(sub string, err error) (*Request, error) {
		return nil, &Error{Call: key, class: ErrTemplate, Detail: sub + err.Error()}
	}
	r := &Request{Method: c.Method, Header: http.Header{}}
	path, err := c.Path.Render(data)
	if err != nil {
		return fail("path: ", err)
	}
	r.Target = path
	query := url.Values{}
	for name, text := range c.Query {
		v, err := text.Render(data)
		if err != nil {
			return fail("query."+name+": ", err)
		}
		query.Set(name, v)
	}
	if len(query) > 0 {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		r.Target += sep + query.Encode()
	}
	for name, text := range c.Headers {
		v, err := text.Render(data)
		if err != nil {
			return fail("headers."+name+": ", err)
		}
		if strings.ContainsFunc(v, control) {
			return fail("headers."+name+": ", errors.New("holds control characters"))
		}
		r.Header.Set(name, v)
	}
	if c.Body.Set() {
		tree, err := c.Body.Render(data)
		if err != nil {
			return fail("", err)
		}
		if err := r.encode(c.Encoding, tree); err != nil {
			return fail("body: ", err)
		}
	}
	return r, nil
}

func (r *Request) encode(encoding string, tree any) error {
	contentType := "application/json"
	if encoding == "form" {
		fields, ok := tree.(map[string]any)
		if !ok {
			return errors.New("a form wants keys and values")
		}
		form := url.Values{}
		for k, v := range fields {
			form.Set(k, show(v))
		}
		r.Body, contentType = []byte(form.Encode()), "application/x-www-form-urlencoded"
	} else {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(tree); err != nil {
			return errors.New("holds what JSON cannot")
		}
		r.Body = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", contentType)
	}
	return nil
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

// Extract maps decoded JSON. The error names the field, its expression and a
// masked sample of what was there.
func (c *Call) Extract(answer any, required ...string) (Values, error) {
	return Extract(c.Map, answer, required...)
}

// Extract applies expressions to decoded JSON; see Call.Extract.
func Extract(mapping map[string]Expr, answer any, required ...string) (Values, error) {
	out := Values{}
	for field, expr := range mapping {
		v, err := expr.Search(answer)
		if err != nil {
			return nil, fmt.Errorf("map.%s: %q: %w in %s", field, expr.Source, err, MaskJSON(answer, sampleBytes))
		}
		if v != nil {
			out[field] = v
		}
	}
	for _, field := range required {
		if v, ok := out[field]; !ok || v == "" {
			return nil, fmt.Errorf("map.%s: %q finds nothing in %s", field, mapping[field].Source, MaskJSON(answer, sampleBytes))
		}
	}
	return out, nil
}

// JSONData brings a value to the form that templates and expressions work on:
// maps, slices, strings, numbers, booleans, null, by its JSON.
func JSONData(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return decodeJSON(b)
}

// DecodeJSON reads one JSON value. Whole numbers that a float64 would round
// (ids of more than 15 digits) become strings of their digits.
func DecodeJSON(b []byte) (any, error) { return decodeJSON(b) }

func decodeJSON(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one JSON value")
	}
	return plain(v), nil
}

const exact = 1 << 53

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plain(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plain(e)
		}
	case json.Number:
		f, err := v.Float64()
		if err != nil || (f >= exact || f <= -exact) && !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		return f
	}
	return v
}
