package obs

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A client that never ends its body does not hold a handler, whether that
// reads the body or answers without; one that sent it whole may wait.
func TestBodiesHaveToCome(t *testing.T) {
	const within = 50 * time.Millisecond
	read := make(chan error, 1)
	server := httptest.NewServer(timely(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/read":
			_, err := io.ReadAll(r.Body)
			read <- err
		case "/long":
			_, _ = io.ReadAll(r.Body)
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusInternalServerError)
			case <-time.After(4 * within):
			}
		}
	}), within))
	defer server.Close()
	for _, c := range []struct {
		path string
		sent int
		code int
	}{{"/read", 1, 200}, {"/ignore", 1, 200}, {"/long", 10, 200}} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n%s", c.path, "0123456789"[:c.sent])
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != c.code {
			t.Errorf("%s: %v, %v", c.path, res, err)
			continue
		}
		_ = res.Body.Close()
	}
	if len(read) != 1 || <-read == nil {
		t.Error("half a body was read")
	}
}
