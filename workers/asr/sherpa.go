package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
	"github.com/tidegate/tidegate/workers/asr/tinyzh"
)

// sherpaEngine recognises by ONNX models in this process. Sound of all calls
// goes through one queue to a few decoders, which share the loaded models:
// the weights are in memory once, and a decoding changes nothing of them.
type sherpaEngine struct {
	cfg     SherpaConfig
	log     *slog.Logger
	metrics *metrics
	limit   time.Duration // of one utterance

	builtIn     *tinyzh.Installed
	main        *recogniser
	dialects    map[string]*recogniser
	punctuation *sherpa.Punctuation
	cutter      *cutter
	denoisers   *denoisers

	queue   *scheduler[*sherpaStream]
	waiting atomic.Int64 // nanoseconds of sound that is not decoded yet

	mu      sync.Mutex
	streams map[*sherpaStream]struct{}
	closed  bool
}

func newSherpa(cfg Config, log *slog.Logger, m *metrics) (*sherpaEngine, error) {
	e := &sherpaEngine{
		cfg: cfg.Sherpa, log: log, metrics: m, limit: cfg.MaxUtterance,
		dialects: map[string]*recogniser{}, streams: map[*sherpaStream]struct{}{},
	}
	if err := e.load(cfg); err != nil {
		return nil, errors.Join(err, e.unload())
	}
	e.queue = newScheduler(e.cfg.instances(), e.cfg.Batch, func(n int) { m.sherpa.queued.Set(float64(n)) }, e.decode)
	return e, nil
}

// load opens every model that the configuration names: what is missing or
// broken stops the start, not a call.
func (e *sherpaEngine) load(cfg Config) (err error) {
	if !sherpa.Available {
		return fmt.Errorf("engine %s: %w", EngineSherpa, sherpa.ErrNoCgo)
	}
	models := speechmodel.NewStore(cfg.Models)
	name := e.cfg.Model
	if name == "" {
		if e.builtIn, err = tinyzh.Install(e.cfg.Cache); err != nil {
			return err
		}
		name = e.builtIn.Dir
	}
	loaded := map[string]*recogniser{}
	if e.main, err = e.recogniser(models, name, loaded); err != nil {
		return fmt.Errorf("sherpa.model: %w", err)
	}
	byDialect, err := e.cfg.dialects()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(byDialect)) {
		if e.dialects[id], err = e.recogniser(models, byDialect[id], loaded); err != nil {
			return fmt.Errorf("sherpa.dialects: %s: %w", id, err)
		}
	}
	if e.cfg.Punctuation != "" {
		if e.punctuation, err = loadPunctuation(models, e.cfg); err != nil {
			return fmt.Errorf("sherpa.punctuation: %w", err)
		}
	}
	if e.cutter, err = newCutter(models, e.cfg.Segment, e.log); err != nil {
		return fmt.Errorf("sherpa.segment.vad: %w", err)
	}
	e.denoisers, err = newDenoisers(cfg.Denoise, models, e.metrics.denoise, e.log)
	return err
}

// recogniser loads a model, once however often it is named.
func (e *sherpaEngine) recogniser(models *speechmodel.Store, name string, loaded map[string]*recogniser) (*recogniser, error) {
	if r, ok := loaded[name]; ok {
		return r, nil
	}
	m, err := models.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := loadRecogniser(m, e.cfg)
	if err != nil {
		return nil, err
	}
	loaded[name] = r
	e.metrics.sherpa.loaded(r)
	e.log.Info("recognition model loaded", "model", r.Name, "kind", r.Kind, "took", r.loading.Round(time.Millisecond), "synthetic", r.Synthetic, "hotwords", r.hotwords)
	return r, nil
}

func loadPunctuation(models *speechmodel.Store, cfg SherpaConfig) (*sherpa.Punctuation, error) {
	m, err := models.Open(cfg.Punctuation)
	if err != nil {
		return nil, err
	}
	if m.Use != speechmodel.UsePunctuation {
		return nil, fmt.Errorf("%s is a model for %s", m.Name, m.Use)
	}
	return sherpa.NewPunctuation(m.File("model"), cfg.Threads)
}

func (e *sherpaEngine) Name() string { return EngineSherpa }

// Capabilities are those of the main model, and what the models for dialects
// add.
func (e *sherpaEngine) Capabilities() Capabilities {
	c := e.main.capabilities()
	for _, id := range slices.Sorted(maps.Keys(e.dialects)) {
		more := e.dialects[id].capabilities()
		c.Dialects = append(append(slices.Clone(c.Dialects), id), more.Dialects...)
		if len(c.Languages) > 0 && len(more.Languages) > 0 {
			c.Languages = append(slices.Clone(c.Languages), more.Languages...)
		}
	}
	slices.Sort(c.Dialects)
	c.Dialects = slices.Compact(c.Dialects)
	c.Languages = slices.Compact(slices.Sorted(slices.Values(c.Languages)))
	return c
}

// choose is the model for a dialect: one that is configured for it or for a
// wider one that it is part of, before the main one unless that knows it.
func (e *sherpaEngine) choose(spoken string) *recogniser {
	for _, id := range dialect.Chain(spoken) {
		if r := e.dialects[id]; r != nil {
			return r
		}
		if e.main.knows(id) {
			break
		}
	}
	return e.main
}

func (e *sherpaEngine) Start(ctx context.Context, o Options) (Stream, error) {
	if !slices.Contains(e.Capabilities().SampleRates, o.SampleRate) {
		return nil, fmt.Errorf("%w: sample rate %d", ErrUnsupported, o.SampleRate)
	}
	if waiting := time.Duration(e.waiting.Load()); waiting > e.cfg.Queue {
		e.metrics.sherpa.refused.Inc()
		return nil, fmt.Errorf("%w: %s of sound wait for decoding", ErrOverloaded, waiting.Round(100*time.Millisecond))
	}
	s := newSherpaStream(e, e.choose(o.Dialect), o)
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.streams[s] = struct{}{}
	}
	e.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	e.metrics.sherpa.streams.WithLabelValues(s.model.Name).Inc()
	s.detach = context.AfterFunc(ctx, s.end)
	return s, nil
}

// left takes a stream off the list when its end is wanted.
func (e *sherpaEngine) left(s *sherpaStream) {
	e.mu.Lock()
	delete(e.streams, s)
	e.mu.Unlock()
	e.metrics.sherpa.streams.WithLabelValues(s.model.Name).Dec()
}

// wait counts sound that came in, or was decoded.
func (e *sherpaEngine) wait(samples, rate int) {
	ns := e.waiting.Add(int64(samples) * int64(time.Second) / int64(rate))
	e.metrics.sherpa.waiting.Set(time.Duration(ns).Seconds())
}

// Close ends all streams and frees the models; it may be called again.
func (e *sherpaEngine) Close() error {
	e.mu.Lock()
	again := e.closed
	e.closed = true
	streams := slices.Collect(maps.Keys(e.streams))
	e.mu.Unlock()
	if again {
		return nil
	}
	for _, s := range streams {
		s.end()
	}
	e.queue.close() // the decoders free what the streams hold
	return e.unload()
}

func (e *sherpaEngine) unload() error {
	e.denoisers.close()
	e.cutter.close()
	if e.punctuation != nil {
		e.punctuation.Close()
	}
	freed := map[*recogniser]bool{nil: true}
	for _, r := range append(slices.Collect(maps.Values(e.dialects)), e.main) {
		if !freed[r] {
			freed[r] = true
			r.close()
		}
	}
	return e.builtIn.Remove()
}
