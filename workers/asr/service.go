package asr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/speech"
)

// Deps is what the worker is given.
type Deps struct {
	Bus      *bus.Bus
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Lines gives the scripted engine a scenario's lines; one that it does
	// not know is ErrScenarioMissing or fs.ErrNotExist. Scenarios is asked
	// after it, for files as ScriptFS reads them. Either may be nil.
	Lines     Script
	Scenarios fs.FS
}

// Service is the recognition worker.
type Service struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	engines *speech.EngineMetrics
	engine  Engine
	server  *speech.Server
}

// New makes a worker that does not listen yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newService(cfg, deps)
	var err error
	if s.engine, err = s.newEngine(deps); err != nil {
		return nil, err
	}
	return s.withServer(deps)
}

// NewEngine makes the engine that the configuration names without a worker
// around it; only the engine's keys and the scenarios count.
func NewEngine(cfg Config, deps Deps) (Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newService(cfg, deps).newEngine(deps)
}

// NewWithEngine is New around an engine that was made elsewhere; cfg.Engine
// does not count. Stop closes the engine.
func NewWithEngine(cfg Config, deps Deps, e Engine) (*Service, error) {
	cfg.Engine, cfg.Fallback.Engines, cfg.Limit.Engines = EngineScripted, nil, nil
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newService(cfg, deps)
	s.engine = e
	return s.withServer(deps)
}

func newService(cfg Config, deps Deps) *Service {
	s := &Service{cfg: cfg, log: deps.Log, metrics: newMetrics(deps.Registry)}
	s.engines = speech.NewEngineMetrics(deps.Registry, speech.ASR, cfg.engines())
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

func (s *Service) withServer(deps Deps) (*Service, error) {
	server, err := speech.New(speech.ASR, s.cfg.Server, speech.Deps{
		Bus: deps.Bus, Log: s.log, Registry: deps.Registry, Engine: s.engine.Name(),
		Dialects: s.dialects(), DialectsOnly: s.cfg.DialectsOnly,
		Accept: s.accept, Serve: s.serve,
	})
	if err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	s.server = server
	return s, nil
}

// script is where scenarios come from: the configured folder first.
func script(cfg Config, deps Deps) Script {
	var all []Script
	if cfg.ScenarioDir != "" {
		all = append(all, ScriptFS(os.DirFS(cfg.ScenarioDir)))
	}
	if deps.Lines != nil {
		all = append(all, deps.Lines)
	}
	if deps.Scenarios != nil {
		all = append(all, ScriptFS(deps.Scenarios))
	}
	return firstScript(all...)
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

// Synthetic says whether the engine understands synthetic voices only.
func (s *Service) Synthetic() bool { return s.engine.Capabilities().Synthetic }

func (s *Service) accept(r schemas.SlotAcquire) error {
	return s.supports(r.Language, r.Dialect, r.SampleRate)
}

// supports refuses what the engine cannot do. A dialect that it knows may be
// one of a language that it does not, as Cantonese is of Chinese.
func (s *Service) supports(language, spoken string, rate int) error {
	c := s.engine.Capabilities()
	if !slices.Contains(c.SampleRates, rate) {
		return fmt.Errorf("%w: sample rate %d", ErrUnsupported, rate)
	}
	if !c.Speaks(language) && s.expect(spoken) == "" {
		return fmt.Errorf("%w: language %.16q", ErrUnsupported, language)
	}
	return nil
}

// dialects are those that calls are sent here for.
func (s *Service) dialects() []string {
	if len(s.cfg.Dialects) > 0 {
		return s.cfg.Dialects
	}
	var known []string
	for _, id := range s.engine.Capabilities().Dialects {
		if dialect.Known(id) && id != dialect.Mandarin && !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return known
}

// expect is the dialect that the engine is told of: the one that the caller
// speaks or a wider one, if calls in it are sent here; else none.
func (s *Service) expect(spoken string) string {
	if spoken == dialect.Mandarin {
		return ""
	}
	served, _ := dialect.Served(spoken, s.dialects())
	return served
}
