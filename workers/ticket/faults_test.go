package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/lifecycle/killtest"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/ticket"
)

// How much of the fault test is done: all of it takes half a minute on two
// free cores. The environment may say another count, and the seed of a run
// that is to be done again.
const (
	envRequests   = "TIDEGATE_FAULT_REQUESTS"
	envSeed       = "TIDEGATE_FAULT_SEED"
	countRequests = 10_000
	countFew      = 1_000 // with -short, and under the race detector
)

func requestCount(t *testing.T) int {
	if v := os.Getenv(envRequests); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() || raceDetector {
		t.Logf("%d of %d requests: -short or the race detector is on", countFew, countRequests)
		return countFew
	}
	return countRequests
}

func seedOf(t *testing.T) uint64 {
	v := os.Getenv(envSeed)
	if v == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// worker is a worker in a process of its own, in its next life when the last
// one was killed.
type worker struct {
	dsn, nats string
	lives     atomic.Int32
	dead      atomic.Int32 // lives that ended by SIGKILL
}

// faultPoints are where a worker kills itself, now and then.
var faultPoints = []ticket.Point{ticket.PointReceived, pointCommitting, ticket.PointCommitted, ticket.PointPublished}

// run starts the worker again and again until ctx ends. Each life but those
// after calm has a point where it dies, after a number of passes there.
func (w *worker) run(ctx context.Context, rng *rand.Rand, calm <-chan struct{}) error {
	for ctx.Err() == nil {
		point, passes := faultPoints[rng.IntN(len(faultPoints))], 1+rng.IntN(300)
		select {
		case <-calm:
			passes = 1 << 30
		default:
		}
		child := killtest.Death{Point: string(point), Passes: passes, DSN: w.dsn, NATS: w.nats}.Command(ctx)
		w.lives.Add(1)
		err := child.Run()
		switch {
		case ctx.Err() != nil:
			return nil
		case child.ProcessState == nil: // it did not begin to run
			return err
		case killtest.Killed(child):
			w.dead.Add(1)
		}
		// Otherwise it met an absent database or server at its start, and
		// whoever runs workers starts it again.
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// tally counts the facts of each request.
type tally struct {
	mu      sync.Mutex
	opened  map[string]map[string]bool // idempotency key: numbers told
	repeats int
}

func (c *tally) add(m bus.Message) {
	f, ok := m.Data.(*schemas.TicketOpened)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened[f.IdempotencyKey] == nil {
		c.opened[f.IdempotencyKey] = map[string]bool{}
	}
	if c.opened[f.IdempotencyKey][f.Number] {
		c.repeats++
	}
	c.opened[f.IdempotencyKey][f.Number] = true
}

func (c *tally) len() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.opened) }

// Requests come in while workers are killed at every step, the database and
// NATS are stopped and started, and askers repeat themselves: each request
// becomes one ticket, and one fact says so.
func TestRandomFaultsLoseAndDoubleNothing(t *testing.T) {
	n, seed := requestCount(t), seedOf(t)
	t.Logf("%d requests, seed %d", n, seed)
	cluster, dsn := storetest.OwnPostgres(t)
	server := bustest.Start(t)
	db := openStore(t, dsn)
	asker := server.Connect("asker")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute+time.Duration(n)*30*time.Millisecond)
	defer cancel()
	calm := make(chan struct{})
	told := &tally{opened: map[string]map[string]bool{}}
	c, err := asker.Consume(ctx, bus.ConsumerConfig{Stream: schemas.StreamFacts, Durable: "watch", FilterSubjects: []string{schemas.SubjectTicketFacts}, MaxInFlight: 256},
		func(_ context.Context, m bus.Message) error { told.add(m); return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()

	var workers [3]worker
	var running sync.WaitGroup
	lives, end := context.WithCancel(ctx)
	defer func() { end(); running.Wait() }()
	for i := range workers {
		w := &workers[i]
		w.dsn, w.nats = dsn, server.URL()
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		running.Go(func() {
			if err := w.run(lives, rng, calm); err != nil {
				t.Error(err)
			}
		})
	}
	var outages atomic.Int32
	running.Go(func() { breakThings(ctx, t, rand.New(rand.NewPCG(seed, 99)), cluster, server, calm, &outages) })

	began := time.Now()
	running.Go(func() { ask(ctx, t, asker, rand.New(rand.NewPCG(seed, 100)), n) })
	until(ctx, t, "a fact for nine requests in ten", func() bool { return told.len() >= n*9/10 })
	close(calm)
	until(ctx, t, "a fact for every request", func() bool { return told.len() == n })
	until(ctx, t, "an empty outbox", func() bool {
		k, err := db.CountPendingOutbox(ctx)
		return err == nil && k == 0
	})
	until(ctx, t, "an empty work queue", func() bool {
		k, err := server.Pending(ctx, schemas.StreamWork)
		return err == nil && k == 0
	})
	took := time.Since(began)
	if ctx.Err() != nil {
		work, _ := server.Pending(context.Background(), schemas.StreamWork)
		left, _ := db.CountPendingOutbox(context.Background())
		facts, _ := server.Pending(context.Background(), schemas.StreamFacts)
		t.Fatalf("stuck: %d of %d told, %d facts, %d in the work queue, %d in the outbox, asker connected %v; consumer %s", told.len(), n, facts, work, left, asker.Connected(),
			server.Consumer(context.Background(), schemas.StreamWork, ticket.Durable))
	}
	checkTold(ctx, t, told, db, n)
	if k, err := server.Pending(ctx, schemas.StreamDead); k != 0 || err != nil {
		t.Errorf("%d dead letters, %v", k, err)
	}
	var born, killed int32
	for i := range workers {
		born, killed = born+workers[i].lives.Load(), killed+workers[i].dead.Load()
	}
	t.Logf("%d requests in %v, %d lives of workers, %d of them killed, %d outages, %d facts told again", n, took.Round(time.Millisecond), born, killed, outages.Load(), told.repeats)
	if killed == 0 || outages.Load() == 0 {
		t.Errorf("nothing went wrong: %d killed, %d outages", killed, outages.Load())
	}
}

// ask publishes n requests as the orchestrator's spool does, each until the
// stream has it; one in ten is said twice, the second time under another id.
func ask(ctx context.Context, t *testing.T, b *bus.Bus, rng *rand.Rand, n int) {
	jobs := make(chan *schemas.TicketOpen)
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for req := range jobs {
				id := req.IdempotencyKey + ":" + strconv.FormatInt(req.RequestedAt.UnixNano(), 36)
				until(ctx, t, "a request in its stream", func() bool {
					// An answer that an outage swallowed is not waited for.
					try, cancel := context.WithTimeout(ctx, 2*time.Second)
					defer cancel()
					return b.PublishDurable(try, schemas.SubjectTicketOpen, req, schemas.WithID(id), schemas.ForCall(req.CallID)) == nil
				})
			}
		})
	}
	for i := range n {
		jobs <- request(fmt.Sprint("call-", i))
		if rng.IntN(10) == 0 {
			jobs <- request(fmt.Sprint("call-", rng.IntN(i+1)))
		}
		if i%20 == 0 { // spread over the outages
			time.Sleep(20 * time.Millisecond)
		}
	}
	close(jobs)
	askers.Wait()
}

