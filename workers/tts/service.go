package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

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
	metrics *metrics
	engine  *cache
	server  *speech.Server
}

// New makes a worker that does not listen yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e, err := NewEngine(cfg)
	if err != nil {
		return nil, err
	}
	return NewWithEngine(cfg, deps, e)
}

// NewWithEngine is New around an engine that was made elsewhere; cfg.Engine
// does not count. Stop closes the engine.
func NewWithEngine(cfg Config, deps Deps, e Engine) (*Service, error) {
	cfg.Engine = EngineTone
	if err := cfg.Validate(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s := &Service{cfg: cfg, log: deps.Log, metrics: newMetrics(deps.Registry)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.engine = newCache(e, cfg.CacheBytes, s.metrics)
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
func (s *Service) Start(ctx context.Context) error { return s.server.Start(ctx) }

// Drain gives out no more places and waits for the calls to end.
func (s *Service) Drain(ctx context.Context) error { return s.server.Drain(ctx) }

// Stop ends all sessions and closes the engine; it may be called again.
func (s *Service) Stop(ctx context.Context) error {
	return errors.Join(s.server.Stop(ctx), s.engine.Close())
}

// Ready is nil while places can be asked for.
func (s *Service) Ready() error { return s.server.Ready() }

// Addr is ws://HOST:PORT of the speech websocket.
func (s *Service) Addr() string { return s.server.Addr() }

// Engine is the name of the engine in use.
func (s *Service) Engine() string { return s.engine.Name() }

// Prewarm synthesises requests into the cache, one after the other, so that
// live calls keep their share of the machine. It goes on after a request that
// fails and returns all failures.
func (s *Service) Prewarm(ctx context.Context, requests []Request) error {
	var errs []error
	for i, r := range requests {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		r.Voice, _ = s.voice(r.Voice)
		_, err := s.engine.Synthesize(ctx, r, func([]int16) error { return nil })
		result := resultFinished
		if err != nil {
			result = resultFailed
			errs = append(errs, fmt.Errorf("prewarm request %d: %w", i, err))
		}
		s.metrics.prewarmed.WithLabelValues(result).Inc()
	}
	return errors.Join(errs...)
}

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
