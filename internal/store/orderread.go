package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// wholeOrders reads the orders of a query, in its order, with everything that
// belongs to them. PostgreSQL is asked once: its answer waits six times less
// for its turn on a busy machine than the preloads' answers do. SQLite is in
// this process, where a question more costs nothing.
func (s *Store) wholeOrders(db, orders *gorm.DB) ([]orderRow, error) {
	var rows []orderRow
	if s.dialect != postgresDialect {
		err := whole(orders).Find(&rows).Error
		return rows, err
	}
	stmt, err := wholeStatement()
	if err != nil {
		return nil, err
	}
	found, err := db.Raw(stmt, orders).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	var parts [6][]byte
	for found.Next() {
		if err := found.Scan(&parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &parts[5]); err != nil {
			return nil, err
		}
		var r orderRow
		for i, into := range []any{&r, &r.Customer, &r.Lines, &r.Parcels, &r.Payments, &r.Refunds} {
			if parts[i] == nil {
				continue // nothing of that kind
			}
			if err := json.Unmarshal(parts[i], into); err != nil {
				return nil, fmt.Errorf("orders: column %d: %w", i+1, err)
			}
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].openWhole(db); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// openWhole does what gorm does after reading rows: it calls the hook of each
// that has one.
func (r *orderRow) openWhole(db *gorm.DB) error {
	hooked := []any{r, &r.Customer}
	for i := range r.Lines {
		hooked = append(hooked, &r.Lines[i])
	}
	for i := range r.Parcels {
		hooked = append(hooked, &r.Parcels[i])
	}
	for i := range r.Payments {
		hooked = append(hooked, &r.Payments[i])
	}
	for i := range r.Refunds {
		hooked = append(hooked, &r.Refunds[i])
	}
	for _, row := range hooked {
		if h, ok := row.(interface{ AfterFind(*gorm.DB) error }); ok {
			if err := h.AfterFind(db); err != nil {
				return err
			}
		}
	}
	return nil
}

// wholeStatement reads orders, from the subquery that is its argument, and
// what belongs to them as JSON. The limit is inside the subquery, so that only
// what is given is read.
var wholeStatement = sync.OnceValues(func() (string, error) {
	var columns []string
	for _, c := range []struct {
		model            any
		format, ordering string
	}{
		{&orderRow{}, `%s`, ""},
		{&customerRow{}, `(SELECT %s FROM customers AS t WHERE t.id = o.customer_id)`, ""},
		{&lineRow{}, `(SELECT json_agg(%s ORDER BY %s) FROM order_lines AS t WHERE t.order_number = o.number)`, "t.position"},
		{&parcelRow{}, `(SELECT json_agg(%s ORDER BY %s) FROM parcels AS t WHERE t.order_number = o.number)`, "t.shipped_at, t.tracking_no"},
		{&paymentRow{}, `(SELECT json_agg(%s ORDER BY %s) FROM payments AS t WHERE t.order_number = o.number)`, "t.paid_at, t.id"},
		{&refundRow{}, `(SELECT json_agg(%s ORDER BY %s) FROM refunds AS t WHERE t.order_number = o.number)`, "t.requested_at, t.id"},
	} {
		alias := "t"
		if columns == nil {
			alias = "o"
		}
		object, err := jsonObject(c.model, alias)
		if err != nil {
			return "", err
		}
		args := []any{object}
		if c.ordering != "" {
			args = append(args, c.ordering)
		}
		columns = append(columns, fmt.Sprintf(c.format, args...))
	}
	return "SELECT " + strings.Join(columns, ",\n") + "\nFROM (?) AS o ORDER BY o.placed_at DESC, o.number DESC", nil
})

// jsonObject is the expression that makes a row of a model's table an object
// which encoding/json reads into the model: fields by their Go names.
func jsonObject(model any, alias string) (string, error) {
	parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		return "", err
	}
	var pairs []string
	for _, f := range parsed.Fields {
		if f.DBName == "" {
			continue // another table's
		}
		value := alias + "." + f.DBName
		if f.Serializer != nil { // JSON in a text column
			value = "NULLIF(" + value + ", '')::json"
		}
		pairs = append(pairs, "'"+f.Name+"', "+value)
	}
	return "json_build_object(" + strings.Join(pairs, ", ") + ")", nil
}
