package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
	"github.com/tidegate/tidegate/schemas"
)

// A service that starts with the old keys after they were counted, at either
// time, writes with a key that the database still knows: without that, nobody
// would be told that it is needed when it is taken out of the configuration.
func TestAKeyThatIsUsedAfterTheCountIsNotForgotten(t *testing.T) {
	for name, mk := range storetest.Databases() {
		for count := 1; count <= 2; count++ {
			t.Run(fmt.Sprintf("%s/count %d", name, count), func(t *testing.T) {
				dsn := mk(t)
				ctx := storetest.Context(t)
				var k vault.Keys
				k.Generate(noon, false)
				old := k.Active
				everything(t, mustOpenAs(t, dsn, vaultOf(t, k)), "a")
				k.Generate(noon, false)
				s := mustOpenAs(t, dsn, vaultOf(t, k))
				// It knows the new key, and still writes with the old one.
				stale := vaultOf(t, vault.Keys{Active: old, ActiveIndex: k.ActiveIndex, Keys: clone(k.Keys), IndexKeys: clone(k.IndexKeys)})

				var wg sync.WaitGroup
				counted := 0
				s.AfterRowsForTest(t, "FROM notify_optouts WHERE", func() {
					// The last table: a column and its blind index.
					if counted++; counted != count*2 {
						return
					}
					done := make(chan struct{})
					wg.Go(func() {
						defer close(done)
						late := mustOpenAs(t, dsn, stale)
						if err := late.Record(ctx, &schemas.CallStarted{CallID: "late", Caller: caller, StartedAt: noon}); err != nil {
							t.Error(err)
						}
					})
					select { // it may have to wait for what is going on
					case <-done:
					case <-time.After(time.Second):
					}
				})
				res, err := s.Rotate(ctx, store.Rotation{})
				wg.Wait()
				if err != nil {
					t.Fatal(err)
				}
				value, err := s.QueryForTest(ctx, "SELECT caller FROM calls WHERE id = 'late'")
				if want := "v1:" + old + ":"; err != nil || len(value) < len(want) || value[:len(want)] != want {
					t.Fatalf("it did not write with the old key: this test shows nothing: %s, %v", value, err)
				}
				n, err := s.QueryForTest(ctx, "SELECT count(*) FROM vault_keys WHERE id = ?", old)
				if err != nil || n != "1" {
					t.Errorf("the database has forgotten key %s, which a value needs: %+v, %v", old, res, err)
				}
			})
		}
	}
}
