package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// small is the least description that works; parts replace its lines.
const small = `name: small
base: BASE_URL
timeout: 20s
auth: {header: {name: X-Key, value: {env: SHOP_SECRET}}}
order:
  number: id
  status: {from: state, table: {S: shipped, D: delivered}}
  placed_at: {from: at, time: unix}
  total_fen: {from: total, money: yuan}
  lines: {each: lines, map: {id: id, title: name, quantity: n, price_fen: {from: price, money: yuan}}}
operations:
  find_by_phone:
    request: {path: /orders, query: {phone: "{{.phone}}"}}
    items: data
  order:
    request: {path: "/orders/{{.number}}"}
`

func edit(t testing.TB, base string, pairs ...string) string {
	t.Helper()
	text := strings.ReplaceAll(small, "BASE_URL", base)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the description", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func item(id string, at int64) string {
	return fmt.Sprintf(`{"id":%q,"state":"S","at":%d,"total":"19.90","lines":[{"id":1,"name":"杯","n":2,"price":9.95}]}`, id, at)
}

const at0 = 1763000000

func TestMistakesOfAFileAreNamedWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct {
		edit []string
		want []string
	}{
		"unknown key":       {[]string{"timeout: 20s", "time_out: 20s"}, []string{"f.yaml:3:", "time_out"}},
		"unknown field":     {[]string{"  number: id", "  number: id\n  colour: c"}, []string{"f.yaml:7: order.colour: there is no such field"}},
		"money unsaid":      {[]string{"{from: total, money: yuan}", "total"}, []string{"f.yaml:9: order.total_fen: is an amount"}},
		"time unsaid":       {[]string{"{from: at, time: unix}", "at"}, []string{"f.yaml:8: order.placed_at: is a time"}},
		"state of ours":     {[]string{"S: shipped", "S: posted"}, []string{"f.yaml:7: order.status.table.S", "posted"}},
		"path":              {[]string{"number: id", "number: 'id['"}, []string{"f.yaml:6: order.number.from: JMESPath"}},
		"missing":           {[]string{"  number: id\n", ""}, []string{"order.number: is needed"}},
		"template":          {[]string{"{{.phone}}", "{{.fone}}"}, []string{"f.yaml:13: operations.find_by_phone.request.query.phone: ", "fone"}},
		"secret in file":    {[]string{"value: {env: SHOP_SECRET}", "value: abcdef"}, []string{"f.yaml:4: auth.header.value: wants {env: NAME} or {file: PATH}; a secret is not written here"}},
		"secret not there":  {[]string{"env: SHOP_SECRET", "env: NOT_THERE"}, []string{"f.yaml:4: secret missing: the environment variable NOT_THERE is not set"}},
		"operation":         {[]string{"  order:\n    request", "  orders:\n    request"}, []string{"operations.orders: is none of"}},
		"http":              {[]string{"base: http://127.0.0.1", "base: http://shop.example.com"}, []string{"f.yaml:2: base: http:// to another machine"}},
		"two at once":       {[]string{"base: http://127.0.0.1", "base: ftp://x", "money: yuan}\n  lines", "money: dollar}\n  lines"}, []string{"f.yaml:2:", "f.yaml:9:"}},
		"return would twin": {[]string{"  order:\n    request", "  create_return:\n    request: {method: POST, path: /r, body: '{\"o\": {{.number}}}'}\n    map: {number: n, status: {value: requested}}\n  order:\n    request"}, []string{"create_return: nothing sends or looks for .key"}},
		"body":              {[]string{"  order:\n    request", "  cancel:\n    request: {method: POST, path: /r, body: '{\"o\": \"{{.number}}\"}'}\n    map: {status: {value: done}}\n  order:\n    request"}, []string{"operations.cancel.request.body: is no JSON"}},
		"rule":              {[]string{"  order:\n    request", "  order:\n    answers: [{is: refused, code: too_late}]\n    request"}, []string{"is none of ok", "fits every answer"}},
		"broken YAML":       {[]string{"name: small", "name: [small"}, []string{"f.yaml:"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := edit(t, "http://127.0.0.1:1", c.edit...)
			_, err := rest.Parse("f.yaml", []byte(text), rest.Options{})
			if !errors.Is(err, rest.ErrFile) {
				t.Fatalf("error %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %s", err, want)
				}
			}
		})
	}
}

