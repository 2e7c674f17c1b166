package devswitch

import (
	"math/rand/v2"
	"testing"
)

// TestArrivals plays a sender whose frames come at given ticks against the
// channel's ticks: what is heard of them, and how much silence.
func TestArrivals(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	steady := func(n int) int { return n }
	for name, c := range map[string]struct {
		at              func(n int) int // the tick at which frame n is there
		silence, behind int             // at most, over 3000 ticks
	}{
		"in time":                          {steady, 0, 0},
		"always three ticks late":          {func(n int) int { return n + 3 }, 0, 0},
		"a jitter of two ticks":            {func(n int) int { return n + rng.IntN(3) }, 0, 3},
		"one of a hundred is held up":      {func(n int) int { return n + max(0, 6-n%100) }, 0, 0},
		"late for a second, then not":      {func(n int) int { return n + 4*(n/500%2) }, 0, 3},
		"a clock that is slower by 1 %":    {func(n int) int { return n + n/100 }, 0, 0},
		"a clock that is faster by 1 %":    {func(n int) int { return n - n/100 }, 0, 3},
		"nothing for a second, then again": {func(n int) int { return n + 50*(n/1000) }, 2*50 + 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var a arrivals
			const ticks = 3000
			arrived, heard, silence := 0, 0, 0
			for tick := range ticks {
				for c.at(arrived) <= tick {
					arrived++
				}
				took := a.tick(arrived - heard)
				if took.frames > arrived-heard {
					t.Fatalf("tick %d: %d frames of %d", tick, took.frames, arrived-heard)
				}
				heard += took.frames
				silence += took.silence
			}
			if silence > c.silence {
				t.Errorf("%d frames of silence, want at most %d", silence, c.silence)
			}
			if arrived-heard > c.behind {
				t.Errorf("%d frames behind, want at most %d", arrived-heard, c.behind)
			}
		})
	}
	var a arrivals
	silence := 0
	for range 100 { // a caller who sends nothing is silent all the time
		silence += a.tick(0).silence
	}
	if silence != 100 {
		t.Errorf("%d frames of silence in 100 ticks", silence)
	}
}
