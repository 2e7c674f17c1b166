package devswitch

import (
	"fmt"
	"strings"
	"time"
)

// applications are those of the dialplan, by FreeSWITCH's names. They return
// errGone or errRedirect when the channel went away under them; other errors
// only end the application.
var applications map[string]func(*channel, string) error

func init() { // the table refers to functions that refer to it
	applications = map[string]func(*channel, string) error{
		"answer":           func(c *channel, _ string) error { return c.answer() },
		"pre_answer":       func(c *channel, _ string) error { return c.preAnswer() },
		"ring_ready":       appRingReady,
		"playback":         appPlayback,
		"endless_playback": appEndlessPlayback,
		"park":             func(c *channel, _ string) error { return c.park(nil) },
		"hangup":           func(c *channel, arg string) error { return c.down(parseCause(arg), false) },
		"sleep":            func(c *channel, arg string) error { return c.sleep(time.Duration(atoi(arg)) * time.Millisecond) },
		"set":              appSet,
		"export":           appExport,
		"unset":            func(c *channel, arg string) error { c.set(arg, ""); return nil },
		"multiset":         appMultiset,
		"log":              appLog,
		"info":             appNothing,
		"start_dtmf":       appNothing,
		"stop_dtmf":        appNothing,
		"break":            func(c *channel, _ string) error { c.breaking = true; return nil },
		"send_dtmf":        appSendDTMF,
		"respond":          appRespond,
		"socket":           appSocket,
		"bridge":           appBridge,
		"callcenter":       appCallcenter,
		"echo":             appEcho,
		"event":            appEvent,
	}
}

func appNothing(*channel, string) error { return nil }

func appRingReady(c *channel, _ string) error {
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	if c.inbound && call != nil && call.Ringing() == nil {
		c.fire("CHANNEL_PROGRESS")
	}
	return nil
}

func appSet(c *channel, arg string) error {
	name, value, ok := strings.Cut(arg, "=")
	if ok && name != "" {
		c.set(strings.TrimSpace(name), value)
	}
	return nil
}

func appExport(c *channel, arg string) error {
	arg = strings.TrimPrefix(arg, "nolocal:")
	name, _, _ := strings.Cut(arg, "=")
	if exports := c.variable("export_vars"); exports != "" {
		c.set("export_vars", exports+","+name)
	} else {
		c.set("export_vars", name)
	}
	return appSet(c, arg)
}

func appMultiset(c *channel, arg string) error {
	for _, pair := range splitArguments(arg, 64) {
		_ = appSet(c, pair)
	}
	return nil
}

func appLog(c *channel, arg string) error {
	c.log.Debug("dialplan log", "length", len(arg))
	return nil
}

func appSendDTMF(c *channel, arg string) error {
	keys, _, _ := strings.Cut(arg, "@")
	c.press(keys)
	return nil
}

// appRespond refuses with a SIP status of the dialplan's choice.
func appRespond(c *channel, arg string) error {
	code, reason, _ := strings.Cut(arg, " ")
	c.mu.Lock()
	call := c.call
	c.mu.Unlock()
	status := atoi(code)
	if call == nil || status < 300 {
		return fmt.Errorf("respond %q", arg)
	}
	return call.Reject(status, reason)
}

func appEvent(c *channel, arg string) error {
	e := newEvent("CUSTOM")
	c.fill(e)
	for _, pair := range strings.Split(arg, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			e.add(strings.TrimSpace(name), value)
		}
	}
	c.s.bus.fire(e)
	return nil
}

func appEcho(c *channel, _ string) error {
	if err := c.answer(); err != nil {
		return err
	}
	return c.run(operation{messages: true, breakable: true, frame: func() ([]int16, bool) {
		return append([]int16(nil), c.heard...), false
	}})
}

// park keeps the call until ended closes, or for ever.
func (c *channel) park(ended <-chan struct{}) error {
	if timeout, cause, _ := strings.Cut(c.variable("park_timeout"), ":"); atoi(timeout) > 0 {
		c.set("park_timeout", "")
		timer := time.AfterFunc(time.Duration(atoi(timeout))*time.Second, func() { c.hangup(parseCause(cause)) })
		defer timer.Stop()
	}
	c.fire("CHANNEL_PARK")
	err := c.run(c.parked(ended))
	c.fire("CHANNEL_UNPARK")
	return err
}
