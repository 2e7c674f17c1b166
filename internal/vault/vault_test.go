package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/vault"
)

var day = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)

func keys(t testing.TB) vault.Keys {
	t.Helper()
	var k vault.Keys
	k.Generate(day, false)
	return k
}

func open(t testing.TB, k vault.Keys) *vault.Vault {
	t.Helper()
	v, err := vault.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var place = vault.Place{Column: "customers.phone", Row: "C1"}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	v := open(t, keys(t))
	for _, plain := range []string{"13800138001", "上海市黄浦区中山路128号", "v1:k20261126a:AAAA", strings.Repeat("x", 100000)} {
		sealed := v.Seal(place, plain)
		if strings.Contains(sealed, plain) || !strings.HasPrefix(sealed, "v1:k20261126a:") || vault.KeyOf(sealed) != "k20261126a" || !v.Current(sealed) {
			t.Fatalf("sealed as %.60q", sealed)
		}
		if again := v.Seal(place, plain); again == sealed {
			t.Error("the same value was sealed to the same text twice")
		}
		if got, err := v.Open(place, sealed); err != nil || got != plain {
			t.Errorf("opened %.40q, %v", got, err)
		}
		for _, other := range []vault.Place{{Column: "customers.phone", Row: "C2"}, {Column: "customers.name", Row: "C1"}, {Column: "customers.phoneC1"}} {
			if _, err := v.Open(other, sealed); !errors.Is(err, vault.ErrTampered) {
				t.Errorf("in %v: %v", other, err)
			}
		}
		changed := []byte(sealed)
		changed[len("v1:k20261126a:")+20] ^= 1
		if got, err := v.Open(place, string(changed)); !errors.Is(err, vault.ErrTampered) && got == plain {
			t.Errorf("changed: %.40q, %v", got, err)
		}
	}
	if v.Seal(place, "") != "" || v.Index("c", "") != "" || v.Indexes("c", "") != nil {
		t.Error("no value became one")
	}
}

func TestPlainValuesStayReadable(t *testing.T) {
	v := open(t, keys(t))
	for _, s := range []string{"", "13800138001", "v1", "v1::", "v1:k1:", "v1:k1:AAAA", "v1:K!:" + strings.Repeat("A", 60), "v2:k1:" + strings.Repeat("A", 60)} {
		if got, err := v.Open(place, s); err != nil || got != s {
			t.Errorf("%q opened as %q, %v", s, got, err)
		}
		if s != "" && v.Current(s) {
			t.Errorf("%q needs no rotation", s)
		}
	}
}

