package oms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
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
	"github.com/tidegate/tidegate/workers/oms"
)

// The environment of a worker that runs as a process of its own: this test
// binary, started again.
const (
	envDieAt  = "TIDEGATE_TEST_DIE_AT"
	envPasses = "TIDEGATE_TEST_PASSES" // how many times it passes the point before
	envDSN    = "TIDEGATE_TEST_DSN"
	envNATS   = "TIDEGATE_TEST_NATS"
	envShop   = "TIDEGATE_TEST_SHOP"
)

// pointCommitting is inside the database's transaction, all written and
// nothing committed.
const pointCommitting oms.Point = "committing"

// elsewhere is an order system of its own, over HTTP, that makes one return
// for each key and can fail. It knows no orders.
type elsewhere struct {
	url   string
	mu    sync.Mutex
	made  map[string]string // number by key
	calls int
	fault func(call int) string
}

func newElsewhere(t *testing.T) *elsewhere {
	e := &elsewhere{made: map[string]string{}}
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var d schemas.ReturnCreate
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil || d.IdempotencyKey == "" {
			http.Error(w, "what", http.StatusBadRequest)
			return
		}
		number, fault := e.create(d.IdempotencyKey)
		switch fault {
		case "500":
			http.Error(w, "later", http.StatusInternalServerError)
		case "garbage":
			_, _ = fmt.Fprint(w, "<html>")
		case "hang":
			select {
			case <-r.Context().Done():
			case <-done:
			}
		default:
			_ = json.NewEncoder(w).Encode(schemas.ReturnCreated{Status: schemas.WriteDone, Number: number})
		}
	}))
	t.Cleanup(func() { close(done); server.Close() })
	e.url = server.URL
	return e
}

// create makes the return whatever the answer will be: a fault here is an
// answer that is lost.
func (e *elsewhere) create(key string) (number, fault string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.calls++; e.fault != nil {
		fault = e.fault(e.calls)
	}
	if e.made[key] == "" {
		e.made[key] = fmt.Sprint("R-", len(e.made)+1)
	}
	return e.made[key], fault
}

func (e *elsewhere) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.made)
}

// remote is the connector to it; all else is the built-in shop's.
type remote struct {
	oms.System
	url string
}

func (r remote) CreateReturn(ctx context.Context, d schemas.ReturnCreate) (out schemas.ReturnCreated, err error) {
	body, err := json.Marshal(d)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return out, fmt.Errorf("%w: %s", store.ErrUnavailable, res.Status)
	}
	return out, json.NewDecoder(res.Body).Decode(&out)
}

// childWorker writes until it reaches the point, and there kills itself with
// the signal that nothing can catch.
func childWorker() int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := work(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	<-ctx.Done()
	return 3
}

