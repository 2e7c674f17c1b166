// Package store keeps the shop, the tickets and the records of calls in
// SQLite or PostgreSQL. It is the only importer of gorm, and no gorm type
// crosses its border: orders are schemas.Order, tickets, calls and turns are
// plain structs of this package. Times are UTC with microseconds.
//
// Telephone numbers and what people said are stored because the work needs
// them; this package logs neither, and its errors quote no values.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/tidegate/tidegate/internal/vault"
)

// Deps are what a Store uses of its surroundings. All may be left out.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Now      func() time.Time
	// NewNumber draws a ticket number; tests make it collide.
	NewNumber func(digits int) (string, error)
	// TicketSystem names the ticket system that gets copies of a tenant's
	// tickets; "" is none. Only who opens tickets needs it.
	TicketSystem func(tenant string) string
	// Vault seals personal data; nil: it is stored as it comes.
	Vault *vault.Vault
	// BeforeCommit is called at the end of each writing transaction, for
	// fault tests.
	BeforeCommit func()
}

// Store is a database with its tables. Its methods are safe for concurrent
// use.
type Store struct {
	dialect    dialect
	read       *gorm.DB
	write      *gorm.DB
	log        *slog.Logger
	metrics    *metrics
	now        func() time.Time
	newNumber  func(digits int) (string, error)
	copyTo     func(tenant string) string
	vault      *vault.Vault
	committing func()
	opening    *gather[*opening]
	marking    *gather[string]
}

// Open connects, and brings the tables up to date when cfg says so. The
// error is ErrUnavailable when the database cannot be reached, ErrKeys when it
// was written with keys that are not those of deps.
func Open(ctx context.Context, cfg Config, deps Deps) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		log: deps.Log, now: deps.Now, newNumber: deps.NewNumber, copyTo: deps.TicketSystem, committing: deps.BeforeCommit,
		metrics: newMetrics(deps.Registry), vault: deps.Vault,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.newNumber == nil {
		s.newNumber = drawNumber
	}
	if s.copyTo == nil {
		s.copyTo = func(string) string { return "" }
	}
	if s.committing == nil {
		s.committing = func() {}
	}
	for begun := time.Now(); ; {
		err := s.begin(ctx, cfg)
		if err == nil {
			break
		}
		// Several that turn a new file to WAL at once are told that it is busy,
		// without having waited (https://www.sqlite.org/wal.html, "Sometimes
		// Queries Return SQLITE_BUSY In WAL Mode").
		if !isBusy(err) || time.Since(begun) > cfg.BusyTimeout {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(beginPause):
		}
	}
	s.log.Info("database open", "dialect", string(s.dialect))
	return s, nil
}

// beginPause is between two tries to open a busy SQLite file.
const beginPause = 20 * time.Millisecond

// begin connects and brings the tables up to date, or leaves nothing open.
func (s *Store) begin(ctx context.Context, cfg Config) error {
	if err := s.connect(cfg); err != nil {
		return err
	}
	for _, db := range s.handles() {
		if err := db.Use(sealing{s.vault}); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	s.gatherers()
	if err := s.Ready(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	if cfg.Migrate {
		if err := s.MigrateUp(ctx); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	if err := s.registerKeys(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (s *Store) connect(cfg Config) error {
	kind, dsn, err := splitDSN(cfg.DSN)
	if err != nil {
		return err
	}
	s.dialect = kind
	if kind == postgresDialect {
		if s.write, err = openGorm(postgres.New(postgres.Config{DSN: dsn}), cfg.MaxOpen); err != nil {
			return err
		}
		s.read = s.write
		return nil
	}
	// One connection writes, so that writers of this process queue in order
	// instead of meeting SQLITE_BUSY; "immediate" takes the lock at BEGIN, so
	// that those of other processes wait for busy_timeout too. Readers have
	// their own connections and see the last commit (WAL).
	if err := privateFile(dsn); err != nil {
		return err
	}
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", cfg.BusyTimeout.Milliseconds()),
		"journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)",
	}}
	writer := url.Values{"_pragma": pragmas["_pragma"], "_txlock": {"immediate"}}
	if s.write, err = openGorm(sqlite.Open(dsn+"?"+writer.Encode()), 1); err != nil {
		return err
	}
	reader := url.Values{"_pragma": append(pragmas["_pragma"], "query_only(1)")}
	if s.read, err = openGorm(sqlite.Open(dsn+"?"+reader.Encode()), cfg.MaxOpen); err != nil {
		return errors.Join(err, closeGorm(s.write))
	}
	return nil
}

// privateFile makes the database file before SQLite does, readable by its
// owner only: it holds telephone numbers. SQLite gives its companions (-wal,
// -shm) the same mode.
func privateFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return f.Close()
}

func openGorm(d gorm.Dialector, maxOpen int) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		// gorm's own logger prints statements with their values.
		Logger:                 logger.Discard,
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		TranslateError:         false,
	})
	if err != nil {
		return nil, classify(err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(maxOpen)
	pool.SetMaxIdleConns(maxOpen) // a connection costs more than a ticket
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

func closeGorm(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// Ready asks the database for an answer.
func (s *Store) Ready(ctx context.Context) error {
	for _, db := range s.handles() {
		pool, err := db.DB()
		if err != nil {
			return err
		}
		if err := pool.PingContext(ctx); err != nil {
			return fmt.Errorf("database: %w", classify(err))
		}
	}
	return nil
}

// Close ends all connections. Closing twice does nothing more.
func (s *Store) Close() error {
	var errs []error
	for _, db := range s.handles() {
		errs = append(errs, closeGorm(db))
	}
	return errors.Join(errs...)
}

func (s *Store) handles() []*gorm.DB {
	if s.read == s.write {
		return []*gorm.DB{s.write}
	}
	return []*gorm.DB{s.write, s.read}
}

// reading runs fn on a snapshot-free reading handle and classifies its error.
func (s *Store) reading(ctx context.Context, op operation, fn func(*gorm.DB) error) error {
	return s.metrics.observe(op, func() error { return classify(fn(s.read.WithContext(ctx))) })
}

// inTx runs fn in one writing transaction: all of it or nothing, with the
// audit entry that ctx may carry (see Audited).
func (s *Store) inTx(ctx context.Context, op operation, fn func(*gorm.DB) error) error {
	return s.metrics.observe(op, func() error { return s.transaction(ctx, s.withAudit(ctx, fn)) })
}

func (s *Store) transaction(ctx context.Context, fn func(*gorm.DB) error) error {
	return classify(s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := fn(tx)
		if err == nil {
			s.committing()
		}
		return err
	}, &sql.TxOptions{}))
}

// writing runs fn, one statement, on the writing handle.
func (s *Store) writing(ctx context.Context, op operation, fn func(*gorm.DB) error) error {
	return s.metrics.observe(op, func() error { return classify(fn(s.write.WithContext(ctx))) })
}

// stamp is how a time is stored: UTC, microseconds (what PostgreSQL keeps).
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func stampPtr(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	v := stamp(*t)
	return &v
}

// snapshot is how a reading transaction sees one moment: PostgreSQL has to be
// asked for it, SQLite's are so anyway and know no level.
func (s *Store) snapshot() *sql.TxOptions {
	if s.dialect == postgresDialect {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return &sql.TxOptions{}
}
