package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate/tidegate/internal/store"
)

// A key is tgk_ID_SECRET: ID is 80 random bits, by which the key is found and
// named in lists and in the audit log; SECRET is 256 random bits. A hash made
// for passwords would add nothing: there is nothing to guess in 256 bits.
const (
	keyPrefix   = "tgk_"
	keyIDBytes  = 10
	secretBytes = 32
	maxKeyName  = 100
)

var (
	keyIDEncoding = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)
	keyIDPattern  = regexp.MustCompile(`^[a-km-np-z2-9]{16}$`)
	keyEncoding   = base64.RawURLEncoding.Strict()
)

// NewKey makes a key with a name and scopes. The second result is what its
// owner presents: it is not kept and cannot be shown again. A zero expires is
// a key that does not expire.
func NewKey(name string, scopes []Scope, now, expires time.Time) (store.APIKey, string, error) {
	var errs []error
	if n := len(name); n == 0 || n > maxKeyName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		errs = append(errs, fmt.Errorf("name: want 1..%d bytes without control characters", maxKeyName))
	}
	if len(scopes) == 0 {
		errs = append(errs, errors.New("scope: none is given"))
	}
	if !expires.IsZero() && !expires.After(now) {
		errs = append(errs, errors.New("expires: is not in the future"))
	}
	if err := errors.Join(errs...); err != nil {
		return store.APIKey{}, "", err
	}
	random := make([]byte, keyIDBytes+secretBytes)
	if _, err := rand.Read(random); err != nil {
		return store.APIKey{}, "", err
	}
	k := store.APIKey{ID: keyIDEncoding.EncodeToString(random[:keyIDBytes]), Name: name, CreatedAt: now.UTC()}
	secret := keyEncoding.EncodeToString(random[keyIDBytes:])
	k.Hash = hashSecret(secret)
	for _, s := range scopes {
		k.Scopes = append(k.Scopes, string(s))
	}
	if !expires.IsZero() {
		k.ExpiresAt = &expires
	}
	return k, keyPrefix + k.ID + "_" + secret, nil
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// parseKey cuts a presented key; false when it cannot be one.
func parseKey(presented string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(presented, keyPrefix)
	if !ok || len(rest) > 100 {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	if !ok || !keyIDPattern.MatchString(id) {
		return "", "", false
	}
	raw, err := keyEncoding.DecodeString(secret)
	return id, secret, err == nil && len(raw) == secretBytes
}

// opens compares in constant time.
func opens(k store.APIKey, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(k.Hash)) == 1
}
