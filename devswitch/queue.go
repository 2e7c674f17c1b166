package devswitch

import (
	"errors"
	"strconv"
	"time"
)

// appCallcenter is a local queue without agents: the caller hears the hold tone
// until the time is up or somebody bridges the channel away. It reports what
// mod_callcenter reports of a member.
func appCallcenter(c *channel, queue string) error {
	if err := c.answer(); err != nil {
		return err
	}
	joined := time.Now()
	c.set("cc_queue", queue)
	c.set("cc_side", "member")
	c.set("cc_queue_joined_epoch", strconv.FormatInt(joined.Unix(), 10))
	c.memberEvent(queue, "member-queue-start")
	hold, err := openSound(firstNonEmpty(c.variable("cc_moh_override"), c.variable("hold_music"), "local_stream://moh"))
	if err != nil {
		hold, _ = openSound("local_stream://moh")
	}
	if tone, ok := hold.(*samples); ok {
		tone.loops = -1
	}
	ended := newEnding()
	timer := time.AfterFunc(c.s.cfg.QueueTimeout, ended.end)
	defer timer.Stop()
	err = c.run(operation{ended: ended.ch, breakable: true, messages: true, frame: func() ([]int16, bool) {
		pcm, more := hold.next()
		return pcm, !more
	}})
	reason := "BREAK_OUT"
	if err == nil {
		reason = "TIMEOUT"
	}
	c.set("cc_cause", "cancel")
	c.set("cc_cancel_reason", reason)
	c.memberEvent(queue, "member-queue-end",
		header{"CC-Member-Joined-Time", strconv.FormatInt(joined.Unix(), 10)},
		header{"CC-Member-Leaving-Time", strconv.FormatInt(time.Now().Unix(), 10)},
		header{"CC-Cause", "Cancel"}, header{"CC-Cancel-Reason", reason})
	if errors.Is(err, errBreak) {
		return nil
	}
	return err
}

func (c *channel) memberEvent(queue, action string, more ...header) {
	c.mu.Lock()
	number, name := c.caller.number, c.caller.name
	c.mu.Unlock()
	e := newEvent("CUSTOM").add("Event-Subclass", "callcenter::info")
	c.fill(e)
	e.add("CC-Queue", queue).add("CC-Action", action).add("CC-Member-UUID", c.id).
		add("CC-Member-Session-UUID", c.id).add("CC-Member-CID-Name", name).add("CC-Member-CID-Number", number)
	e.headers = append(e.headers, more...)
	c.s.bus.fire(e)
}
