package rest

import (
	"net/url"
	"testing"
)

// TestSignatures: the schemes as their platforms describe them; the sums were
// made with md5sum and openssl.
func TestSignatures(t *testing.T) {
	q := url.Values{"method": {"taobao.item.get"}, "app_key": {"12345678"}, "v": {"2.0"}, "empty": {""}, "sign": {"old"}}
	for name, c := range map[string]struct {
		s    signer
		want string
	}{
		"md5, secret around":       {signer{name: "sign", algorithm: "md5", before: "{secret}", after: "{secret}", upper: true}, "228351E3799295BEA6C730F54B17A1DC"},
		"hmac-md5":                 {signer{name: "sign", algorithm: "hmac-md5", upper: true}, "C8775D1E220A1392FDC27F08384F6F38"},
		"hmac-sha256, secret last": {signer{name: "sign", algorithm: "hmac-sha256", between: "=", join: "&", after: "&signSecret={secret}"}, "925a1134e1b572ece8598366660258fbfedefc1a481f2c8e43e3a65249696c9e"},
		"hmac-sha256 in base64":    {signer{name: "sign", algorithm: "hmac-sha256", between: "=", join: "&", base64: true}, "uaCboh1xoevRNQ3dM/x0vuIPqLX+UFiz16Ytp5So5zU="},
		"sha256, secret last":      {signer{name: "sign", algorithm: "sha256", after: "{secret}"}, "039ac605060dace1f67555bcda71cf1b3a6f2f6890d48966ae4c4b6f29ddad44"},
	} {
		if got := c.s.signature(q, "helloworld"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAmountsAreExact(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "19.9": 1990, "1,299.00": 129900, "0.29": 29, "1.15": 115, "1e2": 10000} {
		if got, err := fen(s, "yuan"); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1/3", "0x10", "NaN", "1.234", "-1", "1_000", "92233720368547758.08"} {
		if got, err := fen(s, "yuan"); err == nil {
			t.Errorf("%s became %d", s, got)
		}
	}
	v, err := decode([]byte(`{"tid": 2616071432017345621, "n": 12.5}`))
	if tid, _ := text(v.(map[string]any)["tid"]); err != nil || tid != "2616071432017345621" {
		t.Errorf("a long number became %v, %v", v, err)
	}
}
