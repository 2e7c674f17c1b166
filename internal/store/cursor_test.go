package store_test

import (
	"errors"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
)

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add("MTc2NDAwMDAwMDAwMDAwMCAwMUFCQw")
	f.Add("!!")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := store.ParseCursor(s)
		if err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
		if err == nil && string(c) != s {
			t.Errorf("%q became %q", s, c)
		}
	})
}

func FuzzValidTicketNumber(f *testing.F) {
	f.Add("12345674")
	f.Add("")
	f.Add("x")
	f.Fuzz(func(t *testing.T, s string) {
		if store.ValidTicketNumber(s) && len(s) != 8 && len(s) != 10 {
			t.Errorf("%q", s)
		}
	})
}
