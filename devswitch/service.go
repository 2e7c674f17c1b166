package devswitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/tidegate/tidegate/internal/obs"
	"github.com/tidegate/tidegate/internal/sipua"
)

// Version is what status and HEARTBEAT call this switch.
const Version = "1.11.0-devswitch"

// Deps of the stand-in; zero values are usable.
type Deps struct {
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// ErrNotRunning is what Ready returns before Start and after Stop.
var ErrNotRunning = errors.New("devswitch is not running")

// Service is one stand-in switch.
type Service struct {
	cfg   Config
	log   *slog.Logger
	m     *metrics
	bus   *bus
	limit *rate.Limiter
	jobs  chan struct{}
	plan  []action

	sessions atomic.Uint64
	began    time.Time
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	ua       *sipua.UA
	listener net.Listener

	mu       sync.Mutex
	channels map[string]*channel
	links    map[*session]struct{}
	peak     int
	running  bool
	paused   bool
	stopping bool
	empty    chan struct{} // signalled when a channel leaves
	stopOnce sync.Once
	stopErr  error
}

// New checks the configuration; nothing listens yet.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(deps.Registerer)
	host, _, _ := net.SplitHostPort(cfg.SIPListen)
	return &Service{
		cfg: cfg, log: deps.Log, m: m,
		bus: &bus{
			coreUUID: uuid.NewString(), hostname: cfg.Hostname, address: host, m: m,
			listeners: make(map[*session]struct{}),
		},
		limit:    rate.NewLimiter(rate.Limit(cfg.SessionsPerSecond), cfg.SessionsPerSecond),
		jobs:     make(chan struct{}, 256),
		plan:     cfg.plan(),
		channels: make(map[string]*channel),
		links:    make(map[*session]struct{}),
		empty:    make(chan struct{}, 1),
	}, nil
}

// Start returns when SIP and the event socket listen. The context is not kept.
func (s *Service) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.stopping {
		return errors.New("devswitch: started twice")
	}
	ua, err := sipua.New(sipua.Options{
		Listen: s.cfg.SIPListen, UserAgent: "devswitch", Log: s.log, RTPIP: s.cfg.RTPIP,
		RTPMin: s.cfg.RTPMin, RTPMax: s.cfg.RTPMax, MaxCalls: 2*s.cfg.MaxSessions + 64,
	})
	if err != nil {
		return fmt.Errorf("devswitch: %w", err)
	}
	s.listener, err = net.Listen("tcp", s.cfg.EventSocketListen)
	if err != nil {
		_ = ua.Close()
		return fmt.Errorf("devswitch: event socket: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.ua, s.began, s.running = ua, time.Now(), true
	ua.OnInvite(s.incoming)
	s.wg.Go(s.accept)
	s.wg.Go(s.beat)
	s.log.Info("devswitch listens", "sip", ua.Addr(), "event_socket", s.listener.Addr().String())
	return nil
}

// SIPAddr is where callers reach the switch, host:port.
func (s *Service) SIPAddr() string { return s.ua.Addr() }

// EventSocketAddr is the inbound event socket, host:port.
func (s *Service) EventSocketAddr() string { return s.listener.Addr().String() }

// CoreUUID names this run of the switch.
func (s *Service) CoreUUID() string { return s.bus.coreUUID }

// Channels is how many call legs exist now.
func (s *Service) Channels() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.channels)
}

// Ready tells whether calls are taken.
func (s *Service) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running || s.stopping {
		return ErrNotRunning
	}
	return nil
}

// Drain refuses new calls and waits for those that are there.
func (s *Service) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.paused = true
	s.mu.Unlock()
	return s.awaitEmpty(ctx)
}

func (s *Service) awaitEmpty(ctx context.Context) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for s.Channels() > 0 {
		select {
		case <-s.empty:
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("devswitch: %d channels left: %w", s.Channels(), ctx.Err())
		}
	}
	return nil
}

// Stop hangs up every call with SYSTEM_SHUTDOWN and frees everything.
func (s *Service) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Service) stop(ctx context.Context) error {
	s.mu.Lock()
	running := s.running
	s.stopping = true
	open := make([]*channel, 0, len(s.channels))
	for _, c := range s.channels {
		open = append(open, c)
	}
	s.mu.Unlock()
	if !running {
		return nil
	}
	for _, c := range open {
		c.hangup(causeShutdown)
	}
	waiting, cancel := context.WithTimeout(ctx, 5*time.Second)
	err := s.awaitEmpty(waiting)
	cancel()
	s.bus.fire(newEvent("SHUTDOWN").add("Event-Info", "System Shutting Down"))
	s.cancel()
	_ = s.listener.Close()
	s.mu.Lock()
	for l := range s.links {
		l.finish()
	}
	s.mu.Unlock()
	err = errors.Join(err, s.ua.Close())
	s.wg.Wait()
	return err
}

