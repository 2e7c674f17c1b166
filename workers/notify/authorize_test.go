package notify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/restcall"
)

// The example of https://help.aliyun.com/document_detail/2593177.html, with its
// fixed values.
func TestACS3SignsAsAlibabaCloudDocuments(t *testing.T) {
	t.Setenv("ACS_ID", "YourAccessKeyId")
	t.Setenv("ACS_SECRET", "YourAccessKeySecret")
	a := &ACS3{
		KeyID: restcall.Secret{Env: "ACS_ID"}, KeySecret: restcall.Secret{Env: "ACS_SECRET"}, Action: "RunInstances", Version: "2014-05-26",
		now:   func() time.Time { return time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC) },
		nonce: func() string { return "3156853299f313e23d1673dc12e1703d" },
	}
	r, err := http.NewRequest(http.MethodPost, "https://ecs.cn-shanghai.aliyuncs.com/?RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Authorize(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	const want = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
		"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Whatever the parameter is called, and whatever the gateway answers, the key
// is sent and not shown.
func TestQueryKeyIsSentAndMasked(t *testing.T) {
	const key = "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa"
	t.Setenv("ROBOT_KEY", key)
	t.Setenv("ACS_ID", "LTAI5tNotShown")
	t.Setenv("ACS_SECRET", "YourAccessKeySecret")
	asked := make(chan url.Values, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query()
		_, _ = io.WriteString(w, `{"code":1,"msg":"no robot `+key+` of LTAI5tNotShown"}`)
	}))
	defer server.Close()
	for _, auth := range []string{
		"query_key: {name: robot, value: {env: ROBOT_KEY}}",
		"acs3: {access_key_id: {env: ACS_ID}, access_key_secret: {env: ACS_SECRET}, action: Send, version: '1'}\n    secrets: {robot: {env: ROBOT_KEY}}",
	} {
		s, err := Parse("robot.yaml", []byte(`connector: notify
gateways:
  message:
    base: `+server.URL+`
    `+auth+`
    to: team
    send: {method: POST, path: '/send?debug=1', body: {text: "{{ .text }}"}, map: {code: code, reason: msg}}
    outcome: {accepted: ["0"]}
events: {opened: {message: {text: {zh-CN: "{{ .ticket.number }}"}}}}
`))
		if err != nil {
			t.Fatal(err)
		}
		c, err := Connect(s)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		o, err := c.Compose(Sample(EventOpened, Chinese, true, time.Now()), ChannelMessage)
		if err != nil {
			t.Fatal(err)
		}
		var shown restcall.Exchange
		v := c.Send(t.Context(), o, func(e restcall.Exchange) { shown = e })
		if q := <-asked; q.Get("debug") != "1" || strings.HasPrefix(auth, "query") && q.Get("robot") != key {
			t.Errorf("query %v", q)
		}
		hidden := []string{key}
		if strings.HasPrefix(auth, "acs3") {
			hidden = append(hidden, "LTAI5tNotShown")
		}
		for _, secret := range hidden {
			if all := fmt.Sprint(shown, v.Reason); strings.Contains(all, secret) {
				t.Errorf("%s is shown: %s", secret, all)
			}
		}
		if v.Fate() != "refused" || !strings.Contains(v.Reason, "no robot") {
			t.Errorf("%+v", v)
		}
	}
}

// What a gateway says of a message may repeat the number that it was for; it
// is kept, logged and shown.
func TestWhatAGatewaySaysIsMasked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"invalid_number","detail":"no such number +86 138 0013 8000, write to li@example.com","id":"13800138000"}`)
	}))
	defer server.Close()
	t.Setenv("SMS_TOKEN", "token")
	b, err := Example("webhook")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("sms.yaml", []byte(strings.Replace(string(b), "https://sms-gateway.example.com", server.URL, 1)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o, err := c.Compose(Sample(EventOpened, Chinese, true, time.Now()), ChannelSMS)
	if err != nil {
		t.Fatal(err)
	}
	v := c.Send(t.Context(), o, nil)
	if v.Fate() != "refused" || !strings.Contains(v.Reason, "no such number") || strings.Contains(v.Reason, "0013") || strings.Contains(v.Reason, "li@") {
		t.Errorf("%+v", v)
	}
}
