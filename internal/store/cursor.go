package store

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Bounds of one page of a list.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Cursor marks a place in a list, newest first: what follows is older. It is
// opaque to clients, and stays right while newer records come in.
type Cursor string

const maxCursor = 200

func newCursor(at time.Time, id string) Cursor {
	raw := strconv.FormatInt(at.UnixMicro(), 10) + " " + id
	return Cursor(base64.RawURLEncoding.EncodeToString([]byte(raw)))
}

// ParseCursor checks a cursor that a client sent.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return "", nil
	}
	if _, _, err := Cursor(s).split(); err != nil {
		return "", err
	}
	return Cursor(s), nil
}

func (c Cursor) split() (time.Time, string, error) {
	bad := fmt.Errorf("%w: cursor", ErrInvalid)
	if len(c) > maxCursor {
		return time.Time{}, "", bad
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(c))
	if err != nil {
		return time.Time{}, "", bad
	}
	micros, id, ok := strings.Cut(string(raw), " ")
	n, err := strconv.ParseInt(micros, 10, 64)
	// Years 1970 to 9999: what both databases can compare.
	if !ok || err != nil || n < 0 || n > 253402300799999999 || id == "" || strings.ContainsFunc(id, notPrintable) {
		return time.Time{}, "", bad
	}
	return time.UnixMicro(n).UTC(), id, nil
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }

// page orders by time and id, newest first, and begins after the cursor.
func page(tx *gorm.DB, timeColumn string, after Cursor) (*gorm.DB, error) {
	tx = tx.Order(timeColumn + " DESC, id DESC")
	if after == "" {
		return tx, nil
	}
	at, id, err := after.split()
	if err != nil {
		return nil, err
	}
	return tx.Where("("+timeColumn+", id) < (?, ?)", at, id), nil
}

func pageSize(limit int) (int, error) {
	if limit == 0 {
		return DefaultPage, nil
	}
	if limit < 1 || limit > MaxPage {
		return 0, fmt.Errorf("%w: limit: not in 1..%d", ErrInvalid, MaxPage)
	}
	return limit, nil
}
