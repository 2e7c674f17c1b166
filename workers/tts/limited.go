package tts

import (
	"context"
	"time"

	"github.com/tidegate/tidegate/workers/speech"
)

// limited is an engine with room for so many syntheses. One more waits a
// little if it may, and is ErrOverloaded then, so that a chain goes on with
// its next engine.
type limited struct {
	Engine
	limiter *speech.Limiter
}

func newLimited(name string, e Engine, n int, wait time.Duration, m *speech.EngineMetrics) *limited {
	return &limited{e, speech.NewLimiter(name, n, wait, m)}
}

func (l *limited) Identity() string { return Identity(l.Engine) }

func (l *limited) Synthesize(ctx context.Context, r Request, emit Emit) (Result, error) {
	leave, err := l.limiter.Enter(ctx)
	if err != nil {
		return Result{}, err
	}
	defer leave()
	return l.Engine.Synthesize(ctx, r, emit)
}