func TestTheExamplesLoad(t *testing.T) {
	for _, name := range rest.Examples() {
		b, err := rest.Example(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rest.Parse(name, b, rest.Options{WithoutSecrets: true}); err != nil {
			t.Error(err)
		}
	}
}

// TestAnAnswerThatDoesNotFit: never half an order, and never what it says.
func TestAnAnswerThatDoesNotFit(t *testing.T) {
	good := item("A1", at0)
	for name, c := range map[string]struct{ body, want string }{
		"unknown state": {strings.Replace(good, `"S"`, `"WAIT_PICK"`, 1), `order.status: state = "WAIT_PICK" is not in the table`},
		"no total":      {strings.Replace(good, `"total"`, `"sum"`, 1), "order.total_fen: total is missing"},
		"half a fen":    {strings.Replace(good, "19.90", "19.905", 1), `order.total_fen: total = "00.000" is no whole number of fen`},
		"a name":        {strings.Replace(good, "19.90", "张三13800138000", 1), `total = "某某00000000000" is no amount`},
		"below 0":       {strings.Replace(good, "19.90", "-1", 1), "is below 0"},
		"milliseconds":  {strings.Replace(good, fmt.Sprint(at0), fmt.Sprint(at0)+"000", 1), "order.placed_at: at = \"0000000000000\" is a time of another century"},
		"a line's":      {strings.Replace(good, `"n":2`, `"n":{"a":1}`, 1), "order.lines[0].quantity: n = an object of 1 fields is no single value"},
		"a list":        {strings.Replace(good, `[{"id":1`, `{"a":[{"id":1`, 1) + "", "no JSON"},
		"no lines":      {strings.Replace(good, `"n":2`, `"n":0`, 1), "answer does not fit the mapping"},
		"another order": {strings.Replace(good, "A1", "A2", 1), "about another order"},
		"HTML":          {"<html>张三</html>", "status 200 with what is no JSON (19 bytes)"},
		"large":         {`{"x":"` + strings.Repeat("x", 1<<20) + `"}`, "over 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.body)) })
			o, err := parse(t, "f.yaml", edit(t, base), rest.Options{}).Order(t.Context(), "A1")
			if !errors.Is(err, rest.ErrMapping) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if o.Number != "" || err != nil && (strings.Contains(err.Error(), "张") || strings.Contains(err.Error(), "138")) {
				t.Errorf("order %+v, error %v", o, err)
			}
		})
	}
}

func TestStatusesAndBodiesHaveMeanings(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"not found":      {404, `{}`, oms.ErrNotFound},
		"null":           {200, `null`, oms.ErrNotFound},
		"unavailable":    {503, `<html>`, store.ErrUnavailable},
		"too many":       {429, ``, store.ErrUnavailable},
		"denied":         {401, `{"msg":"no"}`, rest.ErrDenied},
		"failed":         {418, `{}`, rest.ErrFailed},
		"code not found": {200, `{"code":"E404"}`, oms.ErrNotFound},
		"code busy":      {200, `{"code":"E500"}`, store.ErrUnavailable},
		"redirect away":  {302, ``, rest.ErrFailed},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://elsewhere.example.com/")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			text := edit(t, base, "order:\n  number", "answers: [{when: \"code == 'E404'\", is: not_found}, {when: code, is: unavailable}]\norder:\n  number")
			_, err := parse(t, "f.yaml", text, rest.Options{}).Order(t.Context(), "A1")
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestASlowSystemIsAway(t *testing.T) {
	done := make(chan struct{})
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	defer close(done)
	s := parse(t, "f.yaml", edit(t, base, "timeout: 20s", "timeout: 50ms"), rest.Options{})
	if _, err := s.Order(t.Context(), "A1"); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("its own limit: %v", err)
	}
	s = parse(t, "f.yaml", edit(t, base), rest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Order(ctx, "A1"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the asker's limit: %v", err)
	}
}

// TestWhatIsAskedStaysInItsPlace: no value gets out of its segment, its
// parameter or its string.
func TestWhatIsAskedStaysInItsPlace(t *testing.T) {
	var got atomic.Pointer[http.Request]
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Clone(context.Background()))
		_, _ = w.Write([]byte(`{"data":[]}`))
	})
	s := parse(t, "f.yaml", edit(t, base), rest.Options{})
	_, _ = s.Order(t.Context(), "a/../b?x=1#y")
	if p := got.Load().URL; p.EscapedPath() != "/orders/a%2F..%2Fb%3Fx%3D1%23y" || p.RawQuery != "" {
		t.Errorf("path %s, query %s", p.EscapedPath(), p.RawQuery)
	}
	got.Store(nil)
	if _, err := s.Order(t.Context(), ".."); !errors.Is(err, store.ErrInvalid) || got.Load() != nil {
		t.Errorf("..: %v", err)
	}
}

