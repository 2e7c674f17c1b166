package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tidegate/tidegate/schemas"
)

// BareInserts is what the database itself makes of a ticket's statements: so
// many connections each insert a row into tickets and one into outbox, in one
// transaction, and mark the second sent, for a time. It gives the tickets a
// second. The rows are copies of those that are there, under other ids.
func BareInserts(ctx context.Context, dsn string, connections int, during time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, during+time.Minute)
	defer cancel()
	var done atomic.Int64
	errs := make([]error, connections)
	began := time.Now()
	var loops sync.WaitGroup
	for i := range connections {
		loops.Go(func() { errs[i] = insertBare(ctx, dsn, began.Add(during), &done) })
	}
	loops.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

func insertBare(ctx context.Context, dsn string, end time.Time, done *atomic.Int64) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	ticket, err := template(ctx, conn, "tickets")
	if err != nil {
		return err
	}
	fact, err := template(ctx, conn, "outbox")
	if err != nil {
		return err
	}
	for time.Now().Before(end) {
		id := schemas.NewID(time.Now())
		ticket.set("id", id)
		ticket.set("number", id)
		ticket.set("idempotency_key", id)
		fact.set("id", id)
		fact.set("sent_at", nil)
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, ticket.insert, ticket.values...); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, fact.insert, fact.values...)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "UPDATE outbox SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL", time.Now(), id); err != nil {
			return err
		}
		done.Add(1)
	}
	return nil
}

// row is a row to insert again and again.
type row struct {
	insert  string
	columns map[string]int
	values  []any
}

func (r *row) set(column string, v any) { r.values[r.columns[column]] = v }

func template(ctx context.Context, conn *pgx.Conn, table string) (*row, error) {
	rows, err := conn.Query(ctx, "SELECT * FROM "+pgx.Identifier{table}.Sanitize()+" LIMIT 1")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, errors.Join(rows.Err(), fmt.Errorf("%s has no row to copy", table))
	}
	out := &row{columns: map[string]int{}}
	if out.values, err = rows.Values(); err != nil {
		return nil, err
	}
	var names, marks []string
	for i, f := range rows.FieldDescriptions() {
		out.columns[f.Name] = i
		names = append(names, pgx.Identifier{f.Name}.Sanitize())
		marks = append(marks, fmt.Sprintf("$%d", i+1))
	}
	out.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING", pgx.Identifier{table}.Sanitize(), strings.Join(names, ", "), strings.Join(marks, ", "))
	return out, nil
}
