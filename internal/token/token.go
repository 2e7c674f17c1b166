// Package token makes the short-lived passes that stand in websocket paths:
// bound to one call and one use, expiring, signed with HMAC-SHA256.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Claims is what a token says. Use names what it opens ("fork", "asr",
// "tts"); ID makes tokens of one call different.
type Claims struct {
	CallID  string    `json:"c"`
	Use     string    `json:"u"`
	ID      string    `json:"i,omitempty"`
	Expires time.Time `json:"e"`
}

// Errors of Verify; none holds any part of the token.
var (
	ErrMalformed = errors.New("token is malformed")
	ErrSignature = errors.New("token signature is wrong")
	ErrExpired   = errors.New("token has expired")
	ErrUse       = errors.New("token is for another use")
)

// MaxLength bounds a token that Verify looks at.
const MaxLength = 512

var encoding = base64.RawURLEncoding

// Sign makes a token; it is safe in a URL path.
func Sign(secret []byte, c Claims) string {
	c.Expires = c.Expires.UTC().Truncate(time.Second)
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // a struct of strings and a time always encodes
	}
	body := encoding.EncodeToString(b)
	return body + "." + encoding.EncodeToString(mac(secret, body))
}

// Verify checks signature, use and expiry, in this order.
func Verify(secret []byte, tok, use string, now time.Time) (Claims, error) {
	var c Claims
	if len(tok) > MaxLength {
		return c, ErrMalformed
	}
	body, sig, ok := strings.Cut(tok, ".")
	if !ok {
		return c, ErrMalformed
	}
	got, err := encoding.DecodeString(sig)
	if err != nil {
		return c, ErrMalformed
	}
	if !hmac.Equal(got, mac(secret, body)) {
		return c, ErrSignature
	}
	b, err := encoding.DecodeString(body)
	if err != nil || json.Unmarshal(b, &c) != nil {
		return Claims{}, ErrMalformed
	}
	if c.Use != use {
		return Claims{}, ErrUse
	}
	if !now.Before(c.Expires) {
		return c, ErrExpired
	}
	return c, nil
}

func mac(secret []byte, body string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(body))
	return h.Sum(nil)
}
