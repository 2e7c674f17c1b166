package asr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/audio"
	"github.com/tidegate/tidegate/workers/speech"
)

// FallbackConfig says which engines stand in for the first one, and when.
type FallbackConfig struct {
	Engines      []string      `koanf:"engines" help:"engines that take over, in this order, from one that fails, is full, or is too slow; empty: none"`
	StartTimeout time.Duration `koanf:"start_timeout" help:"time for an engine to begin a call; then the next one does"`
	FinalTimeout time.Duration `koanf:"final_timeout" help:"time from the end of speech to its text; then the next engine hears the utterance; 0: the engines' own limits only"`
	Cooldown     time.Duration `koanf:"cooldown" help:"how long an engine that failed twice is not asked"`
}

func fallbackDefaults() FallbackConfig {
	return FallbackConfig{StartTimeout: 500 * time.Millisecond, FinalTimeout: 2500 * time.Millisecond, Cooldown: 10 * time.Second}
}

// validate checks a chain of the engines named, if there is one.
func (c FallbackConfig) validate(names []string) error {
	if len(c.Engines) == 0 {
		return nil
	}
	errs := []error{speech.CheckChain("fallback.engines", names[0], names[1:], Engines()), speech.CheckFallback(c.StartTimeout, c.Cooldown)}
	if c.FinalTimeout < 0 || c.FinalTimeout > time.Minute {
		errs = append(errs, fmt.Errorf("fallback.final_timeout: must be 0 to 1m, is %s", c.FinalTimeout))
	}
	return errors.Join(errs...)
}

// fallback is a chain of engines that is one engine. A call begins with the
// first that takes it. When that one gives out, the next hears the utterance
// under way from its beginning, and the call stays there. An engine that
// failed twice rests; after its cooldown calls try it again one by one.
type fallback struct {
	cfg     FallbackConfig
	links   []*link
	keep    time.Duration // sound kept of one utterance
	log     *slog.Logger
	metrics *speech.EngineMetrics
	leaving sync.WaitGroup // streams that are being closed
}

// link is one engine of a chain.
type link struct {
	name    string
	engine  Engine
	breaker *speech.Breaker
}

func newFallback(cfg FallbackConfig, names []string, engines []Engine, keep time.Duration, log *slog.Logger, m *speech.EngineMetrics) *fallback {
	f := &fallback{cfg: cfg, keep: keep, log: log, metrics: m}
	for i, e := range engines {
		name := names[i]
		f.links = append(f.links, &link{name: name, engine: e, breaker: speech.NewBreaker(breakerFailures, cfg.Cooldown, func(open bool) {
			m.Resting(name, open)
			log.Warn("recognition engine changes state", "engine", name, "resting", open)
		})})
	}
	return f
}

// Name tells the chain.
func (f *fallback) Name() string {
	var names []string
	for _, l := range f.links {
		names = append(names, l.engine.Name())
	}
	return strings.Join(names, ">")
}

// Capabilities are what one engine of the chain can do: languages, dialects,
// rates, hints. What somebody may wait for is only promised when all engines
// do it: partials.
func (f *fallback) Capabilities() Capabilities {
	all := Capabilities{Partials: true, Synthetic: true}
	anyLanguage := false
	for _, l := range f.links {
		c := l.engine.Capabilities()
		anyLanguage = anyLanguage || len(c.Languages) == 0
		all.Languages = union(all.Languages, c.Languages)
		all.Dialects = union(all.Dialects, c.Dialects)
		all.SampleRates = union(all.SampleRates, c.SampleRates)
		all.Partials = all.Partials && c.Partials
		all.Synthetic = all.Synthetic && c.Synthetic
		all.Hints = all.Hints || c.Hints
	}
	if anyLanguage {
		all.Languages = nil
	}
	return all
}

func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// Close closes the engines.
func (f *fallback) Close() error {
	f.leaving.Wait()
	var errs []error
	for _, l := range f.links {
		errs = append(errs, l.engine.Close())
	}
	return errors.Join(errs...)
}

