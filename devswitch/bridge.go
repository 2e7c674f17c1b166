package devswitch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate/tidegate/internal/sipua"
)

// dialString is one destination of bridge and originate.
type dialString struct {
	uri  string
	dest string
	vars map[string]string
}

var errDialString = errors.New("not a dial string")

// parseDial reads [vars]sofia/PROFILE/ADDRESS; sip: may be left out.
func parseDial(s string) (dialString, error) {
	d := dialString{vars: make(map[string]string)}
	s = strings.TrimSpace(s)
	for strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		closing := "}"
		if s[0] == '[' {
			closing = "]"
		}
		inside, rest, ok := strings.Cut(s[1:], closing)
		if !ok {
			return d, fmt.Errorf("%w: %q", errDialString, s)
		}
		readVariables(d.vars, inside)
		s = strings.TrimSpace(rest)
	}
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 || parts[0] != "sofia" || parts[2] == "" {
		return d, fmt.Errorf("%w: %q", errDialString, s)
	}
	address := strings.TrimPrefix(parts[2], "sip:")
	d.uri = "sip:" + address
	d.dest, _, _ = strings.Cut(address, "@")
	return d, nil
}

// readVariables takes a=b,c='d,e' and ^^:a=b:c=d.
func readVariables(vars map[string]string, s string) {
	delim := ","
	if len(s) > 2 && strings.HasPrefix(s, "^^") {
		delim, s = s[2:3], s[3:]
	}
	for _, pair := range splitArguments("^^"+delim+s, 128) {
		if name, value, ok := strings.Cut(pair, "="); ok {
			vars[strings.TrimSpace(name)] = strings.Trim(value, "'")
		}
	}
}

// appBridge calls the destinations in turn (| between) and talks to the first
// that answers. Destinations joined by commas ring one after the other as well.
func appBridge(c *channel, arg string) error {
	var last int
	shared := make(map[string]string)
	if strings.HasPrefix(arg, "{") {
		if inside, rest, ok := strings.Cut(arg[1:], "}"); ok {
			readVariables(shared, inside)
			arg = rest
		}
	}
	for destination := range strings.FieldsFuncSeq(arg, func(r rune) bool { return r == '|' || r == ',' }) {
		dial, err := parseDial(destination)
		if err != nil {
			last = 3
			continue
		}
		for name, value := range shared {
			if _, own := dial.vars[name]; !own {
				dial.vars[name] = value
			}
		}
		peer, cause, err := c.callOut(dial)
		if err != nil {
			return err
		}
		if peer == nil {
			last = cause
			continue
		}
		return c.talk(peer)
	}
	c.respond(causeName(last))
	c.set("originate_disposition", causeName(last))
	c.set("last_bridge_hangup_cause", causeName(last))
	if continues(c.variable("continue_on_fail"), last) {
		return nil
	}
	return c.down(last, false)
}

// continues reads continue_on_fail: true, or names of causes.
func continues(value string, cause int) bool {
	if value == "" || isTrue(value) {
		return isTrue(value)
	}
	for name := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.TrimSpace(name), causeName(cause)) {
			return true
		}
	}
	return false
}

// callOut makes the other leg and waits, in the loop, until it answers or
// refuses. The error is only for our own leg.
func (c *channel) callOut(dial dialString) (peer *channel, cause int, err error) {
	c.mu.Lock()
	from, name := c.caller.number, c.caller.name
	for key, value := range c.vars {
		exported := strings.HasPrefix(key, "sip_h_") && strings.EqualFold(key[:min(len(key), 8)], "sip_h_X-")
		if _, own := dial.vars[key]; exported && !own {
			dial.vars[key] = value
		}
	}
	if v := c.vars["effective_caller_id_number"]; v != "" {
		from = v
	}
	if v := c.vars["effective_caller_id_name"]; v != "" {
		name = v
	}
	if dial.vars["call_timeout"] == "" {
		dial.vars["call_timeout"] = c.vars["call_timeout"]
	}
	c.mu.Unlock()
	if dial.vars["origination_caller_id_number"] == "" {
		dial.vars["origination_caller_id_number"], dial.vars["origination_caller_id_name"] = from, name
	}
	ctx, cancel := context.WithCancel(c.s.ctx)
	defer cancel()
	type outcome struct {
		peer  *channel
		cause int
	}
	result := make(chan outcome, 1)
	err = c.await(func() {
		p, why := c.s.originate(ctx, dial, c)
		result <- outcome{p, why}
	})
	if err != nil { // our caller went away: the other leg goes with it
		cancel()
		c.s.spawn(func() {
			if o := <-result; o.peer != nil {
				o.peer.hangup(causeCancelled)
			}
		})
		return nil, 0, err
	}
	o := <-result
	return o.peer, o.cause, nil
}

