package devswitch

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate/tidegate/internal/sipua"
)

// channelState is FreeSWITCH's CS_*, with its numbers.
type channelState int

const (
	csNew       channelState = 0
	csInit      channelState = 1
	csRouting   channelState = 2
	csExecute   channelState = 4
	csExchange  channelState = 6
	csHibernate channelState = 8
	csHangup    channelState = 10
	csReporting channelState = 11
	csDestroy   channelState = 12
)

func (s channelState) String() string {
	switch s {
	case csNew:
		return "CS_NEW"
	case csInit:
		return "CS_INIT"
	case csRouting:
		return "CS_ROUTING"
	case csExecute:
		return "CS_EXECUTE"
	case csExchange:
		return "CS_EXCHANGE_MEDIA"
	case csHibernate:
		return "CS_HIBERNATE"
	case csHangup:
		return "CS_HANGUP"
	case csReporting:
		return "CS_REPORTING"
	default:
		return "CS_DESTROY"
	}
}

const inboxSize = 64

// channel is one call leg. Its goroutine runs everything that the leg does;
// others send closures to its inbox. What events show of it is under mu.
type channel struct {
	s        *Service
	id       string
	inbound  bool
	log      *slog.Logger
	inbox    chan func()
	messages chan *message // queued sendmsg of the controlling sockets
	dead     chan struct{} // closed when the goroutine has ended
	kill     chan int      // a cause, once
	peerIn   chan []int16  // frames from the bridged leg
	forks    map[string]*fork
	breaking bool
	locked   atomic.Bool  // a message with event-lock is being carried out
	heard    []int16      // last received frame, for mixed forks
	redirect func() error // what to do instead of the dialplan
	ticker   *time.Ticker
	next     time.Time // when the next frame is due
	arrivals arrivals
	silence  noise

	mu       sync.Mutex
	call     *sipua.Call
	state    channelState
	vars     map[string]string
	answered bool
	early    bool
	bridged  *channel
	times    struct{ created, answered, progress, bridged, hungup time.Time }
	cause    int // hang-up cause, 0 before
	app, arg string
	caller   struct{ name, number, dest, address string }
	chanName string
	sockets  []*session // event sockets that control this channel
}

// message is one sendmsg.
type message struct {
	headers map[string]string // lower-case names
	body    string
}

func newChannel(s *Service, id string, inbound bool) *channel {
	c := &channel{
		s: s, id: id, inbound: inbound, log: s.log.With("call", id),
		inbox: make(chan func(), inboxSize), messages: make(chan *message, inboxSize),
		dead: make(chan struct{}), kill: make(chan int, 1), peerIn: make(chan []int16, 2*maxLate),
		forks: make(map[string]*fork), vars: make(map[string]string),
		silence: noise{seed: 1},
	}
	c.times.created = time.Now()
	c.vars["uuid"] = id
	c.vars["call_uuid"] = id
	c.vars["session_id"] = strconv.FormatUint(s.sessions.Add(1), 10)
	c.vars["core_uuid"] = s.bus.coreUUID
	if inbound {
		c.vars["direction"] = "inbound"
	} else {
		c.vars["direction"] = "outbound"
	}
	return c
}

// adoptCall takes names and variables from the SIP call.
func (c *channel) adoptCall(call *sipua.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.call = call
	c.vars["sip_call_id"] = call.ID()
	c.vars["sip_from_user"] = call.From()
	c.vars["sip_to_user"] = call.To()
	c.vars["sip_req_user"] = call.To()
	host, _, _ := strings.Cut(call.RemoteSIP(), ":")
	c.vars["sip_network_ip"] = host
	c.vars["sofia_profile_name"] = "internal"
	if !c.inbound {
		return
	}
	c.caller.number, c.caller.name, c.caller.dest, c.caller.address = call.From(), call.FromName(), call.To(), host
	if c.caller.name == "" {
		c.caller.name = c.caller.number
	}
	c.chanName = "sofia/internal/" + call.From() + "@" + call.RemoteSIP()
	for name, value := range call.Headers() {
		if len(name) > 2 && strings.EqualFold(name[:2], "X-") {
			c.vars["sip_h_"+name] = value
		}
	}
	if agent := call.Header("User-Agent"); agent != "" {
		c.vars["sip_user_agent"] = agent
	}
}

