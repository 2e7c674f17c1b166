package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
	"github.com/tidegate/tidegate/internal/vault"
	"github.com/tidegate/tidegate/schemas"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dsn string, deps store.Deps) *store.Store {
	t.Helper()
	cfg := store.Defaults()
	cfg.DSN = config.Secret(dsn)
	if deps.Vault == nil {
		deps.Vault = testVault(t)
	}
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

var testKeys = sync.OnceValue(func() vault.Keys {
	var k vault.Keys
	k.Generate(noon, false)
	return k
})

// testVault gives every test the same keys, as services have.
func testVault(t testing.TB) *vault.Vault { return vaultOf(t, testKeys()) }

func vaultOf(t testing.TB, k vault.Keys) *vault.Vault {
	t.Helper()
	v, err := vault.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return v
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

func TestTheFileIsPrivate(t *testing.T) {
	dsn := storetest.SQLite(t)
	open(t, dsn, store.Deps{})
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:") + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info, err)
		}
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
	onEach(t, linked(nil), func(t *testing.T, s *store.Store) {
		ctx := storetest.Context(t)
		for round := range 2 {
			if err := s.Seed(ctx, noon); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			ticket(t, s, fmt.Sprint("round", round))
			ofAcme(t, s, fmt.Sprint("linked", round))
			if err := s.Record(ctx, &schemas.CallAnswered{CallID: "c", AnsweredAt: noon}); err != nil {
				t.Fatal(err)
			}
			for range store.Migrations() {
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

// SQLite does not wait for its busy_timeout when a file that is not WAL yet is
// being written by others; who opens it waits.
func TestAFileThatIsNotWALYetIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	other.SetMaxOpenConns(1)
	for _, statement := range []string{"CREATE TABLE others (n)", "BEGIN IMMEDIATE", "INSERT INTO others VALUES (1)"} {
		if _, err := other.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	committed := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() {
		_, err := other.Exec("COMMIT")
		committed <- err
	})
	cfg := store.Defaults()
	cfg.DSN, cfg.BusyTimeout = config.Secret("sqlite:"+path), 20*time.Second
	s, err := store.Open(storetest.Context(t), cfg, store.Deps{})
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
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
