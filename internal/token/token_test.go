package token

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	now    = time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC)
)

func TestVerify(t *testing.T) {
	good := Sign(secret, Claims{CallID: "call-1", Use: "fork", ID: "a", Expires: now.Add(time.Minute)})
	body, sig, _ := strings.Cut(good, ".")
	tests := []struct {
		name, tok, use string
		secret         []byte
		at             time.Time
		want           error
	}{
		{"good", good, "fork", secret, now, nil},
		{"expired", good, "fork", secret, now.Add(time.Minute), ErrExpired},
		{"other use", good, "asr", secret, now, ErrUse},
		{"other secret", good, "fork", []byte("x"), now, ErrSignature},
		{"changed body", "x" + body + "." + sig, "fork", secret, now, ErrSignature},
		{"no dot", body, "fork", secret, now, ErrMalformed},
		{"bad base64", body + ".*", "fork", secret, now, ErrMalformed},
		{"too long", strings.Repeat("a", MaxLength+1), "fork", secret, now, ErrMalformed},
		{"empty", "", "fork", secret, now, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Verify(tt.secret, tt.tok, tt.use, tt.at)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && c.CallID != "call-1" {
				t.Fatalf("claims %+v", c)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(Sign(secret, Claims{CallID: "c", Use: "fork", Expires: now.Add(time.Hour)}))
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, tok string) {
		c, err := Verify([]byte("another secret"), tok, "fork", now)
		if err == nil {
			t.Fatalf("accepted %+v", c)
		}
	})
}
