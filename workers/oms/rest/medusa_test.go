package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms/omstest"
	"github.com/tidegate/tidegate/workers/oms/rest"
)

// medusa is a running Medusa 2 with an admin; docs/connect-your-oms.md says
// how it is started.
type medusa struct {
	base, token, key           string
	region, channel, warehouse string
	shipping                   string
}

func (m *medusa) call(t *testing.T, method, path string, body, into any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	req, err := http.NewRequest(method, m.base+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+m.token)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %.400s", method, path, res.StatusCode, raw)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
}

type ided struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func openMedusa(t *testing.T) *medusa {
	t.Helper()
	m := &medusa{base: os.Getenv("TIDEGATE_MEDUSA_URL")}
	if m.base == "" {
		t.Skip("no running Medusa: TIDEGATE_MEDUSA_URL is not set (docs/connect-your-oms.md)")
	}
	var in struct{ Token string }
	m.call(t, "POST", "/auth/user/emailpass", object{"email": os.Getenv("TIDEGATE_MEDUSA_USER"), "password": os.Getenv("TIDEGATE_MEDUSA_PASSWORD")}, &in)
	m.token = in.Token
	var got map[string]json.RawMessage
	one := func(method, path string, body object, name string) string {
		m.call(t, method, path, body, &got)
		var x ided
		if err := json.Unmarshal(got[name], &x); err != nil {
			t.Fatal(err)
		}
		if x.Token != "" {
			return x.Token
		}
		return x.ID
	}
	first := func(path, name string) string {
		m.call(t, "GET", path, nil, &got)
		var list []ided
		if err := json.Unmarshal(got[name], &list); err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return ""
		}
		return list[0].ID
	}
	m.call(t, "POST", "/admin/stores/"+first("/admin/stores", "stores"), object{"supported_currencies": []object{{"currency_code": "cny", "is_default": true}}}, nil)
	m.channel = first("/admin/sales-channels", "sales_channels")
	if m.region = first("/admin/regions", "regions"); m.region == "" {
		m.region = one("POST", "/admin/regions", object{"name": "China", "currency_code": "cny", "countries": []string{"cn"}, "payment_providers": []string{"pp_system_default"}}, "region")
	}
	if m.warehouse = first("/admin/stock-locations", "stock_locations"); m.warehouse == "" {
		m.warehouse = one("POST", "/admin/stock-locations", object{"name": "Ningbo"}, "stock_location")
	}
	m.call(t, "POST", "/admin/stock-locations/"+m.warehouse+"/sales-channels", object{"add": []string{m.channel}}, nil)
	m.call(t, "POST", "/admin/stock-locations/"+m.warehouse+"/fulfillment-providers", object{"add": []string{"manual_manual"}}, nil)
	m.shipping = m.shippingOption(t, first, one)
	m.key = one("POST", "/admin/api-keys", object{"title": fmt.Sprint("test", rand.Int64()), "type": "secret"}, "api_key")
	return m
}

// shippingOption finds or makes the way that things are sent by; Medusa makes
// no fulfilment without.
func (m *medusa) shippingOption(t *testing.T, first func(path, name string) string, one func(method, path string, body object, name string) string) string {
	t.Helper()
	if id := first("/admin/shipping-options", "shipping_options"); id != "" {
		return id
	}
	profile := first("/admin/shipping-profiles", "shipping_profiles")
	if profile == "" {
		profile = one("POST", "/admin/shipping-profiles", object{"name": "parcels", "type": "default"}, "shipping_profile")
	}
	m.call(t, "POST", "/admin/stock-locations/"+m.warehouse+"/fulfillment-sets", object{"name": "by parcel", "type": "shipping"}, nil)
	var loc struct {
		L struct {
			Sets []ided `json:"fulfillment_sets"`
		} `json:"stock_location"`
	}
	m.call(t, "GET", "/admin/stock-locations/"+m.warehouse+"?fields=id,*fulfillment_sets", nil, &loc)
	var set struct {
		S struct {
			Zones []ided `json:"service_zones"`
		} `json:"fulfillment_set"`
	}
	m.call(t, "POST", "/admin/fulfillment-sets/"+loc.L.Sets[0].ID+"/service-zones",
		object{"name": "China", "geo_zones": []object{{"type": "country", "country_code": "cn"}}}, &set)
	return one("POST", "/admin/shipping-options", object{
		"name": "Parcel", "service_zone_id": set.S.Zones[0].ID, "shipping_profile_id": profile, "provider_id": "manual_manual", "price_type": "flat",
		"type":   object{"label": "Parcel", "description": "By parcel", "code": "parcel"},
		"prices": []object{{"currency_code": "cny", "amount": 0}}, "rules": []object{},
	}, "shipping_option")
}

