package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dsn string, deps store.Deps) *store.Store {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	s, err := store.Open(storetest.Context(t), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onEach runs a test on each kind of database, freshly made.
func onEach(t *testing.T, deps store.Deps, fn func(*testing.T, *store.Store)) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) { fn(t, open(t, make(t), deps)) })
	}
}

func TestConfigNamesEveryWrongKey(t *testing.T) {
	err := store.Config{DSN: "mysql:secret-word", MaxOpen: 0, BusyTimeout: -1}.Validate()
	for _, want := range []string{"dsn:", "max_open:", "busy_timeout:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret-word") {
		t.Errorf("error quotes the DSN: %v", err)
	}
	for _, dsn := range []config.Secret{"sqlite:", "sqlite:a?_pragma=x", "sqlite::memory:", ""} {
		if c := store.Defaults(); true {
			c.DSN = dsn
			if c.Validate() == nil {
				t.Errorf("DSN %q was accepted", dsn.Reveal())
			}
		}
	}
	if err := store.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhenTheDatabaseIsAway(t *testing.T) {
	for name, dsn := range map[string]string{
		"postgres": "postgres://nobody:secret-word@127.0.0.1:1/none?sslmode=disable&connect_timeout=2",
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "folder.db"),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := store.Defaults()
			cfg.DSN = config.Secret(dsn)
			_, err := store.Open(storetest.Context(t), cfg, store.Deps{})
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("error is %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("error quotes the password: %v", err)
			}
		})
	}
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for round := range 2 {
			if err := s.Seed(ctx, noon); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			ticket(t, s, fmt.Sprint("round", round))
			if err := s.Record(ctx, &schemas.CallAnswered{CallID: "c", AnsweredAt: noon}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := s.MigrateDown(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.FindOrders(ctx, schemas.OrdersFind{Number: "1"}); err == nil {
				t.Error("a table is left after all migrations were taken back")
			}
			if err := s.MigrateUp(ctx); err != nil {
				t.Fatal(err)
			}
			if err := s.MigrateUp(ctx); err != nil {
				t.Fatalf("again: %v", err)
			}
		}
		list, _, err := s.Tickets(ctx, store.TicketFilter{}, 0, "")
		if err != nil || len(list) != 0 {
			t.Errorf("after down and up: %v tickets, %v", len(list), err)
		}
	})
}

