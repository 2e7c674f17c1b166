package restcall

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ReadTime reads what another system dates something with: RFC 3339, with T or
// a space, or seconds or milliseconds since 1970.
func ReadTime(v any) (time.Time, error) {
	var n float64
	switch v := v.(type) {
	case string:
		for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), nil
			}
		}
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return time.Time{}, errors.New("is neither RFC 3339 nor a number of seconds")
		}
		n = f
	case float64:
		n = v
	default:
		return time.Time{}, fmt.Errorf("is no time but %T", v)
	}
	if n > 1e11 {
		n /= 1000 // milliseconds: as seconds it would be after the year 5000
	}
	if !(n >= 0 && n <= 1e11) { // NaN, too, which "NaN" is read as
		return time.Time{}, errors.New("is out of range")
	}
	return time.UnixMicro(int64(n * 1e6)).UTC(), nil
}
