package speech

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// Deps is what a Server is given.
type Deps struct {
	Bus      *bus.Bus
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Engine is the name that grants and ready messages carry.
	Engine string
	// Dialects are asked for on subjects of their own, with the same places;
	// DialectsOnly leaves the kind's own subject out. Recognition only.
	Dialects     []string
	DialectsOnly bool
	// Accept refuses a request for a place that the engine cannot serve.
	Accept func(schemas.SlotAcquire) error
	// Serve serves one connection and returns when it is over; ctx ends when
	// the server stops. The connection is closed afterwards.
	Serve func(ctx context.Context, s *Session)
}

// Server gives out places and serves the connections of those who hold them.
type Server struct {
	kind    Kind
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	places  *places
	secret  []byte

	ctx      context.Context // of the connections
	cancel   context.CancelFunc
	sessions sync.WaitGroup
	http     *http.Server
	serving  chan struct{} // closed when the listener's goroutine has ended
	base     string        // ws://HOST:PORT
	freed    chan struct{} // a place came free

	mu       sync.Mutex // guards what follows; taken before places' own
	subs     []*bus.Subscription
	started  bool
	draining bool
	stopped  bool
}

// Errors of a Server's state.
var (
	ErrNotStarted = errors.New("speech server is not started")
	ErrDraining   = errors.New("speech server is draining")
	ErrStarted    = errors.New("speech server was started before")
)

// New makes a server that does not listen yet.
func New(kind Kind, cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(""); err != nil {
		return nil, err
	}
	if deps.Bus == nil || deps.Serve == nil {
		return nil, errors.New("speech server: Bus and Serve are needed")
	}
	if kind != ASR && len(deps.Dialects) > 0 || len(deps.Dialects) == 0 && deps.DialectsOnly {
		return nil, errors.New("speech server: dialects are for recognition, and only dialects need some")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		kind: kind, cfg: cfg, deps: deps, log: deps.Log, metrics: newMetrics(deps.Registry, kind),
		secret: []byte(cfg.Secret.Reveal()), serving: make(chan struct{}), freed: make(chan struct{}, 1),
	}
	if len(s.secret) == 0 {
		s.secret = make([]byte, 32)
		_, _ = rand.Read(s.secret) // never fails: crypto/rand documents it
	}
	s.places = newPlaces(cfg.Capacity, s.metrics, s.placeFreed)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start listens and begins to give out places; it returns when both are so.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stopped {
		return ErrStarted
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("speech websocket: %w", err)
	}
	s.base = s.cfg.Advertise
	if s.base == "" {
		s.base = "ws://" + l.Addr().String()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.kind.Path()+"{token}", s.connect)
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.started = true
	go func() {
		defer close(s.serving)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("speech websocket listener ended", "error", err)
		}
	}()
	if err := s.answer(); err != nil {
		return err
	}
	if s.deps.Bus.Connected() {
		if err := s.deps.Bus.Flush(ctx); err != nil {
			s.log.Warn("subscription not confirmed yet", "error", err)
		}
	}
	s.log.Info("speech worker listens", "kind", string(s.kind), "address", s.base, "engine", s.deps.Engine, "capacity", s.cfg.Capacity)
	return nil
}

// Addr is ws://HOST:PORT as bridges are told; empty before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base
}

// Ready is nil while places can be asked for; a full worker is ready too.
func (s *Server) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.started || s.stopped:
		return ErrNotStarted
	case s.draining:
		return ErrDraining
	default:
		return s.deps.Bus.Ready()
	}
}

// Drain gives out no more places and waits until all held ones are free.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	err := s.answer()
	s.mu.Unlock()
	for !s.places.idle() {
		select {
		case <-s.freed:
		case <-s.ctx.Done():
			return err
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
	s.signalFreed() // for another Drain that waits
	return err
}

// Stop ends every connection and waits for them as long as ctx allows; it
// may be called again.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	started := s.started
	s.draining, s.stopped = true, true
	err := s.answer()
	s.mu.Unlock()
	s.cancel()
	s.places.clear()
	if !started {
		return err
	}
	err = errors.Join(err, s.http.Close())
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-s.serving
		s.sessions.Wait()
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("speech connections still open: %w", ctx.Err()))
	}
}

// placeFreed is called when a place came free.
func (s *Server) placeFreed() {
	s.signalFreed()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.answer(); err != nil {
		s.log.Error("cannot give out places", "error", err)
	}
}

func (s *Server) signalFreed() {
	select {
	case s.freed <- struct{}{}:
	default: // one waiting signal is enough: Drain looks for itself
	}
}

// answer begins or ends the subscriptions, so that a worker without room is
// not asked; s.mu is held.
func (s *Server) answer() error {
	want := s.started && !s.draining && s.places.free() > 0
	switch {
	case want && len(s.subs) == 0:
		for _, subject := range s.subjects() {
			sub, err := s.deps.Bus.Subscribe(subject, s.kind.Queue(), s.acquire)
			if err != nil {
				return errors.Join(err, s.fallSilent())
			}
			s.subs = append(s.subs, sub)
		}
	case !want:
		return s.fallSilent()
	}
	return nil
}

// fallSilent ends all subscriptions; s.mu is held.
func (s *Server) fallSilent() error {
	var errs []error
	for _, sub := range s.subs {
		errs = append(errs, sub.Unsubscribe())
	}
	s.subs = nil
	return errors.Join(errs...)
}

// subjects are where places of this worker are asked for.
func (s *Server) subjects() []string {
	var all []string
	if !s.deps.DialectsOnly {
		all = append(all, s.kind.Subject())
	}
	for _, d := range s.deps.Dialects {
		all = append(all, schemas.SubjectSlotDialect(d))
	}
	return all
}
