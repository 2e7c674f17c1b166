package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/schemas"
)

// An operator's way: data without keys of their own, a new key, rotation, the
// old key away.
func TestKeysAreMadeListedAndRotated(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	cfg := Defaults()
	cfg.Store.DSN = config.Secret("sqlite:" + filepath.Join(dir, "data", "tidegate.db"))
	s, err := openStore(t.Context(), cfg.Store, store.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := s.Seed(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	customers := len(store.SeededCustomers(now))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("data", "keys.yaml")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`[A-Za-z0-9_-]{40,}`).FindString(string(before))

	run := func(args ...string) string {
		t.Helper()
		out, err := execute(t, args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		if secret == "" || strings.Contains(out, secret) || strings.Contains(out, "13800138001") {
			t.Errorf("%v shows a secret:\n%s", args, out)
		}
		return out
	}
	// Nothing is named: the database and keys of 'up'.
	if out := run("keys", "list"); !regexp.MustCompile(`(?m)^k\d{8}a +encrypts +[0-9a-f]{8} +active +\d{2,}$`).MatchString(out) ||
		!regexp.MustCompile(fmt.Sprintf(`(?m)^customers.phone +%d +0 +0 *$`, customers)).MatchString(out) {
		t.Errorf("list:\n%s", out)
	}
	run("keys", "generate")
	run("keys", "generate", "--index")
	out := run("keys", "rotate", "--batch=2")
	for _, want := range []string{fmt.Sprintf("customers  %[1]d of %[1]d rows", customers), "rows renewed", "a protects nothing any more", "index:i"} {
		if !strings.Contains(out, want) {
			t.Errorf("rotate does not say %q:\n%s", want, out)
		}
	}
	if out := run("keys", "rotate"); !strings.Contains(out, "0 rows renewed") {
		t.Errorf("again:\n%s", out)
	}
	s, err = openStore(t.Context(), cfg.Store, store.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if found, err := s.FindOrders(t.Context(), schemas.OrdersFind{Phone: "13800138001"}); err != nil || len(found.Orders) != 3 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestKeysGenerateMakesAndPrints(t *testing.T) {
	t.Chdir(t.TempDir())
	if out, err := execute(t, "keys", "generate", "--file=my.yaml"); err != nil || !strings.Contains(out, "my.yaml") {
		t.Fatalf("%s, %v", out, err)
	}
	first, err := os.ReadFile("my.yaml")
	if err != nil || !strings.Contains(string(first), "active_index:") {
		t.Fatalf("%v", err)
	}
	if _, err := execute(t, "keys", "generate", "--file=my.yaml"); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile("my.yaml")
	if err != nil || len(second) <= len(first) {
		t.Errorf("the file has %d bytes, had %d, %v", len(second), len(first), err)
	}
	out, err := execute(t, "keys", "generate", "--file=-")
	if err != nil || !strings.HasPrefix(out, "active: k") {
		t.Errorf("printed %.20s, %v", out, err)
	}
}

func TestPostgresWantsKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := execute(t, "check-config", "--service=ticket", "--store.dsn=postgres://u:p@h/d")
	if err == nil || !strings.Contains(err.Error(), "store.vault.keys: must be set for PostgreSQL") {
		t.Errorf("without keys: %v", err)
	}
	if _, err := execute(t, "check-config", "--service=ticket", "--store.dsn=postgres://u:p@h/d", "--store.vault.allow_plain=true"); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestRetentionCountsBeforeItDeletes(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	cfg := Defaults()
	cfg.Store.DSN = config.Secret("sqlite:" + filepath.Join(dir, "data", "tidegate.db"))
	s, err := openStore(t.Context(), cfg.Store, store.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), &schemas.CallStarted{CallID: "c", StartedAt: time.Now().AddDate(-1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--dry-run"}, `(?m)^calls +for ever +0$`},
		{nil, `(?m)^calls +for ever +0$`},
		{[]string{"--retention.keep.calls=4320h", "--dry-run"}, `(?m)^calls +180 days +1$`},
		{[]string{"--retention.keep.calls=4320h", "--dry-run"}, `(?m)^calls +180 days +1$`},
		{[]string{"--retention.keep.calls=4320h"}, `(?m)^calls +180 days +1$`},
		{[]string{"--retention.keep.calls=4320h"}, `(?m)^calls +180 days +0$`},
	} {
		out, err := execute(t, append([]string{"retention", "run"}, c.args...)...)
		if err != nil || !regexp.MustCompile(c.want).MatchString(out) {
			t.Errorf("%v: %v\n%s", c.args, err, out)
		}
	}
}