// spawn runs f in a goroutine that Stop waits for.
func (s *Service) spawn(f func()) { s.wg.Go(f) }

// accept serves the inbound event socket.
func (s *Service) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: others close theirs
			continue
		}
		l := newSession(s, conn, nil, true)
		if !s.keep(l) {
			_ = conn.Close()
			continue
		}
		s.spawn(func() {
			defer s.drop(l)
			l.serve()
		})
	}
}

// keep registers an event socket so that Stop can end it.
func (s *Service) keep(l *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[l] = struct{}{}
	if s.ctx.Err() != nil {
		l.finish()
	}
	return s.ctx.Err() == nil
}

func (s *Service) drop(l *session) {
	s.mu.Lock()
	delete(s.links, l)
	s.mu.Unlock()
}

// incoming is one call from ring to end, in a goroutine of the SIP side.
func (s *Service) incoming(call *sipua.Call) {
	if reason := s.refusal(); reason != "" {
		s.m.refused.WithLabelValues(reason).Inc()
		s.log.Info("call refused", "reason", reason, "from", obs.Phone(call.From()))
		_ = call.RejectWith(503, "Maximum Calls In Progress", map[string]string{"Retry-After": "300"})
		return
	}
	c := newChannel(s, uuid.NewString(), true)
	c.adoptCall(call)
	if !s.enter(c) {
		s.m.refused.WithLabelValues("stopping").Inc()
		_ = call.RejectWith(503, "Service Unavailable", nil)
		return
	}
	s.log.Info("call arrives", "call", c.id, "from", obs.Phone(call.From()))
	c.fire("CHANNEL_CREATE")
	s.spawn(func() { c.live(s.plan) })
	<-c.dead
}

// refusal says why a new incoming call is not taken, or nothing.
func (s *Service) refusal() string {
	s.mu.Lock()
	paused, full := s.paused, len(s.channels) >= s.cfg.MaxSessions
	s.mu.Unlock()
	switch {
	case paused:
		return "paused"
	case full:
		return "sessions"
	case !s.limit.Allow():
		return "rate"
	default:
		return ""
	}
}

// admit is refusal for calls that we place.
func (s *Service) admit() bool { return s.refusal() == "" }

// enter makes a channel known; its id must be new.
func (s *Service) enter(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.channels[c.id]; taken || s.stopping || !s.running {
		return false
	}
	s.channels[c.id] = c
	s.peak = max(s.peak, len(s.channels))
	s.m.channels.Inc()
	direction := "outbound"
	if c.inbound {
		direction = "inbound"
	}
	s.m.calls.WithLabelValues(direction).Inc()
	return true
}

func (s *Service) remove(c *channel) {
	s.mu.Lock()
	delete(s.channels, c.id)
	s.mu.Unlock()
	s.m.channels.Dec()
	select {
	case s.empty <- struct{}{}:
	default:
	}
}

func (s *Service) find(id string) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[id]
}

// list gives the channels by age.
func (s *Service) list() []*channel {
	s.mu.Lock()
	all := make([]*channel, 0, len(s.channels))
	for _, c := range s.channels {
		all = append(all, c)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *channel) int { return a.times.created.Compare(b.times.created) })
	return all
}

// beat fires HEARTBEAT.
func (s *Service) beat() {
	ticker := time.NewTicker(s.cfg.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.bus.fire(s.heartbeat())
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Service) heartbeat() *event {
	up := time.Since(s.began)
	s.mu.Lock()
	count, peak := len(s.channels), s.peak
	s.mu.Unlock()
	e := newEvent("HEARTBEAT").add("Event-Info", "System Ready").add("Up-Time", upTime(up)).add("FreeSWITCH-Version", Version)
	e.addf("Uptime-msec", "%d", up.Milliseconds()).addf("Session-Count", "%d", count).addf("Max-Sessions", "%d", s.cfg.MaxSessions)
	e.addf("Session-Per-Sec", "%d", s.cfg.SessionsPerSecond).addf("Session-Per-Sec-Last", "0").addf("Session-Per-Sec-Max", "%d", s.cfg.SessionsPerSecond)
	e.addf("Session-Since-Startup", "%d", s.sessions.Load()).addf("Session-Peak-Max", "%d", peak).add("Idle-CPU", "100.000000")
	return e.addf("Heartbeat-Interval", "%d", int(s.cfg.Heartbeat.Seconds()))
}

// upTime words a duration as FreeSWITCH does.
func upTime(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{
		{"year", 365 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute},
		{"second", time.Second}, {"millisecond", time.Millisecond}, {"microsecond", time.Microsecond},
	}
	out := ""
	for i, u := range units {
		n := d / u.size
		d %= u.size
		plural := "s"
		if n == 1 {
			plural = ""
		}
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%d %s%s", n, u.name, plural)
	}
	return out
}
