package caller

import (
	"time"

	"github.com/tidegate/tidegate/internal/audio"
)

// How the caller hears. The agent's voice is far over the level, the noise of
// a telephone line and its comfort noise far under it.
const (
	loudDBFS = -45.0
	onset    = 2                      // frames of 20 ms: shorter sounds are clicks
	gap      = 200 * time.Millisecond // shorter silences are part of speech
	breath   = 600 * time.Millisecond // between sentences of one prompt
	cutGap   = 400 * time.Millisecond // silence that a cut prompt leaves
)

// ear finds out from received frames when the agent speaks. It is pure; now
// never goes back.
type ear struct {
	speaking bool
	began    time.Time // of the present or last speech
	lastLoud time.Time
	run      int
	first    time.Time // of the present run

	// heard tells whether there was speech since forget. What is left of a
	// prompt that is being cut does not count while leftover.
	heard    bool
	leftover bool
	cut      time.Time
}

// frame takes 20 ms of sound and tells whether speech began with it.
func (e *ear) frame(now time.Time, pcm []int16) (began bool) {
	if audio.DBFS(pcm) < loudDBFS {
		e.run = 0
		return false
	}
	if e.run++; e.run == 1 {
		e.first = now
	}
	if !e.speaking && e.run < onset {
		return false
	}
	e.lastLoud = now
	if !e.leftover {
		e.heard = true
	}
	if e.speaking {
		return false
	}
	e.speaking, e.began = true, e.first
	return true
}

// tick lets time pass, also when no frames come, and tells whether speech has
// ended.
func (e *ear) tick(now time.Time) (ended bool) {
	quiet := now.Sub(e.lastLoud)
	if e.leftover && quiet >= cutGap && now.Sub(e.cut) >= cutGap {
		e.leftover = false
	}
	if !e.speaking || quiet < gap {
		return false
	}
	e.speaking, e.run = false, 0
	return true
}

// forget starts to listen for new speech.
func (e *ear) forget() {
	e.heard = e.speaking && !e.leftover
}

// forgetCut is forget when what is being said is about to be cut.
func (e *ear) forgetCut(now time.Time) {
	e.heard, e.leftover, e.cut = false, true, now
}

// talking tells whether the agent speaks, or takes breath.
func (e *ear) talking(now time.Time) bool {
	return e.speaking || now.Sub(e.lastLoud) < breath
}

// silent tells whether there was speech since forget, and none for d.
func (e *ear) silent(now time.Time, d time.Duration) bool {
	return e.heard && now.Sub(e.lastLoud) >= d
}
