package storetest

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tidegate/tidegate/internal/vault"
)

// Order i of FillOrders, from 1, has the number FirstOrder + i, customer c the
// telephone number FirstPhone + c, and order i is customer i/4's.
const (
	FirstOrder = 2026000000000000
	FirstPhone = 13900000000
)

// FillOrders puts so many orders with a line, a parcel and a payment each into
// the shop, four to a customer, and gathers the planner's statistics. What is
// personal is sealed when there is a vault, as the store itself does.
func FillOrders(ctx context.Context, dsn string, n int, v *vault.Vault) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// Without the check of each foreign key: they are right by construction.
	if _, err := conn.Exec(ctx, "SET session_replication_role = replica"); err != nil {
		return err
	}
	if err := copyPeople(ctx, conn, n, v); err != nil {
		return err
	}
	for _, stmt := range []string{
		`INSERT INTO order_lines (order_number, id, position, sku, title, quantity, price_fen)
			SELECT ($1::bigint + i)::text, '1', 0, 'SKU', '连衣裙', 1, 9900 FROM generate_series(1, $2::int) i`,
		`INSERT INTO parcels (tracking_no, order_number, carrier, status, shipped_at, delivered_at)
			SELECT 'SF' || i, ($1::bigint + i)::text, '顺丰速运', 'delivered', now(), now() FROM generate_series(1, $2::int) i`,
		`INSERT INTO payments (id, order_number, method, status, amount_fen, paid_at)
			SELECT 'P' || i, ($1::bigint + i)::text, 'wechat', 'paid', 9900, now() FROM generate_series(1, $2::int) i`,
	} {
		if _, err := conn.Exec(ctx, stmt, FirstOrder, n); err != nil {
			return err
		}
	}
	for _, stmt := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// copyPeople writes customers and orders: they hold what is sealed.
func copyPeople(ctx context.Context, conn *pgx.Conn, n int, v *vault.Vault) error {
	now := time.Now()
	seal := func(column, row, value string) string {
		if v == nil {
			return value
		}
		return v.Seal(vault.Place{Column: column, Row: row}, value)
	}
	_, err := conn.CopyFrom(ctx, pgx.Identifier{"customers"}, []string{"id", "name", "phone", "phone_index", "level", "created_at"},
		pgx.CopyFromSlice(n/4+1, func(c int) ([]any, error) {
			id, phone, index := "bench-"+strconv.Itoa(c), strconv.Itoa(FirstPhone+c), ""
			if v != nil {
				index = v.Index("customers.phone", phone)
			}
			return []any{id, seal("customers.name", id, "顾客"), seal("customers.phone", id, phone), index, "", now}, nil
		}))
	if err != nil {
		return err
	}
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"orders"},
		[]string{"number", "number_reversed", "customer_id", "status", "placed_at", "payment_method", "total_fen", "address"},
		pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			i++
			number := strconv.Itoa(FirstOrder + i)
			return []any{number, reversed(number), "bench-" + strconv.Itoa(i/4), "delivered", now.Add(-time.Duration(i) * time.Second), "wechat", 9900,
				seal("orders.address", number, "上海市黄浦区中山路128号")}, nil
		}))
	return err
}

func reversed(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}
