package restcall

import (
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
