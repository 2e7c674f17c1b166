package restcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type file struct {
	Endpoint `yaml:",inline"`
	Create   *Call `yaml:"create"`
}

func decode(t *testing.T, text string) (*file, error) {
	t.Helper()
	f := new(file)
	return f, Decode("shop.yaml", []byte(text), f)
}

func must(t *testing.T, text string) *file {
	t.Helper()
	f, err := decode(t, text)
	if err == nil {
		err = errors.Join(f.Endpoint.Validate(), f.Create.Validate("create", []string{"id", "list"}, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMistakesNameFileAndLine(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":     {"base: https://a\nbsae: x\n", "shop.yaml:2: "},
		"syntax":          {"base: [\n", "shop.yaml:"},
		"function":        {"create:\n  method: GET\n  path: /a\n  query:\n    q: '{{ printf \"%9999999d\" 1 }}'\n", `shop.yaml:5: create.query.q: template: there is no function "printf"`},
		"call":            {"create:\n  path: /{{ call .x }}\n", `shop.yaml:2: create.path: template: there is no function "call"`},
		"our own":         {"create:\n  path: /{{ .x | part }}\n", `no function "part"`},
		"template syntax": {"create:\n  headers:\n    A: '{{ .x '\n", "shop.yaml:3: create.headers.A: template: "},
		"define":          {"create:\n  path: '/{{ define \"x\" }}{{ end }}'\n", "define and block"},
		"expression":      {"create:\n  map:\n    id: 'a['\n", "shop.yaml:3: create.map.id: JMESPath: "},
		"body":            {"create:\n  body:\n    a:\n      - '= b['\n", "line 4: a[0]: JMESPath"},
		"body twice":      {"create:\n  body:\n    a: 1\n    a?: 2\n", "twice"},
		"secret inside":   {"auth:\n  bearer: hunter2\n", "shop.yaml:2: auth.bearer: wants {env: NAME}"},
	} {
		_, err := decode(t, tc.text)
		var m *Mistake
		if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.As(err, &m) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	_, err := decode(t, "create:\n  path: /{{ .x | call }}\n  map: {id: 'a['}\n  query: {q: '{{'}\n")
	if got := strings.Count(fmt.Sprint(err), "shop.yaml:"); got != 3 {
		t.Errorf("%d mistakes told at once: %v", got, err)
	}
}

func TestValidationNamesKeys(t *testing.T) {
	f, err := decode(t, `
base: http://tickets.example.com/a?b
timeout: 1ms
max_bytes: 1
auth:
  header: {name: "a b", value: {env: X}}
  basic: {user: "", password: {env: X}}
sign: {}
create: {method: get, path: a, encoding: xml, ok: [700], headers: {"a b": x}, map: {nr: id}}
`)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(f.Endpoint.Validate(), f.Create.Validate("create", []string{"id"}, []string{"id"}))
	for _, want := range []string{"base: ", "timeout: ", "max_bytes: ", "auth.header.name: ", "auth.basic.user: ", "auth: wants one", "sign.secret: ",
		"create.method: ", "create.path: ", "create.encoding: ", "create.ok: ", "create.headers: ", "create.map.nr: ", "create.map.id: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	for base, right := range map[string]bool{
		"https://a.example": true, "http://127.0.0.1:80/x": true, "http://localhost": true,
		"http://a.example": false, "ftp://a": false, "https://u:p@a": false, "": false, "/x": false,
	} {
		if err := (Endpoint{Base: base}).Validate(); (err == nil) != right {
			t.Errorf("%q: %v", base, err)
		}
	}
	if err := (Endpoint{Base: "http://a.example", PlainHTTP: true}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestFunctions(t *testing.T) {
	data, err := JSONData(map[string]any{
		"n": 12345, "s": " Ab ", "at": "2026-11-12T02:30:00Z", "none": nil, "list": []string{"a", "b"}, "zh": "中山路128号", "phone": "13800138001",
	})
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		`{{ yuan .n }}`: "123.45", `{{ trim .s | upper }}`: "AB", `{{ .none | default "-" }}`: "-", `{{ join "," .list }}`: "a,b",
		`{{ date "2006-01-02 15:04" "Asia/Shanghai" .at }}`: "2026-11-12 10:30", `{{ unix .at }}`: "1794450600", `{{ truncate 2 .zh }}`: "中山",
		`{{ json .zh }}`: `"中山路128号"`, `{{ digits .zh }}`: "128", `{{ mask .phone }}`: "138******01", `{{ mask .zh }}`: "[7 characters]",
		`{{ if .none }}x{{ else }}y{{ end }}`: "y", `{{ range .list }}[{{ . }}]{{ end }}`: "[a][b]", `{{ lower .s | replace " " "" }}`: "ab",
	} {
		text, err := NewText(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := text.Render(data); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
	for _, source := range []string{`{{ .typo }}`, `{{ date "2006" "No/Zone" .at }}`, `{{ yuan .s }}`, `{{ join "," .n }}`} {
		text, err := NewText(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := text.Render(data); err == nil || strings.Contains(err.Error(), "Ab") {
			t.Errorf("%s: %q, %v", source, got, err)
		}
	}
	grow, _ := NewText(`{{ range .list }}{{ range $.list }}{{ $.long }}{{ end }}{{ end }}`)
	if _, err := grow.Render(map[string]any{"list": []any{1, 2, 3}, "long": strings.Repeat("x", maxTextBytes/2)}); err == nil {
		t.Error("a template without end")
	}
}

func bodyOf(t *testing.T, r *Request) []byte {
	t.Helper()
	b, err := r.Body()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequestsCannotBeBentByTheirData(t *testing.T) {
	f := must(t, `
base: https://a.example
create:
  method: POST
  path: /tickets/{{ .id }}/x
  query: {q: "{{ .q }}"}
  headers: {X-A: "{{ .head }}"}
  body:
    title: "T {{ .q }}"
    amount: "= amount"
    none?: "{{ .none }}"
    list: ["{{ .id }}", 3, true]
`)
	data := map[string]any{"id": "a/../b?c", "q": `"},{"a":&=1`, "head": "h", "amount": 12.5, "none": ""}
	r, err := f.Create.Render("create", data)
	if err != nil {
		t.Fatal(err)
	}
	if want := "/tickets/a%2F..%2Fb%3Fc/x?q=%22%7D%2C%7B%22a%22%3A%26%3D1"; r.Target() != want {
		t.Errorf("target %s", r.Target())
	}
	if want := `{"amount":12.5,"list":["a/../b?c",3,true],"title":"T \"},{\"a\":&=1"}`; string(bodyOf(t, r)) != want {
		t.Errorf("body %s", bodyOf(t, r))
	}
	for key, v := range map[string]string{"id": "..", "head": "a\r\nb: c"} {
		bent := map[string]any{}
		for k, e := range data {
			bent[k] = e
		}
		bent[key] = v
		if _, err := f.Create.Render("create", bent); !errors.Is(err, ErrTemplate) {
			t.Errorf("%s: %v", key, err)
		}
	}
	delete(data, "q")
	if _, err := f.Create.Render("create", data); !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), "query.q") {
		t.Errorf("a field that is not there: %v", err)
	}
	f.Create.Encoding = "form"
	data["q"] = "a&b"
	if r, err = f.Create.Render("create", data); err != nil || !strings.Contains(string(bodyOf(t, r)), "title=T+a%26b") {
		t.Errorf("form %v, %v", r, err)
	}
}

func serve(t *testing.T, h http.HandlerFunc, more string) (*Client, *Call) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	f := must(t, "base: "+server.URL+"\ntimeout: 500ms\nmax_bytes: 4096\n"+more+`
create: {method: POST, path: /t, missing: [404], body: {phone: "{{ .phone }}"}, map: {id: "data.id"}}
`)
	c, err := NewClient(f.Endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, f.Create
}

var sample = map[string]any{"phone": "13800138001"}

func TestAnswersAndTheirClasses(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("went to another host") }))
	defer elsewhere.Close()
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		class  error
		want   string
	}{
		"right":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"id":123456789012345678901}}`) }, nil, "123456789012345678901"},
		"missing": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, nil, ""},
		"500":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ErrUnavailable, "status 500"},
		"429":     {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, ErrUnavailable, "429"},
		"401":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ErrDenied, "401"},
		"422": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			fmt.Fprint(w, `{"code":"bad","phone":"13800138001"}`)
		}, ErrRefused, `"code":"bad"`},
		"garbage":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>13800138001") }, ErrGarbled, "no JSON"},
		"other shape": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"nr":"13800138001"}}`) }, ErrGarbled, `map.id: "data.id" finds nothing in {"data":{"nr":"138`},
		"empty":       {func(http.ResponseWriter, *http.Request) {}, ErrGarbled, "empty"},
		"endless":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 5000)) }, ErrGarbled, "over 4096"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that nobody waits
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}, ErrUnavailable, "no answer in time"},
		"cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable, "connection broke"},
		"leads away": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(307)
		}, ErrGarbled, "another place"},
	} {
		c, call := serve(t, tc.answer, "")
		var shown Exchange
		a, err := c.Do(context.Background(), "create", call, sample, Require("id"), Show(&shown))
		var e *Error
		switch {
		case tc.class == nil && (err != nil || a.Values.Text("id") != tc.want || a.Missing != (name == "missing")):
			t.Errorf("%s: %+v, %v", name, a, err)
		case tc.class != nil && (!errors.Is(err, tc.class) || !errors.As(err, &e) || !e.Sent || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v", name, err)
		}
		if name == "429" && e.RetryAfter != 7*time.Second {
			t.Errorf("pause %v", e.RetryAfter)
		}
		if all := fmt.Sprint(err, shown); strings.Contains(all, "13800138001") {
			t.Errorf("%s shows a number: %s", name, all)
		}
	}
	server := httptest.NewServer(nil)
	server.Close()
	c, err := NewClient(Endpoint{Base: server.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, call := serve(t, nil, "")
	_, err = c.Do(context.Background(), "create", call, sample)
	if e := (*Error)(nil); !errors.As(err, &e) || e.Sent || !errors.Is(err, ErrUnavailable) {
		t.Errorf("refused connection: %v", err)
	}
}

func TestRedirectsStayAtTheHost(t *testing.T) {
	c, call := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/t" {
			http.Redirect(w, r, "/u", http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprint(w, `{"data":{"id":"1"}}`)
	}, "")
	if a, err := c.Do(context.Background(), "create", call, sample, Require("id")); err != nil || a.Values.Text("id") != "1" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestSecretsAndSignatures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SHOP_SIGN", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	key := Signing{Secret: Secret{Env: "SHOP_SIGN"}}
	got := make(chan error, 4)
	c, call := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		err := key.Verify(r.Header, body)
		if r.Header.Get("X-Key") != "k hunter2" || r.Header.Get("Webhook-Id") != "m1" {
			err = errors.Join(err, fmt.Errorf("headers %v", r.Header))
		}
		if key.Verify(r.Header, append(body, ' ')) == nil {
			err = errors.Join(err, errors.New("any body verifies"))
		}
		got <- err
		fmt.Fprint(w, `{"data":{"id":"1"}}`)
	}, "auth: {header: {name: X-Key, prefix: 'k ', value: {file: "+path+"}}}\nsign: {secret: {env: SHOP_SIGN}}")
	if _, err := c.Do(context.Background(), "create", call, sample, WithID("m1")); !errors.Is(err, ErrDenied) || !errors.Is(err, ErrSecret) {
		t.Errorf("without its file: %v", err)
	}
	write("hunter2\n")
	var shown Exchange
	if _, err := c.Do(context.Background(), "create", call, sample, WithID("m1"), Show(&shown)); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	if all := fmt.Sprint(shown); strings.Contains(all, "hunter2") || !strings.Contains(all, "X-Key:***") {
		t.Errorf("shown %s", all)
	}
	if len(c.end.Secrets()) != 2 {
		t.Errorf("secrets %v", c.end.Secrets())
	}
	t.Setenv("SHOP_SIGN", "whsec_no base64")
	if err := key.Verify(http.Header{}, nil); !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), "no base64") {
		t.Errorf("a key that is none: %v", err)
	}
}

func FuzzTemplates(f *testing.F) {
	for _, s := range []string{"{{ .a }}", "{{ range .a }}{{ . }}{{ end }}", "{{ define \"x\" }}{{ end }}", "{{ part .a }}", "{{ .a | json | truncate 3 }}", "{{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		text, err := NewText(source)
		if err != nil {
			return
		}
		if out, err := text.Render(map[string]any{"a": []any{"b", 1.0, nil}}); err == nil && len(out) > maxTextBytes {
			t.Errorf("%d bytes", len(out))
		}
	})
}

func TestValidationsKnowTheirLines(t *testing.T) {
	text := []byte("base: x\ncreate:\n  method: GOT\n  map:\n    id: id\n")
	err := Mistakes("a.yaml", text, errors.Join(errors.New("base: wants"), errors.New("create.method: is none"), errors.New("create.map.url: missing"), errors.New("find: missing")))
	want := "a.yaml:1: base: wants\na.yaml:3: create.method: is none\na.yaml:4: create.map.url: missing\na.yaml: find: missing"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