func TestServicesThatStartTogetherMigrateOnce(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			reg := prometheus.NewRegistry()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					cfg := store.Defaults()
					cfg.DSN = config.Secret(dsn)
					s, err := store.Open(storetest.Context(t), cfg, store.Deps{Registry: reg})
					if err != nil {
						t.Error(err)
						return
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func ticket(t testing.TB, s *store.Store, key string) store.Ticket {
	t.Helper()
	got, existed, err := s.OpenTicket(storetest.Context(t), request(key), schemas.GroupAfterSales)
	if err != nil || existed {
		t.Fatalf("open %s: existed %v, %v", key, existed, err)
	}
	return got
}

func request(key string) schemas.TicketOpen {
	received := true
	return schemas.TicketOpen{
		IdempotencyKey: "call-" + key + ":return:1", CallID: "call-" + key, Kind: schemas.KindReturn, OrderNumber: "20261112003378",
		OrderVerified: true, OrderLine: "1", Reason: "wrong_size", ReasonText: "买大了", Received: &received,
		Contact: "13800138001", Summary: "退羽绒服", RequestedAt: noon,
	}
}

func TestATicketIsOpenedOnceWithItsFact(t *testing.T) {
	clock := func() time.Time { return noon.Add(123456789 * time.Nanosecond).In(time.FixedZone("CST", 8*3600)) }
	onEach(t, store.Deps{Now: clock}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		first := ticket(t, s, "a")
		if !store.ValidTicketNumber(first.Number) || first.OpenedAt != noon.Add(123456*time.Microsecond) {
			t.Errorf("ticket %+v", first)
		}
		again, existed, err := s.OpenTicket(ctx, request("a"), schemas.GroupFinance)
		if err != nil || !existed || !reflect.DeepEqual(again, first) {
			t.Errorf("again: %+v, existed %v, %v; first %+v", again, existed, err, first)
		}
		pending, err := s.PendingOutbox(ctx, noon.Add(time.Hour), 10)
		if err != nil || len(pending) != 1 {
			t.Fatalf("pending %v, %v", pending, err)
		}
		m := pending[0]
		fact, err := m.Decode()
		if want := first.Opened(false); err != nil || !reflect.DeepEqual(fact, &want) {
			t.Errorf("fact %+v, %v", fact, err)
		}
		if m.ID != store.FactID("opened", first.IdempotencyKey) || m.Subject != schemas.SubjectTicketFact("call-a", "opened") {
			t.Errorf("message %+v", m)
		}
		if none, err := s.PendingOutbox(ctx, noon, 10); err != nil || len(none) != 0 {
			t.Errorf("messages before noon: %v, %v", none, err)
		}
		for range 2 {
			if err := s.MarkOutboxSent(ctx, m.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, waiting, err := s.OutboxPending(ctx, m.ID); waiting || err != nil {
			t.Errorf("sent message is pending: %v, %v", waiting, err)
		}
		if n, err := s.CountPendingOutbox(ctx); n != 0 || err != nil {
			t.Errorf("%d pending, %v", n, err)
		}
		byKey, err := s.TicketByKey(ctx, first.IdempotencyKey)
		if err != nil || !reflect.DeepEqual(byKey, first) {
			t.Errorf("by key: %+v, %v", byKey, err)
		}
	})
}

func TestManyWorkersOneTicketEach(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		const keys, workers = 20, 6
		numbers := make([]sync.Map, keys)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for k := range keys {
					got, _, err := s.OpenTicket(context.Background(), request(fmt.Sprint(k)), schemas.GroupAfterSales)
					if err != nil {
						t.Error(err)
						return
					}
					numbers[k].Store(got.Number, true)
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for k := range numbers {
			n := 0
			numbers[k].Range(func(number, _ any) bool { n++; seen[number.(string)] = true; return true })
			if n != 1 {
				t.Errorf("request %d has %d numbers", k, n)
			}
		}
		pending, err := s.CountPendingOutbox(context.Background())
		if len(seen) != keys || pending != keys || err != nil {
			t.Errorf("%d numbers, %d facts, %v", len(seen), pending, err)
		}
	})
}

func TestATakenNumberIsDrawnAgain(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			short := 0
			s := open(t, make(t), store.Deps{NewNumber: func(digits int) (string, error) {
				if digits == 8 {
					short++
					return "12345674", nil
				}
				return "1234567890", nil
			}})
			if n := ticket(t, s, "a").Number; n != "12345674" || short != 1 {
				t.Errorf("first number %s after %d draws", n, short)
			}
			if n := ticket(t, s, "b").Number; n != "1234567890" {
				t.Errorf("second number %s", n)
			}
			// Now both are taken: the error says so, and nothing half-written stays.
			if _, _, err := s.OpenTicket(storetest.Context(t), request("c"), schemas.GroupAfterSales); err == nil {
				t.Error("a third ticket got a number")
			}
			if n, err := s.CountPendingOutbox(storetest.Context(t)); n != 2 || err != nil {
				t.Errorf("%d facts, %v", n, err)
			}
		})
	}
}

