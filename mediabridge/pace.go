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
	paceGap = stall
	// paceLowest is the lowest rate that there is: what says so cannot come
	// too slowly, only with losses.
	paceLowest = 8000
)

// Messages of any kind that a switch may send: fifty a second are sound, and
// each costs work however small it is.
const (
	paceMessages = 500 // a second
	paceBurst    = 5000
)

// pace watches how much comes of a fork. It finds out when sound does not come at the rate that the metadata name:
// when a second of it does not last a second. What is heard then is shrill or
// deep, and nothing recognises it. And it finds out when there are more
// messages than a call has. It is pure: bytes and time in.
//
// Clocks differ a little, so that sound may be a tenth faster than time for
// ever; and a quarter of it may be missing, more than on the worst of lines.
type pace struct {
	rate  int
	last  time.Time
	ahead time.Duration // of sound before time
	short time.Duration // of time without sound

	counted  time.Time
	messages float64 // over what paceMessages allows
}

func newPace(now time.Time, rate int) pace {
	return pace{rate: rate, last: now, counted: now, ahead: -paceHeldBack}
}

// message counts one of any kind; false says that there are too many.
func (p *pace) message(now time.Time) bool {
	p.messages = max(0, p.messages-paceMessages*now.Sub(p.counted).Seconds()) + 1
	p.counted = now
	return p.messages <= paceBurst
}

// took takes a message of L16; false says that the rate is wrong.
func (p *pace) took(bytes int, now time.Time) bool {
	passed := max(0, now.Sub(p.last))
	p.last = now
	sound := time.Duration(bytes) * time.Second / time.Duration(2*p.rate)
	p.ahead = max(p.ahead-passed-passed/10, -paceBehind) + sound
	if passed < paceGap && p.rate > paceLowest {
		p.short = max(0, p.short+passed-sound-sound/3)
	}
	return p.ahead <= paceAhead && p.short <= paceShort
}
