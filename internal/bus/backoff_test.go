package bus_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
)

func TestBackoffDoublesUpToTheLongest(t *testing.T) {
	if got, want := bus.Backoff(time.Second, 5*time.Second), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := bus.Backoff(time.Second, time.Second); !slices.Equal(got, []time.Duration{time.Second}) {
		t.Errorf("%v", got)
	}
}
