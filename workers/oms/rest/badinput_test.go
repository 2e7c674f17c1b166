package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
	"github.com/tidegate/tidegate/internal/restcall/restcalltest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

const withReturn = `  create_return:
    request: {method: POST, path: /returns, body: {key: "{{.key}}", order: "{{.order_number}}"}}
    map: {number: rma, status: {value: requested}}
  order:
    request`

// TestBadAnswersMakeNoOrder: whatever an order system says, there is a whole
// order or an error with its class; nothing is taken for "there is none", and
// no error says what was answered.
func TestBadAnswersMakeNoOrder(t *testing.T) {
	classes := map[error]error{restcall.ErrGarbled: rest.ErrMapping, restcall.ErrUnavailable: store.ErrUnavailable, restcall.ErrDenied: rest.ErrDenied, restcall.ErrRefused: rest.ErrFailed}
	at := time.Now().UTC()
	for _, bad := range restcalltest.Answers(t) {
		t.Run(bad.Name, func(t *testing.T) {
			var shown []rest.Exchange
			text := edit(t, bad.Serve(t).URL, "timeout: 20s", "timeout: 20s\nmax_bytes: 65536", "  order:\n    request", withReturn, "    items: data\n", "    items: data.orders\n")
			s := parse(t, "f.yaml", text, rest.Options{Observe: func(e rest.Exchange) { shown = append(shown, e) }})
			// A system that leads elsewhere refuses, in the words of this package.
			class := classes[bad.Class]
			fits := func(err error) bool {
				return errors.Is(err, class) || class == rest.ErrMapping && errors.Is(err, rest.ErrFailed)
			}
			o, errOrder := s.Order(t.Context(), "A1")
			if !fits(errOrder) || o.Number != "" || errors.Is(errOrder, oms.ErrNotFound) {
				t.Errorf("order: %+v, %v, want %v", o, errOrder, class)
			}
			found, errFind := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: restcalltest.Private})
			if len(found.Orders) > 0 || !bad.JSON && !fits(errFind) {
				t.Errorf("find: %+v, %v, want %v", found, errFind, class)
			}
			r, errReturn := s.CreateReturn(t.Context(), schemas.ReturnCreate{CallID: "c", IdempotencyKey: "k", OrderNumber: "A1", Kind: schemas.ReturnForRefund, RequestedAt: at,
				Lines: []schemas.ReturnLine{{LineID: "1", Quantity: 1}}})
			if !fits(errReturn) || r.Number != "" {
				t.Errorf("return: %+v, %v, want %v", r, errReturn, class)
			}
			if all := fmt.Sprint(errOrder, errFind, errReturn, shown); strings.Contains(all, restcalltest.Private) || strings.Contains(all, "张三") {
				t.Errorf("it is shown what was answered: %s", all)
			}
		})
	}
}

// TestMappingErrorsShowWhatIsThere in place of what is wanted, masked.
func TestMappingErrorsShowWhatIsThere(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Replace(item("A1", at0), `"total"`, `"buyer":{"name":"张三","mobile":"13800138001"},"sum"`, 1)))
	})
	_, err := parse(t, "f.yaml", edit(t, base), rest.Options{}).Order(t.Context(), "A1")
	for _, want := range []string{"order.total_fen: total is missing in {", `"sum":"19.90"`, `"mobile":"138******01"`, `"name":"[2 characters]"`} {
		if !errors.Is(err, rest.ErrMapping) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}
