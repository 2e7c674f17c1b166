package asr

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/tidegate/tidegate/internal/speechmodel"
)

// denoised is an engine whose calls have less noise in them, for engines that
// have no such stage of their own. Denoising is done by the goroutine that
// brings the sound: a frame of 20 ms takes it a few milliseconds.
type denoised struct {
	Engine
	from *denoisers
	log  *slog.Logger
}

// newDenoised is e itself where there is nothing to do (newDenoisers). It
// owns e, and closes it when it fails.
func newDenoised(e Engine, cfg DenoiseConfig, models *speechmodel.Store, m *denoiseMetrics, log *slog.Logger) (Engine, error) {
	from, err := newDenoisers(cfg, models, m, log)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if from == nil {
		return e, nil
	}
	return &denoised{e, from, log}, nil
}

func (d *denoised) Start(ctx context.Context, o Options) (Stream, error) {
	s, err := d.Engine.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	enhance := newConvertingEnhancer(d.from, o.SampleRate, d.log)
	if enhance == nil {
		return s, nil
	}
	out := &denoisedStream{Stream: s, enhance: enhance, can: d.Capabilities()}
	if p, ok := s.(Particular); ok {
		out.can = p.Capabilities()
	}
	// A stream may end with its context and never be closed.
	context.AfterFunc(ctx, out.giveBack)
	return out, nil
}

func (d *denoised) Close() error {
	defer d.from.close()
	return d.Engine.Close()
}

type denoisedStream struct {
	Stream
	can Capabilities

	mu      sync.Mutex
	enhance *enhancer // nil when it has ended
	current int
	in, out []float32
	pcm     []int16
}

func (s *denoisedStream) Capabilities() Capabilities { return s.can }

func (s *denoisedStream) Doomed() <-chan int { return doomedOf(s.Stream) }

func (s *denoisedStream) SpeechStart(n int) error {
	if err := s.Stream.SpeechStart(n); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enhance == nil {
		return ErrClosed
	}
	s.current = n
	s.enhance.begin()
	return nil
}

func (s *denoisedStream) Audio(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == 0 || s.enhance == nil {
		return s.Stream.Audio(pcm) // which says what is wrong with it
	}
	s.in = appendFloats(s.in[:0], pcm)
	return s.pass(s.enhance.process(s.out[:0], s.in))
}

func (s *denoisedStream) SpeechEnd(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != s.current || n == 0 || s.enhance == nil {
		return s.Stream.SpeechEnd(n)
	}
	s.current = 0
	err := s.pass(s.enhance.finish(s.out[:0]))
	return errors.Join(err, s.Stream.SpeechEnd(n))
}

// pass gives the engine what has come out.
func (s *denoisedStream) pass(out []float32) error {
	s.out = out
	if len(out) == 0 {
		return nil
	}
	s.pcm = appendSamples(s.pcm[:0], out)
	return s.Stream.Audio(s.pcm)
}

func (s *denoisedStream) Close() error {
	s.giveBack()
	return s.Stream.Close()
}

func (s *denoisedStream) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enhance.release()
	s.enhance = nil
}
