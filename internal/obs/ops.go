package obs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry makes a registry with Go's and the process's own metrics.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Check is one condition of readiness.
type Check struct {
	Name  string
	Ready func() error
}

// OpsHandler serves /metrics, /healthz (the process lives) and /readyz (every
// check holds; otherwise 503 with the names of those that do not).
func OpsHandler(reg prometheus.Gatherer, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		body, code := map[string]string{"status": "ready"}, http.StatusOK
		for _, c := range checks {
			body[c.Name] = "ok"
			if err := c.Ready(); err != nil {
				body[c.Name], body["status"], code = err.Error(), "not ready", http.StatusServiceUnavailable
			}
		}
		writeStatus(w, code, body)
	})
	return mux
}

func writeStatus(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// Server is an HTTP listener with sane limits and an idempotent end.
type Server struct {
	http *http.Server
	ln   net.Listener
	done chan struct{}
	once sync.Once
}

// Serve listens on addr and serves h until Stop.
func Serve(addr string, h http.Handler, log *slog.Logger) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{ln: ln, done: make(chan struct{}), http: &http.Server{
		Handler: timely(h, bodyTime), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("HTTP listener ended", "error", err)
		}
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Stop lets requests in hand finish within ctx.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.once.Do(func() {
		if err = s.http.Shutdown(ctx); err != nil {
			err = errors.Join(err, s.http.Close())
		}
	})
	<-s.done
	return err
}
