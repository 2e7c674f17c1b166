package store_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

// Every field of an order comes back as it was written, also where a database
// makes JSON of it: microseconds, characters that JSON escapes, nothing at all.
func TestAnOrderIsReadWhole(t *testing.T) {
	onEach(t, store.Deps{}, func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		at := time.Date(2026, 11, 12, 3, 4, 5, 678901000, time.UTC)
		later := at.Add(26*time.Hour + time.Microsecond)
		full := schemas.Order{
			Number: "A1", Status: "delivered", PlacedAt: at, CustomerName: "王\"芳\"\\ <b>&\u2028", PaymentMethod: "wechat", TotalFen: 1 << 53, FreightInsured: true,
			Address: "路\n1号", Lines: []schemas.OrderLine{
				{ID: "2", SKU: "S2", Title: "裙", Quantity: 2, PriceFen: 9_900_000_000, Category: "dress", Tags: []string{"final_sale", "a\"b"}},
				{ID: "1", SKU: "S1", Title: "T", Quantity: 1, PriceFen: 1},
			},
			Parcels: []schemas.Parcel{
				{Carrier: "SF", TrackingNo: "SF1", Status: "delivered", ShippedAt: &at, DeliveredAt: &later},
				{Carrier: "SF", TrackingNo: "SF2", Status: "packed"},
			},
			Payments: []schemas.Payment{{ID: "P1", Method: "wechat", Status: "paid", AmountFen: 100, PaidAt: &at}, {ID: "P2", Method: "wechat", Status: "due", AmountFen: 1}},
			Refunds:  []schemas.Refund{{ID: "R1", Status: "paid", AmountFen: 5, Method: "wechat", RequestedAt: at, ExpectedAt: &later, PaidAt: &later}},
		}
		bare := schemas.Order{Number: "B2", Status: "paid", PlacedAt: at.Add(-time.Hour), CustomerName: full.CustomerName, Lines: []schemas.OrderLine{}}
		for _, o := range []schemas.Order{full, bare} {
			if err := s.SaveOrder(ctx, "13800138001", o, nil); err != nil {
				t.Fatal(err)
			}
		}
		found, err := s.FindOrders(ctx, schemas.OrdersFind{Phone: "13800138001"})
		if want := []schemas.Order{full, bare}; err != nil || !reflect.DeepEqual(found.Orders, want) {
			t.Errorf("found %v\n%+v, want\n%+v", err, found.Orders, want)
		}
		for _, want := range []schemas.Order{full, bare} {
			if got, err := s.Order(ctx, want.Number); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("order %v\n%+v, want\n%+v", err, got, want)
			}
		}
	})
}

// BenchmarkFindOrders looks a customer's four orders up, one after the other.
func BenchmarkFindOrders(b *testing.B) {
	for name, mk := range storetest.Databases() {
		b.Run(name, func(b *testing.B) {
			cfg := store.Defaults()
			cfg.DSN = config.Secret(mk(b))
			s, err := store.Open(storetest.Context(b), cfg, store.Deps{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if err := s.Seed(storetest.Context(b), noon); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.FindOrders(b.Context(), schemas.OrdersFind{Phone: "13800138008"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
