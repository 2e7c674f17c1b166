package store

import (
	"context"

	"gorm.io/gorm"
)

// finishRotation counts what services wrote behind the rotation's back, and
// when that is nothing, forgets the keys that nothing needs.
func (s *Store) finishRotation(ctx context.Context, out *RotationResult) error {
	usage, err := s.KeyUsage(ctx)
	if err != nil {
		return err
	}
	_, out.Left = s.needed(usage)
	return s.inTx(ctx, opVaultRotate, func(tx *gorm.DB) error {
		// The next run begins anew: it looks for what is left.
		if err := tx.Exec("DELETE FROM vault_rotation").Error; err != nil || out.Left > 0 {
			return err
		}
		return s.retireKeys(tx, out)
	})
}

// needed are the ids, as in vault_keys, of the keys that values use or will,
// and how many values are not under the active ones.
func (s *Store) needed(usage []KeyUse) (ids map[string]bool, left int64) {
	seal, index := s.vault.Active()
	ids = map[string]bool{seal: true, indexProbe + index: true}
	for _, u := range usage {
		for id, n := range u.Keys {
			if ids[id] = true; id != seal {
				left += n
			}
		}
		for id, n := range u.IndexKeys {
			if ids[indexProbe+id] = true; id != index {
				left += n
			}
		}
		left += u.Plain + u.Unknown
	}
	return ids, left
}

// retireKeys forgets keys, and counts once more for that: a service with older
// keys may have come since. One that comes now waits, and notes its key again
// after this: SQLite has one writer, in PostgreSQL who notes keys waits for the
// table. Who only writes waits for nothing, so that calls go on meanwhile; such
// a value is left for the next run, and its key configured until then.
func (s *Store) retireKeys(tx *gorm.DB, out *RotationResult) error {
	if s.dialect == postgresDialect {
		if err := tx.Exec("LOCK TABLE vault_keys IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
			return err
		}
	}
	seal, index := s.vault.Active()
	var ids []string
	err := tx.Model(&vaultKeyRow{}).Where("id NOT IN ?", []string{seal, indexProbe + index}).Order("id").Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return err
	}
	usage, err := s.countAllKeys(func(fn func(*gorm.DB) error) error { return fn(tx) })
	if err != nil {
		return err
	}
	var used map[string]bool
	if used, out.Left = s.needed(usage); out.Left > 0 {
		return nil
	}
	for _, id := range ids {
		if used[id] {
			continue
		}
		if err := tx.Delete(&vaultKeyRow{}, "id = ?", id).Error; err != nil {
			return err
		}
		out.Retired = append(out.Retired, id)
	}
	return nil
}
