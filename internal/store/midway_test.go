package store_test

import (
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

// refuseOutbox makes the database refuse the fact of one call: its ticket's
// row is written by then.
var refuseOutbox = map[string][]string{
	"sqlite": {`CREATE TRIGGER refuse BEFORE INSERT ON outbox WHEN NEW.call_id = 'call-7' BEGIN SELECT RAISE(ABORT, 'refused'); END`},
	"postgres": {
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '23514'; END $$`,
		`CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW WHEN (NEW.call_id = 'call-7') EXECUTE FUNCTION refuse()`,
	},
}

// A constraint that breaks in the middle of a transaction that tickets share
// takes its own ticket with it, whole, and none of the others.
func TestAConstraintInTheMiddleOfASharedTransaction(t *testing.T) {
	const n = 40
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			s := open(t, make(t), store.Deps{})
			ctx := storetest.Context(t)
			for _, stmt := range refuseOutbox[name] {
				if err := s.ExecForTest(ctx, stmt); err != nil {
					t.Fatal(err)
				}
			}
			errs := [n]error{}
			var callers sync.WaitGroup
			for i := range n {
				callers.Go(func() {
					_, _, errs[i] = s.OpenTicket(ctx, requestOf(fmt.Sprint("call-", i)), schemas.GroupFinance)
				})
			}
			callers.Wait()
			for i, err := range errs {
				if (err != nil) != (i == 7) {
					t.Errorf("%d: %v", i, err)
				}
			}
			var said *store.Error
			if !errors.As(errs[7], &said) || errors.Is(errs[7], store.ErrUnavailable) {
				t.Errorf("the refused one: %v", errs[7])
			}
			list, _, err := s.Tickets(ctx, store.TicketFilter{}, 100, "")
			pending, err2 := s.CountPendingOutbox(ctx)
			if len(list) != n-1 || pending != n-1 || err != nil || err2 != nil {
				t.Errorf("%d tickets, %d facts, %v, %v", len(list), pending, err, err2)
			}
			if _, err := s.TicketByKey(ctx, "call-7:return:1"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("half a ticket: %v", err)
			}
			if q, err := s.QueryForTest(ctx, "SELECT CAST(count(*) AS TEXT) FROM ticket_history WHERE ticket_id NOT IN (SELECT id FROM tickets)"); q != "0" || err != nil {
				t.Errorf("%s entries of no ticket, %v", q, err)
			}
			// Once the cause is mended it is opened like any other.
			drop := "DROP TRIGGER refuse"
			if name == "postgres" {
				drop += " ON outbox"
			}
			if err := s.ExecForTest(ctx, drop); err != nil {
				t.Fatal(err)
			}
			if _, existed, err := s.OpenTicket(ctx, requestOf("call-7"), schemas.GroupFinance); existed || err != nil {
				t.Errorf("after the repair: %v, %v", existed, err)
			}
		})
	}
}

func requestOf(call string) schemas.TicketOpen {
	return schemas.TicketOpen{IdempotencyKey: call + ":return:1", CallID: call, Kind: schemas.KindReturn, OrderNumber: "1", RequestedAt: time.Now()}
}

// holder is a transaction that takes the last key of a round and then, while
// the round's tickets are being opened, the others, down to the first: whoever
// opens the last together with one of these waits for it, and it for them.
// It gives up in the end, and is far more patient than they are.
const holder = `DO $$
	DECLARE i int;
	BEGIN
		SET LOCAL deadlock_timeout = '20s';
		FOR i IN REVERSE %[1]d..0 LOOP
			INSERT INTO tickets SELECT (jsonb_populate_record(t, jsonb_build_object(
				'id', 'held-' || i, 'number', 'held-' || i, 'idempotency_key', 'call-%[2]d-' || lpad(i::text, 2, '0') || ':return:1'))).*
				FROM tickets t WHERE t.idempotency_key = 'model:return:1' ON CONFLICT DO NOTHING;
			IF i = %[1]d THEN PERFORM pg_sleep(0.1); END IF;
		END LOOP;
		RAISE EXCEPTION 'given up';
	END $$`

// Tickets that wait for a transaction which waits for them: PostgreSQL ends
// theirs, and each is opened once all the same, by itself or when its request
// comes again.
func TestADeadlockLosesNothing(t *testing.T) {
	const n, most = 30, 100
	cluster, err := storetest.NewCluster("deadlock_timeout=200ms")
	if errors.Is(err, storetest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Remove(); err != nil {
			t.Error(err)
		}
	})
	dsn, err := cluster.Database()
	if err != nil {
		t.Fatal(err)
	}
	ctx := storetest.Context(t)
	s := open(t, dsn, store.Deps{})
	other := open(t, dsn, store.Deps{})
	if _, _, err := s.OpenTicket(ctx, requestOf("model"), schemas.GroupFinance); err != nil {
		t.Fatal(err)
	}
	deadlocks := func() string {
		q, err := other.QueryForTest(ctx, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()")
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	var opened, again atomic.Int64
	round := 0
	for ; deadlocks() == "0" && round < most; round++ {
		var all sync.WaitGroup
		all.Go(func() {
			if err := other.ExecForTest(ctx, fmt.Sprintf(holder, n-1, round)); err == nil {
				t.Error("the holder committed")
			}
		})
		time.Sleep(20 * time.Millisecond)
		for i := range n {
			all.Go(func() {
				for {
					_, existed, err := s.OpenTicket(ctx, requestOf(fmt.Sprintf("call-%d-%02d", round, i)), schemas.GroupFinance)
					if err == nil {
						if !existed {
							opened.Add(1)
						}
						return
					}
					if !errors.Is(err, store.ErrUnavailable) {
						t.Errorf("%d: %v", i, err)
						return
					}
					again.Add(1) // as its message comes again
				}
			})
		}
		all.Wait()
	}
	t.Logf("%d rounds, %s deadlocks, %d requests done again by their askers", round, deadlocks(), again.Load())
	if deadlocks() == "0" {
		t.Error("there was no deadlock")
	}
	pending, err := s.CountPendingOutbox(ctx)
	count, err2 := s.QueryForTest(ctx, "SELECT count(*)::text FROM tickets")
	if want := int64(n * round); opened.Load() != want || pending != want+1 || count != fmt.Sprint(want+1) || err != nil || err2 != nil {
		t.Errorf("%d opened, %s tickets, %d facts, want %d and the model, %v, %v", opened.Load(), count, pending, want, err, err2)
	}
}

// A clock that was a day ahead and is put back leaves no fact waiting, and no
// copy and no notification held until that day, and what a ticket system reports then counts.
func TestAClockThatIsPutBack(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
			deps := linked(func() time.Time { return now })
			s := open(t, make(t), deps)
			ctx := storetest.Context(t)
			tk := ofAcme(t, s, "c1:return:1")
			c, err := s.ClaimLink(ctx, tk.ID, now.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.FinishDelivery(ctx, c, 1, store.Link{ExternalID: "D-1"}); err != nil {
				t.Fatal(err)
			}
			tell := func(id, status string) store.LinkOutcome {
				outcome, _, err := s.ApplyLinkEvent(ctx, store.LinkEvent{Tenant: "acme", EventID: id, ExternalID: "D-1", Status: status, At: now})
				if err != nil {
					t.Fatal(err)
				}
				return outcome
			}
			if got := tell("e1", "open"); got != store.EventApplied {
				t.Errorf("before: %s", got)
			}
			ids, err := s.PlanNotifications(ctx, []store.Notification{note(tk)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			// The worker that holds both dies; the clock goes back.
			now = now.Add(-24 * time.Hour)
			if list, err := s.PendingOutbox(ctx, now.Add(-10*time.Second), 100); len(list) < 3 || err != nil {
				t.Errorf("%d facts wait, %v", len(list), err)
			}
			if _, err := s.ClaimLink(ctx, tk.ID, now.Add(time.Minute)); err != nil {
				t.Errorf("the copy: %v", err)
			}
			if _, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute)); err != nil {
				t.Errorf("the notification: %v", err)
			}
			if got := tell("e2", "resolved"); got != store.EventApplied {
				t.Errorf("after: %s", got)
			}
			if got := tell("e2", "resolved"); got != store.EventDuplicate {
				t.Errorf("twice: %s", got)
			}
			// A clock that runs holds a copy as before.
			if _, err := s.ClaimLink(ctx, tk.ID, now.Add(time.Minute)); !errors.Is(err, store.ErrLinkBusy) {
				t.Errorf("a held copy: %v", err)
			}
			if _, err := s.ClaimNotification(ctx, ids[0], now.Add(time.Minute)); !errors.Is(err, store.ErrNotifyBusy) {
				t.Errorf("a held notification: %v", err)
			}
		})
	}
}
