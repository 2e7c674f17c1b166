package rest_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms/omstest"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

func TestMain(m *testing.M) {
	for name, secret := range map[string]string{"PLATFORM_KEY": platformKey, "PLATFORM_SECRET": platformSecret, "SHOP_SECRET": "shop-secret-1"} {
		_ = os.Setenv(name, secret)
	}
	goleak.VerifyTestMain(m)
}

type object = map[string]any

// platform speaks as the gateways of Chinese platforms do. It keeps orders in
// its own words, and knows nothing of the code under test.
type platform struct {
	mu      sync.Mutex
	shop    omstest.Shop
	orders  []object
	byPhone map[string][]object
	returns map[string]string // outer id: number
	stopped map[string]bool
}

const (
	platformKey    = "app-key-1"
	platformSecret = "s3cret-of-the-app"
	local          = "2006-01-02 15:04:05"
)

var shanghai = time.FixedZone("CST", 8*3600)

func inverse(v string, table ...string) string {
	for i := 0; i < len(table); i += 2 {
		if table[i+1] == v {
			return table[i]
		}
	}
	return ""
}

func wall(t *time.Time) any {
	if t == nil {
		return "0000-00-00 00:00:00"
	}
	return t.In(shanghai).Format(local)
}

func millis(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMilli()
}

func yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

func channel(m string) string { return inverse(m, "1", "alipay", "2", "wechat") }

func newPlatform(shop omstest.Shop) *platform {
	p := &platform{shop: shop, byPhone: map[string][]object{}, returns: map[string]string{}, stopped: map[string]bool{}}
	shop.All(func(phone string, o schemas.Order) {
		t := object{
			"tid": o.Number, "state": inverse(string(o.Status), "WAIT_SEND", "paid", "SENT", "shipped", "SIGNED", "delivered", "DONE", "completed"),
			"created": wall(&o.PlacedAt), "payment": yuan(o.TotalFen), "unknown": object{"x": 1},
			"receiver": object{"name": o.CustomerName, "mobile": phone[:3] + "****" + phone[7:], "address": o.Address},
			"pay":      object{"id": o.Payments[0].ID, "channel": channel(o.Payments[0].Method), "fen": o.Payments[0].AmountFen, "at": o.Payments[0].PaidAt.Unix()},
		}
		var items, parcels, refunds []object
		for _, l := range o.Lines {
			items = append(items, object{"oid": l.ID, "outer_sku": l.SKU, "title": l.Title, "num": l.Quantity, "price": yuan(l.PriceFen)})
		}
		for _, x := range o.Parcels {
			var steps []object
			for _, tr := range shop.Traces[o.Number] {
				for _, e := range slices.Backward(tr.Events) {
					steps = append(steps, object{"time": wall(&e.At), "desc": e.Text, "city": e.Place})
				}
			}
			parcels = append(parcels, object{"company": x.Carrier, "waybill": x.TrackingNo, "state": inverse(x.Status, "2", "in_transit", "4", "delivered"),
				"sent": wall(x.ShippedAt), "signed": wall(x.DeliveredAt), "steps": steps})
		}
		for _, r := range o.Refunds {
			refunds = append(refunds, object{"rid": r.ID, "state": inverse(r.Status, "1", "approved", "2", "paid"), "amount": yuan(r.AmountFen),
				"channel": channel(r.Method), "created": r.RequestedAt.UnixMilli(), "expected": millis(r.ExpectedAt), "paid": millis(r.PaidAt)})
		}
		t["items"], t["parcels"], t["refunds"] = items, parcels, refunds
		p.orders = append(p.orders, t)
		p.byPhone[phone] = append(p.byPhone[phone], t)
	})
	return p
}

