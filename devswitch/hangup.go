package devswitch

import (
	"context"
	"strconv"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
)

// down ends the leg: the SIP side is told (or has told us), events are fired.
// It always returns errGone.
func (c *channel) down(cause int, byCaller bool) error {
	c.mu.Lock()
	if c.state >= csHangup {
		c.mu.Unlock()
		return errGone
	}
	call, answered := c.call, c.answered
	disposition, status := "", 0
	if byCaller && call != nil {
		cause, status, disposition = farEnd(call.EndCause(), answered)
	} else {
		disposition = ownDisposition(answered, c.inbound)
	}
	c.cause, c.state, c.times.hungup = cause, csHangup, time.Now()
	c.vars["hangup_cause"] = causeName(cause)
	c.vars["hangup_cause_q850"] = strconv.Itoa(q850(cause) & 127)
	c.vars["sip_hangup_disposition"] = disposition
	if !answered && status == 0 {
		status = sipua.StatusFromCause(q850(cause))
	}
	if status >= 300 {
		c.vars["sip_term_status"] = strconv.Itoa(status)
		c.vars["sip_invite_failure_status"] = strconv.Itoa(status)
	} else {
		c.vars["sip_term_status"] = "200"
	}
	c.vars["sip_term_cause"] = strconv.Itoa(q850(cause) & 127)
	c.mu.Unlock()
	for _, f := range c.forks {
		f.close("")
	}
	if call != nil && !byCaller {
		c.dismiss(call, cause, c.inbound && !answered)
	}
	c.fire("CHANNEL_HANGUP")
	c.mu.Lock()
	sockets := c.sockets
	c.mu.Unlock()
	for _, socket := range sockets { // seen before HANGUP_COMPLETE: without linger that is never delivered
		socket.channelDown()
	}
	return errGone
}

// dismiss ends the SIP side. A refusal is sent before anything else can answer
// the INVITE and returns at once; a BYE waits for its answer elsewhere.
func (c *channel) dismiss(call *sipua.Call, cause int, refuse bool) {
	end := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		if err := call.Hangup(ctx, q850(cause)); err != nil {
			c.log.Debug("far end did not confirm the end of the call", "error", err)
		}
	}
	if refuse {
		end()
		return
	}
	c.s.spawn(end)
}

// farEnd reads how the caller ended the call.
func farEnd(end sipua.Cause, answered bool) (cause, status int, disposition string) {
	cause = end.Q850
	if cause == 0 {
		cause = causeNormalClearing
	}
	switch {
	case answered:
		return cause, 0, "recv_bye"
	case end.Status == 487:
		return causeCancelled, 487, "recv_cancel"
	default:
		return cause, end.Status, "recv_refuse"
	}
}

func ownDisposition(answered, inbound bool) string {
	switch {
	case answered:
		return "send_bye"
	case inbound:
		return "send_refuse"
	default:
		return "send_cancel"
	}
}

// report is what follows CS_HANGUP: durations, HANGUP_COMPLETE, the end of
// control, DESTROY.
func (c *channel) report() {
	c.mu.Lock()
	c.state = csReporting
	c.fillDurations()
	c.mu.Unlock()
	for _, f := range c.forks {
		f.wait()
	}
	c.fire("CHANNEL_HANGUP_COMPLETE")
	c.setState(csDestroy)
	c.fire("CHANNEL_DESTROY")
}

// fillDurations needs mu.
func (c *channel) fillDurations() {
	t := &c.times
	put := func(name string, d time.Duration) {
		c.vars[name+"sec"] = strconv.Itoa(int(d.Round(time.Second) / time.Second))
		c.vars[name+"msec"] = strconv.FormatInt(d.Milliseconds(), 10)
		c.vars[name+"usec"] = strconv.FormatInt(d.Microseconds(), 10)
	}
	total, bill := t.hungup.Sub(t.created), time.Duration(0)
	if !t.answered.IsZero() {
		bill = t.hungup.Sub(t.answered)
		put("answer", t.answered.Sub(t.created))
		put("wait", t.answered.Sub(t.created))
		c.stamp("answer", t.answered)
	}
	put("bill", bill)
	c.vars["duration"] = strconv.Itoa(int(total.Round(time.Second) / time.Second))
	c.vars["mduration"] = strconv.FormatInt(total.Milliseconds(), 10)
	c.vars["uduration"] = strconv.FormatInt(total.Microseconds(), 10)
	c.stamp("start", t.created)
	c.stamp("end", t.hungup)
	if !t.bridged.IsZero() {
		c.stamp("bridge", t.bridged)
	}
	if c.call != nil {
		stats := c.call.MediaStats()
		c.vars["rtp_audio_in_packet_count"] = strconv.FormatUint(stats.Received, 10)
		c.vars["rtp_audio_out_packet_count"] = strconv.FormatUint(stats.Sent, 10)
		c.vars["rtp_audio_in_skip_packet_count"] = strconv.FormatUint(stats.Lost, 10)
	}
	c.vars["digits_dialed"] = "none"
}

func (c *channel) stamp(name string, t time.Time) {
	c.vars[name+"_stamp"] = t.Format("2006-01-02 15:04:05")
	c.vars[name+"_epoch"] = strconv.FormatInt(t.Unix(), 10)
	c.vars[name+"_uepoch"] = strconv.FormatInt(t.UnixMicro(), 10)
}
