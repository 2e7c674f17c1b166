package rest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// TestLinksOfSeveralHeaders: a list may be one header or several (RFC 9110,
// section 5.3), and some relations begin with the letters of another.
func TestLinksOfSeveralHeaders(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("n") == "" {
			w.Header().Add("Link", `</orders?n=9>; rel="next-archive"`)
			w.Header().Add("Link", `</orders?n=2>; title="two"; rel="next"`)
		}
		fmt.Fprintf(w, `{"data":[%s]}`, item("A1"+r.URL.Query().Get("n"), at0))
	})
	s := parse(t, "f.yaml", edit(t, base, "    items: data\n", "    items: data\n    page: {kind: link}\n"), rest.Options{})
	found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138000", Limit: 20})
	if err != nil || len(found.Orders) != 2 || found.Orders[0].Number+found.Orders[1].Number != "A1A12" {
		t.Errorf("%+v, %v", found, err)
	}
}
