package notify

import (
	"net/http"
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

func TestQueryKeyIsSentAndMasked(t *testing.T) {
	t.Setenv("ROBOT_KEY", "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa")
	r, err := http.NewRequest(http.MethodPost, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?debug=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	k := &QueryKey{Name: "key", Value: restcall.Secret{Env: "ROBOT_KEY"}}
	if err := k.Authorize(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if q := r.URL.Query(); q.Get("key") != "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa" || q.Get("debug") != "1" {
		t.Errorf("query %s", strings.ReplaceAll(r.URL.RawQuery, "&", " "))
	}
}
