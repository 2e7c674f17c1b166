// Package vault keeps personal data unreadable to whoever has the database
// but not the keys: values are sealed with AES-256-GCM, and numbers that are
// looked up have a blind index beside them, HMAC-SHA256 under a key of its
// own. It reads no database; internal/store says what is sealed.
//
// A sealed value is "v1:KEY:DATA": the id of the key, and nonce, ciphertext
// and tag in unpadded base64url. An index value is "v1:KEY:MAC" with the
// first 128 bits of the code (truncated as RFC 4868 does). Both name their
// key, so that several generations live side by side while keys change.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sentinels of this package.
var (
	// ErrNoKey: a value was sealed with a key that is not configured.
	ErrNoKey = errors.New("key is not configured")
	// ErrTampered: a value does not open: another key of the same id sealed
	// it, it was changed, or it was moved to another row or column.
	ErrTampered = errors.New("sealed value does not open")
	// ErrKeys: the keys themselves cannot work.
	ErrKeys = errors.New("unusable keys")
)

const (
	version   = "v1"
	nonceSize = 12 // what GCM is specified for (NIST SP 800-38D, 8.2)
	tagSize   = 16
	macSize   = 16
)

// Place is where a value lives. It is authenticated with the value: moved
// elsewhere, the value does not open.
type Place struct {
	Column string // table.column
	Row    string // the row's primary key
}

// Vault seals, opens and indexes. It is immutable and safe for concurrent
// use.
type Vault struct {
	active, activeIndex string
	aeads               map[string]cipher.AEAD
	macs                map[string][]byte
	prints              map[string]string
}

// New makes a vault of keys.
func New(k Keys) (*Vault, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	v := &Vault{
		active: k.Active, activeIndex: k.ActiveIndex, aeads: map[string]cipher.AEAD{}, macs: map[string][]byte{}, prints: map[string]string{},
	}
	for id, m := range k.Keys {
		key, err := derive(m.Reveal(), "seal", id)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if v.aeads[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
		v.prints[id] = fingerprint(key)
	}
	for id, m := range k.IndexKeys {
		key, err := derive(m.Reveal(), "index", id)
		if err != nil {
			return nil, err
		}
		v.macs[id] = key
		v.prints["index "+id] = fingerprint(key)
	}
	return v, nil
}

// derive makes 32 bytes of a configured secret, other ones for each use and
// id (HKDF, RFC 5869), so that a secret given twice is not one key twice.
func derive(material, use, id string) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(material), nil, "tidegate vault "+version+" "+use+" "+id, 32)
}

// fingerprint tells keys apart for people; it gives nothing of the key away.
func fingerprint(key []byte) string {
	sum := sha256.Sum256(append([]byte("tidegate key fingerprint "), key...))
	return hex.EncodeToString(sum[:4])
}

func (p Place) bind(id string) []byte {
	return []byte(version + "\x00" + id + "\x00" + p.Column + "\x00" + p.Row)
}

// Seal encrypts a value for a place with the active key. Sealing the same
// twice gives two different texts. The empty value stays empty: that there is
// none is no secret.
func (v *Vault) Seal(p Place, plain string) string {
	if plain == "" {
		return ""
	}
	// NewGCMWithRandomNonce puts the nonce in front of what it returns.
	data := v.aeads[v.active].Seal(nil, nil, []byte(plain), p.bind(v.active))
	return version + ":" + v.active + ":" + base64.RawURLEncoding.EncodeToString(data)
}

// Open gives the value that was sealed for a place. What is not sealed (rows
// from before there was a key) comes back as it is. Errors quote no value.
func (v *Vault) Open(p Place, s string) (string, error) {
	id, data, ok := split(s)
	if !ok {
		return s, nil
	}
	aead, ok := v.aeads[id]
	if !ok {
		return "", fmt.Errorf("%s: %w: %s", p.Column, ErrNoKey, id)
	}
	plain, err := aead.Open(nil, nil, data, p.bind(id))
	if err != nil {
		return "", fmt.Errorf("%s: %w (key %s)", p.Column, ErrTampered, id)
	}
	return string(plain), nil
}

// split takes a sealed text apart; ok is false for anything else.
func split(s string) (id string, data []byte, ok bool) {
	id, rest, ok := fields(s)
	if !ok || base64.RawURLEncoding.DecodedLen(len(rest)) <= nonceSize+tagSize {
		return "", nil, false
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	return id, data, err == nil
}

func fields(s string) (id, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, version+":")
	if !ok {
		return "", "", false
	}
	id, rest, ok = strings.Cut(s, ":")
	return id, rest, ok && validID(id)
}

// KeyOf names the key that sealed a text, or "" when it is not sealed.
func KeyOf(s string) string {
	id, _, _ := split(s)
	return id
}

// Current reports whether a stored value needs no rotation: it is empty, or
// sealed with the active key.
func (v *Vault) Current(s string) bool { return s == "" || KeyOf(s) == v.active }

// Index is the blind index of a value in a column under the active index key;
// that of no value is no index. Each column has its own, so that equal values
// in two columns do not show.
func (v *Vault) Index(column, value string) string {
	return v.index(v.activeIndex, column, value)
}

// Indexes are the blind indexes of a value under every index key, the active
// one first: what a look-up has to ask for while keys change.
func (v *Vault) Indexes(column, value string) []string {
	if value == "" {
		return nil
	}
	out := []string{v.Index(column, value)}
	for _, id := range slices.Sorted(maps.Keys(v.macs)) {
		if id != v.activeIndex {
			out = append(out, v.index(id, column, value))
		}
	}
	return out
}

func (v *Vault) index(id, column, value string) string {
	if value == "" {
		return ""
	}
	mac := hmac.New(sha256.New, v.macs[id])
	mac.Write([]byte(column + "\x00" + value))
	return version + ":" + id + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:macSize])
}

// Active names the key that seals, and the index key that new values get.
func (v *Vault) Active() (seal, index string) { return v.active, v.activeIndex }

// Key is one configured key as people see it.
type Key struct {
	ID          string
	Index       bool // of the blind index; otherwise one that seals
	Active      bool
	Fingerprint string // 8 hexadecimal digits
}

// Keys lists the configured keys, those that seal first, each in the order of
// their ids.
func (v *Vault) Keys() []Key {
	var out []Key
	for _, id := range slices.Sorted(maps.Keys(v.aeads)) {
		out = append(out, Key{ID: id, Active: id == v.active, Fingerprint: v.prints[id]})
	}
	for _, id := range slices.Sorted(maps.Keys(v.macs)) {
		out = append(out, Key{ID: id, Index: true, Active: id == v.activeIndex, Fingerprint: v.prints["index "+id]})
	}
	return out
}

// IndexKeyOf names the index key of a blind index, or "".
func IndexKeyOf(s string) string {
	id, _, _ := fields(s)
	return id
}
