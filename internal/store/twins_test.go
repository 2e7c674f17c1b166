package store_test

import (
	"testing"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
)

// A service that does not know the new keys yet cannot see that a number wants
// no messages, and notes it again. The rotation makes one of the two.
func TestANumberThatIsNotedUnderTwoKeysIsRotated(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn, ctx := make(t), storetest.Context(t)
			var k vault.Keys
			k.Generate(noon, false)
			stale := mustOpenAs(t, dsn, vaultOf(t, k))
			next := vault.Keys{Active: k.Active, ActiveIndex: k.ActiveIndex, Keys: clone(k.Keys), IndexKeys: clone(k.IndexKeys)}
			next.Generate(noon, true)
			s := mustOpenAs(t, dsn, vaultOf(t, next))
			for _, tenant := range []string{"acme", "other"} {
				for i, at := range []*store.Store{s, stale} {
					if tenant == "other" && i == 0 {
						continue // only the stale one knows it there
					}
					if added, err := at.AddOptOut(ctx, store.OptOut{Tenant: tenant, Phone: "13800138001", Source: "reply"}); !added || err != nil {
						t.Fatalf("%s at %d: %v, %v", tenant, i, added, err)
					}
				}
			}
			if res, err := s.Rotate(ctx, store.Rotation{}); err != nil || res.Left != 0 || len(res.Retired) != 1 {
				t.Fatalf("%+v, %v", res, err)
			}
			for _, tenant := range []string{"acme", "other"} {
				list, err := s.OptOuts(ctx, tenant, "", 10)
				if err != nil || len(list) != 1 || list[0].Phone != "13800138001" {
					t.Errorf("%s: %+v, %v", tenant, list, err)
				}
				if out, err := s.OptedOut(ctx, tenant, "+8613800138001"); !out || err != nil {
					t.Errorf("%s: opted out %v, %v", tenant, out, err)
				}
			}
		})
	}
}
