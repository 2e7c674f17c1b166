package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/obs"
)

// Worker is the life of a service that works off streams: its consumers, the
// loops beside them, where it listens, and the work in hand. It starts once,
// and ends by Drain or Stop, each of which may be called again.
type Worker struct {
	name   string
	bus    *bus.Bus
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	started   bool
	stopped   bool
	heard     []func() error
	consumers []*bus.Consumer
	server    *obs.Server
	loops     sync.WaitGroup
	work      sync.WaitGroup
}

// NewWorker is a service's life before it starts. The name begins its errors.
func NewWorker(name string, b *bus.Bus, log *slog.Logger) *Worker {
	w := &Worker{name: name, bus: b, log: log}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Context ends with the service: at once with Stop, after the work in hand
// with Drain.
func (w *Worker) Context() context.Context { return w.ctx }

// Start calls begin, which names what the service is made of: Consume, Hear,
// Serve, Loop and Every are for it alone. What it began ends when it fails.
func (w *Worker) Start(ctx context.Context, begin func() error) error {
	w.mu.Lock()
	if w.started || w.stopped {
		w.mu.Unlock()
		return fmt.Errorf("%s: started before", w.name)
	}
	err := begin()
	w.started = err == nil
	w.mu.Unlock()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", w.name, err), w.Stop(ctx))
	}
	return nil
}

// Consume works off a stream, as bus.Consume does.
func (w *Worker) Consume(ctx context.Context, cfg bus.ConsumerConfig, handle func(context.Context, bus.Message) error) error {
	c, err := w.bus.Consume(ctx, cfg, handle)
	if err == nil {
		w.consumers = append(w.consumers, c)
	}
	return err
}

// Hear is a subscription or a micro service, of which only its end is known:
// it comes before that of all else.
func (w *Worker) Hear(end func() error) { w.heard = append(w.heard, end) }

// Serve listens on addr.
func (w *Worker) Serve(addr string, h http.Handler) (err error) {
	w.server, err = obs.Serve(addr, h, w.log)
	return err
}

// Loop runs until it returns, which it has to do when its context ends.
func (w *Worker) Loop(run func(context.Context)) {
	w.loops.Go(func() { run(w.ctx) })
}

// Every does something at once and at every interval. Errors of an ending
// service are not told.
func (w *Worker) Every(interval time.Duration, do func(context.Context) error, failed func(error)) {
	w.Loop(func(ctx context.Context) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// Begin is a piece of work outside the consumers, which Drain waits for and
// Stop cancels. Nothing more is begun when the service ends.
func (w *Worker) Begin() (ctx context.Context, done func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil, nil, false
	}
	w.work.Add(1)
	return w.ctx, w.work.Done, true
}

// Addr is where it listens, HOST:PORT; "" when it does not.
func (w *Worker) Addr() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server == nil {
		return ""
	}
	return w.server.Addr()
}

// Ready is nil while work can be done. It asks whoever else the service cannot
// do without, if that is not nil.
func (w *Worker) Ready(also func(context.Context) error) error {
	w.mu.Lock()
	running := w.started && !w.stopped
	w.mu.Unlock()
	if !running {
		return fmt.Errorf("%s: not running", w.name)
	}
	if err := w.bus.Ready(); err != nil || also == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, readyLimit)
	defer cancel()
	return also(ctx)
}

const readyLimit = 2 * time.Second

// Drain takes no more work and finishes what is in hand.
func (w *Worker) Drain(ctx context.Context) error {
	consumers, err := w.take()
	errs := []error{err}
	for _, c := range consumers {
		errs = append(errs, c.Drain(ctx))
	}
	done := make(chan struct{})
	go func() { w.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(append(errs, w.end(ctx))...)
}

// Stop cancels what is in hand and waits for it; messages are delivered again.
func (w *Worker) Stop(ctx context.Context) error {
	consumers, err := w.take()
	w.cancel()
	for _, c := range consumers {
		c.Stop()
	}
	return errors.Join(err, w.end(ctx))
}

// take ends the taking of more.
func (w *Worker) take() ([]*bus.Consumer, error) {
	w.mu.Lock()
	heard, consumers := w.heard, w.consumers
	w.heard, w.consumers, w.stopped = nil, nil, true
	w.mu.Unlock()
	var errs []error
	for _, end := range heard {
		errs = append(errs, end())
	}
	return consumers, errors.Join(errs...)
}

func (w *Worker) end(ctx context.Context) error {
	w.cancel()
	w.work.Wait()
	w.loops.Wait()
	w.mu.Lock()
	server := w.server
	w.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Stop(ctx)
}
