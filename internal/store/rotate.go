package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/internal/vault"
)

// ErrNoVault: the question is about keys, and the store has none.
var ErrNoVault = errors.New("no keys are configured")

// sealedTable is a table with sealed columns, for work on all its rows.
type sealedTable struct {
	name    string
	key     []string // columns of the primary key
	columns []sealedColumn
	// once, where it is set, is the column within whose values a blind index
	// is there once: of two rows that come to have the same, one goes.
	once string
}

type sealedColumn struct{ name, place, index string }

var sealedTables = []sealedTable{
	{"customers", []string{"id"}, []sealedColumn{{"phone", colPhone, "phone_index"}, {"name", colName, ""}}, ""},
	{"orders", []string{"number"}, []sealedColumn{{"address", colAddress, ""}}, ""},
	{"tickets", []string{"id"}, []sealedColumn{{"contact", colContact, "contact_index"}, {"pickup_address", colPickup, ""}}, ""},
	{"calls", []string{"id"}, []sealedColumn{{"caller", colCaller, "caller_index"}}, ""},
	{"returns", []string{"number"}, []sealedColumn{{"contact", colReturnContact, ""}, {"pickup_address", colReturnPickup, ""}}, ""},
	{"shop_writes", []string{"idempotency_key"}, []sealedColumn{{"answer", colShopAnswer, ""}}, ""},
	{"oms_writes", []string{"idempotency_key"}, []sealedColumn{{"address", colWriteAddress, ""}}, ""},
	{"ticket_deliveries", []string{"ticket_id", "sequence"}, []sealedColumn{{"data", colDelivery, ""}}, ""},
	{"ticket_comments", []string{"id"}, []sealedColumn{{"text", colComment, ""}}, ""},
	{"outbox", []string{"id"}, []sealedColumn{{"data", colOutbox, ""}}, ""},
	{"notifications", []string{"id"}, []sealedColumn{{"data", colNotify, ""}}, ""},
	{"notify_optouts", []string{"id"}, []sealedColumn{{"phone", colOptOut, "phone_index"}}, "tenant"},
}

// rowName names a row by the columns of its primary key, as sealed values are
// bound to it.
func rowName(key ...any) string {
	parts := make([]string, 0, len(key))
	for _, k := range key {
		parts = append(parts, fmt.Sprint(k))
	}
	return strings.Join(parts, "/")
}

// keyOf is a row's primary key.
func (t sealedTable) keyOf(row map[string]any) []any {
	out := make([]any, 0, len(t.key))
	for _, k := range t.key {
		out = append(out, row[k])
	}
	return out
}

func (t sealedTable) keyMarks() (columns, marks string) {
	return "(" + strings.Join(t.key, ", ") + ")", "(" + strings.Repeat("?, ", len(t.key)-1) + "?)"
}

func (t sealedTable) selected() []string {
	out := slices.Clone(t.key)
	for _, c := range t.columns {
		out = append(out, c.name)
		if c.index != "" {
			out = append(out, c.index)
		}
	}
	return out
}

// batch reads the rows after a primary key; nil is before the first.
func (t sealedTable) batch(tx *gorm.DB, after []any, limit int) ([]map[string]any, error) {
	var rows []map[string]any
	tx = tx.Table(t.name).Select(t.selected()).Order(strings.Join(t.key, ", ")).Limit(limit)
	if after != nil {
		columns, marks := t.keyMarks()
		tx = tx.Where(columns+" > "+marks, after...)
	}
	return rows, tx.Find(&rows).Error
}

func text(row map[string]any, column string) string {
	s, _ := row[column].(string)
	return s
}

// change is what a row's columns have to become; none when they are right.
func (t sealedTable) change(row map[string]any, want func(c sealedColumn, value, index string) (string, string, error)) (map[string]any, error) {
	set := map[string]any{}
	for _, c := range t.columns {
		value, index := text(row, c.name), text(row, c.index)
		newValue, newIndex, err := want(c, value, index)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeys, err)
		}
		if newValue != value {
			set[c.name] = newValue
		}
		if c.index != "" && newIndex != index {
			set[c.index] = newIndex
		}
	}
	return set, nil
}

