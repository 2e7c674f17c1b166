package esl

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/percipia/eslgo"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/config"
)

// ListenerConfig configures the server that FreeSWITCH hands calls to.
type ListenerConfig struct {
	Listen         string        `koanf:"listen" help:"address on which FreeSWITCH hands over calls (outbound event socket)"`
	Secret         config.Secret `koanf:"secret" help:"value of the channel variable tidegate_secret that every call must carry"`
	Handshake      time.Duration `koanf:"handshake_timeout" help:"time for connect, secret and subscriptions of a new call"`
	CommandTimeout time.Duration `koanf:"command_timeout" help:"time for the reply to one command"`
	Linger         time.Duration `koanf:"linger" help:"how long the connection waits for the last event after a hang-up"`
	Hold           time.Duration `koanf:"hold" help:"how long an event waits for earlier ones to be put in order"`
	QueueSize      int           `koanf:"queue_size" help:"events of one call that may wait; more close its connection"`
	MaxChannels    int           `koanf:"max_channels" help:"calls under control at once; more are left to the next action of the dialplan"`
}

// ListenerDefaults are values for a production network; only the secret is missing.
func ListenerDefaults() ListenerConfig {
	return ListenerConfig{
		Listen: "127.0.0.1:8084", Handshake: 5 * time.Second, CommandTimeout: 5 * time.Second, Linger: 5 * time.Second,
		Hold: 8 * time.Millisecond, QueueSize: 512, MaxChannels: 2000,
	}
}

// Validate names every key that is wrong.
func (c ListenerConfig) Validate() error {
	var errs []error
	bad := func(key, why string) { errs = append(errs, fmt.Errorf("%s: %s", key, why)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", err.Error())
	}
	if c.Secret == "" {
		bad("secret", "must be set, to the value of tidegate_secret in the dialplan")
	}
	for key, d := range map[string]time.Duration{"handshake_timeout": c.Handshake, "command_timeout": c.CommandTimeout, "linger": c.Linger} {
		if d <= 0 {
			bad(key, "must be positive")
		}
	}
	if c.Hold < 0 || c.Hold > time.Second {
		bad("hold", "must be between 0 and 1s")
	}
	if c.QueueSize < 16 {
		bad("queue_size", "must be at least 16")
	}
	if c.MaxChannels < 1 {
		bad("max_channels", "must be at least 1")
	}
	return errors.Join(errs...)
}

// Deps are what the layer is given.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
}

func (d Deps) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

// SecretVariable is the channel variable that the dialplan sets before its socket action.
const SecretVariable = "tidegate_secret"

// Handler runs one call. When it returns, control over the call is given up. ctx ends with the connection.
type Handler func(ctx context.Context, ch *Channel)

// Listener is the outbound event socket's server.
type Listener struct {
	cfg     ListenerConfig
	handler Handler
	log     *slog.Logger
	metrics *metrics

	mu       sync.Mutex
	ln       net.Listener
	open     map[net.Conn]struct{}
	channels int
	draining bool
	stopped  bool
	ctx      context.Context
	cancel   context.CancelFunc
	group    sync.WaitGroup
}

// New makes a listener; Start opens it.
func New(cfg ListenerConfig, handler Handler, deps Deps) (*Listener, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Listener{
		cfg: cfg, handler: handler, log: deps.log(), metrics: newMetrics(deps.Registry),
		open: map[net.Conn]struct{}{}, ctx: ctx, cancel: cancel,
	}, nil
}

// Start opens the address and returns. Calls are handled until Stop.
func (l *Listener) Start(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", l.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for calls: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.ln != nil {
		_ = ln.Close()
		return errors.New("listener started twice or after its end")
	}
	l.ln = ln
	l.group.Add(1)
	go l.accept(ln)
	return nil
}

// Addr is the bound address, nil before Start.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln == nil {
		return nil
	}
	return l.ln.Addr()
}

// Drain leaves new calls to the next action of the dialplan and waits for those under control to end, or for ctx.
// The address stays open: a refused connection and one that ends at once are the same to FreeSWITCH, but an
// open one can still be told apart from a dead orchestrator.
func (l *Listener) Drain(ctx context.Context) error {
	l.mu.Lock()
	l.draining = true
	l.mu.Unlock()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if l.Channels() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d calls still under control: %w", l.Channels(), ctx.Err())
		case <-tick.C:
		}
	}
}

// Channels is the number of calls under control.
func (l *Listener) Channels() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.channels
}

// Stop closes the address and gives up control over all calls, which go on with the next action of their
// dialplan. It waits for the handlers to return, or for ctx. Idempotent.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	if l.ln != nil {
		_ = l.ln.Close()
	}
	for c := range l.open {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.cancel()
	ended := make(chan struct{})
	go func() { l.group.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("handlers of calls still run: %w", ctx.Err())
	}
}

