package console

import (
	"errors"
	"testing"

	"github.com/tidegate/tidegate/internal/store"
)

func FuzzParseQuery(f *testing.F) {
	f.Add("outcome=failed&limit=10&since=2026-11-11T00:00:00%2B08:00")
	f.Add("cursor=MTc2NDAwMDAwMDAwMDAwMCAwMUFCQw&caller=%2B8613800138001")
	f.Add("number=12345674&group=finance&call_id=a")
	f.Add("%zz&;=&limit=-1&limit=2")
	f.Fuzz(func(t *testing.T, raw string) {
		_, n, after, err := parseCalls(raw)
		inspect(t, raw, n, after, err)
		_, n, after, err = parseTickets(raw)
		inspect(t, raw, n, after, err)
	})
}

func inspect(t *testing.T, raw string, limit int, after store.Cursor, err error) {
	t.Helper()
	var bad *queryError
	if err != nil {
		if !errors.As(err, &bad) || len(bad.fields) == 0 {
			t.Errorf("%q: error %v names no field", raw, err)
		}
		return
	}
	if _, err := store.ParseCursor(string(after)); err != nil || limit < 0 || limit > store.MaxPage {
		t.Errorf("%q: limit %d, cursor %q were accepted", raw, limit, after)
	}
}
