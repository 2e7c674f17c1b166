package restcall

import "testing"

// What is signed of a field that is an object is what is sent of it.
func TestWhatIsSignedIsWhatIsSent(t *testing.T) {
	s := ParamSign{In: inBody, Algorithm: "md5", Before: "{secret}", Secret: Secret{Env: "SHOP_PIN"}}
	t.Setenv("SHOP_PIN", "hunter22")
	r := &Request{Method: "POST", has: true, body: map[string]any{"goods": map[string]any{"name": "A&B <杯>"}}}
	if err := s.sign(r); err != nil {
		t.Fatal(err)
	}
	sent := `{"name":"A&B <杯>"}`
	want := s.signature(map[string]string{"goods": sent}, "hunter22")
	if got := string(bodyOf(t, r)); got != `{"goods":`+sent+`,"sign":"`+want+`"}` {
		t.Errorf("%s, want sign %s", got, want)
	}
}
