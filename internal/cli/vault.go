package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
	"github.com/tidegate/tidegate/internal/vault"
)

// errNoKeys: a shared database must not be written in the clear by oversight.
var errNoKeys = errors.New("vault.keys: must be set for PostgreSQL, or vault.keys_file (tidegate keys generate makes them); vault.allow_plain stores personal data unencrypted")

// validateStore checks the database and its keys together.
func (c *Config) validateStore() error {
	err := c.Store.Validate()
	if v := c.Store.Vault; sqlitePath(c.Store) == "" && !v.Configured() && !v.AllowPlain {
		return errors.Join(err, errNoKeys)
	}
	return err
}

// sqlitePath is the database's file, or "" for a server.
func sqlitePath(c store.Config) string {
	path, ok := strings.CutPrefix(c.DSN.Reveal(), "sqlite:")
	if !ok {
		return ""
	}
	return path
}

// keysFile is where the keys are, or would be made: beside a SQLite database
// unless another file is named; "" when they are in the configuration itself.
func keysFile(c store.Config) string {
	switch path := sqlitePath(c); {
	case c.Vault.KeysFile != "":
		return c.Vault.KeysFile
	case c.Vault.Keys != "" || path == "":
		return ""
	default:
		return filepath.Join(filepath.Dir(path), "keys.yaml")
	}
}

// openVault reads the keys. Without any, a SQLite database gets new ones in a
// file beside it: whoever only tries Tidegate has encrypted data too.
func openVault(c store.Config, log *slog.Logger) (*vault.Vault, error) {
	var k vault.Keys
	var err error
	switch file := keysFile(c); {
	case c.Vault.Configured():
		k, err = c.Vault.Load()
	case file == "":
		log.Warn("personal data is stored unencrypted: store.vault.allow_plain")
		return nil, nil
	default:
		var made bool
		if k, made, err = vault.EnsureFile(file, time.Now()); err == nil && made {
			log.Info("keys made", "file", file)
		}
		if err == nil {
			log.Warn("keys lie beside the database; in production name them by store.vault.keys_file and keep a copy: without them the data cannot be read", "file", file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("store.vault: %w", err)
	}
	return vault.New(k)
}

// openStore opens the configured database with its keys, for services and
// tools alike.
func openStore(ctx context.Context, c store.Config, deps store.Deps) (*store.Store, error) {
	if path := sqlitePath(c); path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	v, err := openVault(c, deps.Log)
	if err != nil {
		return nil, err
	}
	deps.Vault = v
	return store.Open(ctx, c, deps)
}
