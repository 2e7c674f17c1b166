package oms_test

import (
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/schemas"
	"github.com/tidegate/tidegate/workers/oms/omstest"
)

// builtin is the database as an order system, with the suite's shop in it.
func builtin(t *testing.T, dsn string) omstest.Fixture {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	s, err := store.Open(storetest.Context(t), cfg, store.Deps{Vault: storetest.Vault(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := omstest.Fixture{System: s, Shop: omstest.NewShop(time.Now())}
	f.Shop.All(func(phone string, o schemas.Order) {
		if err := s.SaveOrder(storetest.Context(t), phone, o, f.Shop.Traces[o.Number]); err != nil {
			t.Fatal(err)
		}
	})
	return f
}

func TestTheBuiltInShopConforms(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		omstest.Run(t, func(t *testing.T) omstest.Fixture { return builtin(t, storetest.SQLite(t)) })
	})
	t.Run("postgres", func(t *testing.T) {
		cluster, _ := storetest.OwnPostgres(t)
		omstest.Run(t, func(t *testing.T) omstest.Fixture {
			dsn, err := cluster.Database()
			if err != nil {
				t.Fatal(err)
			}
			f := builtin(t, dsn)
			f.Away = func() {
				if err := cluster.Stop(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := cluster.Start(); err != nil {
						t.Error(err)
					}
				})
			}
			return f
		})
	})
}
