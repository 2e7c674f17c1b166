// Package killtest runs the worker of a test as a process of its own, which
// is the test binary started again, and has it kill itself between two steps.
package killtest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// Committing is a point of every worker: inside the database's transaction,
// all written and nothing committed.
const Committing = "committing"

const (
	// envDeath is what a worker is told, a Death as JSON.
	envDeath = "TIDEGATE_TEST_DEATH"
	// envLog, when set, lets workers say on standard error what they meet.
	envLog = "TIDEGATE_TEST_LOG"
)

// Death is where a worker dies, and what it works with until then.
type Death struct {
	Point     string // of its service, or Committing
	Passes    int    // how many times it passes the point before
	DSN, NATS string
	Extra     string // what else its service has to know
}

// Worker is what a service works with in the process that dies. Its service
// has to call Reached at each of its points.
type Worker struct {
	Death
	Store  *store.Store
	Bus    *bus.Bus
	first  []string
	begun  atomic.Bool
	passed atomic.Int64
}

// Reached kills the process with the signal that nothing can catch, when this
// is its point and the passes are over.
func (w *Worker) Reached(point string) {
	if slices.Contains(w.first, point) {
		w.begun.Store(true)
	}
	// The start commits too: what was before the first piece of work does not
	// count.
	if w.begun.Load() && point == w.Point && w.passed.Add(1) > int64(w.Passes) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// Main is storetest.Main, and in a process that Death started the worker: start
// has to start its service. Points count from the first time on that one of
// first is reached.
func Main(m *testing.M, start func(context.Context, *Worker) error, first ...string) int {
	told := os.Getenv(envDeath)
	if told == "" {
		return storetest.Main(m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	w := &Worker{first: first}
	err := json.Unmarshal([]byte(told), &w.Death)
	if err == nil {
		err = w.connect(ctx)
	}
	if err == nil {
		err = start(ctx, w)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	<-ctx.Done()
	return 3
}

func (w *Worker) connect(ctx context.Context) error {
	cfg := store.Defaults()
	cfg.DSN, cfg.Migrate = config.Secret(w.DSN), false // done by the test, and a transaction too
	keys, err := storetest.NewVault()
	if err != nil {
		return err
	}
	w.Store, err = store.Open(ctx, cfg, store.Deps{Vault: keys, BeforeCommit: func() { w.Reached(Committing) }})
	if err != nil {
		return err
	}
	busCfg := bus.Defaults()
	busCfg.URL = w.NATS
	w.Bus, err = bus.Connect(ctx, busCfg, bus.Deps{Source: "/tidegate/test/child", Retry: true, Log: childLog()})
	return err
}

func childLog() *slog.Logger {
	if os.Getenv(envLog) == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
}