// medusaOrder is what the test itself reads of an order.
type medusaOrder struct {
	ID        string    `json:"id"`
	DisplayID int       `json:"display_id"`
	CreatedAt time.Time `json:"created_at"`
	Items     []struct {
		ID  string `json:"id"`
		SKU string `json:"variant_sku"`
	} `json:"items"`
	Fulfillments []struct {
		ID          string     `json:"id"`
		ShippedAt   *time.Time `json:"shipped_at"`
		DeliveredAt *time.Time `json:"delivered_at"`
	} `json:"fulfillments"`
	Collections []struct {
		ID       string `json:"id"`
		Payments []struct {
			ID         string     `json:"id"`
			CapturedAt *time.Time `json:"captured_at"`
			Refunds    []struct {
				ID        string    `json:"id"`
				CreatedAt time.Time `json:"created_at"`
			} `json:"refunds"`
		} `json:"payments"`
	} `json:"payment_collections"`
}

func (m *medusa) read(t *testing.T, id string) medusaOrder {
	t.Helper()
	var got struct{ Order medusaOrder }
	m.call(t, "GET", "/admin/orders/"+id+"?fields=id,display_id,created_at,*items,*fulfillments,*payment_collections.payments,*payment_collections.payments.refunds", nil, &got)
	return got.Order
}

// place brings an order of the suite's shop into Medusa, as far as its status
// says, and tells what Medusa made of it.
func (m *medusa) place(t *testing.T, phone string, o schemas.Order) schemas.Order {
	t.Helper()
	var items []object
	for _, l := range o.Lines {
		items = append(items, object{"title": l.Title, "variant_sku": l.SKU, "quantity": l.Quantity, "unit_price": float64(l.PriceFen) / 100})
	}
	name := []rune(o.CustomerName)
	var draft struct {
		Draft ided `json:"draft_order"`
	}
	m.call(t, "POST", "/admin/draft-orders", object{
		"email": "c" + phone + "@example.com", "region_id": m.region, "sales_channel_id": m.channel, "currency_code": "cny", "items": items,
		"shipping_methods": []object{{"name": "Parcel", "shipping_option_id": m.shipping, "amount": 0}},
		"shipping_address": object{"first_name": string(name[1:]), "last_name": string(name[:1]), "phone": phone, "address_1": o.Address, "country_code": "cn"},
	}, &draft)
	m.call(t, "POST", "/admin/draft-orders/"+draft.Draft.ID+"/convert-to-order", object{}, nil)
	id := draft.Draft.ID
	var pc struct {
		C ided `json:"payment_collection"`
	}
	m.call(t, "POST", "/admin/payment-collections", object{"order_id": id, "amount": float64(o.TotalFen) / 100}, &pc)
	m.call(t, "POST", "/admin/payment-collections/"+pc.C.ID+"/mark-as-paid", object{"order_id": id}, nil)
	if len(o.Parcels) > 0 {
		m.send(t, id, o)
	}
	for _, r := range o.Refunds {
		m.call(t, "POST", "/admin/payments/"+m.read(t, id).Collections[0].Payments[0].ID+"/refund", object{"amount": float64(r.AmountFen) / 100}, nil)
	}
	return m.expected(t, id, o)
}

