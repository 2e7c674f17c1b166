package tts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tidegate/tidegate/workers/speech"
)

// FallbackConfig says which engines stand in for the first one, and when.
type FallbackConfig struct {
	Engines      []string      `koanf:"engines" help:"engines that take over, in this order, from one that fails, is full, or is too slow; empty: none"`
	StartTimeout time.Duration `koanf:"start_timeout" help:"time to the first sound of a sentence; then the next engine speaks it"`
	Cooldown     time.Duration `koanf:"cooldown" help:"how long an engine that failed twice is not asked"`
}

func fallbackDefaults() FallbackConfig {
	return FallbackConfig{StartTimeout: 2 * time.Second, Cooldown: 10 * time.Second}
}

// validate checks the limits when there is a chain that they count for.
func (c FallbackConfig) validate(first string) error {
	if len(c.Engines) == 0 {
		return nil
	}
	return errors.Join(speech.CheckChain("fallback.engines", first, c.Engines, Engines()), speech.CheckFallback(c.StartTimeout, c.Cooldown))
}

// breakerFailures in a row make an engine rest: one may be a connection that
// happened to break.
const breakerFailures = 2

// fallback is a chain of engines that is one engine. A sentence is spoken by
// the first that can; one that gives out in its middle is followed by the
// next, which says the sentence from its beginning, as a person does who was
// cut off. A request stays with the engine that took over.
type fallback struct {
	cfg     FallbackConfig
	links   []*link
	caps    Capabilities
	log     *slog.Logger
	metrics *speech.EngineMetrics
}

// link is one engine of a chain.
type link struct {
	name    string
	engine  Engine
	breaker *speech.Breaker
}

func newFallback(cfg FallbackConfig, names []string, engines []Engine, log *slog.Logger, m *speech.EngineMetrics) *fallback {
	f := &fallback{cfg: cfg, log: log, metrics: m}
	for i, e := range engines {
		name := names[i]
		f.links = append(f.links, &link{name: name, engine: e, breaker: speech.NewBreaker(breakerFailures, cfg.Cooldown, func(open bool) {
			m.Resting(name, open)
			log.Warn("synthesis engine changes state", "engine", name, "resting", open)
		})})
	}
	f.caps = f.capabilities()
	return f
}

// Name tells the chain.
func (f *fallback) Name() string { return f.joined(Engine.Name) }

// Identity is made of the engines'.
func (f *fallback) Identity() string { return f.joined(Identity) }

func (f *fallback) joined(of func(Engine) string) string {
	var names []string
	for _, l := range f.links {
		names = append(names, of(l.engine))
	}
	return strings.Join(names, ">")
}

// Capabilities are what one engine of the chain can do. A voice of one of
// them may be asked for; the others speak with their own then.
func (f *fallback) Capabilities() Capabilities { return f.caps }

func (f *fallback) capabilities() Capabilities {
	all := Capabilities{Parallel: f.links[0].engine.Capabilities().Parallel}
	anyLanguage := false
	for _, l := range f.links {
		c := l.engine.Capabilities()
		anyLanguage = anyLanguage || len(c.Languages) == 0
		all.Languages = union(all.Languages, c.Languages)
		all.SampleRates = union(all.SampleRates, c.SampleRates)
		all.Voices = union(all.Voices, c.Voices)
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
	var errs []error
	for _, l := range f.links {
		errs = append(errs, l.engine.Close())
	}
	return errors.Join(errs...)
}

func (f *fallback) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	r = r.normalised()
	if err := checkRequest(r, f.caps); err != nil {
		return Result{}, err
	}
	t := turn{chain: f, ctx: ctx, emit: emit}
	for _, sentence := range sentences(strings.ToValidUTF8(r.Text, "")) {
		if err := ctx.Err(); err != nil {
			return t.res, err
		}
		part := r
		part.Text = sentence
		if err := t.say(part); err != nil {
			return t.res, err
		}
	}
	return t.res, nil
}

// turn is one request on its way through the chain.
type turn struct {
	chain   *fallback
	ctx     context.Context
	emit    Emit
	res     Result
	failed  []*link // engines that gave out in this request
	skipped bool    // an engine was passed over for another reason than that it cannot
	gone    error   // the listener's
}

// say has one sentence spoken by the first engine that can. Engines that
// failed in this request, or rest, are asked last, when nobody else is left.
func (t *turn) say(r Request) error {
	var later []*link
	var errs []error
	for _, l := range t.chain.links {
		if slices.Contains(t.failed, l) {
			later = append(later, l)
			continue
		}
		done, ok := l.breaker.Try()
		if !ok {
			t.pass(l, speech.FailoverResting, nil)
			later = append(later, l)
			continue
		}
		spoken, err := t.ask(l, r, done)
		if spoken || t.over() != nil {
			return t.over()
		}
		errs = append(errs, err)
	}
	for _, l := range later {
		spoken, err := t.ask(l, r, l.breaker.Report)
		if spoken || t.over() != nil {
			return t.over()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// over is why the request needs no more sound.
func (t *turn) over() error {
	if t.gone != nil {
		return t.gone
	}
	return t.ctx.Err()
}

// ask lets one engine speak a sentence.
func (t *turn) ask(l *link, r Request, verdict func(error)) (spoken bool, err error) {
	before := t.res.Samples
	res, err := t.speak(l, r)
	switch {
	case t.over() != nil:
		verdict(speech.ErrNoVerdict)
		return false, nil
	case err == nil:
		verdict(nil)
		t.res.Substitute = t.res.Substitute || t.skipped || res.Substitute
		if t.res.Samples > before {
			t.chain.metrics.Served(l.name)
		}
		return true, nil
	}
	verdict(err)
	reason := speech.Reason(err)
	if t.res.Samples > before {
		reason = speech.FailoverLost
		t.res.Substitute = true // the sentence is heard from its beginning again
	}
	t.pass(l, reason, err)
	if reason != speech.FailoverUnsupported && reason != speech.FailoverOverloaded {
		t.failed = append(t.failed, l)
	}
	return false, fmt.Errorf("%s: %w", l.name, err)
}

func (t *turn) pass(l *link, reason speech.Failover, err error) {
	if reason != speech.FailoverUnsupported {
		t.skipped = true
	}
	t.chain.metrics.Failover(l.name, reason)
	if reason != speech.FailoverResting {
		t.chain.log.Warn("synthesis engine passed over", "engine", l.name, "reason", string(reason), "error", err)
	}
}

// speak runs one engine, within the time that its first sound may take.
func (t *turn) speak(l *link, r Request) (Result, error) {
	c := l.engine.Capabilities()
	if !c.HasVoice(r.Voice) {
		r.Voice = ""
	}
	if err := checkRequest(r, c); err != nil {
		return Result{}, err
	}
	slow := fmt.Errorf("%w: no sound after %s", speech.ErrSlow, t.chain.cfg.StartTimeout)
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	watch := time.AfterFunc(t.chain.cfg.StartTimeout, func() { cancel(slow) })
	defer watch.Stop()
	first := true
	res, err := l.engine.Synthesize(ctx, r, func(pcm []int16) error {
		if first && !watch.Stop() {
			return slow // given up already: another engine says it
		}
		first = false
		if err := t.emit(pcm); err != nil {
			t.gone = err
			return err
		}
		t.res.Samples += len(pcm)
		return nil
	})
	if err != nil && errors.Is(context.Cause(ctx), speech.ErrSlow) {
		err = slow
	}
	return res, err
}