func TestWrongAndMissingKeys(t *testing.T) {
	sealed := open(t, keys(t)).Seal(place, "13800138001")
	if _, err := open(t, keys(t)).Open(place, sealed); !errors.Is(err, vault.ErrTampered) {
		t.Errorf("another key of the same id: %v", err)
	}
	var later vault.Keys
	later.Generate(day.AddDate(1, 0, 0), false)
	_, err := open(t, later).Open(place, sealed)
	if !errors.Is(err, vault.ErrNoKey) || !strings.Contains(err.Error(), "k20261126a") || strings.Contains(err.Error(), sealed) {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestGenerationsLiveSideBySide(t *testing.T) {
	k := keys(t)
	old := open(t, k)
	sealed, index := old.Seal(place, "13800138001"), old.Index(place.Column, "13800138001")
	if id := k.Generate(day, false); id != "k20261126b" {
		t.Errorf("second key of a day is %s", id)
	}
	if id := k.Generate(day, true); id != "i20261126b" {
		t.Errorf("second index key of a day is %s", id)
	}
	v := open(t, k)
	if got, err := v.Open(place, sealed); err != nil || got != "13800138001" || v.Current(sealed) {
		t.Errorf("of the old key: %q, %v, current %v", got, err, v.Current(sealed))
	}
	all := v.Indexes(place.Column, "13800138001")
	if len(all) != 2 || all[0] != v.Index(place.Column, "13800138001") || all[1] != index || all[0] == all[1] {
		t.Errorf("indexes %v, old %s", all, index)
	}
	if v.Index("calls.caller", "13800138001") == all[0] {
		t.Error("two columns share an index")
	}
	seal, idx := v.Active()
	if seal != "k20261126b" || idx != "i20261126b" || len(v.Keys()) != 4 {
		t.Errorf("active %s, %s of %v", seal, idx, v.Keys())
	}
	prints := map[string]bool{}
	for _, key := range v.Keys() {
		prints[key.Fingerprint] = true
	}
	if len(prints) != 4 {
		t.Errorf("fingerprints %v", prints)
	}
}

func TestKeysSayWhatIsWrongAndNothingSecret(t *testing.T) {
	const secret = "correct-horse-battery-staple-0123456789"
	for name, c := range map[string]struct{ yaml, want string }{
		"not YAML":     {"{a: " + secret, "not YAML"},
		"misspelt":     {"{actve: k1, keys: {k1: " + secret + "}}", "not YAML"},
		"none":         {"{}", "keys: one is needed"},
		"no index":     {"{active: k1, keys: {k1: " + secret + "}}", "index_keys: one is needed"},
		"wrong active": {"{active: k2, keys: {k1: " + secret + "}, active_index: i, index_keys: {i: " + secret + "}}", `active: "k2"`},
		"short":        {"{active: k1, keys: {k1: staple}, active_index: i, index_keys: {i: " + secret + "}}", "k1: want random text"},
		"dull":         {"{active: k1, keys: {k1: " + strings.Repeat("staple", 9) + "}, active_index: i, index_keys: {i: " + secret + "}}", "k1: want random text"},
		"id":           {"{active: K_1, keys: {K_1: " + secret + "}, active_index: i, index_keys: {i: " + secret + "}}", "an id is"},
		"big":          {strings.Repeat("#", 70000), "more than"},
	} {
		_, err := vault.ParseKeys([]byte(c.yaml))
		if !errors.Is(err, vault.ErrKeys) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "staple") {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := keys(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("keys", "keys", k)
	shown := fmt.Sprintf("%v %+v %#v %s", k, k, k, log.String())
	for _, s := range append(slices.Collect(maps2(k.Keys)), slices.Collect(maps2(k.IndexKeys))...) {
		if strings.Contains(shown, s) {
			t.Errorf("a secret shows in %s", shown)
		}
	}
	err := vault.Config{Keys: "{}", KeysFile: "x"}.Validate()
	if n := len(config.Errors(err)); n != 3 {
		t.Errorf("%d errors: %v", n, err)
	}
}

func maps2(m map[string]config.Secret) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, s := range m {
			if !yield(s.Reveal()) {
				return
			}
		}
	}
}

func TestTheFileIsMadeOncePrivateAndWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.yaml")
	var mu sync.Mutex
	var wg sync.WaitGroup
	makers, seen := 0, []vault.Keys{}
	for range 8 {
		wg.Go(func() {
			k, made, err := vault.EnsureFile(path, day)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if made {
				makers++
			}
			seen = append(seen, k)
		})
	}
	wg.Wait()
	for _, k := range seen {
		if !reflect.DeepEqual(k, seen[0]) {
			t.Error("two starting processes have different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || makers != 1 {
		t.Errorf("%v, %v, %d makers", info, err, makers)
	}
	k := seen[0]
	k.Generate(day, false)
	if err := vault.WriteFile(path, k, true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := vault.WriteFile(path, k, false); err != nil {
		t.Fatal(err)
	}
	cfg := vault.Config{KeysFile: path}
	if back, err := cfg.Load(); err != nil || !reflect.DeepEqual(back, k) || !cfg.Configured() {
		t.Errorf("read back %v, %v", back, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.ReadFile(path); !errors.Is(err, vault.ErrKeys) || !strings.Contains(err.Error(), "0640") {
		t.Errorf("readable by others: %v", err)
	}
}

// Whatever stands in a column, opening it neither panics nor gives what was
// not sealed there.
func FuzzOpen(f *testing.F) {
	v := open(f, keys(f))
	f.Add("13800138001")
	f.Add("v1:k20261126a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("v1:k:")
	f.Add("v1::::")
	f.Add(v.Seal(vault.Place{Column: "a.b", Row: "1"}, "secret"))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := v.Open(place, s)
		if err == nil && got != s {
			t.Errorf("%q opened as %q", s, got)
		}
		if err == nil && vault.KeyOf(s) != "" {
			t.Errorf("%q counts as sealed and opened as plain", s)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	data, err := keys(f).YAML()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{active: a, keys: {a: b}}"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := vault.ParseKeys(data)
		if err != nil {
			return
		}
		if _, err := vault.New(k); err != nil {
			t.Errorf("valid keys make no vault: %v", err)
		}
	})
}