func work(ctx context.Context) error {
	passes, _ := strconv.ParseInt(os.Getenv(envPasses), 10, 64)
	var passed atomic.Int64
	var begun atomic.Bool
	reached := func(p oms.Point) {
		if p == oms.PointTicket || p == oms.PointReceived {
			begun.Store(true)
		}
		if begun.Load() && string(p) == os.Getenv(envDieAt) && passed.Add(1) > passes {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	cfg := store.Defaults()
	cfg.DSN, cfg.Migrate = config.Secret(os.Getenv(envDSN)), false
	keys, err := storetest.NewVault()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg, store.Deps{Vault: keys, BeforeCommit: func() { reached(pointCommitting) }})
	if err != nil {
		return err
	}
	busCfg := bus.Defaults()
	busCfg.URL = os.Getenv(envNATS)
	b, err := bus.Connect(ctx, busCfg, bus.Deps{Source: "/tidegate/test/child", Retry: true})
	if err != nil {
		return err
	}
	s, err := oms.New(writing(), oms.Deps{Bus: b, Orders: remote{db, os.Getenv(envShop)}, Writes: db, Reached: reached})
	if err != nil {
		return err
	}
	return s.Start(ctx)
}

// far is a desk whose order system is elsewhere, on any kind of database.
type far struct {
	*desk
	dsn  string
	shop *elsewhere
}

func newFar(t *testing.T, dsn string) *far {
	t.Helper()
	f := &far{dsn: dsn, shop: newElsewhere(t)}
	fixture := builtin(t, dsn)
	db, ok := fixture.System.(*store.Store)
	if !ok {
		t.Fatalf("system %T", fixture.System)
	}
	f.desk = &desk{t: t, nats: bustest.Start(t), store: db, shop: fixture.Shop}
	f.bus = f.nats.Connect("desk")
	f.facts = collect(t, f.bus, schemas.StreamFacts, "facts", schemas.SubjectOMSFacts)
	f.dead = collect(t, f.bus, schemas.StreamDead, "dead", schemas.SubjectsDead)
	return f
}

func (f *far) start(cfg oms.Config, reached func(oms.Point)) {
	f.t.Helper()
	start(f.t, cfg, oms.Deps{Bus: f.nats.Connect("oms"), Orders: remote{f.store, f.shop.url}, Writes: f.store, Reached: reached})
}

// settled wants one return and one fact for each of n tickets, and nothing
// left to be done.
func (f *far) settled(n int) {
	f.t.Helper()
	ctx := storetest.Context(f.t)
	f.told(n)
	eventually(f.t, "nothing left to be done", func() bool {
		left, err := f.nats.Pending(ctx, schemas.StreamWork)
		return err == nil && left == 0
	})
	keys := map[string]bool{}
	for _, m := range f.facts.list() {
		if r, ok := m.Data.(*schemas.ReturnCreated); ok && r.Number != "" {
			keys[r.IdempotencyKey] = true
		}
	}
	if made, told := f.shop.count(), len(f.facts.list()); made != n || told != n || len(keys) != n || len(f.dead.list()) != 0 {
		f.t.Errorf("%d returns, %d facts about %d, %d dead letters, want %d", made, told, len(keys), len(f.dead.list()), n)
	}
}

// A worker process killed at any step of a write leaves one return and one
// fact, once another worker goes on.
func TestAKilledWorkerLeavesOneReturn(t *testing.T) {
	for name, make := range storetest.Databases() {
		for _, at := range []struct {
			point  oms.Point
			passes int
			made   int // in the shop when the worker is dead
		}{
			{oms.PointTicket, 0, 0}, {pointCommitting, 0, 0}, {oms.PointNoted, 0, 0}, // the ticket's fact
			{oms.PointReceived, 0, 0}, {pointCommitting, 1, 0}, {oms.PointWritten, 0, 1}, {pointCommitting, 2, 1},
			{oms.PointCommitted, 0, 1}, {oms.PointPublished, 1, 1},
		} {
			t.Run(fmt.Sprint(name, "/", at.point, at.passes), func(t *testing.T) {
				t.Parallel()
				f := newFar(t, make(t))
				child := exec.Command(os.Args[0], "-test.run=^$")
				child.Env = append(os.Environ(), envDieAt+"="+string(at.point), envPasses+"="+strconv.Itoa(at.passes),
					envDSN+"="+f.dsn, envNATS+"="+f.nats.URL(), envShop+"="+f.shop.url)
				child.Stderr = os.Stderr // it says why, if it cannot begin
				child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				// The consumer takes tickets from its making on.
				eventually(t, "its consumers", func() bool { return f.nats.HasConsumer(storetest.Context(t), schemas.StreamFacts, oms.DurableTickets) })
				f.open(returnOf("c1", f.desk.shop.Delivered))
				err := child.Wait()
				if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
					t.Fatalf("worker ended otherwise: %v", err)
				}
				if got := f.shop.count(); got != at.made {
					t.Errorf("%d returns when it is dead, want %d", got, at.made)
				}
				f.start(writing(), nil)
				f.settled(1)
			})
		}
	}
}
