package store

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/internal/vault"
)

// Keys lists the keys that the store works with; none without a vault.
func (s *Store) Keys() []vault.Key {
	if s.vault == nil {
		return nil
	}
	return s.vault.Keys()
}

// KeyUse counts the values of one column by what protects them. Empty values
// are not counted.
type KeyUse struct {
	Column    string
	Total     int64
	Plain     int64
	Unknown   int64            // sealed or indexed with keys that are not configured
	Keys      map[string]int64 // by id; configured keys only
	IndexKeys map[string]int64 // by id; nil for columns without a blind index
}

// KeyUsage reads every row, and so takes seconds for millions.
func (s *Store) KeyUsage(ctx context.Context) ([]KeyUse, error) {
	if s.vault == nil {
		return nil, ErrNoVault
	}
	return s.countAllKeys(func(fn func(*gorm.DB) error) error { return s.reading(ctx, opVaultKeys, fn) })
}

// countAllKeys counts every sealed column, each by ask.
func (s *Store) countAllKeys(ask func(fn func(*gorm.DB) error) error) ([]KeyUse, error) {
	var out []KeyUse
	for _, t := range sealedTables {
		for _, c := range t.columns {
			u := KeyUse{Column: c.place, Keys: map[string]int64{}}
			if c.index != "" {
				u.IndexKeys = map[string]int64{}
			}
			err := ask(func(db *gorm.DB) error { return s.countKeys(db, t, c, &u) })
			if err != nil {
				return nil, err
			}
			out = append(out, u)
		}
	}
	return out, nil
}

func (s *Store) countKeys(db *gorm.DB, t sealedTable, c sealedColumn, u *KeyUse) error {
	counts, err := s.countByKey(db, t.name, c.name, c.name)
	if err != nil {
		return err
	}
	for id, n := range counts {
		u.Total += n
		switch {
		case id == "-":
			u.Plain += n
		case s.knows(id, false):
			u.Keys[id] = n
		default:
			u.Unknown += n
		}
	}
	if c.index == "" {
		return nil
	}
	if counts, err = s.countByKey(db, t.name, c.index, c.name); err != nil {
		return err
	}
	delete(counts, "-") // plain rows, counted above
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		if s.knows(id, true) {
			u.IndexKeys[id] = counts[id]
		} else {
			u.Unknown += counts[id]
		}
	}
	return nil
}

func (s *Store) knows(id string, index bool) bool {
	return slices.ContainsFunc(s.vault.Keys(), func(k vault.Key) bool { return k.ID == id && k.Index == index })
}

// countByKey counts the rows of a table by the key that a column names, "-"
// where it names none; rows whose value is empty are left out.
func (s *Store) countByKey(db *gorm.DB, table, column, value string) (map[string]int64, error) {
	colon := "instr(substr(" + column + ", 4), ':')"
	if s.dialect == postgresDialect {
		colon = "strpos(substr(" + column + ", 4), ':')"
	}
	var rows []struct {
		KeyID string
		N     int64
	}
	err := db.Raw("SELECT CASE WHEN substr(" + column + ", 1, 3) = 'v1:' AND " + colon + " > 0 THEN substr(" + column + ", 4, " + colon +
		" - 1) ELSE '-' END AS key_id, count(*) AS n FROM " + table + " WHERE " + value + " <> '' GROUP BY key_id").Scan(&rows).Error
	out := map[string]int64{}
	for _, r := range rows {
		out[r.KeyID] += r.N
	}
	return out, err
}
