package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// TestAnOrderOfNobodyIsNobodys: where a system tells customers' numbers, an
// order without one, or with one that is hidden, is not the caller's.
func TestAnOrderOfNobodyIsNobodys(t *testing.T) {
	for _, tel := range []string{"null", `""`, `"***********"`, `"1**********"`, `"hidden"`, `"0"`} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			a := strings.Replace(item("A1", at0), "{", `{"tel":`+tel+`,`, 1)
			if r.URL.Path != "/orders" {
				_, _ = w.Write([]byte(a))
				return
			}
			fmt.Fprintf(w, `{"data":[%s]}`, a)
		})
		s := parse(t, "f.yaml", edit(t, base, "  number: id", "  number: id\n  phone: tel"), rest.Options{})
		for _, q := range []schemas.OrdersFind{{Phone: "13800138000"}, {Phone: "13800138000", Number: "A1"}} {
			if found, err := s.FindOrders(t.Context(), q); err != nil || len(found.Orders) != 0 {
				t.Errorf("tel %s, %+v: %+v, %v", tel, q, found.Orders, err)
			}
		}
		// By its number alone, it is.
		if found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Number: "A1"}); err != nil || len(found.Orders) != 1 {
			t.Errorf("tel %s: %+v, %v", tel, found.Orders, err)
		}
	}
}

// TestOthersParcelsAreNotHeardOf: a system that searches by part of a text.
func TestOthersParcelsAreNotHeardOf(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"order":"A10","no":"SF1","state":"moving","events":[]},{"order":"a1","no":"SF2","state":"moving","events":[]},{"no":"SF3","state":"moving","events":[]}]`))
	})
	const trace = `  trace:
    request: {path: /traces, query: {order: "{{.order_number}}", no: "{{.tracking_no}}"}}
    items: "@"
    map:
      order_number: order
      tracking_no: "no"
      status: {from: state, table: {moving: in_transit}}
      events: {each: events, map: {at: {from: at, time: unix}, text: text}}
`
	s := parse(t, "f.yaml", edit(t, base, "operations:\n", "operations:\n"+trace), rest.Options{})
	got, err := s.Trace(t.Context(), schemas.TraceFind{OrderNumber: "A1"})
	if err != nil || len(got.Parcels) != 2 || got.Parcels[0].TrackingNo != "SF2" || got.Parcels[1].TrackingNo != "SF3" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Trace(t.Context(), schemas.TraceFind{OrderNumber: "A1", TrackingNo: "SF1"}); !errors.Is(err, oms.ErrNotFound) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Trace(t.Context(), schemas.TraceFind{TrackingNo: "SF1"}); err != nil || len(got.Parcels) != 1 || got.Parcels[0].OrderNumber != "A10" {
		t.Errorf("%+v, %v", got, err)
	}
}
