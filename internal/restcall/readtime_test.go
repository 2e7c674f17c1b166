package restcall

import (
	"math"
	"testing"
	"time"
)

func TestReadTime(t *testing.T) {
	want := time.Date(2026, 11, 26, 4, 5, 6, 0, time.UTC)
	for _, v := range []any{"2026-11-26T12:05:06+08:00", "2026-11-26 12:05:06+08:00", "2026-11-26T04:05:06Z", float64(want.Unix()), float64(want.UnixMilli()), "1795665906"} {
		if got, err := ReadTime(v); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	for _, v := range []any{"2026-11-26 12:05:06", "soon", "", "NaN", math.Inf(1), -1.0, true, nil, []any{}} {
		if got, err := ReadTime(v); err == nil {
			t.Errorf("%v: %v", v, got)
		}
	}
}
