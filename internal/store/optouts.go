package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/tidegate/tidegate/schemas"
)

// OptOut is a number that does not want to be told anything by a tenant.
type OptOut struct {
	ID        string
	Tenant    string
	Phone     string    // national form
	Source    string    // reply, cli, import
	CreatedAt time.Time // of the newest time it was said
}

type optOutRow struct {
	ID         string `gorm:"primaryKey"`
	Tenant     string
	Phone      string
	PhoneIndex string
	Source     string
	CreatedAt  time.Time `gorm:"autoCreateTime:false"`
}

func (optOutRow) TableName() string { return "notify_optouts" }

// NationalPhone brings a number to the form the tables hold: digits, without
// the mainland's country code, and without the 0 that some carriers put
// before a mobile number.
func NationalPhone(s string) string { return nationalPhone(s) }

func ofNumber(tx *gorm.DB, tenant, phone string) *gorm.DB {
	n := nationalPhone(phone)
	return tx.Where("tenant = ?", schemas.TenantName(tenant)).Where(byPhone(tx, "phone", "phone_index", colOptOut, n, []string{n}))
}

func optedOut(tx *gorm.DB, tenant, phone string) (bool, error) {
	var rows []optOutRow
	err := ofNumber(tx.Select("id"), tenant, phone).Limit(1).Find(&rows).Error
	return len(rows) > 0, err
}

// OptedOut says whether a number does not want to be told anything.
func (s *Store) OptedOut(ctx context.Context, tenant, phone string) (out bool, err error) {
	err = s.reading(ctx, opNotifyRead, func(db *gorm.DB) error {
		out, err = optedOut(db, tenant, phone)
		return err
	})
	return out, err
}

// AddOptOut notes that a number does not want to be told anything; false when
// that was known.
func (s *Store) AddOptOut(ctx context.Context, o OptOut) (added bool, err error) {
	if o.Phone, err = optPhone(o.Phone); err != nil {
		return false, err
	}
	err = s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		now := stamp(s.now())
		o.CreatedAt = now
		added, err = addOptOut(tx, o, now)
		return err
	})
	return added, err
}

// RemoveOptOut lets a number be told things again; false when it was.
func (s *Store) RemoveOptOut(ctx context.Context, tenant, phone string) (removed bool, err error) {
	err = s.inTx(ctx, opNotify, func(tx *gorm.DB) error {
		res := ofNumber(tx, tenant, phone).Delete(&optOutRow{})
		removed = res.RowsAffected > 0
		return res.Error
	})
	return removed, err
}

// OptOuts lists a page of a tenant's opt-outs after an id, in the order in
// which they came.
func (s *Store) OptOuts(ctx context.Context, tenant, after string, limit int) ([]OptOut, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return nil, err
	}
	var rows []optOutRow
	err = s.reading(ctx, opNotifyRead, func(db *gorm.DB) error {
		return db.Where("tenant = ? AND id > ?", schemas.TenantName(tenant), after).Order("id").Limit(limit).Find(&rows).Error
	})
	out := make([]OptOut, 0, len(rows))
	for _, r := range rows {
		out = append(out, OptOut{ID: r.ID, Tenant: r.Tenant, Phone: r.Phone, Source: r.Source, CreatedAt: r.CreatedAt.UTC()})
	}
	return out, err
}
