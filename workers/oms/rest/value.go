package rest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// text is a scalar as text; ok is false for lists and objects.
func text(v any) (s string, ok bool) {
	switch x := v.(type) {
	case string:
		return strings.TrimSpace(x), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(x), true
	}
	return "", false
}

// fen makes fen of an amount; what is no whole fen is an error, not rounded.
func fen(s, unit string) (int64, error) {
	r, ok := new(big.Rat).SetString(strings.ReplaceAll(s, ",", ""))
	if !ok || strings.ContainsAny(s, "/pPxX_") {
		return 0, fmt.Errorf("is no amount")
	}
	if unit == "yuan" {
		r.Mul(r, big.NewRat(100, 1))
	}
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, fmt.Errorf("is no whole number of fen")
	}
	if r.Sign() < 0 {
		return 0, fmt.Errorf("is below 0")
	}
	return r.Num().Int64(), nil
}

// Names of time layouts beside Go's own.
const (
	timeRFC3339 = "rfc3339"
	timeUnix    = "unix"
	timeUnixMS  = "unix_ms"
)

// instant reads a time; ok is false for what stands for "not yet".
func instant(s, layout string, zone *time.Location) (t time.Time, ok bool, err error) {
	if strings.Trim(s, "0-: TZ") == "" {
		return t, false, nil
	}
	switch layout {
	case timeUnix, timeUnixMS:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return t, false, fmt.Errorf("is no whole number of time")
		}
		if t = time.Unix(n, 0); layout == timeUnixMS {
			t = time.UnixMilli(n)
		}
	case timeRFC3339:
		t, err = time.Parse(time.RFC3339Nano, s)
	default:
		t, err = time.ParseInLocation(layout, s, zone)
	}
	if err != nil {
		return t, false, fmt.Errorf("is not written as %q", layout)
	}
	if y := t.Year(); y < 1990 || y > 2200 {
		return t, false, fmt.Errorf("is a time of another century; is the unit right")
	}
	return t.UTC(), true, nil
}

func flag(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1", "y", "yes":
		return true, nil
	case "false", "0", "n", "no", "":
		return false, nil
	}
	return false, fmt.Errorf("is neither true nor false")
}

func cut(s string, max int) string {
	if max == 0 || utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max])
}
