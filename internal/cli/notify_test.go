package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidegate/tidegate/workers/notify"
)

// smsFile is the example for Alibaba Cloud, at another address.
func smsFile(t *testing.T, url string) string {
	t.Helper()
	b, err := notify.Example("alibaba-sms")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sms.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), "https://dysmsapi.aliyuncs.com", url, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNotifyCheckAndExample(t *testing.T) {
	out, err := execute(t, "notify", "example")
	if err != nil || out != "alibaba-sms\nwebhook\nwecom-robot\n" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err = execute(t, "notify", "example", "wecom-robot"); err != nil || !strings.Contains(out, "msgtype: text") {
		t.Errorf("%v: %s", err, out)
	}
	path := smsFile(t, "https://dysmsapi.aliyuncs.com")
	if out, err = execute(t, "notify", "check", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wants(t, out, "sms.yaml: right (connector notify)", "opened sms zh-CN: 36 characters, 1 SMS\n", "您的退货申请收到了，工单号62084713", "sms.yaml:14: note: secret missing")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), "{{ .template }}", "{{ .templte }}", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = execute(t, "notify", "check", path)
	if err == nil {
		t.Error("a wrong file is right")
	}
	wants(t, out, `sms.yaml:25: gateways.sms.send.query.TemplateCode: map has no entry for key "templte"`)
}

func TestNotifyTry(t *testing.T) {
	t.Setenv("SMS_ACCESS_KEY_ID", "an-id-nobody-may-see")
	t.Setenv("SMS_ACCESS_KEY_SECRET", "a-secret-nobody-may-see")
	code := "OK"
	var got *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"Message":"m","RequestId":"F655A8D5","BizId":"900619746936498440^0","Code":%q}`, code)
	}))
	defer srv.Close()
	path := smsFile(t, srv.URL)
	out, err := execute(t, "notify", "try", path, "--to", "13800138001")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wants(t, out, "opened over sms, in zh-CN\n", "= 36 characters, 1 SMS\n", "to 138******01\n", "> POST "+srv.URL, "< 200 after ", "= accepted: id 900619746936498440^0, code OK")
	for _, private := range []string{"13800138001", "nobody-may-see"} {
		if strings.Contains(out, private) {
			t.Errorf("%s is shown:\n%s", private, out)
		}
	}
	q := got.URL.Query()
	if q.Get("PhoneNumbers") != "13800138001" || q.Get("SignName") != "潮汐商城" || q.Get("TemplateCode") != "SMS_100000001" ||
		q.Get("TemplateParam") != `{"kind":"退货","number":"62084713"}` || !strings.HasPrefix(q.Get("OutId"), "ntf_") {
		t.Errorf("query %v", q)
	}
	if h := got.Header; h.Get("X-Acs-Action") != "SendSms" || !strings.HasPrefix(h.Get("Authorization"), "ACS3-HMAC-SHA256 Credential=an-id") {
		t.Errorf("header %v", h)
	}
	got, code = nil, "isv.BUSINESS_LIMIT_CONTROL"
	if out, err = execute(t, "notify", "try", path, "--to", "13800138001", "--event", "pickup_code"); err == nil {
		t.Error("it was taken")
	}
	wants(t, out, "! later: id 900619746936498440^0, code isv.BUSINESS_LIMIT_CONTROL")
	got = nil
	if out, err = execute(t, "notify", "try", path, "--dry-run", "--event", "return_created"); err != nil || got != nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"--event", "status_closed", "--to", "13800138001"}, {"--to", "02168888888"}, {"--to", "alice"}, {}, {"--channel", "fax", "--to", "13800138001"}} {
		if out, err := execute(t, append([]string{"notify", "try", path}, args...)...); err == nil || got != nil {
			t.Errorf("%q: %s", args, out)
		}
	}
}

func TestOptOutsAtTheCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"add 13800138001 --tenant acme", "138******01 is told nothing more"},
		{"add +8613800138001 --tenant acme", "was told nothing already"},
		{"list --tenant acme", "138******01"},
		{"list", "NUMBER"},
		{"remove 13800138001 --tenant acme", "is told things again"},
	} {
		out, err := execute(t, append([]string{"notify", "optout"}, strings.Fields(c.args)...)...)
		if err != nil || !strings.Contains(out, c.want) || strings.Contains(out, "13800138001") {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
	}
	for args, want := range map[string]string{"remove 13800138001": "has not opted out", "add alice": "no telephone number"} {
		if out, err := execute(t, append([]string{"notify", "optout"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	write(t, "list.csv", "\ufeff# numbers\n13800138001, 2026\n\"13900139000\"\n\nalice\n+86 138 0013 8001\n")
	out, err := execute(t, "notify", "optout", "import", "list.csv")
	if err == nil || !strings.Contains(err.Error(), "line 5: is no telephone number") || !strings.Contains(out, "2 added, 1 known") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := execute(t, "notify", "optout", "list"); err != nil || strings.Count(out, "import") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}

// The file that the guide shows is right, and it shows what is there.
func TestTheNotificationsGuideIsRight(t *testing.T) {
	guide, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) == 0 {
		t.Fatal("no file")
	}
	for i, b := range blocks {
		if _, err := notify.Parse(fmt.Sprint("block ", i), []byte(b[1])); err != nil {
			t.Error(err)
		}
	}
	for _, word := range append(append(notify.Events()[:3:3], notify.Examples()...), "optout_text", "not_sent", "query_key", "acs3", "pickup_codes") {
		if !strings.Contains(string(guide), "`"+word) {
			t.Errorf("the guide does not name %s", word)
		}
	}
}
