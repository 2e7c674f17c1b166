package restcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestTokensAreFetchedAndKept: once for many calls, anew when refused, and the
// token's server away is an absence.
func TestTokensAreFetchedAndKept(t *testing.T) {
	t.Setenv("DESK_SECRET", "hunter22")
	var fetched, calls atomic.Int64
	var status atomic.Int64
	status.Store(200)
	c, call := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(int(status.Load()))
			if r.FormValue("client_id") != "tidegate" || r.FormValue("client_secret") != "hunter22" || r.FormValue("scope") != "tickets" {
				t.Errorf("form %v", r.Form)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("token-", fetched.Add(1)), "token_type": "bearer", "expires_in": 3600})
			return
		}
		calls.Add(1)
		if r.Header.Get("Authorization") == "Bearer token-1" && calls.Load() > 2 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"data":{"id":"1"}}`)
	}, "auth: {oauth2: {token_url: 'http://127.0.0.1:1/token', client_id: tidegate, client_secret: {env: DESK_SECRET}, scopes: [tickets], credentials_in_body: true}}")
	c.end.Auth.OAuth2.TokenURL = c.base.String() + "/token"
	var shown Exchange
	for range 3 { // the third time, the first token is no longer taken
		if _, err := c.Do(context.Background(), "create", call, sample, Require("id"), Show(&shown)); err != nil {
			t.Fatal(err)
		}
	}
	if fetched.Load() != 2 || calls.Load() != 4 || strings.Contains(fmt.Sprint(shown), "token-") {
		t.Errorf("%d tokens, %d calls, shown %v", fetched.Load(), calls.Load(), shown)
	}
	for code, class := range map[int64]error{503: ErrUnavailable, 429: ErrUnavailable, 400: ErrDenied} {
		status.Store(code)
		c.auth.(*tokens).token = nil
		if _, err := c.Do(context.Background(), "create", call, sample); !errors.Is(err, class) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("token's status %d: %v", code, err)
		}
	}
}

func TestWhoGivesUpIsTold(t *testing.T) {
	done := make(chan struct{})
	c, call := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}, "")
	defer close(done)
	if _, err := c.Do(context.Background(), "create", call, sample); !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("our own limit: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, "create", call, sample); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the asker's limit: %v", err)
	}
}

// TestWhatAFileSaysOfItself: time zone, tables, secrets and headers.
func TestWhatAFileSaysOfItself(t *testing.T) {
	t.Setenv("SHOP_PIN", "hunter22")
	text := `
base: http://127.0.0.1:1
time_zone: America/New_York
tables: {reasons: {wrong_size: "101", "*": "199"}}
secrets: {pin: {env: SHOP_PIN}}
headers: {X-Pin: {env: SHOP_PIN}, X-Shop: cups}
create:
  method: POST
  path: /t
  query: {none?: "", at: '{{ date "2006-01-02 15:04" .at }}', now: '{{ now "2006" }}', u: "{{ unix .at }}", ms: "{{ unixms }}", n: "{{ add .n 1 }}"}
  headers: {X-Sum: '{{ secret "pin" }}/{{ lookup "reasons" .why }}/{{ lookup "reasons" "?" }}'}
  body: |
    {"why": {{.why}}, "list": [{{range $i, $l := .list}}{{if $i}}, {{end}}{{$l}}{{end}}],
     "big": 1234567890123456789}
`
	f := must(t, text)
	data := map[string]any{"at": "2026-11-12T02:30:00Z", "n": 2., "why": `wro"ng`, "list": []any{1., "b"}}
	now := time.UnixMilli(1795680000123)
	f.Now = func() time.Time { return now }
	if err := f.Create.Rehearse("create", data); err != nil {
		t.Errorf("before it is live: %v", err)
	}
	c, err := NewClient(f.Endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	req, err := f.Create.Render("create", data)
	if err != nil {
		t.Fatal(err)
	}
	if want := "/t?at=2026-11-11+21%3A30&ms=1795680000123&n=3&now=2026&u=1794450600"; req.Target() != want {
		t.Errorf("target %s", req.Target())
	}
	if want := `{"big":1234567890123456789,"list":[1,"b"],"why":"wro\"ng"}`; string(bodyOf(t, req)) != want {
		t.Errorf("body %s", bodyOf(t, req))
	}
	r, _, err := c.request(t.Context(), "create", req, options{})
	if err != nil || r.Header.Get("X-Pin") != "hunter22" || r.Header.Get("X-Shop") != "cups" || r.Header.Get("X-Sum") != "hunter22/199/199" {
		t.Errorf("headers %v, %v", r.Header, err)
	}
	if n := len(f.Endpoint.Secrets()); n != 2 {
		t.Errorf("%d secrets", n)
	}
	for old, wrong := range map[string]string{
		`secret "pin"`: `secret "pen"`, `lookup "reasons" .why`: `lookup "reason" .why`, `"big": `: `"big" `, `{{.why}}`: `{{.wy}}`,
	} {
		bad := must(t, strings.Replace(text, old, wrong, 1))
		if err := bad.Create.Rehearse("create", data); err == nil || !strings.HasPrefix(err.Error(), "create.") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestPagesStayAtTheHost: an answer may name another page, of the same host.
func TestPagesStayAtTheHost(t *testing.T) {
	c, err := NewClient(Endpoint{Base: "https://shop.example/api"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := &Request{Method: "GET", Path: "/orders"}
	for link, want := range map[string]string{
		"/api/orders?page=2": "https://shop.example/api/orders?page=2", "https://shop.example/p?q=a%2Fb#x": "https://shop.example/p?q=a%2Fb",
	} {
		next, err := c.Follow(first, link)
		if err != nil {
			t.Errorf("%s: %v", link, err)
			continue
		}
		if got, err := c.address(next); err != nil || got != want {
			t.Errorf("%s: %s, %v", link, got, err)
		}
	}
	for _, link := range []string{"https://elsewhere.example/", "http://shop.example/", "//elsewhere.example/x", "\x7f"} {
		if next, err := c.Follow(first, link); err == nil {
			t.Errorf("%q leads to %v", link, next.At)
		}
	}
}

func TestBlocksAndNumbersAreReadAsWritten(t *testing.T) {
	f := must(t, "base: http://127.0.0.1:1\ncreate:\n  method: POST\n  path: /t\n  query: {v: 2.0, n: 0x1f, b: true}\n  body:\n    text: |\n      one\n      {{ .two }}\n")
	req, err := f.Create.Render("create", map[string]any{"two": "two"})
	if err != nil {
		t.Fatal(err)
	}
	if got := req.Target() + " " + string(bodyOf(t, req)); got != `/t?b=true&n=0x1f&v=2.0 {"text":"one\ntwo\n"}` {
		t.Error(got)
	}
}

// TestEndpointsBelowTheTop of a file give their templates the same.
func TestEndpointsBelowTheTop(t *testing.T) {
	var f struct {
		Gateways map[string]*file `yaml:"gateways"`
	}
	err := Decode("f.yaml", []byte("gateways:\n  sms:\n    base: http://127.0.0.1:1\n    tables: {kinds: {return: R}}\n    create: {path: '/{{ lookup \"kinds\" .kind }}'}\n"), &f)
	if err != nil {
		t.Fatal(err)
	}
	if req, err := f.Gateways["sms"].Create.Render("create", map[string]any{"kind": "return"}); err != nil || req.Target() != "/R" {
		t.Errorf("%v, %v", req, err)
	}
}
