package tts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/schemas"
)

// Progress is how far the preparation of prompts has come.
type Progress struct {
	Done, Total int // Done includes those that failed
	Failed      int
	Kept        int // were there already
	Took        time.Duration
}

// batch is prompts to prepare.
type batch struct {
	requests []Request
	report   func(Progress)
	done     chan<- error
}

// maxBatches bounds the batches that wait, and maxBatch the prompts of one.
const (
	maxBatches = 64
	maxBatch   = 4 * schemas.PromptsPerMessage
)

var errTooManyPrompts = fmt.Errorf("%w: too many prompts wait to be prepared", ErrOverloaded)

// RequestsOf are the requests that a message asks to prepare.
func RequestsOf(m schemas.PromptsPrepare) []Request {
	var out []Request
	for _, rate := range m.SampleRates {
		for _, p := range m.Prompts {
			out = append(out, Request{
				Text: p.Text, Language: p.Language, Voice: p.Voice, Rate: p.Rate, Style: p.Style, SampleRate: rate, Fixed: true,
			})
		}
	}
	return out
}

// Prepare has prompts that are the same for every caller ready in memory and
// on disk, in the background: on as many cores as the engine uses but one,
// and only while no caller waits for sound. report, which may be nil, is told
// the progress from one goroutine at a time. The channel gives one value when
// all is done: nil, or the errors of the prompts that failed. A worker that
// was not started prepares once it is.
func (s *Service) Prepare(requests []Request, report func(Progress)) <-chan error {
	done := make(chan error, 1)
	if len(requests) > maxBatch {
		s.metrics.prewarmed.WithLabelValues(resultDropped).Add(float64(len(requests)))
		done <- errTooManyPrompts
		return done
	}
	s.metrics.remaining.Add(float64(len(requests)))
	s.preparing.Add(1)
	select {
	case s.batches <- batch{requests, report, done}:
	default:
		s.preparing.Add(-1)
		s.metrics.remaining.Sub(float64(len(requests)))
		s.metrics.prewarmed.WithLabelValues(resultDropped).Add(float64(len(requests)))
		done <- errTooManyPrompts
	}
	return done
}

// prepareAll takes one batch after the other until ctx ends.
func (s *Service) prepareAll(ctx context.Context) {
	for {
		select {
		case b := <-s.batches:
			b.done <- s.prepare(ctx, b)
			s.preparing.Add(-1)
		case <-ctx.Done():
			s.dropBatches(ctx.Err())
			return
		}
	}
}

// dropBatches tells those who wait that nothing more is prepared.
func (s *Service) dropBatches(err error) {
	for {
		select {
		case b := <-s.batches:
			b.done <- err
			s.metrics.remaining.Sub(float64(len(b.requests)))
			s.preparing.Add(-1)
		default:
			return
		}
	}
}

// helpers is how many prompts are prepared at once: as many as the engine
// makes, one core excepted.
func (s *Service) helpers() int {
	n := runtime.NumCPU()
	if p := s.engine.Capabilities().Parallel; p > 0 {
		n = min(n, p)
	}
	return max(1, min(n, runtime.NumCPU()-1))
}

func (s *Service) prepare(ctx context.Context, b batch) error {
	t := &tally{service: s, batch: b, began: time.Now(), progress: Progress{Total: len(b.requests)}}
	next := make(chan Request)
	var group sync.WaitGroup
	for range s.helpers() {
		group.Go(func() {
			for r := range next {
				res, err := s.prepareOne(ctx, r)
				t.add(res, err)
			}
		})
	}
	left := len(b.requests)
	for _, r := range b.requests {
		if ctx.Err() != nil {
			break
		}
		next <- r
		left--
	}
	close(next)
	group.Wait()
	s.metrics.remaining.Sub(float64(left))
	return errors.Join(append(t.errs, ctx.Err())...)
}

// An engine that is full is asked again after a while: callers go first.
const (
	fullTries = 20
	fullPause = 500 * time.Millisecond
)

func (s *Service) prepareOne(ctx context.Context, r Request) (Result, error) {
	r.Voice, _ = s.voice(r.Voice)
	for try := 1; ; try++ {
		res, err := s.engine.prepare(ctx, r)
		if try == fullTries || !errors.Is(err, ErrOverloaded) {
			return res, err
		}
		select {
		case <-time.After(fullPause):
		case <-ctx.Done():
			return res, ctx.Err()
		}
	}
}

// tally counts one batch.
type tally struct {
	service *Service
	batch   batch
	began   time.Time

	mu       sync.Mutex
	progress Progress
	logged   int // tenths
	errs     []error
}

// add takes one prompt's end in. Progress is logged by tenths, when there is
// any work in it.
func (t *tally) add(res Result, err error) {
	s := t.service
	s.metrics.remaining.Dec()
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &t.progress
	p.Done++
	p.Took = time.Since(t.began)
	switch {
	case err != nil:
		p.Failed++
		t.errs = append(t.errs, fmt.Errorf("prompt %d: %w", p.Done, err))
		s.metrics.prewarmed.WithLabelValues(resultFailed).Inc()
	default:
		if res.Cached {
			p.Kept++
		}
		s.metrics.prewarmed.WithLabelValues(resultFinished).Inc()
	}
	if t.batch.report != nil {
		t.batch.report(*p)
	}
	if tenths := 10 * p.Done / p.Total; p.Done == p.Total || tenths > t.logged && p.Kept < p.Done {
		t.logged = tenths
		s.log.Info("prompts prepared", "count", p.Done, "total", p.Total, "kept", p.Kept, "failed", p.Failed, "took", p.Took.Round(time.Millisecond))
	}
}

// errPreparing keeps a worker from being ready for a while.
var errPreparing = errors.New("fixed prompts are being prepared")

// unprepared is why the worker is not ready yet because of prompts, at most
// for the configured time after its start.
func (s *Service) unprepared() error {
	if s.preparing.Load() > 0 && time.Since(s.startedAt()) < s.cfg.PrewarmWait {
		return errPreparing
	}
	return nil
}

// awaitPrompts takes what orchestrators want prepared, and asks for it.
func (s *Service) awaitPrompts() error {
	sub, err := s.bus.Subscribe(schemas.SubjectPromptsPrepare, "", func(m bus.Message) {
		if p, ok := m.Data.(*schemas.PromptsPrepare); ok {
			s.Prepare(s.speakableHere(RequestsOf(*p)), nil)
		}
	})
	if err != nil {
		return err
	}
	s.prompts = sub
	s.wantPrompts()
	s.unhook = s.bus.OnRestored(s.wantPrompts)
	return nil
}

// speakableHere leaves out what this engine does not speak: workers of
// several languages hear of all prompts.
func (s *Service) speakableHere(requests []Request) []Request {
	var out []Request
	for _, r := range requests {
		if s.supports(r.Language, r.SampleRate) == nil {
			out = append(out, r)
		}
	}
	return out
}

func (s *Service) wantPrompts() {
	// Without NATS nobody hears it; it is said again when NATS is back.
	if err := s.bus.Publish(schemas.SubjectPromptsWanted, schemas.PromptsWanted{Worker: s.bus.Source()}); err != nil {
		s.log.Debug("prompts not asked for", "error", err)
	}
}
