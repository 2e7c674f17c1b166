package vault

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tidegate/tidegate/internal/config"
)

// Keys are the secrets of a vault: any number that can open and look up, one
// of each that new values get. They are written as YAML,
//
//	active: k20261126a
//	keys: {k20261126a: SECRET, k20250102a: SECRET}
//	active_index: i20250102a
//	index_keys: {i20250102a: SECRET}
//
// where a SECRET is random text of at least 32 characters.
type Keys struct {
	Active      string                   `yaml:"active"`
	Keys        map[string]config.Secret `yaml:"keys"`
	ActiveIndex string                   `yaml:"active_index"`
	IndexKeys   map[string]config.Secret `yaml:"index_keys"`
}

const (
	minSecret   = 32
	maxID       = 32
	maxKeyFile  = 64 << 10
	minDistinct = 8 // fewer different characters are no random text
)

func validID(id string) bool {
	return id != "" && len(id) <= maxID && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Validate names everything that is wrong, and quotes no secret.
func (k Keys) Validate() error {
	var errs []error
	bad := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrKeys}, a...)...))
	}
	check := func(name, activeName, active string, keys map[string]config.Secret) {
		if len(keys) == 0 {
			bad("%s: one is needed", name)
		} else if _, ok := keys[active]; !ok {
			bad("%s: %q is none of %s", activeName, active, name)
		}
		for id, secret := range keys {
			if !validID(id) {
				bad("%s: an id is 1 to %d of a-z, 0-9 and -, not %q", name, maxID, id)
			}
			if s := secret.Reveal(); len(s) < minSecret || distinct(s) < minDistinct {
				bad("%s: %s: want random text of at least %d characters", name, id, minSecret)
			}
		}
	}
	check("keys", "active", k.Active, k.Keys)
	check("index_keys", "active_index", k.ActiveIndex, k.IndexKeys)
	return errors.Join(errs...)
}

func distinct(s string) int {
	seen := map[byte]bool{}
	for i := range len(s) {
		seen[s[i]] = true
	}
	return len(seen)
}

// ParseKeys reads keys from YAML. Unknown fields are errors: a misspelt
// "active" must not choose another key.
func ParseKeys(data []byte) (Keys, error) {
	var k Keys
	if len(data) > maxKeyFile {
		return k, fmt.Errorf("%w: more than %d bytes", ErrKeys, maxKeyFile)
	}
	// The parser's own errors quote the source, and so the secrets.
	if err := yaml.UnmarshalWithOptions(data, &k, yaml.Strict()); err != nil {
		return Keys{}, fmt.Errorf("%w: not YAML with active, keys, active_index, index_keys", ErrKeys)
	}
	return k, k.Validate()
}

// Generate adds a new sealing key and makes it the active one; with index, a
// new index key. Keys that are there stay, for what they have sealed. On
// empty Keys it makes the first of both.
func (k *Keys) Generate(now time.Time, index bool) (id string) {
	if k.Keys == nil {
		k.Keys = map[string]config.Secret{}
	}
	if k.IndexKeys == nil {
		k.IndexKeys = map[string]config.Secret{}
	}
	if index || len(k.IndexKeys) == 0 {
		k.ActiveIndex = freeID(k.IndexKeys, "i", now)
		k.IndexKeys[k.ActiveIndex] = newSecret()
		id = k.ActiveIndex
	}
	if !index || len(k.Keys) == 0 {
		k.Active = freeID(k.Keys, "k", now)
		k.Keys[k.Active] = newSecret()
		id = k.Active
	}
	return id
}

// freeID names a key by its day, and a letter or more for several of a day.
func freeID(keys map[string]config.Secret, prefix string, now time.Time) string {
	for n := 0; ; n++ {
		id := prefix + now.UTC().Format("20060102") + string(rune('a'+n%26)) + strings.Repeat("z", n/26)
		if _, taken := keys[id]; !taken {
			return id
		}
	}
}

func newSecret() config.Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return config.Secret(base64.RawURLEncoding.EncodeToString(b))
}

// YAML writes the keys with their secrets, for a file that only its owner
// reads.
func (k Keys) YAML() ([]byte, error) {
	plain := struct {
		Active      string            `yaml:"active"`
		Keys        map[string]string `yaml:"keys"`
		ActiveIndex string            `yaml:"active_index"`
		IndexKeys   map[string]string `yaml:"index_keys"`
	}{k.Active, reveal(k.Keys), k.ActiveIndex, reveal(k.IndexKeys)}
	return yaml.Marshal(plain)
}

func reveal(m map[string]config.Secret) map[string]string {
	out := make(map[string]string, len(m))
	for id, s := range m {
		out[id] = s.Reveal()
	}
	return out
}

// ReadFile reads keys from a file. One that others may read is refused: its
// keys are no secret any more.
func ReadFile(path string) (Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Keys{}, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Keys{}, fmt.Errorf("%w: %s: mode is %04o, want 0600", ErrKeys, path, info.Mode().Perm())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	k, err := ParseKeys(data)
	if err != nil {
		return Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// WriteFile writes keys to a file with mode 0600, whole or not at all. With
// fresh, a file that is there is left alone and fs.ErrExist returned.
func WriteFile(path string, k Keys, fresh bool) error {
	if err := k.Validate(); err != nil {
		return err
	}
	data, err := k.YAML()
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	defer func() { _ = os.Remove(part.Name()) }()
	_, err = part.Write(data)
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if fresh {
		// A link, unlike a rename, fails where a file is: of two processes
		// that start together one makes the keys and the other reads them.
		err = os.Link(part.Name(), path)
	} else {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return nil
}

// EnsureFile reads keys from a file, and makes it with new ones when there is
// none; made says so.
func EnsureFile(path string, now time.Time) (k Keys, made bool, err error) {
	if k, err = ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	k = Keys{}
	k.Generate(now, false)
	switch err = WriteFile(path, k, true); {
	case errors.Is(err, fs.ErrExist):
		k, err = ReadFile(path)
		return k, false, err
	case err != nil:
		return Keys{}, false, err
	}
	return k, true, nil
}
