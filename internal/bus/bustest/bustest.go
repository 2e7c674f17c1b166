// Package bustest gives tests a real NATS server with JetStream.
package bustest

import (
	"context"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
)

// Server is an embedded server that can be stopped and started again on the
// same address and files.
type Server struct {
	t    testing.TB
	dir  string
	addr string
	srv  *bus.Embedded
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	s.Up()
	s.addr = s.srv.Addr()
	t.Cleanup(s.Down)
	return s
}

// Up starts the server again after Down.
func (s *Server) Up() {
	s.t.Helper()
	srv, err := bus.StartEmbedded(bus.EmbeddedConfig{Listen: s.addr, StoreDir: s.dir})
	if err != nil {
		s.t.Fatalf("NATS server: %v", err)
	}
	s.srv = srv
}

// Down stops the server; its files stay.
func (s *Server) Down() { s.srv.Stop() }

// URL is where clients connect.
func (s *Server) URL() string { return "nats://" + s.addr }

// Connect gives a connection with the streams in place; it is closed when
// the test ends.
func (s *Server) Connect(name string) *bus.Bus {
	s.t.Helper()
	cfg := bus.Defaults()
	cfg.URL = s.URL()
	b, err := bus.Connect(context.Background(), cfg, bus.Deps{Source: "/tidegate/test/" + name})
	if err != nil {
		s.t.Fatalf("connect: %v", err)
	}
	s.t.Cleanup(func() { _ = b.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.EnsureStreams(ctx); err != nil {
		s.t.Fatalf("streams: %v", err)
	}
	return b
}
