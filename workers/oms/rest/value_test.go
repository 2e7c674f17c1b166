package rest

import "testing"

func TestAmountsAreExact(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "19.9": 1990, "1,299.00": 129900, "0.29": 29, "1.15": 115, "1e2": 10000} {
		if got, err := fen(s, "yuan"); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1/3", "0x10", "NaN", "1.234", "-1", "1_000", "92233720368547758.08"} {
		if got, err := fen(s, "yuan"); err == nil {
			t.Errorf("%s became %d", s, got)
		}
	}
}