// originate places a call and returns its channel, answered and parked.
func (s *Service) originate(ctx context.Context, dial dialString, from *channel) (*channel, int) {
	if !s.admit() {
		return nil, causeOutOfOrder
	}
	id := dial.vars["origination_uuid"]
	if id == "" {
		id = uuid.NewString()
	}
	c := newChannel(s, id, false)
	headers := make(map[string]string)
	for name, value := range dial.vars {
		if value == "" {
			continue
		}
		c.vars[name] = value
		if strings.HasPrefix(name, "sip_h_") {
			headers[name[len("sip_h_"):]] = value
		}
	}
	c.caller.number = dial.vars["origination_caller_id_number"]
	c.caller.name = dial.vars["origination_caller_id_name"]
	c.caller.dest, c.chanName = dial.dest, "sofia/internal/"+strings.TrimPrefix(dial.uri, "sip:")
	if from != nil {
		c.vars["originator"], c.vars["call_uuid"] = from.id, from.id
		c.vars["originating_leg_uuid"] = from.id
	}
	if !s.enter(c) {
		return nil, causeOutOfOrder
	}
	c.setState(csInit)
	c.fire("CHANNEL_CREATE")
	c.fire("CHANNEL_OUTGOING")
	timeout := time.Duration(atoi(firstNonEmpty(dial.vars["originate_timeout"], dial.vars["call_timeout"], "60"))) * time.Second
	ctx, cancel := context.WithTimeout(ctx, max(timeout, time.Second))
	defer cancel()
	killed := make(chan int, 1)
	s.spawn(func() { // uuid_kill while it rings
		select {
		case cause := <-c.kill:
			killed <- cause
			cancel()
		case <-ctx.Done():
		}
	})
	call, err := s.ua.Invite(ctx, sipua.InviteOptions{
		URI: dial.uri, From: c.caller.number, DisplayName: c.caller.name, Headers: headers,
		OnProgress: func(_ int, media bool) {
			if media {
				c.fire("CHANNEL_PROGRESS_MEDIA")
			} else {
				c.fire("CHANNEL_PROGRESS")
			}
		},
	})
	if err != nil {
		cause := failure(ctx, err)
		select {
		case cause = <-killed:
		default:
		}
		c.mu.Lock()
		c.state = csExecute
		c.mu.Unlock()
		s.spawn(func() {
			defer close(c.dead)
			_ = c.down(cause, false)
			c.report()
			s.remove(c)
		})
		return nil, cause
	}
	c.adoptCall(call)
	c.markAnswered()
	select {
	case cause := <-killed:
		c.hangup(cause)
	default:
	}
	return c, 0
}

// failure reads why a call could not be placed.
func failure(ctx context.Context, err error) int {
	var refused *sipua.StatusError
	switch {
	case errors.As(err, &refused) && refused.Status == 408:
		return 102
	case errors.As(err, &refused):
		return refused.Cause.Q850
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return 19
	case errors.Is(ctx.Err(), context.Canceled):
		return causeCancelled
	default:
		return 41
	}
}

