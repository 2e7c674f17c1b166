package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// gather does what several callers ask for at the same time together: while
// all lanes are busy, items wait, and the next free lane takes all of them. So
// nobody waits for company, and the more there is to do, the more of it is
// done at once.
type gather[T any] struct {
	lanes, most int
	// linger is how long a lane waits for company all the same, when who waits
	// for it is in no hurry.
	linger time.Duration
	// run does a batch and says for each item how it went.
	run func(ctx context.Context, batch []T) []error

	mu      sync.Mutex
	busy    int
	waiting []*gathered[T]
}

type gathered[T any] struct {
	ctx  context.Context
	item T
	done chan error
}

// do has item done and waits for it, also past the end of ctx, since it may
// be done all the same; a batch that nobody wants any more is cancelled.
func (g *gather[T]) do(ctx context.Context, item T) error {
	one := &gathered[T]{ctx: ctx, item: item, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, one)
	if g.busy < g.lanes {
		g.busy++
		go g.lane()
	}
	g.mu.Unlock()
	return <-one.done
}

func (g *gather[T]) lane() {
	for {
		if g.linger > 0 {
			time.Sleep(g.linger)
		}
		g.mu.Lock()
		n := min(len(g.waiting), g.most)
		if n == 0 {
			g.busy--
			g.mu.Unlock()
			return
		}
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.mu.Unlock()
		g.together(batch)
	}
}

func (g *gather[T]) together(batch []*gathered[T]) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(batch[0].ctx))
	defer cancel()
	var wanted atomic.Int64
	wanted.Store(int64(len(batch)))
	items := make([]T, 0, len(batch))
	for _, one := range batch {
		items = append(items, one.item)
		stop := context.AfterFunc(one.ctx, func() {
			if wanted.Add(-1) == 0 {
				cancel()
			}
		})
		defer stop()
	}
	for i, err := range g.run(ctx, items) {
		if one := batch[i]; err != nil && one.ctx.Err() != nil {
			one.done <- one.ctx.Err()
		} else {
			one.done <- err
		}
	}
}
