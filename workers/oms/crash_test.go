package oms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms"
)

const pointCommitting oms.Point = killtest.Committing

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

// startChild starts the worker of a process that will be killed.
func startChild(ctx context.Context, w *killtest.Worker) error {
	s, err := oms.New(writing(), oms.Deps{
		Bus: w.Bus, Orders: remote{w.Store, w.Extra}, Writes: w.Store, Reached: func(p oms.Point) { w.Reached(string(p)) },
	})
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
				dies := killtest.Death{Point: string(at.point), Passes: at.passes, DSN: f.dsn, NATS: f.nats.URL(), Extra: f.shop.url}.Start(t)
				// The consumer takes tickets from its making on.
				eventually(t, "its consumers", func() bool { return f.nats.HasConsumer(storetest.Context(t), schemas.StreamFacts, oms.DurableTickets) })
				f.open(returnOf("c1", f.desk.shop.Delivered))
				dies()
				if got := f.shop.count(); got != at.made {
					t.Errorf("%d returns when it is dead, want %d", got, at.made)
				}
				f.start(writing(), nil)
				f.settled(1)
			})
		}
	}
}
