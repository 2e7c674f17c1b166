package ticket_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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

// settled waits until nothing is left to be done, and wants n tickets with
// one fact each.
func settled(t *testing.T, server *bustest.Server, db *store.Store, seen *bustest.Seen, n int) {
	t.Helper()
	eventually(t, "an empty work queue and outbox", func() bool {
		work, err := server.Pending(storetest.Context(t), schemas.StreamWork)
		left, err2 := db.CountPendingOutbox(storetest.Context(t))
		return err == nil && err2 == nil && work == 0 && left == 0
	})
	eventually(t, fmt.Sprintf("%d facts", n), func() bool { return len(seen.List()) >= n })
	tickets(t, db, n)
	keys := map[string]bool{}
	for _, m := range seen.List() {
		if f, ok := m.Data.(*schemas.TicketOpened); ok {
			keys[f.IdempotencyKey] = true
		}
	}
	if facts, err := server.Pending(storetest.Context(t), schemas.StreamFacts); int(facts) != n || len(keys) != n || err != nil {
		t.Errorf("%d facts about %d requests, want %d, %v", facts, len(keys), n, err)
	}
}

// A worker stays in the middle of a request so long that the request goes to
// another worker too, which finishes it; then the first goes on.
func TestTwoWorkersWithTheSameRequest(t *testing.T) {
	for name, database := range storetest.Databases() {
		for _, point := range []ticket.Point{ticket.PointReceived, ticket.PointCommitted, ticket.PointPublished} {
			t.Run(name+"/"+string(point), func(t *testing.T) {
				t.Parallel()
				server, db := bustest.Start(t), openStore(t, database(t))
				asker := server.Connect("asker")
				seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
				var held, other atomic.Int32 // the worker that is held, and whether the other is through
				var through sync.Once
				finished := make(chan struct{})
				for i := range 2 {
					me := int32(i + 1)
					cfg := quick()
					cfg.AckWait, cfg.OpenTimeout = time.Second, 900*time.Millisecond
					cfg.MaxInFlight = 1
					start(t, cfg, ticket.Deps{Bus: server.Connect(fmt.Sprint("worker-", me)), Tickets: db, Reached: func(p ticket.Point) {
						if p == point && held.CompareAndSwap(0, me) {
							select {
							case <-finished:
							case <-time.After(20 * time.Second):
							}
						} else if p == ticket.PointPublished && held.Load() != me {
							other.Store(me)
							through.Do(func() { close(finished) })
						}
					}})
				}
				send(t, asker, request("call-1"))
				eventually(t, "both workers", func() bool { return held.Load() != 0 && other.Load() != 0 && held.Load() != other.Load() })
				settled(t, server, db, seen, 1)
			})
		}
	}
}

// lateAnswer is a database that commits and then says nothing for longer
// than an attempt may take, for the first attempts.
type lateAnswer struct {
	*store.Store
	slow atomic.Int32
}

func (l *lateAnswer) PlaceTicket(ctx context.Context, req schemas.TicketOpen, p store.Placement) (store.Ticket, bool, error) {
	t, existed, err := l.Store.PlaceTicket(ctx, req, p)
	if err == nil && l.slow.Add(-1) >= 0 {
		<-ctx.Done()
		return store.Ticket{}, false, ctx.Err()
	}
	return t, existed, err
}

