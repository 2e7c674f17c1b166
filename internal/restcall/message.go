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
	"unicode"
)

// Message describes what is sent.
type Message struct {
	Method   string          `yaml:"method"` // GET
	Path     Path            `yaml:"path"`
	Query    map[string]Text `yaml:"query"` // a name that ends with "?" is left out when it is empty
	Headers  map[string]Text `yaml:"headers"`
	Encoding string          `yaml:"encoding"` // of the body: json (default) or form
	Body     Tree            `yaml:"body"`
}

const (
	asJSON = "json"
	asForm = "form"
)

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// Validate names everything that is wrong, each KEY.PLACE: TEXT.
func (m *Message) Validate(key string) error {
	var errs []error
	bad := func(sub, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s.%s: %s", key, sub, fmt.Sprintf(format, args...)))
	}
	if !slices.Contains(methods, m.method()) {
		bad("method", "%.20q is none of %s", m.Method, strings.Join(methods, ", "))
	}
	if !strings.HasPrefix(m.Path.Source, "/") {
		bad("path", "does not begin with /")
	}
	if strings.Contains(m.Path.Source, "#") {
		bad("path", "holds #")
	}
	if m.Encoding != "" && m.Encoding != asJSON && m.Encoding != asForm {
		bad("encoding", "%.20q is neither json nor form", m.Encoding)
	}
	if m.Body.Set() && m.method() == http.MethodGet {
		bad("body", "a GET has none")
	}
	for name := range m.Headers {
		if !headerName.MatchString(name) {
			bad("headers", "%.40q is no name of a header", name)
		}
	}
	return errors.Join(errs...)
}

func (m *Message) method() string {
	if m.Method == "" {
		return http.MethodGet
	}
	return m.Method
}

// Mentions says whether the message names a field of the data.
func (m *Message) Mentions(field string) bool {
	texts := append([]string{m.Path.Source}, m.Body.templates...)
	for _, list := range []map[string]Text{m.Query, m.Headers} {
		for _, t := range list {
			texts = append(texts, t.Source)
		}
	}
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, "."+field) }) ||
		slices.ContainsFunc(m.Body.expressions, func(t string) bool { return strings.Contains(t, field) })
}

// Request is a message filled in, before it is let in and sent.
type Request struct {
	Method string
	Path   string // escaped, below the base
	Query  url.Values
	Header http.Header
	// At is a whole address in place of Path: a page that an answer named.
	At *url.URL

	encoding string
	body     any
	has      bool // a body
}

// Render fills the message in. The error is ErrTemplate and names the key.
func (m *Message) Render(key string, data any) (*Request, error) {
	fail := func(sub string, err error) (*Request, error) {
		return nil, &Error{Call: key, class: ErrTemplate, Detail: sub + err.Error()}
	}
	r := &Request{Method: m.method(), Header: http.Header{}, Query: url.Values{}, encoding: m.Encoding}
	path, err := m.Path.Render(data)
	if err != nil {
		return fail("path: ", err)
	}
	path, fixed, _ := strings.Cut(path, "?")
	if r.Path = path; fixed != "" {
		if r.Query, err = url.ParseQuery(fixed); err != nil {
			return fail("path: ", errors.New("what follows ? is no query"))
		}
	}
	for _, part := range strings.Split(path, "/") {
		if part == "." || part == ".." {
			return fail("path: ", errors.New("holds dots for a part"))
		}
	}
	for name, text := range m.Query {
		v, err := text.Render(data)
		if err != nil {
			return fail("query."+name+": ", err)
		}
		if name, optional := strings.CutSuffix(name, "?"); !optional || v != "" {
			r.Query.Set(name, v)
		}
	}
	for name, text := range m.Headers {
		v, err := headerText(text.Render(data))
		if err != nil {
			return fail("headers."+name+": ", err)
		}
		r.Header.Set(name, v)
	}
	if m.Body.Set() {
		r.has = true
		if r.body, err = m.Body.Render(data); err != nil {
			return fail("", err)
		}
		if _, err := r.Body(); err != nil {
			return fail("body: ", err)
		}
	}
	return r, nil
}

func control(r rune) bool { return unicode.IsControl(r) }

// Rehearse fills the message in with made-up data and says what is wrong with
// it as a validation does: KEY.PLACE: TEXT.
func (m *Message) Rehearse(key string, data any) error {
	_, err := m.Render(key, data)
	var e *Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s.%s", key, e.Detail)
	}
	return err
}

// headerText refuses what would end a header.
func headerText(v string, err error) (string, error) {
	if err == nil && strings.ContainsFunc(v, control) {
		return "", errors.New("holds control characters")
	}
	return v, err
}

// Target is the path and the query.
func (r *Request) Target() string {
	if len(r.Query) == 0 {
		return r.Path
	}
	return r.Path + "?" + r.Query.Encode()
}

// Body is the body as it is sent; nil when there is none.
func (r *Request) Body() ([]byte, error) {
	if !r.has {
		return nil, nil
	}
	if r.encoding == asForm {
		form, err := r.form()
		return []byte(form.Encode()), err
	}
	body, err := marshal(r.body)
	if err != nil {
		return nil, errors.New("holds what JSON cannot")
	}
	return body, nil
}

// marshal writes JSON as other systems do, with &, < and > as they are.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func (r *Request) form() (url.Values, error) {
	fields, ok := r.body.(map[string]any)
	if !ok {
		return nil, errors.New("a form wants keys and values")
	}
	form := url.Values{}
	for k, v := range fields {
		form.Set(k, show(v))
	}
	return form, nil
}

func (r *Request) contentType() string {
	if r.encoding == asForm {
		return "application/x-www-form-urlencoded"
	}
	return "application/json"
}
