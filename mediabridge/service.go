package mediabridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// Deps is what the service is given. Log, Registry and Now may be nil.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Bus      *bus.Bus
	// Models are the installed speech models; nil has none.
	Models *speechmodel.Store
	Now    func() time.Time
}

// Errors of the service's life.
var (
	ErrNotStarted = errors.New("media bridge is not started")
	ErrDraining   = errors.New("media bridge is draining")
)

// inboxSize bounds the commands of all calls that wait to be sorted.
const inboxSize = 8192

// Service is the media bridge.
type Service struct {
	cfg     Config
	log     *slog.Logger
	bus     *bus.Bus
	now     func() time.Time
	metrics *metrics
	// backchannels are the configured words, bare.
	backchannels []string
	stock        *stock
	buffers      buffers
	writes       sync.Pool // of write buffers of forks
	models       *models   // nil: energy decides

	ctx    context.Context // ends every session
	cancel context.CancelFunc
	ln     net.Listener
	http   *http.Server
	inbox  *bus.Inbox // of every call's commands
	served chan struct{}

	mu       sync.Mutex
	sessions map[string]*session // nil while the metadata has not come
	draining bool
	stopped  bool
	changed  chan struct{} // a session ended
	handlers sync.WaitGroup
}

// New checks the configuration and makes a service that is not started.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Bus == nil {
		return nil, errors.New("media bridge needs a bus")
	}
	s := &Service{
		cfg: cfg, log: deps.Log, bus: deps.Bus, now: deps.Now, metrics: newMetrics(deps.Registry),
		backchannels: bareWords(cfg.Backchannels), stock: newStock(),
		sessions: map[string]*session{}, changed: make(chan struct{}, 1), served: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.models, err = newModels(cfg.VAD, deps.Models); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start returns when the service listens.
func (s *Service) Start(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("media bridge: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/fork/{token}", s.serveFork)
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil || s.stopped {
		_ = ln.Close()
		return errors.New("media bridge: start after start or stop")
	}
	s.ln, s.http, s.inbox = ln, srv, s.bus.Inbox(inboxSize)
	go func() {
		defer close(s.served)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("fork listener ended", "error", err)
		}
	}()
	s.handlers.Go(s.watch)
	s.log.Info("media bridge listens", "address", ln.Addr().String())
	return nil
}

// Addr is the address the service listens on, "" before Start.
func (s *Service) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// URL is where the switch reaches the service, without a path.
func (s *Service) URL() string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	return "ws://" + s.Addr()
}

// Sessions is how many calls are connected.
func (s *Service) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Ready is nil while new calls are taken.
func (s *Service) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ln == nil || s.stopped:
		return ErrNotStarted
	case s.draining:
		return ErrDraining
	}
	return nil
}

// Drain takes no new calls and waits until the present ones have ended, as
// long as ctx and the configured time limit allow.
func (s *Service) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DrainTimeout)
	defer cancel()
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	for {
		n := s.Sessions()
		if n == 0 {
			signal(s.changed) // for another who waits
			return nil
		}
		s.log.Info("media bridge waits for calls", "sessions", n)
		select {
		case <-s.changed:
		case <-ctx.Done():
			return fmt.Errorf("media bridge: %d calls left: %w", s.Sessions(), ctx.Err())
		}
	}
}

// Stop ends every call and the listener, and waits for both.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.draining, s.stopped = true, true
	srv := s.http
	s.mu.Unlock()
	s.cancel()
	if srv == nil {
		s.models.close()
		return nil
	}
	err := srv.Shutdown(ctx)
	ended := make(chan struct{})
	go func() { s.handlers.Wait(); close(ended) }()
	select {
	case <-ended:
		s.inbox.Close()
		s.models.close()
		<-s.served
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return err
}