// update changes a row unless a service has changed its values meanwhile; it
// reports whether it did.
func (t sealedTable) update(tx *gorm.DB, row, set map[string]any) (bool, error) {
	if len(set) == 0 {
		return false, nil
	}
	columns, marks := t.keyMarks()
	tx = tx.Table(t.name).Where(columns+" = "+marks, t.keyOf(row)...)
	for _, c := range t.columns {
		tx = tx.Where(c.name+" = ?", row[c.name])
	}
	res := tx.Updates(set)
	return res.RowsAffected == 1, res.Error
}

// dropTwin deletes a row whose new blind index is there already: a service that
// did not know the new key could not see that, and wrote the same once more.
func (t sealedTable) dropTwin(tx *gorm.DB, row, set map[string]any) (bool, error) {
	if t.once == "" {
		return false, nil
	}
	for _, c := range t.columns {
		index, changes := set[c.index]
		if c.index == "" || !changes || index == "" {
			continue
		}
		columns, marks := t.keyMarks()
		own := columns + " = " + marks
		twin := "SELECT 1 FROM " + t.name + " AS twin WHERE twin." + c.index + " = ? AND twin." + t.once + " = " + t.name + "." + t.once
		res := tx.Exec("DELETE FROM "+t.name+" WHERE "+own+" AND EXISTS ("+twin+")", append(t.keyOf(row), index)...)
		if res.Error != nil || res.RowsAffected > 0 {
			return res.RowsAffected > 0, res.Error
		}
	}
	return false, nil
}

// unsealTable puts all values of a table back as they came.
func (s *Store) unsealTable(tx *gorm.DB, t sealedTable) error {
	v := s.vault
	if v == nil || !tx.Migrator().HasTable(t.name) {
		return nil // nothing is sealed: registerKeys has seen to that; or it came later, and is gone
	}
	for after := []any(nil); ; {
		rows, err := t.batch(tx, after, 1000)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			after = t.keyOf(row)
			set, err := t.change(row, func(c sealedColumn, value, index string) (string, string, error) {
				plain, err := v.Open(sealedIn(c.place, rowName(after...)), value)
				return plain, index, err
			})
			if err != nil {
				return err
			}
			if _, err := t.update(tx, row, set); err != nil {
				return err
			}
		}
	}
}

// Rotation is how a rotation goes about its work.
type Rotation struct {
	Batch int           // rows a transaction; 0: DefaultRotationBatch
	Pause time.Duration // between batches, for the services' sake
	// Progress, when set, is called after every batch.
	Progress func(RotationProgress)
}

// DefaultRotationBatch holds a transaction well below a tenth of a second.
const DefaultRotationBatch = 500

// RotationProgress is where a rotation of one table stands.
type RotationProgress struct {
	Table          string
	Seen, Changed  int64 // rows, of this run
	Total          int64 // rows at the beginning, those that an earlier run did included
	Resumed, Ended bool
}

// RotationResult is what a rotation has come to.
type RotationResult struct {
	Changed int64 // rows
	// Left are values that are still plain or under other keys: services wrote
	// them meanwhile. Another run takes them.
	Left int64
	// Retired are the keys that no value needs any more.
	Retired []string
}

// Rotate brings every sealed value and every blind index to the active keys,
// plain ones included, while services run: in batches of rows, each a
// transaction. A run that was broken off goes on where it stood.
func (s *Store) Rotate(ctx context.Context, r Rotation) (RotationResult, error) {
	var out RotationResult
	if s.vault == nil {
		return out, ErrNoVault
	}
	if r.Batch <= 0 {
		r.Batch = DefaultRotationBatch
	}
	for _, t := range sealedTables {
		n, err := s.rotateTable(ctx, t, r)
		out.Changed += n
		if err != nil {
			return out, fmt.Errorf("rotate %s: %w", t.name, err)
		}
	}
	return out, s.finishRotation(ctx, &out)
}

