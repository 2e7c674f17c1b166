package restcall

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Whatever a secret looks like, and wherever it stands in a request or is
// repeated in an answer, it is not shown; nor are numbers in paths and keys.
func TestSecretsAreHiddenWhereverTheyStand(t *testing.T) {
	for _, secret := range []string{"hunter22", "ab/cd+ef==", "a&b<c>d", "hunter1380013800122x", `q"uo\te`, "with blank", "zażółć"} {
		t.Setenv("SHOP_PIN", secret)
		var status int
		var echo string
		server := func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, echo, secret, r.URL.Query().Get("app"))
		}
		first, _ := serve(t, server, "")
		f := must(t, "base: "+first.base.String()+`
timeout: 20s
secrets: {pin: {env: SHOP_PIN}}
create:
  method: POST
  path: /hook/{{ secret "pin" }}/customers/13800138001
  query: {app: '{{ secret "pin" }}', both: 'x{{ secret "pin" }}y'}
  body: {product: '{{ secret "pin" }}', more: [{any: 'x{{ secret "pin" }}'}]}
  map: {id: data.id}
`)
		c, err := NewClient(f.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, status = range []int{200, 422} {
			for _, echo = range []string{`{"message":%q,"code":%q}`, `{"13800138001":%q,"data":[%q]}`, `{"pad":"` + strings.Repeat("x", 190) + `","zz":%q,"zzz":%q}`} {
				var shown Exchange
				_, err := c.Do(t.Context(), "create", f.Create, map[string]any{}, Require("id"), Show(&shown))
				if !errors.Is(err, ErrGarbled) && !errors.Is(err, ErrRefused) {
					t.Fatal(err)
				}
				// The part before the digits, and that before what is escaped.
				part := secret[:min(len(secret), 3)]
				if len(part) < 3 || part == `q"u` {
					part = secret
				}
				for _, text := range []string{shown.URL, shown.RequestBody, shown.ResponseBody, err.Error()} {
					if strings.Contains(text, part) || strings.Contains(text, "13800138001") {
						t.Errorf("%q is shown in %s", secret, text)
					}
				}
			}
		}
	}
}
