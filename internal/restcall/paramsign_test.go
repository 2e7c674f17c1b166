package restcall

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signed is what a platform reads of a request: its parameters, whatever way
// they came.
func signed(t *testing.T, r *http.Request) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name, list := range r.URL.Query() {
		got[name] = list[0]
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	switch r.Header.Get("Content-Type") {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		for name, list := range form {
			got[name] = list[0]
		}
	case "application/json":
		fields := map[string]any{}
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		for name, v := range fields {
			got[name] = fmt.Sprint(v)
		}
	}
	return got
}

// TestPlatformsSignatures: the examples that the platforms publish, each as a
// file and over the wire.
//
//   - Taobao TOP: https://open.taobao.com/docV3.htm?docId=101617
//   - Pinduoduo: https://open.pinduoduo.com/application/document/browse?idStr=8EC06C399636041E
//   - JD: https://open.jd.com/v2/#/doc/dev-guide?listId=2643
func TestPlatformsSignatures(t *testing.T) {
	t.Setenv("SHOP_KEY", "12345678")
	t.Setenv("SHOP_SESSION", "test")
	t.Setenv("TAOBAO_SECRET", "helloworld")
	t.Setenv("PDD_SECRET", "testSecret")
	t.Setenv("PDD_TOKEN", "asd78172s8ds9a921j9qqwda12312w1w21211")
	t.Setenv("JD_SECRET", "yourappSecret")
	t.Setenv("JD_TOKEN", "yourtoken")
	const around = `algorithm: md5, before: "{secret}", after: "{secret}", case: upper`
	const top = `auth: {sign: {params: {app_key: {env: SHOP_KEY}, session: {env: SHOP_SESSION}, timestamp: '{{ now "2006-01-02 15:04:05" }}', v: "2.0", format: json, sign_method: md5}, secret: {env: TAOBAO_SECRET}, ` + around + `}}
`
	at := func(layout, text string) time.Time {
		when, err := time.Parse(layout, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	noon := at(time.RFC3339, "2016-01-01T12:00:00+08:00")
	for name, tc := range map[string]struct {
		file   string
		now    time.Time
		params int
		want   string
	}{
		"Taobao, in the query": {top + `
create:
  path: /router/rest
  query: {method: taobao.item.seller.get, fields: "num_iid,title,nick,price,num", num_iid: "{{ .id }}", nick: ""}
`, noon, 11, "66987CB115214E59E6EC978214934FB8"},
		"Taobao, in a form": {top + `
create:
  method: POST
  path: /router/rest?method=taobao.item.seller.get
  encoding: form
  body: {fields: "num_iid,title,nick,price,num", num_iid: "= id"}
`, noon, 10, "66987CB115214E59E6EC978214934FB8"},
		"Pinduoduo, in JSON": {`
auth:
  sign: {in: body, params: {client_id: "1", access_token: {env: PDD_TOKEN}, data_type: XML, timestamp: "{{ unix }}"}, secret: {env: PDD_SECRET}, ` + around + `}
create:
  method: POST
  path: /api/router
  body: {type: pdd.order.number.list.get, order_status: 1, page: 1, page_size: 10}
`, time.Unix(1480411125, 0), 9, "E4DE3ED21002510DED352819E7AE6775"},
		"JD, in a form": {`
auth:
  sign: {in: body, params: {app_key: yourappkey, access_token: {env: JD_TOKEN}, v: "2.0", timestamp: '{{ now "2006-01-02 15:04:05.000-0700" }}'}, secret: {env: JD_SECRET}, ` + around + `}
create:
  method: POST
  path: /routerjson
  encoding: form
  body:
    method: jingdong.pop.order.search
    360buy_param_json: "= to_string({order_state: state, page: '1', page_size: '200', start_date: none, end_date: none, optional_fields: none})"
`, at("2006-01-02 15:04:05.000-0700", "2021-05-07 09:20:39.683+0800"), 7, "D70825340F4084360B9362B60DFD7930"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan map[string]string, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got <- signed(t, r)
				_, _ = w.Write([]byte("{}"))
			}))
			defer server.Close()
			f := must(t, "base: "+server.URL+"\n"+tc.file)
			f.Now = func() time.Time { return tc.now }
			c, err := NewClient(f.Endpoint, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var shown Exchange
			if _, err := c.Do(context.Background(), "create", f.Create, map[string]any{"id": "11223344", "state": "WAIT_SELLER_STOCK_OUT", "none": nil}, Show(&shown)); err != nil {
				t.Fatal(err)
			}
			params := <-got
			if params["sign"] != tc.want || len(params) != tc.params {
				t.Errorf("%d parameters: %v, want sign %s", len(params), params, tc.want)
			}
			text := fmt.Sprint(shown)
			for _, secret := range []string{"12345678", "asd78172s8ds9a921j9qqwda12312w1w21211", "yourtoken", tc.want} {
				if strings.Contains(text, secret) {
					t.Errorf("%s is shown: %s", secret, text)
				}
			}
		})
	}
}

// TestSignatures: other schemes; the sums were made with md5sum and openssl.
func TestSignatures(t *testing.T) {
	q := map[string]string{"method": "taobao.item.get", "app_key": "12345678", "v": "2.0", "empty": "", "sign": "old"}
	for name, tc := range map[string]struct {
		s    ParamSign
		want string
	}{
		"md5, secret around":       {ParamSign{Algorithm: "md5", Before: "{secret}", After: "{secret}", Case: "upper"}, "228351E3799295BEA6C730F54B17A1DC"},
		"hmac-md5":                 {ParamSign{Algorithm: "hmac-md5", Case: "upper"}, "C8775D1E220A1392FDC27F08384F6F38"},
		"hmac-sha256, secret last": {ParamSign{Algorithm: "hmac-sha256", Between: "=", Join: "&", After: "&signSecret={secret}"}, "925a1134e1b572ece8598366660258fbfedefc1a481f2c8e43e3a65249696c9e"},
		"hmac-sha256 in base64":    {ParamSign{Algorithm: "hmac-sha256", Between: "=", Join: "&", Encoding: "base64"}, "uaCboh1xoevRNQ3dM/x0vuIPqLX+UFiz16Ytp5So5zU="},
		"sha256, secret last":      {ParamSign{Algorithm: "sha256", After: "{secret}"}, "039ac605060dace1f67555bcda71cf1b3a6f2f6890d48966ae4c4b6f29ddad44"},
	} {
		if got := tc.s.signature(q, "helloworld"); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
