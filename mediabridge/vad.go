package mediabridge

import (
	"math"

	"github.com/tidegate/tidegate/internal/audio"
)

// How the noise floor follows the line, per frame of 20 ms: at once to half
// of a drop, and 3 dB a second upwards, so that a louder background stops
// being speech within some seconds while words, which have gaps, stay over it.
const (
	floorFall  = 0.5
	floorRise  = 0.06
	floorStart = -60
	floorMin   = -80
	floorMax   = -25
)

// activity is what the detector knows after a frame.
type activity struct {
	loud    bool // this frame is speech
	runMS   int  // speech in the present run, gaps up to the hangover in between
	quietMS int  // since the last frame of speech
}

// vad is an energy detector with hysteresis over an adaptive noise floor. It
// is pure: frames in, activity out.
type vad struct {
	cfg        VADConfig
	hangoverMS int
	floor      float64
	level      float64 // of the last frame, in dBFS
	state      activity
}

func newVAD(cfg VADConfig) vad {
	return vad{cfg: cfg, hangoverMS: int(cfg.Hangover.Milliseconds()), floor: floorStart,
		state: activity{quietMS: math.MaxInt32}}
}

// frame takes 20 ms of sound. Tone says that a keypad tone fills it, which
// is no speech however loud.
func (v *vad) frame(pcm []int16, tone bool) activity {
	level := audio.DBFS(pcm)
	v.level = level
	s := &v.state
	limit := max(v.cfg.OnDBFS, v.floor+v.cfg.OnMarginDB)
	if s.loud {
		limit = max(v.cfg.OffDBFS, v.floor+v.cfg.OffMarginDB)
	}
	s.loud = level >= limit && !tone
	if !tone {
		v.follow(level)
	}
	if s.loud {
		s.runMS += frameMS
		s.quietMS = 0
		return *s
	}
	s.quietMS = min(s.quietMS+frameMS, math.MaxInt32)
	if s.quietMS > v.hangoverMS || tone {
		s.runMS = 0
	}
	return *s
}

// faintMargin is how little over the noise floor sound may be and still be
// taken for a part of it.
const faintMargin = 4

// faint says that a frame, the last one taken, is too quiet to be speech at
// the least.
func (v *vad) faint() bool {
	return v.level < max(v.cfg.OffDBFS-faintUnder, v.floor+faintMargin)
}

// faintUnder is how far under the energy detector's lower threshold quiet
// speech is still worth a look.
const faintUnder = 8

func (v *vad) follow(level float64) {
	if level < v.floor {
		v.floor += (level - v.floor) * floorFall
	} else {
		v.floor += floorRise
	}
	v.floor = max(floorMin, min(floorMax, v.floor))
}
