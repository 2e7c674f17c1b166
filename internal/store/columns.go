package store

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// columns are rows of one table turned round, an array for each column. A
// statement over arrays is one and the same for one row and for a hundred, so
// that PostgreSQL and its driver prepare it once.
type columns struct {
	table string
	names []string
	types []string // of the elements
	args  []any
}

var parsedModels sync.Map

// columnsOf turns rows round, as gorm would write them: after their hooks,
// which work on copies here.
func columnsOf[T any](tx *gorm.DB, rows []T) (*columns, error) {
	parsed, err := schema.Parse(new(T), &parsedModels, schema.NamingStrategy{})
	if err != nil {
		return nil, err
	}
	c := &columns{table: parsed.Table}
	copies := make([]T, len(rows))
	for i := range rows {
		copies[i] = rows[i]
		if h, ok := any(&copies[i]).(interface{ BeforeCreate(*gorm.DB) error }); ok {
			if err := h.BeforeCreate(tx); err != nil {
				return nil, err
			}
		}
	}
	values := reflect.ValueOf(copies)
	for _, f := range parsed.Fields {
		if f.DBName == "" {
			continue
		}
		kind, err := elementType(f)
		if err != nil {
			return nil, err
		}
		column := reflect.MakeSlice(reflect.SliceOf(f.FieldType), len(rows), len(rows))
		for i := range rows {
			column.Index(i).Set(f.ReflectValueOf(context.Background(), values.Index(i)))
		}
		c.add(f.DBName, kind, column.Interface())
	}
	return c, nil
}

func (c *columns) add(name, kind string, array any) {
	c.names, c.types, c.args = append(c.names, `"`+name+`"`), append(c.types, kind), append(c.args, array)
}

func elementType(f *schema.Field) (string, error) {
	t := f.FieldType
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case f.Serializer != nil:
	case t == reflect.TypeFor[time.Time]():
		return "timestamptz", nil
	case t.Kind() == reflect.String:
		return "text", nil
	case t.Kind() == reflect.Int64:
		return "bigint", nil
	case t.Kind() == reflect.Int:
		return "integer", nil
	case t.Kind() == reflect.Bool:
		return "boolean", nil
	}
	return "", fmt.Errorf("column %s: no array type for %v", f.DBName, f.FieldType)
}

// rows is the arrays turned into rows named x; first is the number of their
// first argument.
func (c *columns) rows(first int) string {
	var b strings.Builder
	b.WriteString("unnest(")
	for i, kind := range c.types {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i) + "::" + kind + "[]")
	}
	return b.String() + ") AS x(" + strings.Join(c.names, ", ") + ")"
}

// insert writes the rows that a condition, which may be empty, is true of.
// Columns of the table that are of another type than their array are cast.
func (c *columns) insert(first int, casts map[string]string, where string) string {
	var into, from []string
	for _, name := range c.names {
		if strings.HasPrefix(name, `"of `) {
			continue // helps the condition
		}
		into, from = append(into, name), append(from, "x."+name+casts[name])
	}
	return "INSERT INTO " + c.table + " (" + strings.Join(into, ", ") + ") SELECT " + strings.Join(from, ", ") + " FROM " + c.rows(first) + where
}