// breakThings stops the database and NATS, now this, now that, each for a
// moment, until it is calm.
func breakThings(ctx context.Context, t *testing.T, rng *rand.Rand, cluster *storetest.Cluster, server *bustest.Server, calm <-chan struct{}, outages *atomic.Int32) {
	for {
		select {
		case <-calm:
			return
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(200+rng.IntN(600)) * time.Millisecond):
		}
		if rng.IntN(2) == 0 {
			err := cluster.Stop()
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
			if err = errors.Join(err, cluster.Start()); err != nil {
				t.Error(err)
				return
			}
		} else {
			server.Down()
			time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
			server.Up()
		}
		outages.Add(1)
	}
}

// checkTold holds the facts to the tickets there are.
func checkTold(ctx context.Context, t *testing.T, told *tally, db *store.Store, n int) {
	t.Helper()
	told.mu.Lock()
	defer told.mu.Unlock()
	tickets := 0
	for cursor, more := store.Cursor(""), true; more; more = cursor != "" {
		list, next, err := db.Tickets(ctx, store.TicketFilter{}, 100, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, have := range list {
			tickets++
			if numbers := told.opened[have.IdempotencyKey]; len(numbers) != 1 || !numbers[have.Number] {
				t.Errorf("%s: ticket %s, told %v", have.IdempotencyKey, have.Number, numbers)
			}
		}
		cursor = next
	}
	if tickets != n || len(told.opened) != n {
		t.Errorf("%d tickets, facts about %d, want %d", tickets, len(told.opened), n)
	}
}

// until is eventually with the time of a long test.
func until(ctx context.Context, t testing.TB, what string, ok func() bool) {
	t.Helper()
	for ctx.Err() == nil {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("never: %s", what)
}
