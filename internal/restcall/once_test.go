package restcall

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A request is made once, also when it has an idempotency key and its
// connection, used before, breaks: net/http would make it again.
func TestARequestIsMadeOnce(t *testing.T) {
	var mu sync.Mutex // a connection that breaks does not order what came before
	asked, keys := 0, []string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked > 1 {
			keys = append(keys, r.Header.Get("Idempotency-Key"))
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	c, err := NewClient(Endpoint{Base: srv.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var file struct {
		Call Call `yaml:"call"`
	}
	if err := Decode("f", []byte("call: {method: POST, path: /, headers: {Idempotency-Key: k1}, body: {a: b}}"), &file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), "call", &file.Call, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), "call", &file.Call, nil); err == nil {
		t.Error("a broken connection is an answer")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 1 || keys[0] != "k1" {
		t.Errorf("asked with keys %q", keys)
	}
}
