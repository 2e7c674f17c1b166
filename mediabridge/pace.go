package mediabridge

import "time"

// How far sound and time may be apart. A switch that connects sends at once
// what it has held back meanwhile, and a bridge that was held up finds what
// came in the meantime; neither is a wrong rate.
const (
	paceHeldBack = 2 * time.Second  // at the beginning
	paceBehind   = 10 * time.Second // that may be caught up with
	paceAhead    = time.Second      // of sound over that: it comes too fast
	paceShort    = 2 * time.Second  // of sound that is missing: it comes too slowly
	// paceGap is a pause in the messages. While there is one, time tells
	// nothing of the rate.
	paceGap = 100 * time.Millisecond
)

// pace finds out when sound does not come at the rate that the metadata name:
// when a second of it does not last a second. What is heard then is shrill or
// deep, and nothing recognises it. It is pure: bytes and time in.
//
// Clocks differ a little, so that sound may be a tenth faster than time for
// ever; and a quarter of it may be missing, as on the worst of lines.
type pace struct {
	rate  int
	last  time.Time
	ahead time.Duration // of sound before time
	short time.Duration // of time without sound
}

func newPace(now time.Time, rate int) pace {
	return pace{rate: rate, last: now, ahead: -paceHeldBack}
}

// took takes a message of L16; false says that the rate is wrong.
func (p *pace) took(bytes int, now time.Time) bool {
	passed := max(0, now.Sub(p.last))
	p.last = now
	sound := time.Duration(bytes) * time.Second / time.Duration(2*p.rate)
	p.ahead = max(p.ahead-passed-passed/10, -paceBehind) + sound
	if passed < paceGap {
		p.short = max(0, p.short+passed-sound-sound/3)
	}
	return p.ahead <= paceAhead && p.short <= paceShort
}
