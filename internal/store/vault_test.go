package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
	"github.com/tidegate/tidegate/schemas"
)

// openAs opens a database with keys, or with none, and says how that went.
func openAs(t testing.TB, dsn string, v *vault.Vault) (*store.Store, error) {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	deps := linked(func() time.Time { return noon })
	deps.Vault = v
	s, err := store.Open(storetest.Context(t), cfg, deps)
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

func mustOpenAs(t testing.TB, dsn string, v *vault.Vault) *store.Store {
	t.Helper()
	s, err := openAs(t, dsn, v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const caller = "+8613800138001"

// reads checks that everything shows as it was written, whatever protects it.
func reads(t testing.TB, s *store.Store, calls int) {
	t.Helper()
	ctx := storetest.Context(t)
	found, err := s.FindOrders(ctx, schemas.OrdersFind{Phone: caller, Limit: 20})
	if want := store.SeededCustomers(noon)[0]; err != nil || len(found.Orders) != len(want.Orders) || found.Orders[0].CustomerName != want.Name {
		t.Errorf("orders by phone: %+v, %v", found, err)
	}
	if found, err = s.FindOrders(ctx, schemas.OrdersFind{Number: "20261112003378"}); err != nil || len(found.Orders) != 1 || found.Orders[0].Address == "" ||
		strings.HasPrefix(found.Orders[0].Address, "v1:") {
		t.Errorf("address: %+v, %v", found, err)
	}
	for _, form := range []string{caller, "13800138001", "013800138001", "+86 138-0013-8001"} {
		list, _, err := s.Calls(ctx, store.CallFilter{Caller: form}, 0, "")
		if err != nil || len(list) != calls {
			t.Fatalf("calls by %s: %d, want %d, %v", form, len(list), calls, err)
		}
		for _, c := range list {
			if c.Caller != caller {
				t.Errorf("caller %q", c.Caller)
			}
		}
	}
	for _, key := range []string{"call-a:return:1"} {
		tk, err := s.TicketByKey(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		life, err := s.TicketLife(ctx, tk.ID)
		if err != nil || len(life.Comments) != 1 || life.Comments[0].Text != commentText {
			t.Errorf("life %+v, %v", life, err)
		}
		if w, err := s.OMSWriteByKey(ctx, key); err != nil || w.Address != goodsAddress {
			t.Errorf("write %+v, %v", w, err)
		}
		// Asked again, the shop answers what it answered.
		if again, err := s.CreateReturn(ctx, schemas.ReturnCreate{IdempotencyKey: key, OrderNumber: tk.OrderNumber, Kind: schemas.ReturnForRefund}); err != nil || again.Number == "" {
			t.Errorf("return %+v, %v", again, err)
		}
		if m, ok, err := s.OutboxPending(ctx, store.OMSMessageID("work", key)); err != nil || !ok || !strings.Contains(string(m.Data), pickupAddress) {
			t.Errorf("work %+v, %v, %v", m, ok, err)
		}
	}
	tickets, _, err := s.Tickets(ctx, store.TicketFilter{}, 0, "")
	if err != nil || len(tickets) != calls {
		t.Fatalf("tickets %v, %v", tickets, err)
	}
	for _, tk := range tickets {
		if tk.Contact != "13800138001" || tk.Pickup.Address != "上海市黄浦区中山路128号5栋402室" {
			t.Errorf("ticket %+v", tk)
		}
	}
}

// secrets are values that must be nowhere in the clear.
var secrets = []string{"13800138001", "中山路128号", "张伟"}

// stored gives the sealed columns as the database holds them.
func stored(t testing.TB, s *store.Store) string {
	t.Helper()
	var out strings.Builder
	for _, q := range []string{
		"SELECT contact || ' ' || pickup_address FROM returns", "SELECT answer FROM shop_writes", "SELECT address FROM oms_writes",
		"SELECT data FROM ticket_deliveries WHERE kind = 'update'", "SELECT text FROM ticket_comments", "SELECT data FROM outbox WHERE type LIKE '%returns.create'",
		"SELECT phone || ' ' || name || ' ' || phone_index FROM customers WHERE id = 'C1001'",
		"SELECT address FROM orders WHERE number = '20261112003378'",
		"SELECT contact || ' ' || pickup_address || ' ' || contact_index FROM tickets ORDER BY id",
		"SELECT caller || ' ' || caller_index FROM calls ORDER BY id",
	} {
		got, err := s.QueryForTest(storetest.Context(t), q)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(got + "\n")
	}
	return out.String()
}

func TestNothingPersonalIsInTheClear(t *testing.T) {
	var log bytes.Buffer
	deps := linked(nil)
	deps.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	onEach(t, deps, func(t *testing.T, s *store.Store) {
		everything(t, s, "a")
		reads(t, s, 1)
		rows := stored(t, s)
		for _, secret := range secrets {
			if strings.Contains(rows, secret) || strings.Contains(log.String(), secret) {
				t.Errorf("%s is in the clear:\n%s\n%s", secret, rows, &log)
			}
			for _, cell := range s.RawForTest(storetest.Context(t), t) {
				if strings.Contains(cell.Value, secret) {
					t.Errorf("%s is in the clear in %s.%s", secret, cell.Table, cell.Column)
				}
			}
		}
		if n := strings.Count(rows, "v1:k"); n != 13 {
			t.Errorf("%d values are sealed, want 13:\n%s", n, rows)
		}
	})
	dir := t.TempDir()
	s := mustOpenAs(t, "sqlite:"+filepath.Join(dir, "t.db"), testVault(t))
	everything(t, s, "a")
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", filepath.Base(f), secret)
			}
		}
	}
}

func TestWrongAndMissingKeysShowAtTheStart(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			s := mustOpenAs(t, dsn, testVault(t))
			everything(t, s, "a")
			var same, later vault.Keys
			same.Generate(noon, false)
			later.Generate(noon.AddDate(1, 0, 0), false)
			mixed := testKeys()
			mixed.ActiveIndex, mixed.IndexKeys = later.ActiveIndex, later.IndexKeys
			for what, c := range map[string]struct {
				v    *vault.Vault
				want string
			}{
				"none":            {nil, "no keys are configured"},
				"others":          {vaultOf(t, later), "is not configured"},
				"other, same id":  {vaultOf(t, same), "is another one"},
				"other index key": {vaultOf(t, mixed), "index key"},
			} {
				_, err := openAs(t, dsn, c.v)
				if !errors.Is(err, store.ErrKeys) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v", what, err)
				}
			}
			ctx := storetest.Context(t)
			// A value moved to another row is no value of that row.
			if err := s.ExecForTest(ctx, "UPDATE customers SET phone = (SELECT phone FROM customers WHERE id = 'C1002') WHERE id = 'C1001'"); err != nil {
				t.Fatal(err)
			}
			_, err := s.FindOrders(ctx, schemas.OrdersFind{Phone: caller})
			if !errors.Is(err, store.ErrKeys) || !errors.Is(err, vault.ErrTampered) || strings.Contains(err.Error(), "v1:") {
				t.Errorf("a moved value: %v", err)
			}
		})
	}
}