func (m *medusa) send(t *testing.T, id string, o schemas.Order) {
	t.Helper()
	var items []object
	for _, x := range m.read(t, id).Items {
		i := slices.IndexFunc(o.Lines, func(l schemas.OrderLine) bool { return l.SKU == x.SKU })
		items = append(items, object{"id": x.ID, "quantity": o.Lines[i].Quantity})
	}
	m.call(t, "POST", "/admin/orders/"+id+"/fulfillments", object{"items": items, "location_id": m.warehouse, "metadata": object{"carrier": o.Parcels[0].Carrier}}, nil)
	f := m.read(t, id).Fulfillments[0].ID
	m.call(t, "POST", "/admin/orders/"+id+"/fulfillments/"+f+"/shipments", object{"items": items, "labels": []object{
		{"tracking_number": o.Parcels[0].TrackingNo, "tracking_url": "https://example.com/t", "label_url": "https://example.com/l"}}}, nil)
	if o.Parcels[0].DeliveredAt != nil {
		m.call(t, "POST", "/admin/orders/"+id+"/fulfillments/"+f+"/mark-as-delivered", object{}, nil)
	}
}

// expected is the suite's order with Medusa's ids and times, and without what
// Medusa does not keep.
func (m *medusa) expected(t *testing.T, id string, o schemas.Order) schemas.Order {
	t.Helper()
	got := m.read(t, id)
	o.Number, o.PlacedAt, o.PaymentMethod = fmt.Sprint(got.DisplayID), got.CreatedAt, ""
	if o.Status == schemas.OrderCompleted {
		o.Status = schemas.OrderDelivered
	}
	o.Lines, o.Parcels = slices.Clone(o.Lines), slices.Clone(o.Parcels)
	for _, x := range got.Items {
		i := slices.IndexFunc(o.Lines, func(l schemas.OrderLine) bool { return l.SKU == x.SKU })
		o.Lines[i].ID = x.ID
	}
	slices.SortFunc(o.Lines, func(a, b schemas.OrderLine) int { return strings.Compare(a.ID, b.ID) })
	for i := range o.Parcels {
		o.Parcels[i].ShippedAt, o.Parcels[i].DeliveredAt = got.Fulfillments[i].ShippedAt, got.Fulfillments[i].DeliveredAt
	}
	p := got.Collections[0].Payments[0]
	o.Payments = []schemas.Payment{{ID: p.ID, Status: "paid", AmountFen: o.TotalFen, PaidAt: p.CapturedAt}}
	var refunds []schemas.Refund
	for i, r := range o.Refunds {
		at := p.Refunds[i].CreatedAt
		refunds = append(refunds, schemas.Refund{ID: p.Refunds[i].ID, Status: "paid", AmountFen: r.AmountFen, RequestedAt: at, PaidAt: &at})
	}
	o.Refunds = refunds
	return o
}

// shop brings the suite's shop into Medusa under new telephone numbers.
func (m *medusa) shop(t *testing.T) omstest.Shop {
	t.Helper()
	s := omstest.NewShop(time.Now())
	number := func() string { return fmt.Sprintf("139%08d", rand.IntN(100_000_000)) }
	s.Phone, s.OtherPhone, s.Nobody, s.NoOrder, s.Traces = number(), number(), number(), "99999999", map[string][]schemas.ParcelTrace{}
	s.Other = m.place(t, s.OtherPhone, s.Other)
	orders := map[string]*string{s.Unsent: &s.Unsent, s.Sent: &s.Sent, s.Delivered: &s.Delivered}
	// Oldest first, since Medusa dates them itself.
	for i, o := range slices.Backward(s.Orders) {
		s.Orders[i] = m.place(t, s.Phone, o)
		*orders[o.Number] = s.Orders[i].Number
		for _, p := range s.Orders[i].Parcels {
			w := schemas.ParcelTrace{OrderNumber: s.Orders[i].Number, Carrier: p.Carrier, TrackingNo: p.TrackingNo, Status: p.Status}
			if p.DeliveredAt != nil {
				w.Events = append(w.Events, schemas.TraceEvent{At: *p.DeliveredAt, Text: "已签收"})
			}
			w.Events = append(w.Events, schemas.TraceEvent{At: *p.ShippedAt, Text: "商家已发货"})
			s.Traces[s.Orders[i].Number] = append(s.Traces[s.Orders[i].Number], w)
		}
	}
	return s
}

