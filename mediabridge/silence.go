package mediabridge

import (
	"sync/atomic"
	"time"
)

// The switch's frames are the session's clock. After starved without one it
// goes by its own. After stall the switch's silence is taken for the caller's:
// a phone with silence suppression may send nothing at all. A shorter one is
// the network's, which sends again what it lost after 200 ms and more; silence
// put into a word would end it.
const (
	starved = 80 * time.Millisecond
	stall   = 500 * time.Millisecond
)

// clock is what tells a session to keep time by itself. One look over all
// sessions costs less than a timer in each, which would have to be moved, or
// to ring for nothing, as long as there are frames.
type clock struct {
	began time.Time
	frame atomic.Int64 // nanoseconds from began to the last frame
	alone atomic.Bool  // the session is to keep time, until it finds a frame
}

func (c *clock) heard(now time.Time) { c.frame.Store(int64(now.Sub(c.began))) }

// starve says whether the session has to be told that it is alone.
func (c *clock) starve(now time.Time) bool {
	return now.Sub(c.began)-time.Duration(c.frame.Load()) >= starved && c.alone.CompareAndSwap(false, true)
}

// watch tells sessions whose switch has gone silent, until the service stops.
func (s *Service) watch() {
	t := time.NewTicker(starved / 2)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.tellStarved()
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Service) tellStarved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, v := range s.sessions {
		if v != nil && v.clock.starve(now) {
			v.bell.ring()
		}
	}
}