func TestPlainRowsAreReadAndRotated(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			plain := mustOpenAs(t, dsn, nil)
			everything(t, plain, "a")
			reads(t, plain, 1)
			if !strings.Contains(stored(t, plain), "13800138001") {
				t.Fatal("the rows are not plain: this test shows nothing")
			}
			if _, err := plain.Rotate(storetest.Context(t), store.Rotation{}); !errors.Is(err, store.ErrNoVault) {
				t.Errorf("without keys: %v", err)
			}
			s := mustOpenAs(t, dsn, testVault(t))
			reads(t, s, 1)
			fillMore(t, s, "b")
			reads(t, s, 2)
			res, err := s.Rotate(storetest.Context(t), store.Rotation{Batch: 3})
			if err != nil || res.Left != 0 || res.Changed == 0 {
				t.Fatalf("%+v, %v", res, err)
			}
			reads(t, s, 2)
			rows := stored(t, s)
			for _, secret := range secrets {
				if strings.Contains(rows, secret) {
					t.Errorf("%s is in the clear:\n%s", secret, rows)
				}
			}
			if res, err = s.Rotate(storetest.Context(t), store.Rotation{}); err != nil || res.Changed != 0 || res.Left != 0 {
				t.Errorf("again: %+v, %v", res, err)
			}
		})
	}
}

// fillMore writes one more ticket and call.
func fillMore(t testing.TB, s *store.Store, key string) {
	t.Helper()
	ticket(t, s, key)
	if err := s.Record(storetest.Context(t), &schemas.CallStarted{CallID: "call-" + key, Caller: caller, StartedAt: noon}); err != nil {
		t.Fatal(err)
	}
}

