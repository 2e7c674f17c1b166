package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// Every migration goes down and up again with rows in every table: rows of
// tables and columns that it does not make survive, value by value.
func TestEveryMigrationGoesDownAndUpWithData(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		everything(t, s, "a")
		for table := range s.ColumnsForTest(ctx, t) {
			if n, err := s.QueryForTest(ctx, "SELECT count(*) FROM "+table); err != nil || n == "0" {
				t.Fatalf("%s has %s rows, %v: this test shows nothing", table, n, err)
			}
		}
		for depth := 1; depth <= store.Migrations(); depth++ {
			// depth migrations down, one at a time; what the columns left hold
			// is what it was.
			full := s.ColumnsForTest(ctx, t)
			whole := s.DumpForTest(ctx, t, full)
			for range depth {
				if err := s.MigrateDown(ctx); err != nil {
					t.Fatalf("down %d: %v", depth, err)
				}
			}
			left := s.ColumnsForTest(ctx, t)
			if left["ticket_history"] == nil && left["tickets"] != nil {
				// Below a ticket's life all are open, and nobody tells of changes.
				left["tickets"] = slices.DeleteFunc(left["tickets"], func(c string) bool { return c == "status" })
			}
			if left["ticket_links"] == nil {
				delete(left, "outbox") // what nobody of before can read goes
			}
			want := store.FilterForTest(whole, left)
			if got := s.DumpForTest(ctx, t, left); !slices.Equal(got, want) {
				t.Errorf("%d down: %s", depth, difference(got, want))
			}
			if err := s.MigrateUp(ctx); err != nil {
				t.Fatalf("up %d: %v", depth, err)
			}
			again := s.ColumnsForTest(ctx, t)
			if fmt.Sprint(again) != fmt.Sprint(full) {
				t.Errorf("%d down and up: columns %v, want %v", depth, again, full)
			}
			kept := store.FilterForTest(s.DumpForTest(ctx, t, again), left)
			if !slices.Equal(kept, want) {
				t.Errorf("%d down and up: %s", depth, difference(kept, want))
			}
			// And it works: filled again, it is read again.
			if err := s.Seed(ctx, noon); err != nil {
				t.Fatalf("%d down and up: %v", depth, err)
			}
			if found, err := s.FindOrders(ctx, schemas.OrdersFind{Phone: caller}); err != nil || len(found.Orders) == 0 {
				t.Errorf("%d down and up: %+v, %v", depth, found, err)
			}
			everything(t, s, fmt.Sprint("depth", depth))
		}
	})
}

// difference shows the first values that are not the same.
func difference(got, want []store.Cell) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%+v, want %+v", got[i], want[i])
		}
	}
	return fmt.Sprintf("%d values, want %d", len(got), len(want))
}

// After a way down past encryption, the columns of before hold plain values,
// and a binary of before reads them.
func TestGoingDownDecrypts(t *testing.T) {
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		everything(t, s, "a")
		for slices.ContainsFunc(s.TablesForTest(ctx, t), func(n string) bool { return n == "vault_keys" }) {
			if err := s.MigrateDown(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for q, want := range map[string]string{
			"SELECT phone FROM customers WHERE id = 'C1001'":                                                        "13800138001",
			"SELECT name FROM customers WHERE id = 'C1001'":                                                         "张伟",
			"SELECT caller FROM calls":                                                                              caller,
			"SELECT contact FROM tickets":                                                                           "13800138001",
			"SELECT address FROM orders WHERE number = '20261112003378'":                                            "上海市黄浦区中山路128号5栋402室",
			"SELECT pickup_address FROM tickets WHERE contact <> ''":                                                "上海市黄浦区中山路128号5栋402室",
			"SELECT phone FROM customers WHERE phone = '13800138001'":                                               "13800138001",
			"SELECT contact FROM returns":                                                                           "13800138001",
			"SELECT pickup_address FROM returns":                                                                    pickupAddress,
			"SELECT address FROM oms_writes":                                                                        goodsAddress,
			"SELECT text FROM ticket_comments":                                                                      commentText,
			"SELECT order_number FROM shop_writes WHERE answer LIKE '%20261112003378%'":                             "20261112003378",
			"SELECT kind FROM ticket_deliveries WHERE kind = 'update' AND data LIKE '%13800138001%'":                "update",
			"SELECT type FROM outbox WHERE type LIKE '%returns.create' AND CAST(data AS TEXT) LIKE '%13800138001%'": schemas.TypeReturnCreate,
			"SELECT id FROM calls WHERE caller = '+8613800138001' LIMIT 1":                                          "call-a",
		} {
			if got, err := s.QueryForTest(ctx, q); err != nil || got != want {
				t.Errorf("%s: %q, %v", q, got, err)
			}
		}
		if err := s.MigrateUp(ctx); err != nil {
			t.Fatal(err)
		}
		if res, err := s.Rotate(ctx, store.Rotation{}); err != nil || res.Left != 0 || res.Changed == 0 {
			t.Errorf("sealed again: %+v, %v", res, err)
		}
		reads(t, s, 1)
	})
}