func (p *platform) signed(r *http.Request) bool {
	var names []string
	for k := range r.URL.Query() {
		if k != "sign" {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	s := platformSecret
	for _, k := range names {
		s += k + r.URL.Query().Get(k)
	}
	at, err := time.ParseInLocation(local, r.URL.Query().Get("timestamp"), shanghai)
	return err == nil && time.Since(at).Abs() < 10*time.Minute && r.URL.Query().Get("app_key") == platformKey &&
		r.URL.Query().Get("sign") == fmt.Sprintf("%X", md5.Sum([]byte(s+platformSecret)))
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, msg, data := "29", "sign check fail", any(nil)
	if p.signed(r) {
		b, _ := io.ReadAll(r.Body)
		var body object
		_ = json.Unmarshal(b, &body)
		code, msg, data = p.call(r.URL.Query().Get("method"), r.URL.Query(), body)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object{"code": code, "msg": msg, "data": data, "request_id": "r1"})
}

func (p *platform) call(method string, q map[string][]string, body object) (code, msg string, data any) {
	get := func(k string) string { return strings.Join(q[k], "") }
	var order object
	for _, o := range p.orders {
		if o["tid"] == get("tid") {
			order = o
		}
	}
	if method != "trade.list" && method != "refund.create" && order == nil {
		return "404", "订单不存在", nil
	}
	switch method {
	case "trade.list":
		return "0", "", object{"trades": p.page(get)}
	case "trade.get":
		return "0", "", order
	case "logistics.trace":
		return "0", "", object{"parcels": order["parcels"]}
	case "refund.list":
		return "0", "", object{"refunds": order["refunds"]}
	case "refund.create":
		return p.createReturn(body)
	case "trade.close":
		switch order["state"] {
		case "WAIT_SEND":
			order["state"] = "CLOSED"
			return "0", "", nil
		case "CLOSED":
			return "5002", "订单已关闭", nil
		}
		return "5001", "订单已发货", nil
	case "logistics.intercept":
		return p.intercept(order, body)
	}
	return "1", "no such method", nil
}

func (p *platform) page(get func(string) string) []object {
	list := p.byPhone[get("mobile")]
	if tail := get("tail"); tail != "" {
		for _, o := range p.orders {
			if strings.HasSuffix(o["tid"].(string), tail) {
				list = append(list, o)
			}
		}
	}
	n, _ := strconv.Atoi(get("page"))
	size, _ := strconv.Atoi(get("page_size"))
	from := min(max(n-1, 0)*size, len(list))
	return list[from:min(from+size, len(list))]
}

func (p *platform) createReturn(body object) (code, msg string, data any) {
	for _, o := range p.orders {
		if o["tid"] != body["tid"] {
			continue
		}
		if o["state"] == "WAIT_SEND" {
			return "5003", "订单未发货", nil
		}
		key := body["outer_id"].(string)
		if p.returns[key] == "" {
			p.returns[key] = fmt.Sprint("RMA", len(p.returns)+1)
		}
		return "0", "", object{"rma": p.returns[key], "return_to": "宁波市退货仓"}
	}
	return "404", "订单不存在", nil
}

func (p *platform) intercept(order, body object) (code, msg string, data any) {
	for _, x := range order["parcels"].([]object) {
		n := x["waybill"].(string)
		switch {
		case n != body["waybill"]:
			continue
		case x["state"] == "4":
			return "6001", "已签收", nil
		case p.stopped[n]:
			return "6002", "已申请", nil
		}
		p.stopped[n] = true
		return "0", "", nil
	}
	return "404", "运单不存在", nil
}

// describe reads a description of testdata for a server.
func describe(t testing.TB, name, base string, opts rest.Options) *rest.System {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, name, strings.ReplaceAll(string(b), "BASE_URL", base), opts)
}

func parse(t testing.TB, name, text string, opts rest.Options) *rest.System {
	t.Helper()
	s, err := rest.Parse(name, []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestAPlatformConforms(t *testing.T) {
	omstest.Run(t, func(t *testing.T) omstest.Fixture {
		shop := omstest.NewShop(time.Now())
		server := httptest.NewServer(newPlatform(shop))
		t.Cleanup(server.Close)
		s := describe(t, "testdata/platform.yaml", server.URL, rest.Options{})
		return omstest.Fixture{System: s, Shop: shop, Away: server.Close}
	})
}
