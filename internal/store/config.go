package store

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/internal/vault"
)

// Config says which database holds the shop, the tickets and the records.
type Config struct {
	DSN         config.Secret `koanf:"dsn" help:"database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"`
	MaxOpen     int           `koanf:"max_open" help:"connections at most (SQLite: for reading; it writes through one)"`
	BusyTimeout time.Duration `koanf:"busy_timeout" help:"SQLite: how long a writer waits for another process's lock"`
	Migrate     bool          `koanf:"migrate" help:"bring the tables up to date when opening"`
	Vault       vault.Config  `koanf:"vault"`
}

// Defaults keeps everything in one SQLite file in the working directory.
func Defaults() Config {
	return Config{DSN: "sqlite:tidegate.db", MaxOpen: 8, BusyTimeout: 5 * time.Second, Migrate: true}
}

// Validate names every key that is wrong; it never quotes the DSN.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := splitDSN(c.DSN); err != nil {
		errs = append(errs, err)
	}
	if c.MaxOpen < 1 || c.MaxOpen > 500 {
		errs = append(errs, fmt.Errorf("max_open: %d is not in 1..500", c.MaxOpen))
	}
	if c.BusyTimeout < 0 || c.BusyTimeout > time.Minute {
		errs = append(errs, fmt.Errorf("busy_timeout: %v is not in 0s..1m", c.BusyTimeout))
	}
	return errors.Join(append(errs, c.Vault.Validate())...)
}

type dialect string

const (
	sqliteDialect   dialect = "sqlite"
	postgresDialect dialect = "postgres"
)

var errDSN = errors.New("dsn: want sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")

// splitDSN gives the driver and what it takes: a path, or the whole URL.
func splitDSN(dsn config.Secret) (dialect, string, error) {
	s := dsn.Reveal()
	if path, ok := strings.CutPrefix(s, "sqlite:"); ok {
		// A "?" would let the path set driver options; ":memory:" would be a
		// different database on each connection.
		if path == "" || strings.ContainsAny(path, "?\x00") || strings.Contains(path, ":memory:") {
			return "", "", errDSN
		}
		return sqliteDialect, path, nil
	}
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return postgresDialect, s, nil
	}
	return "", "", errDSN
}