func firstNonEmpty(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// ending is a channel that several may close.
type ending struct {
	once sync.Once
	ch   chan struct{}
}

func newEnding() *ending { return &ending{ch: make(chan struct{})} }

func (e *ending) end() { e.once.Do(func() { close(e.ch) }) }

// talk bridges this leg with an answered one until either hangs up.
func (c *channel) talk(peer *channel) error {
	c.set("originate_disposition", "SUCCESS")
	if err := c.answer(); err != nil {
		peer.hangup(41)
		return err
	}
	over, left := newEnding(), newEnding()
	c.s.spawn(func() { peer.liveBridged(c, over, left) })
	err := c.exchange(peer, left.ch)
	over.end()
	c.set("last_bridge_hangup_cause", causeName(peer.hangupCause()))
	c.set("bridge_hangup_cause", causeName(peer.hangupCause()))
	if err == nil && isTrue(c.variable("hangup_after_bridge")) {
		return c.down(causeNormalClearing, false)
	}
	return err
}

func (c *channel) hangupCause() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// liveBridged is the life of a leg that was made to be bridged: it ends with
// the bridge.
func (c *channel) liveBridged(peer *channel, over, left *ending) {
	defer close(c.dead)
	c.ticker = time.NewTicker(frameTime)
	defer c.ticker.Stop()
	c.setState(csExchange)
	c.join(peer)
	err := c.run(c.bridgeOperation(over.ch))
	c.part()
	left.end()
	for errors.Is(err, errRedirect) {
		next := c.redirect
		c.redirect = nil
		err = next()
	}
	if c.up() {
		_ = c.down(causeNormalClearing, false)
	}
	c.report()
	c.s.remove(c)
}

// exchange carries audio between this leg and another one's.
func (c *channel) exchange(peer *channel, ended <-chan struct{}) error {
	c.join(peer)
	c.mu.Lock()
	c.times.bridged = time.Now()
	c.vars["bridge_uuid"], c.vars["bridge_to"], c.vars["last_bridge_to"] = peer.id, peer.id, peer.id
	c.vars["bridge_channel"] = peer.chanName
	c.mu.Unlock()
	shown := []header{{"Bridge-A-Unique-ID", c.id}, {"Bridge-B-Unique-ID", peer.id}}
	c.fire("CHANNEL_BRIDGE", shown...)
	err := c.run(c.bridgeOperation(ended))
	c.part()
	c.fire("CHANNEL_UNBRIDGE", shown...)
	return err
}

func (c *channel) join(peer *channel) {
	for len(c.peerIn) > 0 {
		<-c.peerIn
	}
	c.mu.Lock()
	c.bridged = peer
	c.vars["signal_bond"] = peer.id
	c.mu.Unlock()
}

func (c *channel) part() {
	c.mu.Lock()
	c.bridged = nil
	delete(c.vars, "signal_bond")
	delete(c.vars, "bridge_to")
	c.mu.Unlock()
}

// bridgeOperation plays what the other leg hears; a backlog of more than late
// frames can make is cut so that the two clocks cannot drift apart.
func (c *channel) bridgeOperation(ended <-chan struct{}) operation {
	return operation{ended: ended, messages: true, frame: func() ([]int16, bool) {
		for len(c.peerIn) > maxLate {
			<-c.peerIn
		}
		select {
		case pcm := <-c.peerIn:
			return pcm, false
		default:
			return nil, false
		}
	}}
}

// bridgeTo makes this leg leave what it does and talk to a leg that lives
// already (uuid_bridge). Afterwards it hangs up unless park_after_bridge says
// to stay, as in FreeSWITCH.
func (c *channel) bridgeTo(peer *channel, over *ending, leads bool) func() error {
	return func() error {
		if c.inbound {
			if err := c.answer(); err != nil {
				return c.down(41, false)
			}
		}
		c.setState(csExchange)
		var err error
		if leads {
			err = c.exchange(peer, over.ch)
		} else {
			c.join(peer)
			err = c.run(c.bridgeOperation(over.ch))
			c.part()
		}
		over.end()
		if err != nil {
			return err
		}
		if isTrue(c.variable("park_after_bridge")) {
			c.setState(csExecute)
			return c.park(nil)
		}
		return c.down(causeNormalClearing, false)
	}
}
