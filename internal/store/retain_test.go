package store_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

const days = 24 * time.Hour

// kept is what an operator may ask for.
var kept = store.RetentionConfig{Turns: 90 * days, Calls: 180 * days, Tickets: 1000 * days, Outbox: 7 * days, Audit: 184 * days}

// aged writes a call with a turn, a ticket and its sent fact, as of some days
// ago.
func aged(t testing.TB, s *store.Store, id string, ago time.Duration, status string) {
	t.Helper()
	ctx := storetest.Context(t)
	at := noon.Add(-ago)
	for _, f := range []any{
		&schemas.CallStarted{CallID: id, Caller: caller, StartedAt: at},
		&schemas.CallTurn{CallID: id, Text: "我要退货", StartedAt: at, EndedAt: at},
		&schemas.CallHandedOff{CallID: id, Reason: "asked", At: at},
	} {
		if err := s.Record(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	tk := ticket(t, s, id)
	if err := s.ExecForTest(ctx, "UPDATE tickets SET ended_at = ?, status = ? WHERE id = ?", at, status, tk.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.ExecForTest(ctx, "UPDATE outbox SET sent_at = ? WHERE call_id = ?", at, tk.CallID); err != nil {
		t.Fatal(err)
	}
}

func rowsIn(t testing.TB, s *store.Store, table string) string {
	t.Helper()
	n, err := s.QueryForTest(storetest.Context(t), "SELECT count(*) FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRecordsAreKeptForTheirTime(t *testing.T) {
	onEach(t, store.Deps{Now: func() time.Time { return noon }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		aged(t, s, "new", time.Hour, "closed")
		aged(t, s, "middle", 100*days, "closed")
		aged(t, s, "old", 200*days, "closed")
		aged(t, s, "older", 2000*days, "closed")
		aged(t, s, "open", 2000*days, "open")
		aged(t, s, "reopened", 2000*days, "reopened")
		ticket(t, s, "unsent")
		if err := s.ExecForTest(ctx, "UPDATE outbox SET created_at = ? WHERE sent_at IS NULL", noon.Add(-2000*days)); err != nil {
			t.Fatal(err)
		}

		unasked, err := s.Expired(ctx, store.RetentionDefaults())
		if len(unasked) != 1 || unasked[store.KindOutbox] == 0 || err != nil {
			t.Errorf("nobody asked for this: %v, %v", unasked, err)
		}
		forever := store.RetentionConfig{}
		if n, err := s.Expired(ctx, forever); err != nil || len(n) != 0 {
			t.Errorf("for ever: %v, %v", n, err)
		}
		if n, more, err := s.Retain(ctx, forever, 0); err != nil || len(n) != 0 || more {
			t.Errorf("for ever: %v, %v, %v", n, more, err)
		}

		keep := kept
		want := map[store.Kind]int64{store.KindTurns: 5, store.KindCalls: 4, store.KindTickets: 1, store.KindOutbox: 5}
		counted, err := s.Expired(ctx, keep)
		delete(counted, store.KindAudit)
		if err != nil || !maps.Equal(counted, want) {
			t.Errorf("counted %v, want %v, %v", counted, want, err)
		}
		if rowsIn(t, s, "calls") != "6" {
			t.Error("counting deleted")
		}
		got := map[store.Kind]int64{}
		for rounds, more := 0, true; more; rounds++ {
			var n map[store.Kind]int64
			if n, more, err = s.Retain(ctx, keep, 2); err != nil || rounds > 10 {
				t.Fatalf("round %d: %v", rounds, err)
			}
			for k, v := range n {
				if got[k] += v; v > 2 {
					t.Errorf("%d %s in one batch of 2", v, k)
				}
			}
		}
		delete(got, store.KindAudit)
		if !maps.Equal(got, want) {
			t.Errorf("deleted %v, want %v", got, want)
		}
		for table, n := range map[string]string{"calls": "2", "turns": "1", "handoffs": "2", "tickets": "6", "outbox": "2"} {
			if got := rowsIn(t, s, table); got != n {
				t.Errorf("%s rows in %s, want %s", got, table, n)
			}
		}
		if _, err := s.TicketByKey(ctx, "call-open:return:1"); err != nil {
			t.Errorf("an open ticket went: %v", err)
		}
	})
}

// A kind that cannot be deleted keeps no other from going.
func TestOneKindThatFailsStopsNoOther(t *testing.T) {
	onEach(t, store.Deps{Now: func() time.Time { return noon }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i := range 3 {
			aged(t, s, fmt.Sprint("old", i), 2000*days, "closed")
		}
		if err := s.ExecForTest(ctx, "ALTER TABLE turns RENAME COLUMN started_at TO begun_at"); err != nil {
			t.Fatal(err)
		}
		for round, want := range []int64{2, 1, 0} {
			n, more, err := s.Retain(ctx, kept, 2)
			if err == nil || !strings.Contains(err.Error(), "retain turns:") || strings.Count(err.Error(), "retain ") != 1 {
				t.Errorf("round %d: %v", round, err)
			}
			if n[store.KindCalls] != want || n[store.KindTickets] != want || n[store.KindOutbox] != want || more != (want == 2) {
				t.Errorf("round %d: deleted %v, more %v", round, n, more)
			}
		}
	})
}

// Several workers delete each row once between them, whatever they do at the
// same time, and count what they deleted.
func TestSeveralWorkersDeleteTogether(t *testing.T) {
	for name, mk := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := mk(t)
			reg := prometheus.NewRegistry()
			now := func() time.Time { return noon }
			s := open(t, dsn, store.Deps{Registry: reg, Now: now})
			ctx := storetest.Context(t)
			const old = 60
			for i := range old {
				at := noon.Add(-1000 * days)
				id := fmt.Sprint("c", i)
				for _, f := range []any{&schemas.CallStarted{CallID: id, StartedAt: at}, &schemas.CallTurn{CallID: id, StartedAt: at, EndedAt: at}} {
					if err := s.Record(ctx, f); err != nil {
						t.Fatal(err)
					}
				}
			}
			var mu sync.Mutex
			var wg sync.WaitGroup
			total := map[store.Kind]int64{}
			for range 3 {
				worker := open(t, dsn, store.Deps{Registry: reg, Now: now})
				wg.Go(func() {
					// A worker that finds all rows taken by others is done early.
					for more := true; more; {
						n, again, err := worker.Retain(ctx, kept, 7)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for k, v := range n {
							total[k] += v
						}
						mu.Unlock()
						more = again
					}
				})
			}
			wg.Wait()
			// What a worker left because another held it is there for the next.
			for more := true; more; {
				n, again, err := s.Retain(ctx, kept, 100)
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range n {
					total[k] += v
				}
				more = again
			}
			if rowsIn(t, s, "calls") != "0" || total[store.KindCalls] != old {
				t.Errorf("%s calls left, %d deleted", rowsIn(t, s, "calls"), total[store.KindCalls])
			}
			if rowsIn(t, s, "turns") != "0" {
				t.Errorf("%s turns left", rowsIn(t, s, "turns"))
			}
			want := fmt.Sprintf("# HELP tidegate_store_expired_rows_total Rows deleted because their time is over.\n# TYPE tidegate_store_expired_rows_total counter\n"+
				"tidegate_store_expired_rows_total{kind=\"audit\"} 0\ntidegate_store_expired_rows_total{kind=\"calls\"} %d\n"+
				"tidegate_store_expired_rows_total{kind=\"outbox\"} 0\ntidegate_store_expired_rows_total{kind=\"tickets\"} 0\n"+
				"tidegate_store_expired_rows_total{kind=\"turns\"} %d\n", old, total[store.KindTurns])
			if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "tidegate_store_expired_rows_total"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRetentionNamesEveryWrongKey(t *testing.T) {
	if err := store.RetentionDefaults().Validate(); err != nil {
		t.Error(err)
	}
	if err := (store.RetentionConfig{}).Validate(); err != nil {
		t.Errorf("for ever: %v", err)
	}
	bad := store.RetentionConfig{Turns: time.Minute, Calls: time.Second, Tickets: days, Outbox: 1, Audit: days}
	if n := len(config.Errors(bad.Validate())); n != 6 {
		t.Errorf("%d errors: %v", n, bad.Validate())
	}
	if (store.RetentionConfig{Calls: 10 * days, Turns: 20 * days}).Validate() == nil {
		t.Error("turns outlive their calls")
	}
	for _, outbox := range []time.Duration{0, 11 * days} {
		if (store.RetentionConfig{Tickets: 10 * days, Outbox: outbox}).Validate() == nil {
			t.Errorf("facts kept for %v outlive their tickets", outbox)
		}
	}
	if err := kept.Validate(); err != nil {
		t.Error(err)
	}
}
