package esl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/percipia/eslgo"
)

// NodeState is where a link stands.
type NodeState int

// States of a link.
const (
	NodeUnknown NodeState = iota
	NodeStateDown
	NodeStateConnecting
	NodeStateUp
)

// String names the state.
func (s NodeState) String() string {
	switch s {
	case NodeStateDown:
		return "down"
	case NodeStateConnecting:
		return "connecting"
	case NodeStateUp:
		return "up"
	}
	return "unknown"
}

// Errors of a node link.
var (
	// ErrNodeDown: the link does not stand; it keeps trying by itself.
	ErrNodeDown = errors.New("no link to the node")
	// ErrLogin: the node refused the password or the address. The link keeps trying, at its slowest.
	ErrLogin = errors.New("event socket login refused")
)

// NodeLink keeps two event-socket connections to one node, one for commands and one for events, and makes them
// anew when they break. Its reading never stops: a client that stops reading holds up the events of the node.
type NodeLink struct {
	cfg     NodeConfig
	log     *slog.Logger
	metrics *metrics
	events  chan Event
	slots   chan struct{}

	mu       sync.Mutex
	state    NodeState
	commands *conn
	core     string
	jobs     map[string]chan BackgroundJob
	beat     Heartbeat
	cancel   context.CancelFunc
	ended    chan struct{}
}

// NewNodeLink makes a link; Start lets it connect.
func NewNodeLink(cfg NodeConfig, deps Deps) (*NodeLink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = cfg.Address
	}
	n := &NodeLink{
		cfg: cfg, log: deps.log().With("node", cfg.Name), metrics: newMetrics(deps.Registry), state: NodeStateDown,
		events: make(chan Event, cfg.QueueSize), slots: make(chan struct{}, cfg.MaxOriginates),
		jobs: map[string]chan BackgroundJob{},
	}
	n.metrics.node(cfg.Name)
	return n, nil
}

// Name is the node's configured name.
func (n *NodeLink) Name() string { return n.cfg.Name }

// Start begins to connect and returns at once; Events tells when the link stands.
func (n *NodeLink) Start(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel != nil {
		return errors.New("node link started twice")
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.ended = cancel, make(chan struct{})
	go n.run(ctx)
	return nil
}

// Stop ends the link. Idempotent.
func (n *NodeLink) Stop(ctx context.Context) error {
	n.mu.Lock()
	cancel, ended := n.cancel, n.ended
	n.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("node link still ends: %w", ctx.Err())
	}
}

// State is where the link stands now.
func (n *NodeLink) State() NodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

// CoreUUID is the run of the switch that the link stands to, or stood to last.
func (n *NodeLink) CoreUUID() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.core
}

// LastHeartbeat is the newest Heartbeat; its Time is zero when there was none.
func (n *NodeLink) LastHeartbeat() Heartbeat {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.beat
}

// Events gives NodeUp, NodeDown, NodeRestarted, Heartbeat, BackgroundJob, ShuttingDown. It is never closed; the first of the
// switch's own may come before NodeUp. Those not
// taken are dropped and counted; State, LastHeartbeat and CoreUUID always hold the newest.
func (n *NodeLink) Events() <-chan Event { return n.events }

// API sends one command and returns the answer's text.
func (n *NodeLink) API(ctx context.Context, cmd Command) (string, error) {
	n.mu.Lock()
	c := n.commands
	n.mu.Unlock()
	if c == nil {
		return "", ErrNodeDown
	}
	r, err := c.do(ctx, cmd, "")
	return r.Text, err
}

// ShowChannels lists the node's channels.
func (n *NodeLink) ShowChannels(ctx context.Context) ([]ChannelRow, error) {
	answer, err := n.API(ctx, ShowChannels{})
	if err != nil {
		return nil, err
	}
	return ParseChannels(answer)
}

// Dump asks for a channel's headers and variables.
func (n *NodeLink) Dump(ctx context.Context, channel string) (map[string]string, error) {
	answer, err := n.API(ctx, UUIDDump{UUID: channel})
	if err != nil {
		return nil, err
	}
	return ParseDump(answer), nil
}

