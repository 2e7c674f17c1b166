package console

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryRouteHasAScope: a new route without one would be open to every
// key. Public are those listed here.
func TestEveryRouteHasAScope(t *testing.T) {
	public := []string{"GET /api/v1/openapi.yaml"}
	writing := []Scope{ScopeTicketsWrite}
	used := map[Scope]bool{ScopePersonal: true, ScopeTicketsApprove: true} // matters of each answer, and of the ticket
	for _, r := range routes {
		name := r.method + " " + r.path
		switch {
		case r.scope == scopePublic:
			if !slices.Contains(public, name) {
				t.Errorf("%s is public", name)
			}
		case !slices.Contains(Scopes, r.scope):
			t.Errorf("%s has no scope: %q", name, r.scope)
		case (r.method != http.MethodGet) != slices.Contains(writing, r.scope):
			t.Errorf("%s has the scope %s", name, r.scope)
		}
		if !slices.Contains(allRoutes, r.metric) {
			t.Errorf("%s is counted as %q", name, r.metric)
		}
		used[r.scope] = true
	}
	for _, s := range Scopes {
		if !used[s] {
			t.Errorf("no route has the scope %s", s)
		}
	}
	for _, s := range anonymousScopes {
		if slices.Contains([]Scope{ScopeTicketsWrite, ScopeTicketsApprove, ScopeExport, ScopeAudit}, s) {
			t.Errorf("anybody may %s", s)
		}
	}
}

func TestKeysAreRandomAndKeptHashed(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	for range 100 {
		k, presented, err := NewKey("n", []Scope{ScopeStats}, now, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		id, secret, ok := parseKey(presented)
		if !ok || id != k.ID || seen[presented] || seen[id] || !opens(k, secret) || strings.Contains(fmt.Sprintf("%+v", k), secret) {
			t.Fatalf("key %+v of %s", k, presented)
		}
		seen[presented], seen[id] = true, true
		if opens(k, secret[1:]+"A") {
			t.Error("another secret opens")
		}
	}
	for _, bad := range []string{"", "tgk_", "tgk_a_b", "tgk_aaaaaaaaaaaaaaaa_", "xgk_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 43), "tgk_AAAAAAAAAAAAAAAA_" + strings.Repeat("A", 43), "tgk_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 44), "tgk_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 300)} {
		if _, _, ok := parseKey(bad); ok {
			t.Errorf("%q is a key", bad)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("tgk_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 43))
	f.Add("tgk__")
	f.Fuzz(func(t *testing.T, s string) {
		if id, secret, ok := parseKey(s); ok && s != keyPrefix+id+"_"+secret {
			t.Errorf("%q was read as %q and %q", s, id, secret)
		}
	})
}

func TestLimitsRefillAndForget(t *testing.T) {
	l := newLimits("key", 2, 3, 2)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for want := 2; want >= 0; want-- {
		if left, _, ok := l.take("a", now); !ok || left != want {
			t.Fatalf("left %d, %v, want %d", left, ok, want)
		}
	}
	if _, wait, ok := l.take("a", now); ok || wait != 500*time.Millisecond {
		t.Errorf("waits %v, %v", wait, ok)
	}
	if _, _, ok := l.take("b", now); !ok {
		t.Error("another name waits, too")
	}
	w := httptest.NewRecorder()
	if l.admit(w, "a", now) || w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" ||
		w.Header().Get("RateLimit") != `"key";r=0;t=1` || w.Header().Get("RateLimit-Policy") != `"key";q=3;w=2` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if _, _, ok := l.take("a", now.Add(500*time.Millisecond)); !ok {
		t.Error("it does not refill")
	}
	for i := range 10000 {
		l.take(fmt.Sprint(i), now)
	}
	if l.recent.Len() != 2 || len(l.byName) != 2 {
		t.Errorf("remembers %d, %d", l.recent.Len(), len(l.byName))
	}
	if left, _, ok := l.take("a", now); !ok || left != 2 {
		t.Errorf("forgotten, and left %d", left)
	}
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::/64", "[2001:db8::ffff:1]:9": "2001:db8::/64", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "unknown",
	} {
		if _, network := addressOf(&http.Request{RemoteAddr: remote}); network != want {
			t.Errorf("%s: %s, want %s", remote, network, want)
		}
	}
}

func TestReadingsAreBounded(t *testing.T) {
	rs := readings{seen: map[reading]time.Time{}}
	now := time.Now()
	for i := range maxReadings + 5 {
		rs.note(reading{actor: fmt.Sprint(i)}, now)
	}
	if len(rs.seen) > maxReadings || !rs.known(reading{actor: fmt.Sprint(maxReadings + 4)}, now) {
		t.Errorf("%d remembered", len(rs.seen))
	}
	if rs.known(reading{actor: fmt.Sprint(maxReadings + 4)}, now.Add(readingLasts)) {
		t.Error("remembered for ever")
	}
}

func TestCellsAreDefused(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "plain": "plain", "=1+1": "'=1+1", "+8613800138001": "'+8613800138001", "-2": "'-2", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t'=1",
		"\r=1": "'\r'=1", " =1": "' =1", "\u3000＝1": "'\u3000＝1", "＋1": "'＋1", "a=1": "a=1", "'=1": "'=1", "退货": "退货", "\n=cmd": "'\n'=cmd",
		// Where semicolons or tabs separate, quotes of ours quote nothing.
		"退货;=1+1": "退货;'=1+1", "a; =1;b": "a;' =1;b", "a;\"=1": "a;'\"=1", ";@A1;;-1": ";'@A1;;'-1", "a\t+1": "a\t'+1", "a\r\n＝1": "a\r\n'＝1", "a\n- b": "a\n'- b",
		"a;b=1, =1": "a;b=1, =1", "a;": "a;", "\x00=1": "'\x00=1",
	} {
		if got := defused(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
	for _, n := range []float64{math.NaN(), math.Inf(1), 0, -1} {
		c := Defaults()
		c.RateKey = n
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "rate_key:") {
			t.Errorf("rate %v: %v", n, err)
		}
	}
}

func TestNumbersInTextAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"请回电13800138001，谢谢":   "请回电138******01，谢谢",
		"138 0013 8001":       "138********01",
		"021-52345678":        "021*******78",
		"2026-11-21 12:30 来电": "2026-11-21 12:30 来电",
		"两件 399 元，尺码 38":      "两件 399 元，尺码 38",
	} {
		if got := shownText(text, false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if shownText(text, true) != text {
			t.Error("masked for who may see it")
		}
	}
}
