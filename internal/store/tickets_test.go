package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

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
		Pickup: &schemas.Pickup{From: noon.Add(26 * time.Hour), Until: noon.Add(28 * time.Hour), Address: "上海市黄浦区中山路128号5栋402室"},
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
		if !reflect.DeepEqual(first.Pickup, request("a").Pickup) {
			t.Errorf("pick-up %+v", first.Pickup)
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

// TestATicketWithoutPickup: a request without one is kept without one.
func TestATicketWithoutPickup(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		req := request("plain")
		req.Pickup = nil
		got, _, err := s.OpenTicket(storetest.Context(t), req, schemas.GroupAfterSales)
		if err != nil || got.Pickup != nil {
			t.Errorf("pick-up %+v, %v", got.Pickup, err)
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