// Originate places a call and waits for its outcome; it returns the new channel's id. At most MaxOriginates run at
// once. When ctx ends first, the call may still come about: end it with Hangup{UUID}.
func (n *NodeLink) Originate(ctx context.Context, o Originate) (string, error) {
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-ctx.Done():
		return "", fmt.Errorf("waiting to place a call: %w", ctx.Err())
	}
	if o.UUID == "" {
		o.UUID = uuid.NewString()
	}
	o.JobUUID = uuid.NewString()
	result := make(chan BackgroundJob, 1)
	n.mu.Lock()
	n.jobs[o.JobUUID] = result
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.jobs, o.JobUUID)
		n.mu.Unlock()
	}()
	if _, err := n.API(ctx, o); err != nil {
		return o.UUID, err
	}
	select {
	case job := <-result:
		if !job.OK {
			return o.UUID, &RefusedError{Kind: kindOriginate.String(), Text: bounded(job.Result, 256)}
		}
		return o.UUID, nil
	case <-ctx.Done():
		return o.UUID, fmt.Errorf("placing a call: %w", ctx.Err())
	}
}

func (n *NodeLink) run(ctx context.Context) {
	defer close(n.ended)
	pause, tries := n.cfg.BackoffMin, 0
	for ctx.Err() == nil {
		if tries > 0 {
			n.metrics.reconnects.WithLabelValues(n.cfg.Name).Inc()
		}
		tries++
		n.enter(NodeStateConnecting)
		l, err := n.connect(ctx)
		if err == nil {
			pause = n.cfg.BackoffMin
			n.up(l)
			err = n.watch(ctx, l)
			l.shut()
			n.down(err)
		} else {
			n.enter(NodeStateDown)
			n.log.Warn("node cannot be reached", "error", err)
			if errors.Is(err, ErrLogin) || errors.Is(err, ErrRejected) {
				pause = n.cfg.BackoffMax // trying often helps nobody, and fills the node's log
			}
		}
		// Full jitter below the pause: the links of many orchestrators must not come back in step.
		wait := pause/2 + time.Duration(rand.Int64N(int64(pause/2)+1))
		pause = min(2*pause, n.cfg.BackoffMax)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	n.enter(NodeStateDown)
}

// link is one standing pair of connections.
type link struct {
	commands, events *conn
	core             string
	read             chan struct{}
}

func (l *link) shut() {
	for _, c := range []*conn{l.commands, l.events} {
		if c != nil {
			c.fail(ErrClosed)
			c.shut()
		}
	}
}

func (n *NodeLink) connect(ctx context.Context) (_ *link, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.ConnectTimeout)
	defer cancel()
	l := &link{read: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			l.shut()
		}
	}()
	if l.commands, err = n.login(ctx, nil, nil); err != nil {
		return nil, err
	}
	r, err := l.commands.do(ctx, CoreUUID{}, "")
	if err != nil {
		return nil, err
	}
	l.core = strings.TrimSpace(r.Text)
	note := func() {
		n.metrics.nodeRead.WithLabelValues(n.cfg.Name).SetToCurrentTime()
		select {
		case l.read <- struct{}{}:
		default:
		}
	}
	if l.events, err = n.login(ctx, n.onEvent, note); err != nil {
		return nil, err
	}
	list := append([]string{"event plain HEARTBEAT BACKGROUND_JOB SHUTDOWN"}, n.cfg.Events...)
	if _, err = l.events.send(ctx, subscribe(strings.Join(list, " "))); err != nil {
		return nil, err
	}
	return l, nil
}

