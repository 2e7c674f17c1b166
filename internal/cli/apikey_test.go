package cli

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/store"
)

func TestAPIKeysAtTheCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	if out, err := execute(t, "apikey", "list"); err == nil || !strings.Contains(err.Error(), "start the services first") {
		t.Fatalf("without a database: %v\n%s", err, out)
	}
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := store.Defaults()
	cfg.DSN = config.Secret("sqlite:data/tidegate.db")
	db, err := openStore(t.Context(), cfg, store.Deps{Log: slog.New(slog.DiscardHandler)}) // with keys, as services do
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := execute(t, "apikey", "create", "--name=desk", "--scope=tickets:read,stats", "--expires=90d")
	key := regexp.MustCompile(`(?m)^tgk_([a-z2-9]{16})_[A-Za-z0-9_-]{43}$`).FindStringSubmatch(out)
	if err != nil || key == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for range 2 {
		out, err = execute(t, "apikey", "list", "--json")
		var list []listedKey
		if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list) != 1 || list[0].ID != key[1] || list[0].State != "valid" ||
			strings.Join(list[0].Scopes, " ") != "tickets:read stats" || list[0].ExpiresAt == nil || strings.Contains(out, key[0]) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if out, err = execute(t, "apikey", "revoke", key[1]); err != nil || !strings.Contains(out, "revoked "+key[1]) {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = execute(t, "apikey", "list"); err != nil || !strings.Contains(out, "revoked") || !strings.Contains(out, "tickets:read,stats") {
		t.Fatalf("%v\n%s", err, out)
	}
	for args, want := range map[string]string{
		"revoke nobody":                                 "no key",
		"create --name=x":                               "scope: none",
		"create --name=x --scope=all":                   `"all" is none of`,
		"create --scope=stats":                          "name:",
		"create --name=x --scope=stats --expires=never": "expires:",
		"create --name=x --scope=stats --expires=2001-01-01T00:00:00Z": "not in the future",
		"list --store.dsn=sqlite:other.db":                             "no such file",
	} {
		if out, err := execute(t, append([]string{"apikey"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	write(t, "tidegate.db", "")
	if out, err := execute(t, "apikey", "list"); err == nil || !strings.Contains(err.Error(), "say which with --store.dsn") {
		t.Errorf("two databases: %v\n%s", err, out)
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"": {}, "90d": now.AddDate(0, 0, 90), "12h": now.Add(12 * time.Hour), "2027-01-01T00:00:00+08:00": time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC),
	} {
		if got, err := expiry(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"d", "0d", "-1d", "1.5d", "9dx", "-3h", "tomorrow", "99999999d"} {
		if got, err := expiry(s, now); err == nil {
			t.Errorf("%q: %v", s, got)
		}
	}
}
