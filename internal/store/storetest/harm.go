package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cut ends every other connection to a PostgreSQL database, as an
// administrator or a proxy does; the server goes on.
func Cut(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	return errors.Join(err, conn.Close(ctx))
}

// Deadlock waits until a transaction that writes into outbox last has written
// into tickets, and makes it the victim of a deadlock. Ready is closed when it
// may begin.
func Deadlock(ctx context.Context, dsn string, ready chan<- struct{}) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		close(ready)
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// Who waits longer than the server's deadlock_timeout looks for a
	// deadlock and ends itself; this connection never looks.
	if _, err := conn.Exec(ctx, "SET deadlock_timeout = '1h'"); err != nil {
		close(ready)
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "LOCK TABLE outbox IN EXCLUSIVE MODE")
		close(ready)
		if err != nil {
			return err
		}
		for waiting := 0; waiting == 0; time.Sleep(5 * time.Millisecond) {
			err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_locks w JOIN pg_locks h ON h.pid = w.pid AND h.granted AND h.relation = 'tickets'::regclass AND h.mode = 'RowExclusiveLock'
				WHERE NOT w.granted AND w.relation = 'outbox'::regclass`).Scan(&waiting)
			if err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
		return err
	})
}