func TestMedusaConforms(t *testing.T) {
	m := openMedusa(t)
	b, err := rest.Example("medusa")
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(m.base)
	if err != nil {
		t.Fatal(err)
	}
	omstest.Run(t, func(t *testing.T) omstest.Fixture {
		transport := &http.Transport{DisableKeepAlives: true}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport}
		server := httptest.NewServer(proxy)
		t.Cleanup(server.Close)
		text := strings.NewReplacer("http://localhost:9000", server.URL, "timeout: 5s", "timeout: 20s").Replace(string(b))
		t.Setenv("MEDUSA_API_KEY", m.key)
		s := parse(t, "medusa.yaml", text, rest.Options{})
		return omstest.Fixture{
			System: s, Shop: m.shop(t), Away: server.Close,
			Unsupported: []string{omstest.FindByDigits, omstest.Intercept},
		}
	})
}

// TestMedusaGoesOnWithAHalfMadeReturn: Medusa makes a return in three
// requests, and a worker may end between them.
func TestMedusaGoesOnWithAHalfMadeReturn(t *testing.T) {
	m := openMedusa(t)
	b, err := rest.Example("medusa")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MEDUSA_API_KEY", m.key)
	s := parse(t, "medusa.yaml", strings.Replace(string(b), "http://localhost:9000", m.base, 1), rest.Options{})
	shop := m.shop(t)
	var list struct{ Orders []medusaOrder }
	m.call(t, "GET", "/admin/orders?q="+shop.Delivered+"&fields=id,display_id&limit=100", nil, &list)
	i := slices.IndexFunc(list.Orders, func(o medusaOrder) bool { return fmt.Sprint(o.DisplayID) == shop.Delivered })
	var begun struct {
		Return struct {
			DisplayID int `json:"display_id"`
		}
	}
	m.call(t, "POST", "/admin/returns", object{"order_id": list.Orders[i].ID, "metadata": object{"tidegate_key": "half-made"}}, &begun)
	r := schemas.ReturnCreate{CallID: "c", IdempotencyKey: "half-made", OrderNumber: shop.Delivered, Kind: schemas.ReturnForRefund, RequestedAt: time.Now().UTC(),
		Lines: []schemas.ReturnLine{{LineID: shop.Order(shop.Delivered).Lines[0].ID}}}
	for range 2 {
		got, err := s.CreateReturn(t.Context(), r)
		if err != nil || got.Number != fmt.Sprint(begun.Return.DisplayID) || got.Status != schemas.WriteRequested {
			t.Fatalf("%+v, %v; want return %d", got, err, begun.Return.DisplayID)
		}
	}
}

// TestMedusaByARecordedAnswer is what of Medusa can be tried without one: an
// answer of Medusa 2.21.2.
func TestMedusaByARecordedAnswer(t *testing.T) {
	recorded, err := os.ReadFile("testdata/medusa-orders.json")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, ok := r.BasicAuth(); !ok || user != "sk_1" || r.URL.Path != "/admin/orders" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(recorded)
	}))
	t.Cleanup(server.Close)
	b, err := rest.Example("medusa")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("MEDUSA_API_KEY", "sk_1")
	s := parse(t, "medusa.yaml", strings.Replace(string(b), "http://localhost:9000", server.URL, 1), rest.Options{})
	found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "+8613900138000"})
	if err != nil || len(found.Orders) != 3 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, want := range []struct {
		status           schemas.OrderStatus
		fen              int64
		lines, par, refs int
	}{{schemas.OrderPaid, 15700, 2, 0, 0}, {schemas.OrderShipped, 29900, 1, 1, 0}, {schemas.OrderDelivered, 49800, 2, 1, 2}} {
		o := found.Orders[i]
		if o.Status != want.status || o.TotalFen != want.fen || len(o.Lines) != want.lines || len(o.Parcels) != want.par || len(o.Refunds) != want.refs ||
			o.CustomerName != "钱多多" || len(o.Payments) != 1 || o.Payments[0].Status != "paid" {
			t.Errorf("order %d: %+v", i, o)
		}
	}
}
