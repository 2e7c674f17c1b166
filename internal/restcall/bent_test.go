package restcall

import (
	"net/http"
	"net/url"
	"testing"
)

// What follows the path's question mark is a template, too: a value there is
// one parameter's, whatever stands in it.
func TestAValueInThePathsQueryStaysOneParameters(t *testing.T) {
	f := must(t, "base: https://a.example\ncreate: {path: '/t/{{ .q }}?act=read&q={{ .q }}'}\n")
	for _, q := range []string{"a&act=delete", "a=b", "a+b", "a b", "a;act=delete", "a#b", "100%"} {
		r, err := f.Create.Render("create", map[string]any{"q": q})
		if err != nil {
			t.Errorf("%q: %v", q, err)
			continue
		}
		if len(r.Query) != 2 || r.Query.Get("act") != "read" || r.Query.Get("q") != q {
			t.Errorf("%q: query %v", q, r.Query)
		}
		if u, err := url.Parse("https://a.example" + r.Target()); err != nil || u.Path != "/t/"+q || u.Fragment != "" {
			t.Errorf("%q: target %s, %v", q, r.Target(), err)
		}
	}
}

// A header with a line's end in it can be made by a secret's file, too; it is
// the credentials that are wrong then, and nothing was sent.
func TestASecretOfTwoLinesIsNotSent(t *testing.T) {
	t.Setenv("SHOP_KEY", "hunter2\r\nX-Admin: yes")
	c, call := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it is sent") }, "auth: {header: {name: X-Key, value: {env: SHOP_KEY}}}")
	_, err := c.Do(t.Context(), "create", call, sample)
	e, ok := err.(*Error)
	if !ok || e.Sent || e.class != ErrDenied {
		t.Errorf("%v", err)
	}
}

// After an answer stands nothing, brackets included.
func TestOneValueAndNoMore(t *testing.T) {
	for _, text := range []string{`{"a":1}}`, `{"a":1}]`, `[1]]`, `1]`, `{} {}`, `{"a":1} x`} {
		if v, err := DecodeJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, v)
		}
	}
	f := must(t, "base: https://a.example\ncreate: {method: POST, path: /t, body: '{\"a\": {{ .a }}}}'}\n")
	if err := f.Create.Rehearse("create", map[string]any{"a": "x"}); err == nil {
		t.Error("a body with one bracket too many")
	}
}