func (s *Store) rotateTable(ctx context.Context, t sealedTable, r Rotation) (int64, error) {
	seal, index := s.vault.Active()
	generation := seal + " " + index
	after, err := s.rotationPosition(ctx, t, generation)
	if err != nil {
		return 0, err
	}
	p := RotationProgress{Table: t.name, Resumed: after != nil}
	if err := s.reading(ctx, opVaultRotate, func(db *gorm.DB) error { return db.Table(t.name).Count(&p.Total).Error }); err != nil {
		return 0, err
	}
	for !p.Ended {
		var seen, changed int64
		last := after
		err := s.inTx(ctx, opVaultRotate, func(tx *gorm.DB) (err error) {
			last, seen, changed, err = s.rotateBatch(tx, t, after, r.Batch)
			if err != nil {
				return err
			}
			position, err := json.Marshal(last)
			if err != nil {
				return err
			}
			return tx.Exec(`INSERT INTO vault_rotation (name, generation, position, updated_at) VALUES (?, ?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, position = excluded.position, updated_at = excluded.updated_at`,
				t.name, generation, string(position), stamp(s.now())).Error
		})
		if err != nil {
			return p.Changed, err
		}
		after, p.Seen, p.Changed, p.Ended = last, p.Seen+seen, p.Changed+changed, seen < int64(r.Batch)
		s.metrics.rotated.WithLabelValues(t.name).Add(float64(changed))
		if r.Progress != nil {
			r.Progress(p)
		}
		if !p.Ended && !sleep(ctx, r.Pause) {
			return p.Changed, ctx.Err()
		}
	}
	return p.Changed, nil
}

// sleep pauses, and reports false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err() == nil
}

// rotationPosition is the primary key at which a run to the same keys was
// broken off, or nil.
func (s *Store) rotationPosition(ctx context.Context, t sealedTable, generation string) ([]any, error) {
	var positions []string
	err := s.reading(ctx, opVaultRotate, func(db *gorm.DB) error {
		return db.Table("vault_rotation").Where("name = ? AND generation = ?", t.name, generation).Pluck("position", &positions).Error
	})
	if err != nil || len(positions) == 0 {
		return nil, err
	}
	// Whole numbers stay whole.
	var after []any
	dec := json.NewDecoder(strings.NewReader(positions[0]))
	dec.UseNumber()
	if err := dec.Decode(&after); err != nil || len(after) != len(t.key) {
		return nil, nil // of an earlier form: begin anew
	}
	for i, v := range after {
		if n, ok := v.(json.Number); ok {
			if after[i], err = n.Int64(); err != nil {
				return nil, err
			}
		}
	}
	return after, nil
}

func (s *Store) rotateBatch(tx *gorm.DB, t sealedTable, after []any, limit int) (last []any, seen, changed int64, err error) {
	rows, err := t.batch(tx, after, limit)
	if err != nil {
		return after, 0, 0, err
	}
	last = after
	for _, row := range rows {
		last = t.keyOf(row)
		set, err := t.change(row, func(c sealedColumn, value, index string) (string, string, error) {
			return s.renewed(c, rowName(last...), value, index)
		})
		if err != nil {
			return after, 0, 0, err
		}
		done, err := t.dropTwin(tx, row, set)
		if err == nil && !done {
			done, err = t.update(tx, row, set)
		}
		if err != nil {
			return after, 0, 0, err
		}
		if done {
			changed++
		}
	}
	return last, int64(len(rows)), changed, nil
}

// renewed is a value and its index under the active keys. What is right stays
// as it is, so that it need not be written.
func (s *Store) renewed(c sealedColumn, row, value, index string) (string, string, error) {
	_, activeIndex := s.vault.Active()
	if s.vault.Current(value) && (c.index == "" || value == "" || vault.IndexKeyOf(index) == activeIndex) {
		return value, index, nil
	}
	plain, err := s.vault.Open(sealedIn(c.place, row), value)
	if err != nil {
		return "", "", err
	}
	if !s.vault.Current(value) {
		value = s.vault.Seal(sealedIn(c.place, row), plain)
	}
	if c.index != "" {
		index = s.vault.Index(c.place, indexedPhone(plain))
	}
	return value, index, nil
}