func (c *channel) variable(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vars[name]
}

// set changes a variable; an empty value removes it, as in FreeSWITCH.
func (c *channel) set(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value == "" {
		delete(c.vars, name)
		return
	}
	c.vars[name] = value
}

func (c *channel) currentState() channelState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *channel) setState(s channelState) {
	c.mu.Lock()
	c.state = s
	c.mu.Unlock()
}

func (c *channel) up() bool { return c.currentState() < csHangup }

// do runs f on the channel's goroutine and waits for it.
func (c *channel) do(f func()) bool {
	done := make(chan struct{})
	if !c.post(func() { f(); close(done) }) {
		return false
	}
	select {
	case <-done:
		return true
	case <-c.dead:
		return false
	}
}

// post puts f into the inbox; a full inbox refuses.
func (c *channel) post(f func()) bool {
	select {
	case <-c.dead:
		return false
	default:
	}
	select {
	case c.inbox <- f:
		return true
	default:
		c.s.m.inboxDrops.Inc()
		return false
	}
}

// hangup asks the channel to end; the first cause counts.
func (c *channel) hangup(cause int) {
	select {
	case c.kill <- cause:
	default:
	}
}

// event makes an event with the channel's basic headers, and its variables
// where FreeSWITCH adds them.
func (c *channel) event(name string) *event {
	e := newEvent(name)
	c.fill(e)
	return e
}

func (c *channel) fire(name string, more ...header) {
	e := c.event(name)
	e.headers = append(e.headers, more...)
	c.s.bus.fire(e)
}

func (c *channel) fireCustom(subclass, body string) {
	e := newEvent("CUSTOM")
	e.add("Event-Subclass", subclass)
	c.fill(e)
	e.body = body
	c.s.bus.fire(e)
}

func (c *channel) fill(e *event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.add("Channel-State", c.state.String())
	e.add("Channel-Call-State", c.callState())
	e.add("Channel-State-Number", strconv.Itoa(int(c.state)))
	e.add("Channel-Name", c.chanName)
	e.add("Unique-ID", c.id)
	direction := "outbound"
	if c.inbound {
		direction = "inbound"
	}
	e.add("Call-Direction", direction)
	e.add("Presence-Call-Direction", direction)
	e.add("Channel-HIT-Dialplan", strconv.FormatBool(c.inbound))
	e.add("Channel-Call-UUID", c.vars["call_uuid"])
	e.add("Answer-State", c.answerState())
	if c.cause != 0 {
		e.add("Hangup-Cause", causeName(c.cause))
	}
	if c.call != nil && c.call.Codec() != "" {
		for _, side := range []string{"Read", "Write"} {
			e.add("Channel-"+side+"-Codec-Name", string(c.call.Codec()))
			e.add("Channel-"+side+"-Codec-Rate", "8000")
			e.add("Channel-"+side+"-Codec-Bit-Rate", "64000")
		}
	}
	c.fillProfile(e, "Caller")
	if peer := c.bridged; peer != nil {
		kind := "originator"
		if c.inbound {
			kind = "originatee"
		}
		e.add("Other-Type", kind)
		e.add("Other-Leg-Unique-ID", peer.id)
	}
	if !strings.HasPrefix(e.name(), "DTMF") {
		c.fillVariables(e)
	}
}

func (c *channel) fillVariables(e *event) {
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		e.add("variable_"+name, c.vars[name])
	}
}