func TestPagesAreReadUntilThereIsEnough(t *testing.T) {
	const all = 7
	page := func(from, to int) string {
		var items []string
		for i := from; i < min(to, all); i++ {
			items = append(items, item(fmt.Sprint("A", i), int64(at0-i)))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	for kind, c := range map[string]struct {
		yaml  string
		serve http.HandlerFunc
	}{
		"number": {"{kind: number, param: p, first: 0, size: 3}", func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("p"), &n)
			fmt.Fprintf(w, `{"data":%s}`, page(3*n, 3*n+3))
		}},
		"offset": {"{kind: offset, param: o, next: more}", func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("o"), &n)
			fmt.Fprintf(w, `{"data":%s,"more":%v}`, page(n, n+3), n+3 < all)
		}},
		"cursor": {"{kind: cursor, param: c, next: cursor.next}", func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("c"), &n)
			fmt.Fprintf(w, `{"data":%s,"cursor":{"next":%d}}`, page(n, n+3), min(n+3, all)%all)
		}},
		"link": {"{kind: link}", func(w http.ResponseWriter, r *http.Request) {
			n := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
			if n+3 < all {
				w.Header().Set("Link", fmt.Sprintf(`</orders?n=0>; rel="first", </orders?phone=x&n=%d>; rel="next"`, n+3))
			}
			fmt.Fprintf(w, `{"data":%s}`, page(n, n+3))
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			var asked atomic.Int64
			base := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); c.serve(w, r) })
			text := edit(t, base, "    items: data\n", "    items: data\n    newest_first: true\n    page: "+c.yaml+"\n")
			s := parse(t, "f.yaml", text, rest.Options{})
			found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000", Limit: 20})
			if err != nil || len(found.Orders) != all || found.More || found.Orders[6].Number != "A6" {
				t.Errorf("all: %d, more %v, %v", len(found.Orders), found.More, err)
			}
			asked.Store(0)
			found, err = s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000", Limit: 2})
			if err != nil || len(found.Orders) != 2 || !found.More || asked.Load() != 1 {
				t.Errorf("two: %d, more %v, %d requests, %v", len(found.Orders), found.More, asked.Load(), err)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"data":%s,"next":"https://elsewhere.example.com/x"}`, page(0, 3))
		})
		text := edit(t, base, "    items: data\n", "    items: data\n    page: {kind: link, next: next}\n")
		_, err := parse(t, "f.yaml", text, rest.Options{}).FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000", Limit: 20})
		if !errors.Is(err, rest.ErrFailed) {
			t.Errorf("error %v", err)
		}
	})
}

// TestOthersOrdersAreNotHeardOf: a system that searches by part of a text.
func TestOthersOrdersAreNotHeardOf(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		a, b := item("A1", at0), item("A2", at0-1)
		fmt.Fprintf(w, `{"data":[%s,%s]}`, strings.Replace(a, "{", `{"tel":"138****8000",`, 1), strings.Replace(b, "{", `{"tel":"139****8000",`, 1))
	})
	s := parse(t, "f.yaml", edit(t, base, "  number: id", "  number: id\n  phone: tel"), rest.Options{})
	found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "+86 138 0013 8000"})
	if err != nil || len(found.Orders) != 1 || found.Orders[0].Number != "A1" {
		t.Errorf("%+v, %v", found, err)
	}
	// Without a number of the customer's, whose order it is is not known.
	s = parse(t, "f.yaml", edit(t, base, "  find_by_phone:\n    request: {path: /orders, query: {phone: \"{{.phone}}\"}}\n    items: data\n", ""), rest.Options{})
	if _, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000", Number: "A1"}); !errors.Is(err, oms.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
}

func TestWaysToBeLetIn(t *testing.T) {
	var tokens, refused atomic.Int64
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			id, secret, _ := r.BasicAuth()
			if id != "client" || secret != "shop-secret-1" || r.FormValue("grant_type") != "client_credentials" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(object{"access_token": fmt.Sprint("t", tokens.Add(1)), "token_type": "Bearer", "expires_in": 3600})
			return
		}
		user, password, _ := r.BasicAuth()
		ok := r.Header.Get("X-Key") == "shop-secret-1" || user == "u" && password == "shop-secret-1" || r.Header.Get("Authorization") == "Bearer t2"
		if !ok {
			refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(item("A1", at0)))
	})
	const was = `auth: {header: {name: X-Key, value: {env: SHOP_SECRET}}}`
	for name, yaml := range map[string]string{
		"header": was,
		"basic":  `auth: {basic: {user: u, password: {env: SHOP_SECRET}}}`,
		// The first token is refused by the shop: it is fetched anew, once.
		"oauth2": `auth: {oauth2: {token_url: ` + base + `/token, client_id: client, client_secret: {env: SHOP_SECRET}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var seen []rest.Exchange
			s := parse(t, "f.yaml", edit(t, base, was, yaml), rest.Options{Observe: func(e rest.Exchange) { seen = append(seen, e) }})
			if o, err := s.Order(t.Context(), "A1"); err != nil || o.TotalFen != 1990 || o.Lines[0].PriceFen != 995 {
				t.Errorf("%+v, %v", o, err)
			}
			if text := fmt.Sprintf("%+v", seen); strings.Contains(text, "shop-secret-1") || strings.Contains(text, "t2") || len(seen) == 0 {
				t.Errorf("shown: %s", text)
			}
		})
	}
	if tokens.Load() != 2 || refused.Load() != 1 {
		t.Errorf("%d tokens, %d refusals", tokens.Load(), refused.Load())
	}
	s := parse(t, "f.yaml", edit(t, base, was, `auth: {oauth2: {token_url: `+base+`/token, client_id: other, client_secret: {env: SHOP_SECRET}}}`), rest.Options{})
	if _, err := s.Order(t.Context(), "A1"); !errors.Is(err, rest.ErrDenied) {
		t.Errorf("wrong client: %v", err)
	}
}