// accept never ends before Stop: a failed accept (no file descriptors left) is waited out.
func (l *Listener) accept(ln net.Listener) {
	defer l.group.Done()
	pause := 5 * time.Millisecond
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			l.log.Error("accepting a call's connection failed", "error", err)
			select {
			case <-time.After(pause):
			case <-l.ctx.Done():
				return
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		refusal, take := l.admit(c)
		if !take {
			l.metrics.refused.WithLabelValues(reasonOf(refusal)).Inc()
			_ = c.Close()
			continue
		}
		go l.serve(c, refusal)
	}
}

// passing bounds the connections over capacity that are still told to go on.
const passing = 256

// admit says whether a connection is to be served at all, and for which reason its call is not taken.
func (l *Listener) admit(c net.Conn) (refusal error, take bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		return errDraining, false
	case len(l.open) >= l.cfg.MaxChannels+passing:
		return errCapacity, false
	case l.draining:
		refusal = errDraining
	case len(l.open) >= l.cfg.MaxChannels:
		refusal = errCapacity
	}
	l.open[c] = struct{}{}
	l.group.Add(1)
	return refusal, true
}

func (l *Listener) serve(c net.Conn, refusal error) {
	defer l.group.Done()
	defer func() {
		_ = c.Close()
		l.mu.Lock()
		delete(l.open, c)
		l.mu.Unlock()
	}()
	ch, err := l.handshake(c, refusal)
	if err != nil {
		reason := reasonOf(err)
		l.metrics.refused.WithLabelValues(reason).Inc()
		l.log.Warn("call's connection refused", "reason", reason, "remote", c.RemoteAddr().String(), "error", err)
		return
	}
	l.metrics.accepted.Inc()
	l.count(1)
	defer l.count(-1)
	go ch.deliver()
	defer func() {
		ch.Close()
		<-ch.done
	}()
	l.handler(ch.conn.ctx, ch)
}

func (l *Listener) count(d int) {
	l.mu.Lock()
	l.channels += d
	l.metrics.channels.Set(float64(l.channels))
	l.mu.Unlock()
}

// Why a call is not taken.
var (
	errSecret   = errors.New("call without the right secret")
	errDraining = errors.New("draining")
	errCapacity = errors.New("as many calls as configured are under control")
)

func reasonOf(err error) string {
	switch {
	case errors.Is(err, errSecret):
		return refusedSecret
	case errors.Is(err, errDraining):
		return refusedDraining
	case errors.Is(err, errCapacity):
		return refusedCapacity
	}
	return refusedHandshake
}

// handshake brings a connection to where the call's events flow. On an error the connection is closed.
//
// A call that is not taken is connected all the same and told to resume before its connection ends: FreeSWITCH parks
// the call once the connection stands, and when that has ended before, nothing would ever end the parking
// (socket_function in mod_event_socket.c). The dialplan sets socket_resume for deaths before this point; it is taken back
// for a call under control, whose bridge to a human would else be cut when the orchestrator dies.
func (l *Listener) handshake(c net.Conn, refusal error) (*Channel, error) {
	ch := &Channel{done: make(chan struct{}), inbox: newInbox(l.cfg.Hold, l.cfg.QueueSize, l.metrics)}
	ready := make(chan struct{})
	cn := newConn(l.ctx, c, connOptions{
		outbound: true, maxBody: maxCallBodyBytes, timeout: min(l.cfg.CommandTimeout, l.cfg.Handshake),
		leaveWait: l.cfg.Linger, metrics: l.metrics, log: l.log,
		onEvent: func(e *eslgo.Event) {
			<-ready
			ch.onEvent(e)
		},
	})
	ch.conn = cn
	close(ready)
	fail := func(err error) (*Channel, error) {
		cn.fail(fmt.Errorf("%w: %w", ErrClosed, err))
		cn.shut()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Handshake)
	defer cancel()
	r, err := cn.send(ctx, wire{kind: kindConnect, text: "connect"})
	if err != nil {
		return fail(err)
	}
	ch.info = infoOf(r)
	if refusal == nil && !sameSecret(ch.info.Variable(SecretVariable), l.cfg.Secret.Reveal()) {
		refusal = errSecret
	}
	if refusal != nil {
		_, _ = cn.send(ctx, wire{kind: kindResume, text: "resume"})
		return fail(refusal)
	}
	if ch.info.ID == "" {
		return fail(fmt.Errorf("%w: connect without a channel", ErrMalformed))
	}
	if err := ch.subscribe(ctx, l.cfg.Linger); err != nil {
		return fail(err)
	}
	cn.timeout = l.cfg.CommandTimeout
	return ch, nil
}

// sameSecret compares in constant time, whatever the lengths.
func sameSecret(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}
