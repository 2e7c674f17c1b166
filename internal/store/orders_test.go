package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
)

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