func (f *fallback) Start(ctx context.Context, o Options) (Stream, error) {
	first, err := f.begin(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &fallbackStream{
		journal: newJournal(audio.Samples(f.keep, o.SampleRate), o.Phrases), chain: f, options: o, ctx: ctx, cancel: cancel,
		now: first, can: f.promise(first), events: make(chan Event, eventQueue), finished: make(chan struct{}), log: f.log.With("call_id", o.CallID),
	}
	context.AfterFunc(ctx, first.cancel)
	go s.run()
	return s, nil
}

// running is a stream of one of the engines.
type running struct {
	Stream
	link   *link
	cancel context.CancelFunc
	hints  int // how many changes of the phrases it has been told
}

// promise is what a call may count on for all its time: what its first
// engine can, but partials only when any other engine has them too.
func (f *fallback) promise(r *running) Capabilities {
	can := capabilitiesOf(r.Stream, r.link.engine)
	can.Partials = can.Partials && f.Capabilities().Partials
	return can
}

// order is the order in which the engines are asked: that of the chain, but
// those first that know the dialect of the call.
func (f *fallback) order(spoken string) []*link {
	links := slices.Clone(f.links)
	if spoken != "" {
		slices.SortStableFunc(links, func(a, b *link) int { return cmp.Compare(b.knows(spoken), a.knows(spoken)) })
	}
	return links
}

func (l *link) knows(spoken string) int {
	if slices.Contains(l.engine.Capabilities().Dialects, spoken) {
		return 1
	}
	return 0
}

// begin starts a stream at the first engine that takes it, those already
// tried left out. Engines that rest are asked last, when nobody else is left.
func (f *fallback) begin(ctx context.Context, o Options, tried []*link) (*running, error) {
	var resting []*link
	var errs []error
	try := func(l *link, verdict func(error)) *running {
		r, err := f.start(ctx, l, o)
		if err == nil {
			verdict(speech.ErrNoVerdict)
			return r
		}
		verdict(err)
		if ctx.Err() == nil {
			f.passed(l, speech.Reason(err), err, o.CallID)
			errs = append(errs, fmt.Errorf("%s: %w", l.name, err))
		}
		return nil
	}
	for _, l := range f.order(o.Dialect) {
		if slices.Contains(tried, l) {
			continue
		}
		done, ok := l.breaker.Try()
		if !ok {
			f.metrics.Failover(l.name, speech.FailoverResting)
			resting = append(resting, l)
			continue
		}
		if r := try(l, done); r != nil {
			return r, nil
		}
	}
	for _, l := range resting {
		if r := try(l, l.breaker.Report); r != nil {
			return r, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errors.Join(errs...)
}

// passed counts an engine that was passed over.
func (f *fallback) passed(l *link, reason speech.Failover, err error, call string) {
	f.metrics.Failover(l.name, reason)
	f.log.Warn("recognition engine passed over", "engine", l.name, "reason", string(reason), "call_id", call, "error", err)
}

// start starts a stream at one engine, or gives up waiting for it. The
// context of the stream is its own, as it has to outlive the wait and may
// have to end before the call.
func (f *fallback) start(ctx context.Context, l *link, o Options) (*running, error) {
	c := l.engine.Capabilities()
	if !slices.Contains(c.SampleRates, o.SampleRate) || !c.Speaks(o.Language) && l.knows(o.Dialect) == 0 {
		return nil, fmt.Errorf("%w: language %.16q at %d Hz", ErrUnsupported, o.Language, o.SampleRate)
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	type outcome struct {
		s   Stream
		err error
	}
	started := make(chan outcome, 1)
	go func() {
		s, err := l.engine.Start(own, o)
		started <- outcome{s, err}
	}()
	timer := time.NewTimer(f.cfg.StartTimeout)
	defer timer.Stop()
	var err error
	select {
	case r := <-started:
		if r.err != nil {
			cancel()
			return nil, r.err
		}
		return &running{Stream: r.s, link: l, cancel: cancel}, nil
	case <-timer.C:
		err = fmt.Errorf("%w: no stream after %s", speech.ErrSlow, f.cfg.StartTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	cancel()
	f.leaving.Go(func() { // it may still come
		if r := <-started; r.err == nil {
			_ = r.s.Close()
		}
	})
	return nil, err
}

// leave closes a stream without waiting for it.
func (f *fallback) leave(r *running) {
	r.cancel()
	f.leaving.Go(func() {
		for range r.Events() { // until its end
		}
	})
	f.leaving.Go(func() { _ = r.Close() })
}
