package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// withCopies is a store whose tickets get everything that a ticket can have: a
// person, a history, a copy with work for it, a fact.
func withCopies(deps store.Deps) store.Deps {
	deps.TicketSystem = func(string) string { return "rest" }
	return deps
}

var taking = store.Placement{Rule: "all", Group: schemas.GroupFinance, Assign: store.AssignRoundRobin, Candidates: []store.Candidate{{Name: "li"}, {Name: "wang"}}}

func asked(i int) schemas.TicketOpen {
	call := fmt.Sprint("call-", i)
	return schemas.TicketOpen{IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1", TranscriptURL: "https://tidegate.example/" + call, RequestedAt: time.Now()}
}

// together asks for n tickets at the same time, each until the database
// cannot say any more that it is away, and gives the errors that stay.
func together(ctx context.Context, n int, stores ...*store.Store) (errs []error, away int64) {
	errs = make([]error, n)
	var again atomic.Int64
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() {
			s := stores[i%len(stores)]
			for {
				_, _, errs[i] = s.PlaceTicket(ctx, asked(i), taking)
				if !errors.Is(errs[i], store.ErrUnavailable) || ctx.Err() != nil {
					return
				}
				again.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	callers.Wait()
	return errs, again.Load()
}

// whole wants n tickets, each with all that belongs to it, and nothing that
// belongs to none.
func whole(ctx context.Context, t *testing.T, s *store.Store, n int) {
	t.Helper()
	for what, query := range map[string]string{
		"tickets":                  "SELECT CAST(count(*) AS text) FROM tickets",
		"tickets with a person":    "SELECT CAST(count(*) AS text) FROM tickets WHERE assignee <> '' AND status = 'assigned'",
		"tickets with a history":   "SELECT CAST(count(DISTINCT ticket_id) AS text) FROM ticket_history WHERE ticket_id IN (SELECT id FROM tickets)",
		"histories":                "SELECT CAST(count(DISTINCT ticket_id) AS text) FROM ticket_history",
		"copies":                   "SELECT CAST(count(*) AS text) FROM ticket_links WHERE queued = 1 AND ticket_id IN (SELECT id FROM tickets)",
		"things to tell to copies": "SELECT CAST(count(*) AS text) FROM ticket_deliveries WHERE ticket_id IN (SELECT id FROM tickets)",
		"facts":                    "SELECT CAST(count(*) AS text) FROM outbox WHERE type LIKE '%ticket.opened%'",
		"calls told of":            "SELECT CAST(count(DISTINCT call_id) AS text) FROM outbox WHERE type LIKE '%ticket.opened%' AND call_id IN (SELECT call_id FROM tickets)",
		"work for copies":          "SELECT CAST(count(*) AS text) FROM outbox WHERE type LIKE '%ticket.deliver%' AND call_id IN (SELECT call_id FROM tickets)",
	} {
		if got, err := s.QueryForTest(ctx, query); got != fmt.Sprint(n) || err != nil {
			t.Errorf("%s: %s, want %d, %v", what, got, n, err)
		}
	}
}

// Tickets share transactions. One that fails after most of it was written
// leaves nothing of itself, and all others are opened.
func TestOneThatFailsInTheMiddleLeavesTheOthers(t *testing.T) {
	triggers := map[string][]string{
		"sqlite": {`CREATE TRIGGER refuse BEFORE INSERT ON outbox WHEN NEW.call_id IN ('call-7', 'call-31') BEGIN SELECT RAISE(ABORT, 'no'); END`, `DROP TRIGGER refuse`},
		"postgres": {`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.call_id IN ('call-7', 'call-31') THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$`,
			`CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse()`, `DROP TRIGGER refuse ON outbox`},
	}
	for name, database := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			const n = 60
			ctx := storetest.Context(t)
			s := open(t, database(t), withCopies(store.Deps{}))
			all := triggers[name]
			for _, stmt := range all[:len(all)-1] {
				if err := s.ExecForTest(ctx, stmt); err != nil {
					t.Fatal(err)
				}
			}
			errs, _ := together(ctx, n, s)
			for i, err := range errs {
				if refused := i == 7 || i == 31; refused != (err != nil) {
					t.Errorf("call-%d: %v", i, err)
				}
			}
			whole(ctx, t, s, n-2)
			if err := s.ExecForTest(ctx, all[len(all)-1]); err != nil {
				t.Fatal(err)
			}
			// Their requests come again.
			for _, i := range []int{7, 31} {
				if _, existed, err := s.PlaceTicket(ctx, asked(i), taking); existed || err != nil {
					t.Errorf("call-%d again: %v, %v", i, existed, err)
				}
			}
			whole(ctx, t, s, n)
		})
	}
}

// Connections that are cut when all is written and nothing is committed leave
// no half of a ticket, and whoever asks again gets one.
func TestConnectionsCutBeforeTheCommit(t *testing.T) {
	const n = 60
	ctx := storetest.Context(t)
	dsn := storetest.Postgres(t)
	var cuts atomic.Int64
	var migrated atomic.Bool
	var one sync.Mutex // or they cut each other
	s := open(t, dsn, withCopies(store.Deps{BeforeCommit: func() {
		if !migrated.Load() {
			return
		}
		if c := cuts.Add(1); c == 2 || c == 4 || c == 9 {
			one.Lock()
			defer one.Unlock()
			if err := storetest.Cut(ctx, dsn); err != nil {
				t.Error(err)
			}
		}
	}}))
	migrated.Store(true)
	errs, away := together(ctx, n, s)
	for i, err := range errs {
		if err != nil {
			t.Errorf("call-%d: %v", i, err)
		}
	}
	if cuts.Load() < 9 {
		t.Errorf("%d transactions", cuts.Load())
	}
	t.Logf("%d times the database was said to be away", away)
	whole(ctx, t, s, n)
}

// Where transactions are serializable, most of those that take turns at the
// same people fail, and may be asked for again.
func TestTicketsWhereTransactionsAreSerializable(t *testing.T) {
	const n = 60
	ctx := storetest.Context(t)
	dsn := storetest.Postgres(t) + "&default_transaction_isolation=serializable"
	one := open(t, dsn, withCopies(store.Deps{}))
	two := open(t, dsn, withCopies(store.Deps{}))
	errs, away := together(ctx, n, one, two)
	for i, err := range errs {
		if err != nil {
			t.Errorf("call-%d: %v", i, err)
		}
	}
	if away == 0 {
		t.Error("no transaction failed to be serialized")
	}
	whole(ctx, t, one, n)
}
