package bus

import "time"

// Backoff lists pauses for a consumer's Backoff: they double from the first to
// the longest.
func Backoff(first, longest time.Duration) []time.Duration {
	var out []time.Duration
	for d := first; d < longest; d *= 2 {
		out = append(out, d)
	}
	return append(out, longest)
}