func TestASlowDatabaseOpensTicketsOnce(t *testing.T) {
	server := bustest.Start(t)
	db := &lateAnswer{Store: openStore(t, storetest.Postgres(t))}
	db.slow.Store(20)
	cfg := quick()
	cfg.OpenTimeout = 200 * time.Millisecond
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	start(t, cfg, ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	for i := range 30 {
		send(t, asker, request(fmt.Sprint("call-", i)))
	}
	settled(t, server, db.Store, seen, 30)
	if db.slow.Load() >= 0 {
		t.Error("the database was never slow")
	}
	for _, m := range seen.List() {
		if f := m.Data.(*schemas.TicketOpened); f.Existing {
			t.Errorf("%s: the first fact speaks of an earlier ticket", f.IdempotencyKey)
		}
	}
}

// Whoever reads the facts slowly holds up no ticket and misses none.
func TestASlowReaderOfFactsHoldsUpNothing(t *testing.T) {
	const n = 200
	server, db := bustest.Start(t), openStore(t, storetest.Postgres(t))
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	var slow atomic.Int32
	gate := make(chan struct{})
	c, err := asker.Consume(storetest.Context(t), bus.ConsumerConfig{Stream: schemas.StreamFacts, Durable: "slow", MaxInFlight: 1, FilterSubjects: []string{schemas.SubjectTicketFacts}},
		func(ctx context.Context, _ bus.Message) error {
			select { // it takes nothing more until all tickets are there
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
			slow.Add(1)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	for i := range n {
		send(t, asker, request(fmt.Sprint("call-", i)))
	}
	eventually(t, "all facts", func() bool { return len(seen.List()) == n })
	if slow.Load() != 0 {
		t.Error("the slow reader was not slow")
	}
	close(gate)
	eventually(t, "the slow reader", func() bool { return slow.Load() == n })
	if facts, err := server.Pending(storetest.Context(t), schemas.StreamFacts); facts != n || err != nil {
		t.Errorf("%d facts, %v", facts, err)
	}
	if list, _, err := db.Tickets(storetest.Context(t), store.TicketFilter{CallID: "call-7"}, 0, ""); len(list) != 1 || err != nil {
		t.Errorf("%d tickets, %v", len(list), err)
	}
}

// Requests whose transactions become the victims of deadlocks, or lose their
// connections, come again; none is lost, and none counts as a failed attempt.
func TestDeadlocksAndCutConnections(t *testing.T) {
	const n, deadlocks = 40, 3
	dsn, server := storetest.Postgres(t), bustest.Start(t)
	db := openStore(t, dsn)
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	cfg := quick()
	cfg.MaxAttempts = 1
	cfg.AckWait, cfg.OpenTimeout = 20*time.Second, 19*time.Second // a deadlock takes its second
	start(t, cfg, ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	for round := range deadlocks {
		ready, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- storetest.Deadlock(storetest.Context(t), dsn, ready) }()
		<-ready
		for i := range n / 4 {
			send(t, asker, request(fmt.Sprintf("call-%d-%d", round, i)))
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	for i := range n / 4 {
		send(t, asker, request(fmt.Sprint("call-", i)))
		if i%3 == 0 {
			if err := storetest.Cut(storetest.Context(t), dsn); err != nil {
				t.Fatal(err)
			}
		}
	}
	settled(t, server, db, seen, n)
	if dead, err := server.Pending(storetest.Context(t), schemas.StreamDead); dead != 0 || err != nil {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}

// The clock of a worker and its database goes forth and back by a day, at
// every look.
func TestClockJumps(t *testing.T) {
	const n = 40
	server := bustest.Start(t)
	var looks atomic.Int64
	jumping := func() time.Time { return time.Now().Add(time.Duration(looks.Add(1)%3-1) * 24 * time.Hour) }
	cfg := store.Defaults()
	cfg.DSN = config.Secret(storetest.Postgres(t))
	db, err := store.Open(storetest.Context(t), cfg, store.Deps{Vault: storetest.Vault(t), Now: jumping})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	for i := range 2 {
		start(t, quick(), ticket.Deps{Bus: server.Connect(fmt.Sprint("worker-", i)), Tickets: db, Now: jumping})
	}
	for i := range n {
		send(t, asker, request(fmt.Sprint("call-", i)))
		send(t, asker, request(fmt.Sprint("call-", i))) // another message of the same request
	}
	settled(t, server, db, seen, n)
}

// Repeats that come after the streams have forgotten the first ones are held
// by the database: the same ticket is told of again, by the same number.
func TestRepeatsAfterTheDeduplicationWindow(t *testing.T) {
	server, db := bustest.Start(t), openStore(t, storetest.Postgres(t))
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	start(t, quick(), ticket.Deps{Bus: server.Connect("ticket"), Tickets: db})
	for _, stream := range []string{schemas.StreamWork, schemas.StreamFacts} {
		if err := server.Forgetful(storetest.Context(t), stream); err != nil {
			t.Fatal(err)
		}
	}
	const times = 4
	for i := range times {
		eventually(t, "the fact", func() bool {
			send(t, asker, request("call-1"), schemas.WithID("request-1"))
			return len(seen.List()) > i
		})
	}
	first := seen.List()[0].Data.(*schemas.TicketOpened)
	for i, m := range seen.List() {
		if f := m.Data.(*schemas.TicketOpened); f.Number != first.Number || f.TicketID != first.TicketID || f.Existing != (i > 0) {
			t.Errorf("fact %d: %+v, the first %+v", i, f, first)
		}
	}
	tickets(t, db, 1)
}

// A request whose ticket exists already, replayed from the dead letters,
// opens no second one.
func TestAReplayedDeadLetterIsOneTicket(t *testing.T) {
	server, db := bustest.Start(t), openStore(t, storetest.Postgres(t))
	asker := server.Connect("asker")
	seen := bustest.Watch(t, asker, schemas.StreamFacts, schemas.SubjectTicketFacts)
	cfg := quick()
	cfg.MaxAttempts = 1
	s := start(t, cfg, ticket.Deps{Bus: server.Connect("broken"), Tickets: broken{db}})
	send(t, asker, request("call-1"), schemas.WithID("request-1"))
	var letter bus.DeadLetter
	eventually(t, "a dead letter", func() bool {
		err := asker.EachDeadLetter(storetest.Context(t), bus.DeadFilter{Consumer: ticket.Durable}, func(l bus.DeadLetter) error { letter = l; return nil })
		return err == nil && letter.Sequence > 0
	})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	start(t, cfg, ticket.Deps{Bus: server.Connect("mended"), Tickets: db})
	if _, err := asker.ReplayDeadLetter(storetest.Context(t), letter.Sequence); err != nil {
		t.Fatal(err)
	}
	opened := func() int {
		n := 0
		for _, m := range seen.List() {
			if _, ok := m.Data.(*schemas.TicketOpened); ok {
				n++
			}
		}
		return n
	}
	eventually(t, "the ticket", func() bool { return opened() == 1 })
	// Its asker repeats the request too.
	send(t, asker, request("call-1"))
	eventually(t, "an empty work queue", func() bool {
		n, err := server.Pending(storetest.Context(t), schemas.StreamWork)
		return err == nil && n == 0
	})
	tickets(t, db, 1)
	if n, err := asker.CountDeadLetters(storetest.Context(t)); n != 0 || opened() != 1 || err != nil {
		t.Errorf("%d dead letters, %d facts, %v", n, opened(), err)
	}
}