func TestWhatIsShownSaysNothingOfAPerson(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		body := strings.Replace(item("A1", at0), "{", `{"receiver":{"name":"张三","phone":13800138000,"city":"上海"},"note":"打13800138000或zs@example.com","access_token":"abc",`, 1)
		fmt.Fprintf(w, `{"data":[%s]}`, body)
	})
	var seen rest.Exchange
	s := parse(t, "f.yaml", edit(t, base), rest.Options{Observe: func(e rest.Exchange) { seen = e }})
	found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000"})
	if err != nil {
		t.Fatal(err)
	}
	found.Orders[0].CustomerName, found.Orders[0].Address = "张三", "上海某路"
	text := fmt.Sprintf("%+v", seen) + rest.Mask(found)
	for _, private := range []string{"13800138000", "张三", "上海", "zs@", `"abc"`, "shop-secret-1"} {
		if strings.Contains(text, private) {
			t.Errorf("%s is shown:\n%s", private, text)
		}
	}
	for _, wanted := range []string{`"A1"`, `"S"`, "19.90", "杯", "138******00"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%s is not shown:\n%s", wanted, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("name: [")
	f.Add("operations: {order: {request: {path: /x}, map: !!binary x}}")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := rest.Parse("f", []byte(text), rest.Options{WithoutSecrets: true}); err != nil && !errors.Is(err, rest.ErrFile) {
			t.Errorf("%v", err)
		}
	})
}

// FuzzAnswer: whatever a system says, there is a whole order or an error.
func FuzzAnswer(f *testing.F) {
	f.Add(item("A1", at0))
	f.Add(`{"id":18446744073709551615,"state":null,"at":1e99,"lines":[[]]}`)
	s, err := rest.Parse("f", []byte(strings.ReplaceAll(small, "BASE_URL", "http://127.0.0.1")), rest.Options{WithoutSecrets: true, Transport: answering{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o, err := s.Order(context.WithValue(t.Context(), answering{}, body), "A1")
		if err == nil && (o.Number != "A1" || o.Status == "" || o.PlacedAt.IsZero() || o.Lines == nil) {
			t.Errorf("half an order: %+v", o)
		}
	})
}

// answering is a network that answers with what the context holds.
type answering struct{}

func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := r.Context().Value(answering{}).(string)
	rec := httptest.NewRecorder()
	_, _ = rec.WriteString(body)
	return rec.Result(), nil
}