func TestKeysChangeWhileServicesRun(t *testing.T) {
	for name, make := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := make(t)
			var k vault.Keys
			k.Generate(noon, false)
			old := k
			first := mustOpenAs(t, dsn, vaultOf(t, k))
			everything(t, first, "a")
			next := vault.Keys{Active: k.Active, ActiveIndex: k.ActiveIndex, Keys: clone(k.Keys), IndexKeys: clone(k.IndexKeys)}
			next.Generate(noon, false)
			next.Generate(noon, true)
			second := mustOpenAs(t, dsn, vaultOf(t, next))
			reads(t, second, 1) // of the old keys
			fillMore(t, second, "b")
			reads(t, second, 2) // of both

			// Broken off after a batch, it goes on there.
			ctx, cancel := context.WithCancel(storetest.Context(t))
			_, err := second.Rotate(ctx, store.Rotation{Batch: 2, Progress: func(p store.RotationProgress) { cancel() }})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("broken off: %v", err)
			}
			var wg sync.WaitGroup
			var written atomic.Int64
			done := newDone()
			wg.Go(func() { // services that write meanwhile, with the new keys
				for i := range 20 {
					fillMore(t, second, fmt.Sprint("w", i))
					written.Add(1)
					select {
					case <-done:
						return
					default:
					}
				}
			})
			resumed := false
			res, err := second.Rotate(storetest.Context(t), store.Rotation{Batch: 2, Progress: func(p store.RotationProgress) {
				resumed = resumed || p.Resumed && p.Table == "customers"
			}})
			close(done)
			wg.Wait()
			if err != nil || !resumed || res.Left != 0 {
				t.Fatalf("resumed %v: %+v, %v", resumed, res, err)
			}
			if want := []string{"index:" + old.ActiveIndex, old.Active}; !slices.Equal(res.Retired, want) {
				t.Errorf("retired %v, want %v", res.Retired, want)
			}
			reads(t, second, 2+int(written.Load()))

			// The old keys are not needed any more.
			delete(next.Keys, old.Active)
			delete(next.IndexKeys, old.ActiveIndex)
			third := mustOpenAs(t, dsn, vaultOf(t, next))
			reads(t, third, 2+int(written.Load()))
			usage, err := third.KeyUsage(storetest.Context(t))
			for _, u := range usage {
				if u.Total == 0 || u.Plain+u.Unknown != 0 || u.Keys[next.Active] != u.Total {
					t.Errorf("usage %+v, %v", u, err)
				}
			}
		})
	}
}

func newDone() chan struct{} { return make(chan struct{}) }

func clone(m map[string]config.Secret) map[string]config.Secret {
	out := map[string]config.Secret{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// A service that still has the old keys, and writes after the rotation, is
// found out: its key is not forgotten.
func TestWhatIsWrittenBehindTheRotationsBackIsCounted(t *testing.T) {
	for name, mk := range storetest.Databases() {
		t.Run(name, func(t *testing.T) {
			dsn := mk(t)
			var k vault.Keys
			k.Generate(noon, false)
			stale := mustOpenAs(t, dsn, vaultOf(t, k))
			everything(t, stale, "a")
			next := vault.Keys{Active: k.Active, ActiveIndex: k.ActiveIndex, Keys: clone(k.Keys), IndexKeys: clone(k.IndexKeys)}
			next.Generate(noon, false)
			s := mustOpenAs(t, dsn, vaultOf(t, next))
			once := sync.OnceFunc(func() {
				if err := stale.Record(storetest.Context(t), &schemas.CallStarted{CallID: "0", Caller: caller, StartedAt: noon}); err != nil {
					t.Error(err)
				}
			})
			res, err := s.Rotate(storetest.Context(t), store.Rotation{Progress: func(p store.RotationProgress) {
				if p.Table == "calls" && p.Ended {
					once()
				}
			}})
			if err != nil || res.Left != 1 || len(res.Retired) != 0 {
				t.Fatalf("%+v, %v", res, err)
			}
			if res, err = s.Rotate(storetest.Context(t), store.Rotation{}); err != nil || res.Changed != 1 || res.Left != 0 || len(res.Retired) != 1 {
				t.Errorf("another run: %+v, %v", res, err)
			}
		})
	}
}