func (c *channel) fillProfile(e *event, prefix string) {
	direction := "outbound"
	if c.inbound {
		direction = "inbound"
	}
	e.add(prefix+"-Direction", direction)
	e.add(prefix+"-Logical-Direction", direction)
	for _, h := range []header{
		{"Username", c.caller.number}, {"Dialplan", "XML"}, {"Caller-ID-Name", c.caller.name},
		{"Caller-ID-Number", c.caller.number}, {"Orig-Caller-ID-Name", c.caller.name},
		{"Orig-Caller-ID-Number", c.caller.number}, {"Network-Addr", c.caller.address}, {"ANI", c.caller.number},
		{"Destination-Number", c.caller.dest}, {"Unique-ID", c.id}, {"Source", "mod_sofia"},
		{"Context", "public"}, {"Channel-Name", c.chanName}, {"Profile-Index", "1"},
	} {
		if h.value != "" {
			e.add(prefix+"-"+h.name, h.value)
		}
	}
	e.add(prefix+"-Profile-Created-Time", micros(c.times.created))
	e.add(prefix+"-Channel-Created-Time", micros(c.times.created))
	e.add(prefix+"-Channel-Answered-Time", micros(c.times.answered))
	e.add(prefix+"-Channel-Progress-Time", micros(c.times.progress))
	e.add(prefix+"-Channel-Hangup-Time", micros(c.times.hungup))
	e.add(prefix+"-Channel-Bridged-Time", micros(c.times.bridged))
	e.add(prefix+"-Screen-Bit", "true")
	e.add(prefix+"-Privacy-Hide-Name", "false")
	e.add(prefix+"-Privacy-Hide-Number", "false")
}

func micros(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}

// answerState needs mu.
func (c *channel) answerState() string {
	switch {
	case c.state >= csHangup:
		return "hangup"
	case c.answered:
		return "answered"
	case c.early:
		return "early"
	default:
		return "ringing"
	}
}

// callState needs mu.
func (c *channel) callState() string {
	switch {
	case c.state >= csHangup:
		return "HANGUP"
	case c.answered:
		return "ACTIVE"
	case c.early:
		return "EARLY"
	case c.state == csNew:
		return "DOWN"
	default:
		return "RINGING"
	}
}

// answer answers the call if it is not yet.
func (c *channel) answer() error {
	c.mu.Lock()
	call, done := c.call, c.answered
	c.mu.Unlock()
	if done {
		return nil
	}
	if !c.inbound || call == nil {
		return fmt.Errorf("answer: not an incoming call")
	}
	if err := call.Answer(context.Background()); err != nil {
		return err
	}
	c.markAnswered()
	return nil
}

func (c *channel) markAnswered() {
	c.mu.Lock()
	c.answered, c.times.answered = true, time.Now()
	c.vars["endpoint_disposition"] = "ANSWER"
	if call := c.call; call != nil {
		c.vars["remote_media_ip"] = call.RemoteRTP().Addr().String()
		c.vars["remote_media_port"] = strconv.Itoa(int(call.RemoteRTP().Port()))
		c.vars["local_media_ip"] = call.LocalRTP().Addr().String()
		c.vars["local_media_port"] = strconv.Itoa(int(call.LocalRTP().Port()))
		c.vars["read_codec"] = string(call.Codec())
		c.vars["write_codec"] = string(call.Codec())
	}
	c.mu.Unlock()
	c.fire("CHANNEL_ANSWER")
}

// preAnswer lets audio out before the answer.
func (c *channel) preAnswer() error {
	c.mu.Lock()
	call, done := c.call, c.answered || c.early || !c.inbound
	c.mu.Unlock()
	if done {
		return nil
	}
	if err := call.Progress(); err != nil {
		return err
	}
	c.mu.Lock()
	c.early, c.times.progress = true, time.Now()
	c.mu.Unlock()
	c.fire("CHANNEL_PROGRESS_MEDIA")
	return nil
}

// partner is the leg on the other side of a bridge.
func (c *channel) partner() *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bridged
}