func (n *NodeLink) login(ctx context.Context, onEvent func(*eslgo.Event), onRead func()) (*conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", n.cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to the node: %w", err)
	}
	// The connection outlives the login's deadline; link.shut ends it.
	c := newConn(context.WithoutCancel(ctx), raw, connOptions{
		maxBody: maxNodeBodyBytes, timeout: n.cfg.CommandTimeout, leaveWait: time.Second,
		metrics: n.metrics, log: n.log, onEvent: onEvent, onRead: onRead,
	})
	fail := func(err error) (*conn, error) {
		c.fail(fmt.Errorf("%w: %w", ErrClosed, err))
		c.shut()
		return nil, err
	}
	select {
	case <-c.authAsked:
	case <-c.ctx.Done():
		return fail(c.cause())
	case <-ctx.Done():
		return fail(fmt.Errorf("node did not ask for a password: %w", ctx.Err()))
	}
	w, err := authenticate(n.cfg.Password.Reveal())
	if err != nil {
		return fail(err)
	}
	if _, err := c.send(ctx, w); err != nil {
		if errors.Is(err, ErrRefused) {
			err = ErrLogin
		}
		return fail(err)
	}
	return c, nil
}

// watch returns when the link no longer stands: a connection ended, a ping got no answer, or the event connection
// was silent for longer than heartbeats allow.
func (n *NodeLink) watch(ctx context.Context, l *link) error {
	ping := time.NewTicker(n.cfg.PingInterval)
	defer ping.Stop()
	silence := time.NewTimer(n.cfg.HeartbeatTimeout)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.commands.ctx.Done():
			return l.commands.cause()
		case <-l.events.ctx.Done():
			return l.events.cause()
		case <-l.read:
			silence.Reset(n.cfg.HeartbeatTimeout)
		case <-silence.C:
			return fmt.Errorf("%w: no heartbeat for %s", ErrClosed, n.cfg.HeartbeatTimeout)
		case <-ping.C:
			r, err := l.commands.do(ctx, CoreUUID{}, "")
			if err != nil {
				return err
			}
			if got := strings.TrimSpace(r.Text); got != l.core {
				return fmt.Errorf("%w: another switch answers", ErrClosed)
			}
		}
	}
}

func (n *NodeLink) enter(s NodeState) {
	n.mu.Lock()
	n.state = s
	n.mu.Unlock()
}

func (n *NodeLink) up(l *link) {
	n.mu.Lock()
	before := n.core
	n.core, n.commands, n.state = l.core, l.commands, NodeStateUp
	n.mu.Unlock()
	n.metrics.nodeUp.WithLabelValues(n.cfg.Name).Set(1)
	n.log.Info("node linked", "core", l.core)
	now := Stamp{CoreUUID: l.core, Time: time.Now()}
	if before != "" && before != l.core {
		n.metrics.restarts.WithLabelValues(n.cfg.Name).Inc()
		n.emit(NodeRestarted{Stamp: now, Node: n.cfg.Name, PreviousCore: before})
	}
	n.emit(NodeUp{Stamp: now, Node: n.cfg.Name})
}

func (n *NodeLink) down(err error) {
	n.mu.Lock()
	n.commands, n.state = nil, NodeStateDown
	core := n.core
	n.mu.Unlock()
	n.metrics.nodeUp.WithLabelValues(n.cfg.Name).Set(0)
	if errors.Is(err, context.Canceled) {
		n.log.Info("node link ended")
	} else {
		n.log.Warn("node link broke", "error", err)
	}
	n.emit(NodeDown{Stamp: Stamp{CoreUUID: core, Time: time.Now()}, Node: n.cfg.Name, Err: err})
}

// onEvent runs in a goroutine of eslgo's for each event.
func (n *NodeLink) onEvent(e *eslgo.Event) {
	ev, kind, ok := decode(fields(e.Headers), e.Body)
	n.metrics.events.WithLabelValues(kind).Inc()
	if !ok {
		return
	}
	switch ev := ev.(type) {
	case Heartbeat:
		n.mu.Lock()
		if ev.Sequence > n.beat.Sequence || ev.CoreUUID != n.beat.CoreUUID {
			n.beat = ev
		}
		n.mu.Unlock()
	case BackgroundJob:
		n.mu.Lock()
		waiting := n.jobs[ev.JobUUID]
		delete(n.jobs, ev.JobUUID)
		n.mu.Unlock()
		if waiting != nil {
			waiting <- ev
		}
	}
	n.emit(ev)
}

func (n *NodeLink) emit(ev Event) {
	select {
	case n.events <- ev:
	default:
		n.metrics.nodeDropped.WithLabelValues(n.cfg.Name).Inc()
	}
}
