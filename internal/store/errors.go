package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Sentinels of this package.
var (
	// ErrUnavailable: the database is away, shutting down or over its limits;
	// the same call may work later.
	ErrUnavailable = errors.New("database unavailable")
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the question itself is wrong and will not work later.
	ErrInvalid = errors.New("invalid")
)

// Error is a failure the database reported, with its code and without the
// values that its text would quote.
type Error struct {
	Code string // SQLSTATE, or sqlite:RESULTCODE
	err  error
	busy bool // SQLite's SQLITE_BUSY, of whatever kind
}

// Error says the code only: a driver's text quotes the row.
func (e *Error) Error() string { return "database error " + e.Code }

// Unwrap gives the class: ErrUnavailable, ErrInvalid or none.
func (e *Error) Unwrap() error { return e.err }

// Primary result codes of SQLite that go away by themselves
// (https://www.sqlite.org/rescode.html): busy, locked, I/O error, full,
// cannot open.
var sqliteTransient = map[int]bool{5: true, 6: true, 10: true, 13: true, 14: true}

// isBusy: SQLite says that others have the file.
func isBusy(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.busy
}

// isRefusal: the database is well, and the record does not allow it.
func isRefusal(err error) bool {
	for _, no := range []error{ErrTransition, ErrChanged, ErrTaken, ErrOwnApproval, ErrNoApprover, ErrEnded, ErrNotifyBusy, ErrNotifyLater, ErrOptedOut} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func classify(err error) error {
	var pg *pgconn.PgError
	var lite *gosqlite.Error
	var netErr net.Error
	var connect *pgconn.ConnectError
	var parse *pgconn.ParseConfigError
	var own *Error
	switch {
	case errors.As(err, &own):
		return err
	case err == nil, isRefusal(err), errors.Is(err, ErrInvalid), errors.Is(err, ErrNotFound), errors.Is(err, ErrUnavailable):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return ErrNotFound
	case errors.As(err, &parse):
		// The driver's text quotes the DSN, and its masking misses passwords
		// with characters that should have been escaped.
		return fmt.Errorf("%w, special characters escaped as in URLs", errDSN)
	case errors.As(err, &pg):
		return &Error{Code: pg.Code, err: pgClass(pg.Code)}
	case errors.As(err, &lite):
		e := &Error{Code: fmt.Sprintf("sqlite:%d", lite.Code()), busy: lite.Code()&0xff == 5}
		if sqliteTransient[lite.Code()&0xff] {
			e.err = ErrUnavailable
		}
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &connect), errors.As(err, &netErr), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, sql.ErrConnDone), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: no connection", ErrUnavailable)
	case pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: connection lost", ErrUnavailable)
	}
	return fmt.Errorf("database: %w", err)
}

// pgClass says which SQLSTATE classes pass by themselves: 08 connection,
// 40 rollback (serialisation, deadlock), 53 resources, 55 lock, 57 operator
// intervention (shutdown, cannot connect now), 58 system; and which never
// will: 22 data that the tables cannot hold.
func pgClass(code string) error {
	if len(code) < 2 {
		return nil
	}
	if code == "0A000" {
		// "cached plan must not change result type": another service migrated
		// since this connection prepared the statement; pgx has forgotten it now.
		// Our statements use nothing else that raises this code.
		return ErrUnavailable
	}
	switch code[:2] {
	case "08", "40", "53", "55", "57", "58":
		return ErrUnavailable
	case "22":
		return ErrInvalid
	}
	return nil
}
