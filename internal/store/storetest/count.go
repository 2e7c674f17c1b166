package storetest

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Count compares tickets with requests.
type Count struct{ Missing, Twice, Others int64 }

// CountTickets looks for the tickets of the requests whose idempotency keys
// are prefix, a number from 1 to n, and suffix. Others are tickets whose keys
// begin with the prefix and are none of these.
func CountTickets(ctx context.Context, dsn, prefix, suffix string, n int64) (c Count, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return c, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = conn.QueryRow(ctx, `
		WITH wanted AS (SELECT $1::text || i || $2::text AS key FROM generate_series(1, $3::bigint) i),
			there AS (SELECT idempotency_key AS key, count(*) AS n FROM tickets WHERE starts_with(idempotency_key, $1) GROUP BY 1)
		SELECT count(*) FILTER (WHERE there.key IS NULL), count(*) FILTER (WHERE there.n > 1), count(*) FILTER (WHERE wanted.key IS NULL)
		FROM wanted FULL JOIN there USING (key)`, prefix, suffix, n).Scan(&c.Missing, &c.Twice, &c.Others)
	return c, err
}

// Statement is one kind of statement that the database has run. Mean is its
// time in milliseconds, Plan that of planning it in all.
type Statement struct {
	Text        string
	Calls, Rows int64
	Mean, Plan  float64
}

// ForgetStatements begins to count statements anew. The server needs
// shared_preload_libraries=pg_stat_statements, and
// pg_stat_statements.track_planning=on for Plan.
func ForgetStatements(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT pg_stat_statements_reset()")
	return err
}

// Statements lists those of a database that were run since, those that took
// the most time together first.
func Statements(ctx context.Context, dsn string, most int) ([]Statement, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT regexp_replace(query, '\s+', ' ', 'g'), calls, rows, mean_exec_time, total_plan_time FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY total_exec_time DESC LIMIT $1`, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Statement])
}
