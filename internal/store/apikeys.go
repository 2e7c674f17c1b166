package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// APIKey is a key of the HTTP API as it is kept: never the secret, only its
// SHA-256 in hexadecimal. Times that have not come are nil; a key without
// ExpiresAt does not expire.
type APIKey struct {
	ID         string
	Name       string
	Hash       string
	Scopes     []string
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
}

// Valid reports whether the key opens anything at a time.
func (k APIKey) Valid(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

type apiKeyRow struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	Hash       string
	Scopes     string
	CreatedAt  time.Time `gorm:"autoCreateTime:false"`
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
}

func (apiKeyRow) TableName() string { return "api_keys" }

func (r apiKeyRow) domain() APIKey {
	return APIKey{
		ID: r.ID, Name: r.Name, Hash: r.Hash, Scopes: strings.Fields(r.Scopes), CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: stampPtr(r.ExpiresAt), RevokedAt: stampPtr(r.RevokedAt), LastUsedAt: stampPtr(r.LastUsedAt),
	}
}

// AddAPIKey keeps a new key, with the entry of who made it when ctx has one.
func (s *Store) AddAPIKey(ctx context.Context, k APIKey) error {
	return s.inTx(ctx, opKeyWrite, func(tx *gorm.DB) error {
		return tx.Create(&apiKeyRow{
			ID: k.ID, Name: k.Name, Hash: k.Hash, Scopes: strings.Join(k.Scopes, " "), CreatedAt: stamp(k.CreatedAt), ExpiresAt: stampPtr(k.ExpiresAt),
		}).Error
	})
}

// APIKey finds a key by its id; ErrNotFound when there is none.
func (s *Store) APIKey(ctx context.Context, id string) (APIKey, error) {
	var row apiKeyRow
	err := s.reading(ctx, opKeyRead, func(db *gorm.DB) error { return db.Where("id = ?", id).Take(&row).Error })
	if err != nil {
		return APIKey{}, fmt.Errorf("API key: %w", err)
	}
	return row.domain(), nil
}

// maxKeys bounds a list of keys.
const maxKeys = 10000

// APIKeys lists all keys, also those that open nothing any more, newest first.
func (s *Store) APIKeys(ctx context.Context) ([]APIKey, error) {
	var rows []apiKeyRow
	err := s.reading(ctx, opKeyRead, func(db *gorm.DB) error {
		return db.Order("created_at DESC, id DESC").Limit(maxKeys).Find(&rows).Error
	})
	out := make([]APIKey, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.domain())
	}
	return out, err
}

// RevokeAPIKey ends a key now. Revoking twice keeps the first time;
// ErrNotFound when there is no such key.
func (s *Store) RevokeAPIKey(ctx context.Context, id string) error {
	return s.inTx(ctx, opKeyWrite, func(tx *gorm.DB) error {
		var row apiKeyRow
		if err := tx.Where("id = ?", id).Take(&row).Error; err != nil {
			return fmt.Errorf("API key: %w", classify(err))
		}
		return tx.Model(&apiKeyRow{}).Where("id = ? AND revoked_at IS NULL", id).Update("revoked_at", stamp(s.now())).Error
	})
}

// TouchAPIKey notes when a key was used last.
func (s *Store) TouchAPIKey(ctx context.Context, id string, at time.Time) error {
	return s.writing(ctx, opKeyWrite, func(db *gorm.DB) error {
		return db.Model(&apiKeyRow{}).Where("id = ?", id).Update("last_used_at", stamp(at)).Error
	})
}
