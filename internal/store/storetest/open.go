package storetest

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// SeedOpenTickets gives people n tickets that they have to work on, in turns,
// and lets the server look at what it then has.
func SeedOpenTickets(ctx context.Context, dsn string, people []string, n int) error {
	if len(people) == 0 {
		return nil
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `
		INSERT INTO tickets (id, number, idempotency_key, call_id, kind, team, status, order_number, order_verified, order_line, reason,
			reason_text, contact, summary, transcript_url, requested_at, opened_at, pickup_address, contact_index, tenant, assignee)
		SELECT 'seed' || i, 'seed' || i, 'seed:' || i, 'seed-' || i, 'return', 'after_sales', 'assigned', '', FALSE, '1', 'wrong_size',
			'', '', '', '', now(), now(), '', '', '', ($1::text[])[i % $2 + 1]
		FROM generate_series(1, $3::int) i`, people, len(people), n)
	if err == nil {
		_, err = conn.Exec(ctx, `VACUUM ANALYZE tickets`)
	}
	return err
}
