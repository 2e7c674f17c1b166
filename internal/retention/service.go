// Package retention deletes records whose time is over, in bounded batches,
// again and again while a process runs. Any number of processes may do so.
package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/store"
)

// Config says how long records are kept, and how they are deleted.
type Config struct {
	Keep     store.RetentionConfig `koanf:"keep"`
	Interval time.Duration         `koanf:"interval" help:"how often records past their time are looked for"`
	Batch    int                   `koanf:"batch" help:"records that one transaction deletes at most"`
	Pause    time.Duration         `koanf:"pause" help:"pause between transactions, for the sake of calls"`
}

// Defaults looks every hour.
func Defaults() Config {
	return Config{Keep: store.RetentionDefaults(), Interval: time.Hour, Batch: store.RetainBatch, Pause: 100 * time.Millisecond}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	if err := c.Keep.Validate(); err != nil {
		errs = append(errs, prefixed(err)...)
	}
	if c.Interval < time.Second || c.Interval > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("interval: %v is not in 1s..168h", c.Interval))
	}
	if c.Batch < 1 || c.Batch > 10000 {
		errs = append(errs, fmt.Errorf("batch: %d is not in 1..10000", c.Batch))
	}
	if c.Pause < 0 || c.Pause > time.Minute {
		errs = append(errs, fmt.Errorf("pause: %v is not in 0s..1m", c.Pause))
	}
	return errors.Join(errs...)
}

func prefixed(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{fmt.Errorf("keep.%w", err)}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, fmt.Errorf("keep.%w", e))
	}
	return out
}

// Records is where records are kept.
type Records interface {
	Retain(ctx context.Context, c store.RetentionConfig, batch int) (map[store.Kind]int64, bool, error)
}

// Deps are what the service works with.
type Deps struct {
	Records  Records
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Service deletes while it runs. New, Start, then Drain or Stop.
type Service struct {
	cfg     Config
	records Records
	log     *slog.Logger
	runs    *prometheus.CounterVec
	last    prometheus.Gauge
	ctx     context.Context
	cancel  context.CancelFunc
	once    sync.Once
	loop    sync.WaitGroup
}

const (
	runDone   = "done"
	runFailed = "failed"
)

// New checks the configuration; nothing runs yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Records == nil {
		return nil, errors.New("retention: Records is needed")
	}
	s := &Service{cfg: cfg, records: deps.Records, log: deps.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	reg := deps.Registry
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	s.runs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tidegate_retention_runs_total", Help: "Searches for records past their time, by how they ended.",
	}, []string{"result"})
	s.last = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tidegate_retention_last_run_timestamp_seconds", Help: "When the last search ended well; 0: none has.",
	})
	reg.MustRegister(s.runs, s.last)
	for _, r := range []string{runDone, runFailed} {
		s.runs.WithLabelValues(r)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start looks at once, and then at every interval.
func (s *Service) Start(context.Context) error {
	s.once.Do(func() { s.loop.Go(s.run) })
	return nil
}

// Drain ends the search after the transaction in hand.
func (s *Service) Drain(ctx context.Context) error { return s.Stop(ctx) }

// Stop is Drain: what is left is found by the next search.
func (s *Service) Stop(context.Context) error {
	s.cancel()
	s.loop.Wait()
	return nil
}

// Ready is always nil: nobody waits for a deletion.
func (s *Service) Ready() error { return nil }

func (s *Service) run() {
	tick := time.NewTicker(s.cfg.Interval)
	defer tick.Stop()
	for {
		deleted, err := Run(s.ctx, s.records, s.cfg)
		switch {
		case s.ctx.Err() != nil:
			return
		case err != nil:
			s.runs.WithLabelValues(runFailed).Inc()
			s.log.Warn("retention failed", "error", err)
		default:
			s.runs.WithLabelValues(runDone).Inc()
			s.last.SetToCurrentTime()
		}
		for _, kind := range store.Kinds() {
			if n := deleted[kind]; n > 0 {
				s.log.Info("records past their time deleted", "kind", string(kind), "count", n)
			}
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Run deletes everything that is past its time, batch by batch, and counts
// it, also when it fails. One kind that fails does not end it: it is tried again
// with each batch of the others, and its error is that of the last one.
func Run(ctx context.Context, records Records, cfg Config) (map[store.Kind]int64, error) {
	total := map[store.Kind]int64{}
	for {
		deleted, more, err := records.Retain(ctx, cfg.Keep, cfg.Batch)
		for kind, n := range deleted {
			total[kind] += n
		}
		if !more {
			return total, err
		}
		select {
		case <-ctx.Done():
			return total, errors.Join(ctx.Err(), err)
		case <-time.After(cfg.Pause):
		}
	}
}