func TestTicketsAreListedByFilterAndPage(t *testing.T) {
	at := noon
	onEach(t, store.Deps{Now: func() time.Time { return at }}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		var want []string
		for i := range 7 {
			at = noon.Add(time.Duration(i/2) * 100 * time.Millisecond) // pairs share a time
			want = append(want, ticket(t, s, fmt.Sprint(i)).Number)
		}
		var got []string
		for cursor := store.Cursor(""); ; {
			list, next, err := s.Tickets(ctx, store.TicketFilter{Group: schemas.GroupAfterSales}, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list {
				got = append(got, x.Number)
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(got) != 7 || !sameSet(got, want) {
			t.Errorf("pages gave %v, want %v", got, want)
		}
		for _, f := range []store.TicketFilter{{CallID: "call-3"}, {Number: want[3]}, {CallID: "call-3", OrderNumber: "20261112003378"}} {
			list, _, err := s.Tickets(ctx, f, 0, "")
			if err != nil || len(list) != 1 || list[0].Number != want[3] {
				t.Errorf("%+v: %v, %v", f, list, err)
			}
		}
		if list, _, err := s.Tickets(ctx, store.TicketFilter{Group: schemas.GroupFinance}, 0, ""); err != nil || len(list) != 0 {
			t.Errorf("finance: %v, %v", list, err)
		}
		if _, _, err := s.Tickets(ctx, store.TicketFilter{}, 1000, ""); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("limit 1000: %v", err)
		}
	})
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, x := range a {
		count[x]++
	}
	for _, x := range b {
		count[x]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestTheShopIsFound(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for _, now := range []time.Time{noon.Add(-48 * time.Hour), noon, noon} {
			if err := s.Seed(ctx, now); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range store.SeededCustomers(noon) {
			for _, form := range []string{c.Phone, "+86" + c.Phone, "0" + c.Phone, "0086" + c.Phone} {
				found, err := s.FindOrders(ctx, schemas.OrdersFind{Phone: form, Limit: 20})
				if err != nil || len(found.Orders) != len(c.Orders) || found.More || found.Orders == nil {
					t.Fatalf("%s: %+v, %v", c.Name, found, err)
				}
				for i, o := range found.Orders {
					if !reflect.DeepEqual(o, c.Orders[i]) {
						t.Errorf("%s: order\n%+v, want\n%+v", c.Name, o, c.Orders[i])
					}
				}
			}
		}
		cases := []struct {
			q    schemas.OrdersFind
			want []string
			more bool
		}{
			{schemas.OrdersFind{Number: "20261112003378"}, []string{"20261112003378"}, false},
			{schemas.OrdersFind{Number: "20261112003379"}, nil, false},
			{schemas.OrdersFind{LastDigits: "3378"}, []string{"20261112003378", "20261111003378"}, false},
			{schemas.OrdersFind{LastDigits: "3378", Phone: "13800138001"}, []string{"20261112003378"}, false},
			{schemas.OrdersFind{LastDigits: "0000"}, nil, false},
			{schemas.OrdersFind{Phone: "13800138008", Limit: 2}, []string{"20261114010086", "20261112010011"}, true},
			{schemas.OrdersFind{Phone: "13900000000"}, nil, false},
			{schemas.OrdersFind{Number: "' OR 1=1 --"}, nil, false},
		}
		for _, c := range cases {
			found, err := s.FindOrders(ctx, c.q)
			var got []string
			for _, o := range found.Orders {
				got = append(got, o.Number)
			}
			if err != nil || !reflect.DeepEqual(got, c.want) || found.More != c.more {
				t.Errorf("%+v: %v more %v, %v; want %v", c.q, got, found.More, err, c.want)
			}
		}
		for _, q := range []schemas.OrdersFind{{}, {Phone: "1", Limit: 21}, {Phone: "1", Limit: -1}} {
			if _, err := s.FindOrders(ctx, q); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

func callFacts() []any {
	end := noon.Add(90 * time.Second)
	turn := func(i int, role schemas.Role, text string) *schemas.CallTurn {
		at := noon.Add(time.Duration(i+1) * 5 * time.Second)
		return &schemas.CallTurn{CallID: "c1", Index: i, Role: role, Text: text, Input: schemas.InputSpeech, Confidence: .93,
			Slots: map[string]string{"order": "3378"}, Epoch: i, StartedAt: at, EndedAt: at.Add(3 * time.Second), LatencyMS: 420}
	}
	return []any{
		&schemas.CallStarted{CallID: "c1", Node: "fs1", Caller: "+8613800138001", Called: "4001", Orchestrator: "o1", Flow: "returns", FlowVersion: "1", StartedAt: noon},
		&schemas.CallAnswered{CallID: "c1", AnsweredAt: noon.Add(time.Second)},
		turn(0, schemas.RoleAgent, "您好"), turn(1, schemas.RoleCaller, "我要退货"), turn(2, schemas.RoleAgent, "请问是哪个订单"),
		&schemas.CallTakenOver{CallID: "c1", From: "o1", To: "o2", Turns: 2, TakenAt: noon.Add(20 * time.Second)},
		&schemas.TicketOpened{CallID: "c1", IdempotencyKey: "k", TicketID: "t", Number: "12345674", Kind: schemas.KindReturn, Group: schemas.GroupAfterSales, OpenedAt: noon.Add(50 * time.Second)},
		&schemas.CallHandedOff{CallID: "c1", Reason: "asked", Target: "sip:human@example.net", Kind: "sip", Context: map[string]string{"intent": "return"}, At: noon.Add(80 * time.Second)},
		&schemas.CallEnded{CallID: "c1", EndedAt: noon.Add(40 * time.Second), Outcome: schemas.OutcomeFailed, Reason: "lost", Cause: 41},
		&schemas.CallEnded{CallID: "c1", EndedAt: end, DurationMS: 90000, Outcome: schemas.OutcomeHandedOff, Cause: 16, CauseName: "NORMAL_CLEARING", Intent: "return_request", Slots: map[string]string{"reason": "wrong_size"}, Turns: 3},
	}
}

// Whatever the order of the facts, and however often each comes, the record
// is the same.
func TestRecordsDoNotDependOnOrder(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		var first store.CallDetail
		for round := range 8 {
			id := fmt.Sprint("call", round)
			facts := append(callFacts(), callFacts()...)
			if round > 0 {
				rand.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
			}
			for _, f := range facts {
				reflect.ValueOf(f).Elem().FieldByName("CallID").SetString(id)
				if err := s.Record(ctx, f); err != nil {
					t.Fatalf("%T: %v", f, err)
				}
			}
			d, err := s.CallDetail(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			d.ID = ""
			for i := range d.Conversation {
				d.Conversation[i].CallID = ""
			}
			d.Takeovers[0].CallID, d.Handoffs[0].CallID = "", ""
			if round == 0 {
				first = d
				check(t, d)
			} else if !reflect.DeepEqual(d, first) {
				t.Errorf("round %d:\n%+v, want\n%+v", round, d, first)
			}
		}
		if err := s.Record(ctx, &schemas.OrdersFind{}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a question was recorded: %v", err)
		}
	})
}

func check(t *testing.T, d store.CallDetail) {
	t.Helper()
	if d.Caller != "+8613800138001" || !d.StartedAt.Equal(noon) || d.AnsweredAt == nil || d.Outcome != schemas.OutcomeHandedOff ||
		d.Duration != 90*time.Second || d.TicketNumber != "12345674" || d.Orchestrator != "o2" || d.Turns != 3 ||
		d.Slots["reason"] != "wrong_size" || d.Conversation[1].Text != "我要退货" || d.Conversation[1].Slots["order"] != "3378" ||
		d.Handoffs[0].Context["intent"] != "return" || d.StartedAt.Location() != time.UTC {
		t.Errorf("detail %+v", d)
	}
}

func TestCallsAreListedByFilterAndPage(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for i := range 9 {
			id, at := fmt.Sprint("c", i), noon.Add(time.Duration(i/3)*time.Minute)
			facts := []any{
				&schemas.CallStarted{CallID: id, Caller: fmt.Sprint("1380013800", i%3+1), StartedAt: at},
				&schemas.CallTurn{CallID: id, Role: schemas.RoleAgent, StartedAt: at, EndedAt: at},
			}
			if i%2 == 0 {
				facts = append(facts, &schemas.CallEnded{CallID: id, EndedAt: at.Add(time.Second), Outcome: schemas.OutcomeResolved})
			}
			for _, f := range facts {
				if err := s.Record(ctx, f); err != nil {
					t.Fatal(err)
				}
			}
		}
		walk := func(f store.CallFilter) (ids []string) {
			for cursor := store.Cursor(""); ; {
				list, next, err := s.Calls(ctx, f, 2, cursor)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range list {
					ids = append(ids, c.ID)
					if c.Turns != 1 {
						t.Errorf("%s has %d turns", c.ID, c.Turns)
					}
				}
				if cursor = next; next == "" {
					return ids
				}
			}
		}
		for name, c := range map[string]struct {
			f    store.CallFilter
			want []string
		}{
			"all":      {store.CallFilter{}, []string{"c8", "c7", "c6", "c5", "c4", "c3", "c2", "c1", "c0"}},
			"outcome":  {store.CallFilter{Outcome: schemas.OutcomeResolved}, []string{"c8", "c6", "c4", "c2", "c0"}},
			"caller":   {store.CallFilter{Caller: "+86 138 0013 8002"}, []string{"c7", "c4", "c1"}},
			"interval": {store.CallFilter{Since: noon.Add(time.Minute), Until: noon.Add(2 * time.Minute)}, []string{"c5", "c4", "c3"}},
			"none":     {store.CallFilter{Since: noon.Add(time.Hour)}, nil},
		} {
			if got := walk(c.f); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if _, err := s.CallDetail(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown call: %v", err)
		}
	})
}

func TestADatabaseThatComesBackIsUsedAgain(t *testing.T) {
	cluster, dsn := storetest.OwnPostgres(t)
	s := open(t, dsn, store.Deps{})
	ctx := storetest.Context(t)
	ticket(t, s, "a")
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.OpenTicket(ctx, request("b"), schemas.GroupAfterSales); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with the database away: %v", err)
	}
	if err := s.Ready(ctx); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	ticket(t, s, "b")
	if _, existed, err := s.OpenTicket(ctx, request("a"), schemas.GroupAfterSales); !existed || err != nil {
		t.Errorf("first ticket: existed %v, %v", existed, err)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add("MTc2NDAwMDAwMDAwMDAwMCAwMUFCQw")
	f.Add("!!")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := store.ParseCursor(s)
		if err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
		if err == nil && string(c) != s {
			t.Errorf("%q became %q", s, c)
		}
	})
}

func FuzzValidTicketNumber(f *testing.F) {
	f.Add("12345674")
	f.Add("")
	f.Add("x")
	f.Fuzz(func(t *testing.T, s string) {
		if store.ValidTicketNumber(s) && len(s) != 8 && len(s) != 10 {
			t.Errorf("%q", s)
		}
	})
}
