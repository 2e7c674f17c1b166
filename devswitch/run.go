package devswitch

import (
	"errors"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
)

const (
	frameTime = 20 * time.Millisecond
	frameSize = 160 // samples

	// maxLag is how far a channel may be behind the clock and catch up. After
	// more the clock is set anew, as after a machine's sleep.
	maxLag = 10 * frameTime
)

// How an operation may end other than by itself.
var (
	errGone     = errors.New("channel is gone")
	errBreak    = errors.New("interrupted")
	errRedirect = errors.New("channel goes elsewhere")
)

// operation is what a channel does while its select loop runs.
type operation struct {
	// frame gives 20 ms to send; nil sends nothing. done ends the operation
	// after the frame.
	frame func() (pcm []int16, done bool)
	// ended, when it closes, ends the operation at once.
	ended <-chan struct{}
	// messages lets queued sendmsg run.
	messages bool
	// breakable lets uuid_break and killAudio end it.
	breakable bool
}

// run is the channel's select loop: every application waits here.
func (c *channel) run(op operation) error {
	outer := c.breaking
	c.breaking = false
	defer func() { c.breaking = outer }()
	for {
		if c.redirect != nil {
			return errRedirect
		}
		if op.breakable && c.breaking {
			return errBreak
		}
		var queued chan *message
		if op.messages {
			queued = c.messages
		}
		select {
		case <-c.ticker.C:
			if c.ticks(op, time.Now()) {
				return nil
			}
		case d, ok := <-c.digits():
			if ok {
				c.digit(d)
			}
		case f := <-c.inbox:
			f()
		case m := <-queued:
			if err := c.obey(m); err != nil {
				return err
			}
		case cause := <-c.kill:
			return c.down(cause, false)
		case <-c.callDone():
			return c.down(0, true)
		case <-op.ended:
			return nil
		}
		if !c.up() {
			return errGone
		}
	}
}

// sleep runs the loop for a while without sending.
func (c *channel) sleep(d time.Duration) error {
	ended := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(ended) })
	defer timer.Stop()
	return c.run(operation{ended: ended, breakable: true})
}

// await runs f beside the loop, for what blocks.
func (c *channel) await(f func()) error {
	ended := make(chan struct{})
	c.s.spawn(func() { defer close(ended); f() })
	return c.run(operation{ended: ended})
}

func (c *channel) callDone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.call == nil {
		return nil
	}
	return c.call.Done()
}

func (c *channel) digits() <-chan sipua.Digit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.call == nil || c.state >= csHangup {
		return nil
	}
	select {
	case <-c.call.Done(): // closed channels would spin
		return nil
	default:
		return c.call.Digits()
	}
}

// ticks does what is due by the clock: a ticker that was not heeded in time
// does not tick twice.
func (c *channel) ticks(op operation, now time.Time) (done bool) {
	if now.Sub(c.next) > maxLag {
		c.next = now
	}
	for !done && !c.next.After(now) {
		c.next = c.next.Add(frameTime)
		done = c.tick(op)
	}
	return done
}

// tick is 20 ms of audio: one frame in, one out.
func (c *channel) tick(op operation) bool {
	c.receive()
	var pcm []int16
	done := false
	if op.frame != nil {
		pcm, done = op.frame()
	}
	if pcm != nil {
		c.send(pcm)
	}
	return done
}

// receive takes the caller's frame of this tick. One that is missing may only
// be late: it is waited for, and then taken together with the next ones, so
// that nothing is heard in its place that was never said. After maxLate, and
// from a caller who sends nothing, silence is heard, as FreeSWITCH's timer
// reads it. A sender that runs a little faster than our clock is caught up
// with.
func (c *channel) receive() {
	c.mu.Lock()
	call, ready, peer := c.call, c.answered || c.early, c.bridged
	c.mu.Unlock()
	if call == nil || !ready {
		return
	}
	n := c.arrivals.tick(len(call.Frames()))
	for range n.frames {
		f, ok := <-call.Frames()
		if !ok {
			return // the call is over, which the select loop notices
		}
		c.heardFrame(f.PCM, peer)
	}
	for range n.silence {
		c.heardFrame(make([]int16, frameSize), peer)
	}
}

func (c *channel) heardFrame(pcm []int16, peer *channel) {
	c.heard = pcm
	for _, f := range c.forks {
		f.hear(pcm)
	}
	if peer != nil {
		select {
		case peer.peerIn <- pcm:
		default:
		}
	}
}

// send writes a frame to the caller, with what forks play mixed in.
func (c *channel) send(pcm []int16) {
	c.mu.Lock()
	call, ready := c.call, c.answered || c.early
	c.mu.Unlock()
	if call == nil || !ready {
		return
	}
	for _, f := range c.forks {
		pcm = f.dub(pcm)
	}
	for _, f := range c.forks {
		f.wrote(c.heard, pcm)
	}
	_ = call.WriteFrame(pcm) // an ended call is noticed in the select loop
}

// digit reports a key, and passes it on over a bridge.
func (c *channel) digit(d sipua.Digit) {
	source := "RTP"
	if d.Source == "INFO" {
		source = "ENDPOINT"
	}
	e := c.event("DTMF")
	e.add("DTMF-Digit", string(d.Digit))
	e.addf("DTMF-Duration", "%d", d.Duration*8000/time.Second)
	e.add("DTMF-Source", source)
	c.s.bus.fire(e)
	if peer := c.partner(); peer != nil {
		peer.press(string(d.Digit))
	}
}

// press sends keys to the far end, in order, beside the loop.
func (c *channel) press(keys string) {
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	if call == nil {
		return
	}
	c.s.spawn(func() {
		for _, key := range keys {
			if call.SendDTMF(c.s.ctx, key, 250*time.Millisecond) != nil {
				return
			}
		}
	})
}

// noise makes the comfort noise of silence streams: FreeSWITCH divides white
// noise by the stream's number, so that bigger is quieter.
type noise struct{ seed uint32 }

func (n *noise) frame(divisor int) []int16 {
	pcm := make([]int16, frameSize)
	if divisor <= 0 {
		return pcm
	}
	for i := range pcm {
		sum := int32(0)
		for range 6 {
			n.seed = n.seed*1664525 + 1013904223
			sum += int32(n.seed>>16) % 0x4000
		}
		pcm[i] = int16((sum/6 - 0x2000) / int32(divisor))
	}
	return pcm
}

// parked is the idle operation: silence goes out when the channel variable says so.
func (c *channel) parked(ended <-chan struct{}) operation {
	return operation{messages: true, ended: ended, frame: func() ([]int16, bool) {
		level := atoi(c.variable("send_silence_when_idle"))
		if level == 0 {
			return nil, false
		}
		return c.silence.frame(level), false
	}}
}
