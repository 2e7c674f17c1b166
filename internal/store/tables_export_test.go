package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Tables that migrations keep for themselves.
var bookkeeping = []string{"migrations", "vault_keys", "vault_rotation"}

// TablesForTest lists the tables that there are.
func (s *Store) TablesForTest(ctx context.Context, t testing.TB) []string {
	t.Helper()
	q := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'ticket_grams%'"
	if s.dialect == postgresDialect {
		q = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	var names []string
	if err := s.write.WithContext(ctx).Raw(q).Scan(&names).Error; err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// ColumnsForTest lists the columns of every table, bookkeeping left out.
func (s *Store) ColumnsForTest(ctx context.Context, t testing.TB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range s.TablesForTest(ctx, t) {
		if slices.Contains(bookkeeping, table) {
			continue
		}
		q := "SELECT name FROM pragma_table_info('" + table + "')"
		if s.dialect == postgresDialect {
			q = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '" + table + "'"
		}
		var names []string
		if err := s.write.WithContext(ctx).Raw(q).Scan(&names).Error; err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		out[table] = names
	}
	return out
}

// TextColumnsForTest lists the columns that can hold words, TABLE.COLUMN,
// bookkeeping left out: all that are no numbers, no times and no yes or no.
func (s *Store) TextColumnsForTest(ctx context.Context, t testing.TB) []string {
	t.Helper()
	var out []string
	for _, table := range s.TablesForTest(ctx, t) {
		if slices.Contains(bookkeeping, table) {
			continue
		}
		q := "SELECT name FROM pragma_table_info('" + table + "') WHERE type NOT IN ('DATETIME', 'INTEGER', 'BIGINT', 'BOOLEAN', 'REAL')"
		if s.dialect == postgresDialect {
			q = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '" + table +
				"' AND data_type NOT IN ('timestamp with time zone', 'integer', 'bigint', 'boolean', 'double precision')"
		}
		var names []string
		if err := s.write.WithContext(ctx).Raw(q).Scan(&names).Error; err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			out = append(out, table+"."+n)
		}
	}
	slices.Sort(out)
	return out
}

// SealedColumnsForTest lists the columns that are sealed, and their blind
// indexes.
func SealedColumnsForTest() (columns, indexes []string) {
	for _, t := range sealedTables {
		for _, c := range t.columns {
			columns = append(columns, t.name+"."+c.name)
			if c.index != "" {
				indexes = append(indexes, t.name+"."+c.index)
			}
		}
	}
	return columns, indexes
}

// Cell is one value of one row; Row tells rows of a table apart by number.
type Cell struct{ Table, Column, Value string }

// DumpForTest gives every value of the columns, in order, opened where it is
// sealed: what a migration has to leave as it is.
func (s *Store) DumpForTest(ctx context.Context, t testing.TB, columns map[string][]string) []Cell {
	t.Helper()
	return s.dumpForTest(ctx, t, columns, func(table, column string, row map[string]any) any { return s.plainForTest(t, table, column, row) })
}

// RawForTest gives every value as the database has it.
func (s *Store) RawForTest(ctx context.Context, t testing.TB) []Cell {
	t.Helper()
	return s.dumpForTest(ctx, t, s.ColumnsForTest(ctx, t), func(_, column string, row map[string]any) any { return row[column] })
}

func (s *Store) dumpForTest(ctx context.Context, t testing.TB, columns map[string][]string, show func(table, column string, row map[string]any) any) []Cell {
	t.Helper()
	var out []Cell
	for table, names := range columns {
		var rows []map[string]any
		err := s.write.WithContext(ctx).Table(table).Find(&rows).Error
		for range 10 {
			// Connections that have prepared this for the columns of before say
			// so once.
			if !errors.Is(classify(err), ErrUnavailable) {
				break
			}
			err = s.write.WithContext(ctx).Table(table).Find(&rows).Error
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, name := range names {
				out = append(out, Cell{table, name, fmt.Sprint(show(table, name, row))})
			}
		}
	}
	slices.SortFunc(out, func(a, b Cell) int {
		return strings.Compare(a.Table+"\x00"+a.Column+"\x00"+a.Value, b.Table+"\x00"+b.Column+"\x00"+b.Value)
	})
	return out
}

func (s *Store) plainForTest(t testing.TB, table, column string, row map[string]any) any {
	for _, st := range sealedTables {
		for _, c := range st.columns {
			if st.name != table || c.name != column {
				continue
			}
			plain, err := s.vault.Open(sealedIn(c.place, rowName(st.keyOf(row)...)), text(row, column))
			if err != nil {
				t.Fatal(err)
			}
			// JSONB has its own order and spaces.
			var v map[string]any
			if json.Unmarshal([]byte(plain), &v) == nil {
				return v
			}
			return plain
		}
	}
	return row[column]
}

// FilterForTest keeps what lies in the columns.
func FilterForTest(cells []Cell, columns map[string][]string) []Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return !slices.Contains(columns[c.Table], c.Column) })
}
