package obs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestPrivateValuesAreMasked(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := NewLogger(&out, LogConfig{Level: "info", Format: format})
		log.Info("call", "caller", Phone("13800138001"), "short", Phone("12345"), "said", Text("我要退货"))
		got := out.String()
		for _, leak := range []string{"13800138001", "12345", "退货", "0013"} {
			if strings.Contains(got, leak) {
				t.Errorf("%s log shows %q: %s", format, leak, got)
			}
		}
		if !strings.Contains(got, "138******01") || !strings.Contains(got, "[4 characters]") {
			t.Errorf("%s log: %s", format, got)
		}
	}
}

func TestOps(t *testing.T) {
	var down error
	reg := prometheus.NewRegistry()
	srv, err := Serve("127.0.0.1:0", OpsHandler(reg, Check{"bus", func() error { return down }}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + srv.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, _ := get("/readyz"); code != 200 {
		t.Fatalf("ready: %d", code)
	}
	down = errors.New("NATS is not connected")
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "NATS") {
		t.Fatalf("not ready: %d %s", code, body)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Fatalf("health: %d", code)
	}
	if code, _ := get("/metrics"); code != 200 {
		t.Fatalf("metrics: %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for range 2 {
		if err := srv.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
