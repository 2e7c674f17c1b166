package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/workers/oms/rest"
)

// tryShop is the starter's description, for a shop of one order.
func tryShop(t *testing.T, state string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer a-token-of-the-shop":
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/orders/1001" && r.Method == http.MethodGet:
			_, _ = w.Write([]byte(`{"id":"1001","mobile":"13900138001","buyer":"林小雨","state":"` + state + `","created":"2026-11-20 09:30:00","amount":"9.90",
				"items":[{"id":1,"sku":"CUP","name":"杯","qty":1,"price":9.9}]}`))
		case r.Method == http.MethodPatch:
			_, _ = w.Write([]byte(`{}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	text, err := execute(t, "oms", "example", "starter")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, "http://127.0.0.1:3999", server.URL, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_TOKEN", "a-token-of-the-shop")
	return file
}

func TestOMSTryShowsWhatWasSentAndMade(t *testing.T) {
	file := tryShop(t, "NEW")
	out, err := execute(t, "oms", "try", file, "order", "1001")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"order\n  > GET http://", "Authorization: ***", "< 200 after", `"state": "NEW"`, "= mapped after", `"total_fen": 990`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not shown:\n%s", want, out)
		}
	}
	for _, private := range []string{"林小雨", "13900138001", "a-token-of-the-shop"} {
		if strings.Contains(out, private) {
			t.Errorf("%s is shown:\n%s", private, out)
		}
	}
	if out, err = execute(t, "oms", "try", file, "cancel", "1001"); err == nil || strings.Contains(out, "PATCH") {
		t.Errorf("a write without --write: %v\n%s", err, out)
	}
	if out, err = execute(t, "oms", "try", file, "cancel", "1001", "--write", "--key", "k:1"); err != nil || !strings.Contains(out, `"status": "done"`) {
		t.Errorf("cancel: %v\n%s", err, out)
	}
	if out, err = execute(t, "oms", "try", file, "order", "1002"); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("no order: %v\n%s", err, out)
	}
	if out, err = execute(t, "oms", "try", tryShop(t, "PICKING"), "order", "1001"); err == nil || !strings.Contains(err.Error(), `state = "PICKING" is not in the table`) || strings.Contains(out, "= mapped") {
		t.Errorf("a state that is not known: %v\n%s", err, out)
	}
}

func TestOMSCheckNeedsNoSecretsAndNamesMistakes(t *testing.T) {
	file := tryShop(t, "NEW")
	t.Setenv("SHOP_TOKEN", "")
	if out, err := execute(t, "oms", "check", file); err != nil || !strings.Contains(out, "starter can find_by_phone, order, create_return, cancel") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := os.WriteFile(file, []byte("name: x\nbase: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "oms", "check", file); err == nil || !strings.Contains(err.Error(), "shop.yaml:2: base") {
		t.Errorf("error %v", err)
	}
	if _, err := execute(t, "oms", "example", "nothing"); err == nil {
		t.Error("an example of that name")
	}
}

// TestTheOrderGuideIsRight: the description that it begins with, what is said
// of states after it, and every way to be let in.
func TestTheOrderGuideIsRight(t *testing.T) {
	b, err := os.ReadFile("../../docs/connect-your-oms.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(b)
	namesFunctions(t, guide)
	var smallest string
	var ways []string
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(guide, -1) {
		switch text := block[1]; {
		case strings.HasPrefix(text, "name:"):
			smallest = text
		case strings.HasPrefix(text, "auth:\n"):
			ways = append(ways, text)
		case strings.HasPrefix(text, "auth:"):
			ways = append(ways, strings.SplitAfter(strings.TrimSpace(text), "\n")...)
		}
	}
	if len(ways) != 5 {
		t.Errorf("%d ways to be let in", len(ways))
	}
	states := regexp.MustCompile(`  status: \{from: state.*`).FindAllString(guide, -1)
	if len(states) != 2 {
		t.Fatalf("%d mappings of states", len(states))
	}
	for _, text := range append(ways, "", strings.Replace(smallest, states[0], states[1], 1)) {
		if !strings.HasPrefix(text, "name:") {
			text = smallest + text
		}
		if _, err := rest.Parse("shop.yaml", []byte(text), rest.Options{WithoutSecrets: true}); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}
