package ticket_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// The environment of a worker that runs as a process of its own: this test
// binary, started again.
const (
	envDieAt = "TIDEGATE_TEST_DIE_AT"
	envDSN   = "TIDEGATE_TEST_DSN"
	envNATS  = "TIDEGATE_TEST_NATS"
	// envPasses is how many requests pass the point before; default none.
	envPasses = "TIDEGATE_TEST_PASSES"
	// envLog, when set, lets workers say on standard error what they meet.
	envLog = "TIDEGATE_TEST_LOG"
)

// pointCommitting is inside the database's transaction, all written and
// nothing committed.
const pointCommitting ticket.Point = "committing"

// childWorker works until it reaches the point, and there kills itself with
// the signal that nothing can catch.
func childWorker() int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	passes, _ := strconv.ParseInt(os.Getenv(envPasses), 10, 64)
	var passed atomic.Int64
	var begun atomic.Bool
	reached := func(p ticket.Point) {
		if begun.Store(begun.Load() || p == ticket.PointReceived); !begun.Load() {
			return // the start commits too
		}
		if string(p) == os.Getenv(envDieAt) && passed.Add(1) > passes {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	cfg := store.Defaults()
	cfg.DSN = config.Secret(os.Getenv(envDSN))
	cfg.Migrate = false // done by the test, and a transaction too
	keys, err := storetest.NewVault()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	db, err := store.Open(ctx, cfg, store.Deps{Vault: keys, BeforeCommit: func() { reached(pointCommitting) }})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	busCfg := bus.Defaults()
	busCfg.URL = os.Getenv(envNATS)
	b, err := bus.Connect(ctx, busCfg, bus.Deps{Source: "/tidegate/test/child", Retry: true, Log: childLog()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	work := quick()
	if passes == 0 {
		work.SweepInterval = time.Hour // only the request's own way is tested
	}
	s, err := ticket.New(work, ticket.Deps{Bus: b, Tickets: db, Reached: reached})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	<-ctx.Done()
	return 3
}

func childLog() *slog.Logger {
	if os.Getenv(envLog) == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
}

// A worker killed at any step of a request leaves exactly one ticket and one
// fact, once another worker goes on.
func TestAKilledWorkerLeavesOneTicket(t *testing.T) {
	for name, make := range storetest.Databases() {
		for _, point := range []ticket.Point{ticket.PointReceived, pointCommitting, ticket.PointCommitted, ticket.PointPublished} {
			t.Run(name+"/"+string(point), func(t *testing.T) {
				t.Parallel()
				dsn, server := make(t), bustest.Start(t)
				db := openStore(t, dsn)
				asker := server.Connect("asker")
				seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
				send(t, asker, request("call-1"))

				child := exec.Command(os.Args[0], "-test.run=^$")
				child.Env = append(os.Environ(), envDieAt+"="+string(point), envDSN+"="+dsn, envNATS+"="+server.URL())
				out, err := child.CombinedOutput()
				if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
					t.Fatalf("worker ended otherwise: %v: %s", err, out)
				}
				committed := 0
				if point == ticket.PointCommitted || point == ticket.PointPublished {
					committed = 1
				}
				tickets(t, db, committed)

				start(t, quick(), ticket.Deps{Bus: server.Connect("second"), Tickets: db})
				eventually(t, "one fact and an empty outbox", func() bool {
					n, err := db.CountPendingOutbox(storetest.Context(t))
					return err == nil && n == 0 && len(seen.List()) == 1
				})
				// The request has to be gone from the work queue, or it would come again.
				eventually(t, "an empty work queue", func() bool {
					_, found, err := asker.LastMessage(storetest.Context(t), schemas.StreamWork, schemas.SubjectTicketOpen)
					return err == nil && !found
				})
				tickets(t, db, 1)
				if f, ok := seen.List()[0].Data.(*schemas.TicketOpened); !ok || f.Existing || len(seen.List()) != 1 {
					t.Errorf("facts %+v", seen.List())
				}
			})
		}
	}
}

func tickets(t *testing.T, db *store.Store, want int) {
	t.Helper()
	list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{}, 0, "")
	if err != nil || len(list) != want {
		t.Errorf("%d tickets, want %d, %v", len(list), want, err)
	}
}
