package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// Deps is what the worker is given.
type Deps struct {
	Bus      *bus.Bus
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Service is the synthesis worker.
type Service struct {
	cfg     Config
	log     *slog.Logger
	bus     *bus.Bus
	metrics *metrics
	engine  *cache
	server  *speech.Server

	batches   chan batch
	preparing atomic.Int64 // batches not done
	prompts   *bus.Subscription
	unhook    func()
	started   atomic.Int64 // Unix nanoseconds

	background sync.WaitGroup
	ctx        context.Context
	cancel     context.CancelFunc
}

// New makes a worker that does not listen yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e, err := newEngine(cfg, newTools(cfg, deps.Log, deps.Registry))
	if err != nil {
		return nil, err
	}
	if cfg.Engine == EngineAuto && cfg.Sherpa.Model != "" && e.Name() != EngineSherpa && deps.Log != nil {
		deps.Log.Warn("synthesis model cannot be used; another engine speaks", "model", cfg.Sherpa.Model, "engine", e.Name())
	}
	return NewWithEngine(cfg, deps, e)
}

// NewWithEngine is New around an engine that was made elsewhere; cfg.Engine
// does not count. Stop closes the engine.
func NewWithEngine(cfg Config, deps Deps, e Engine) (*Service, error) {
	cfg.Engine, cfg.Fallback.Engines, cfg.Limit.Engines = EngineTone, nil, nil
	if err := cfg.Validate(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s := &Service{cfg: cfg, log: deps.Log, bus: deps.Bus, metrics: newMetrics(deps.Registry), batches: make(chan batch, maxBatches)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	d, err := openDisk(cfg.CacheDir, cfg.CacheDiskBytes, s.metrics, s.log)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.engine = newCache(e, cfg.CacheBytes, d, s.metrics)
	server, err := speech.New(speech.TTS, cfg.Server, speech.Deps{
		Bus: deps.Bus, Log: s.log, Registry: deps.Registry, Engine: e.Name(),
		Accept: s.accept, Serve: s.serve,
	})
	if err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	s.server = server
	return s, nil
}

// Start returns when the worker listens and is asked for places.
func (s *Service) Start(ctx context.Context) error {
	if err := s.server.Start(ctx); err != nil {
		return err
	}
	s.started.Store(time.Now().UnixNano())
	s.background.Go(func() { s.prepareAll(s.ctx) })
	return s.awaitPrompts()
}

func (s *Service) startedAt() time.Time { return time.Unix(0, s.started.Load()) }

// Drain gives out no more places and waits for the calls to end.
func (s *Service) Drain(ctx context.Context) error { return s.server.Drain(ctx) }

// Stop ends all sessions and closes the engine; it may be called again.
func (s *Service) Stop(ctx context.Context) error {
	s.cancel()
	var err error
	if s.prompts != nil {
		s.unhook()
		err = s.prompts.Unsubscribe()
	}
	err = errors.Join(err, s.server.Stop(ctx))
	s.background.Wait()
	return errors.Join(err, s.engine.Close())
}

// Ready is nil while places can be asked for and no more prompts have to be
// prepared first.
func (s *Service) Ready() error { return errors.Join(s.server.Ready(), s.unprepared()) }

// Addr is ws://HOST:PORT of the speech websocket.
func (s *Service) Addr() string { return s.server.Addr() }

// Engine is the name of the engine in use.
func (s *Service) Engine() string { return s.engine.Name() }

func (s *Service) accept(r schemas.SlotAcquire) error { return s.supports(r.Language, r.SampleRate) }

func (s *Service) supports(language string, rate int) error {
	c := s.engine.Capabilities()
	if !slices.Contains(c.SampleRates, rate) {
		return fmt.Errorf("%w: sample rate %d", ErrUnsupported, rate)
	}
	if !c.Speaks(language) {
		return fmt.Errorf("%w: language %.16q", ErrUnsupported, language)
	}
	return nil
}

// voice is the voice to ask the engine for. A caller should hear another
// voice rather than nothing, so one that the engine does not have becomes the
// engine's own; ok is false then.
func (s *Service) voice(name string) (voice string, ok bool) {
	if s.engine.Capabilities().HasVoice(name) {
		return name, true
	}
	return "", false
}
