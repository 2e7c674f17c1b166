package asr

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/workers/speech"
)

// limited is an engine with room for so many streams. One more is
// ErrOverloaded, so that a chain goes on with its next engine, and a worker
// says that another one may have room.
type limited struct {
	Engine
	limiter *speech.Limiter
}

func newLimited(name string, e Engine, n int, wait time.Duration, m *speech.EngineMetrics) *limited {
	return &limited{e, speech.NewLimiter(name, n, wait, m)}
}

func (l *limited) Start(ctx context.Context, o Options) (Stream, error) {
	leave, err := l.limiter.Enter(ctx)
	if err != nil {
		return nil, err
	}
	s, err := l.Engine.Start(ctx, o)
	if err != nil {
		leave()
		return nil, err
	}
	// A stream may end with its context and never be closed.
	context.AfterFunc(ctx, leave)
	return &limitedStream{s, leave, capabilitiesOf(s, l.Engine)}, nil
}

type limitedStream struct {
	Stream
	leave func()
	can   Capabilities
}

func (s *limitedStream) Capabilities() Capabilities { return s.can }

func (s *limitedStream) Close() error {
	defer s.leave()
	return s.Stream.Close()
}

func (s *limitedStream) Doomed() <-chan int { return doomedOf(s.Stream) }

// capabilitiesOf are those of a stream: its own, or its engine's.
func capabilitiesOf(s Stream, e Engine) Capabilities {
	if p, ok := s.(Particular); ok {
		return p.Capabilities()
	}
	return e.Capabilities()
}

// doomed is what a stream may offer beside its events: the number of an
// utterance, still under way, that will end with an error. A chain need not
// wait for the end of speech then to say it to its next engine.
type doomed interface{ Doomed() <-chan int }

// doomedOf is nil, which never gives anything, for streams without it.
func doomedOf(s Stream) <-chan int {
	if d, ok := s.(doomed); ok {
		return d.Doomed()
	}
	return nil
}
