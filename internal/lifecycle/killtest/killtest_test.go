package killtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/tidegate/tidegate/internal/bus/bustest"
	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/store/storetest"
)

// The points of the worker here, with a commit between them.
const (
	received = "received"
	told     = "told"
)

func TestMain(m *testing.M) { os.Exit(Main(m, work, received)) }

// work writes a number after the other, once it has begun: what it does before
// does not count.
func work(ctx context.Context, w *Worker) error {
	w.Reached(told)
	if _, err := add(ctx, w.Store, w.Extra, 0); err != nil {
		return err
	}
	for i := 1; ; i++ {
		w.Reached(received)
		if _, err := add(ctx, w.Store, w.Extra, i); err != nil {
			return err
		}
		w.Reached(told)
	}
}

func add(ctx context.Context, s *store.Store, tenant string, i int) (fresh bool, err error) {
	return s.AddOptOut(ctx, store.OptOut{Tenant: tenant, Phone: fmt.Sprint("1380013", 8000+i), Source: "caller"})
}

func TestAWorkerDiesAtItsPoint(t *testing.T) {
	server := bustest.Start(t)
	for _, c := range []struct {
		point  string
		passes int
		done   int // pieces of work that are committed
	}{{received, 0, 0}, {received, 2, 2}, {Committing, 0, 0}, {Committing, 1, 1}, {told, 0, 1}, {told, 2, 3}} {
		t.Run(fmt.Sprint(c.point, c.passes), func(t *testing.T) {
			ctx := storetest.Context(t)
			cfg := store.Defaults()
			cfg.DSN = config.Secret(storetest.SQLite(t))
			s, err := store.Open(ctx, cfg, store.Deps{Vault: storetest.Vault(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			Death{Point: c.point, Passes: c.passes, DSN: string(cfg.DSN), NATS: server.URL(), Extra: "acme"}.Start(t)()
			for i := 0; i <= c.done+1; i++ {
				fresh, err := add(ctx, s, "acme", i)
				if err != nil || fresh != (i > c.done) {
					t.Errorf("number %d: not there %v, %v", i, fresh, err)
				}
			}
		})
	}
}

// A worker that ends otherwise has not died.
func TestAWorkerThatCannotBegin(t *testing.T) {
	cmd := Death{Point: received, DSN: "sqlite:" + t.TempDir(), NATS: "nats://127.0.0.1:1"}.Command(storetest.Context(t))
	if err := cmd.Run(); err == nil || Killed(cmd) || cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("%v", cmd.ProcessState)
	}
}
