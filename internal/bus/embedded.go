package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// EmbeddedConfig is a NATS server with JetStream inside this process.
type EmbeddedConfig struct {
	Listen   string // HOST:PORT; port 0 picks one
	StoreDir string // JetStream's files
	Log      *slog.Logger
}

// Embedded is a running embedded server.
type Embedded struct{ srv *server.Server }

// ErrNotReady: the embedded server did not come up in time.
var ErrNotReady = errors.New("embedded NATS server did not become ready")

// StartEmbedded starts a server and waits until it takes connections.
func StartEmbedded(cfg EmbeddedConfig) (*Embedded, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if n == 0 {
		n = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "tidegate-embedded", Host: host, Port: n, JetStream: true, StoreDir: cfg.StoreDir,
		NoSigs: true, JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 8 << 30,
		MaxPayload: 1 << 20, NoLog: cfg.Log == nil,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	if cfg.Log != nil {
		srv.SetLoggerV2(serverLog{cfg.Log}, false, false, false)
	}
	go srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, ErrNotReady
	}
	return &Embedded{srv: srv}, nil
}

// URL is where clients connect.
func (e *Embedded) URL() string { return e.srv.ClientURL() }

// Addr is HOST:PORT.
func (e *Embedded) Addr() string { return e.srv.Addr().String() }

// Stop ends the server and waits for it; it may be called again.
func (e *Embedded) Stop() {
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}

// serverLog passes the server's warnings on; its notices are too many for a
// demo's terminal.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) {
	l.log.Debug("NATS server", "message", fmt.Sprintf(f, v...))
}
func (l serverLog) Warnf(f string, v ...any) {
	l.log.Debug("NATS server", "message", fmt.Sprintf(f, v...))
}
func (l serverLog) Errorf(f string, v ...any) {
	l.log.Warn("NATS server", "message", fmt.Sprintf(f, v...))
}
func (l serverLog) Fatalf(f string, v ...any) {
	l.log.Error("NATS server", "message", fmt.Sprintf(f, v...))
}
func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}
