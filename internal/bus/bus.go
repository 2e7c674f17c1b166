// Package bus is the only importer of NATS: core messages, durable facts and
// work (JetStream), services, and key-value buckets, all carrying envelopes
// of package schemas.
//
// Delivery: Publish is at most once; PublishDurable returns when a stream has
// the message, and a repeat of an envelope id within the stream's window is
// stored once; Consume is at least once.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/config"
	"github.com/tidegate/tidegate/schemas"
)

// Config says how to reach NATS.
type Config struct {
	URL             string        `koanf:"url" help:"NATS server URLs, comma separated; empty starts an embedded server in 'up'"`
	CredentialsFile string        `koanf:"credentials_file" help:"NATS credentials file (JWT and key)"`
	User            string        `koanf:"user" help:"NATS user"`
	Password        config.Secret `koanf:"password" help:"NATS password"`
	ConnectTimeout  time.Duration `koanf:"connect_timeout" help:"time limit of one connection attempt"`
	ReconnectWait   time.Duration `koanf:"reconnect_wait" help:"pause between reconnection attempts"`
	RequestTimeout  time.Duration `koanf:"request_timeout" help:"time limit of a request without one of its own"`
	Replicas        int           `koanf:"replicas" help:"copies of each stream and bucket in a NATS cluster"`
	FactsMaxAge     time.Duration `koanf:"facts_max_age" help:"how long facts are kept in their stream"`
}

// Defaults is a server on this machine.
func Defaults() Config {
	return Config{
		URL: nats.DefaultURL, ConnectTimeout: 2 * time.Second, ReconnectWait: 100 * time.Millisecond,
		RequestTimeout: 2 * time.Second, Replicas: 1, FactsMaxAge: 7 * 24 * time.Hour,
	}
}

// Validate reports every field that cannot work.
func (c Config) Validate() error {
	var errs []error
	positive := func(key string, d time.Duration) {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be more than 0, is %s", key, d))
		}
	}
	positive("connect_timeout", c.ConnectTimeout)
	positive("reconnect_wait", c.ReconnectWait)
	positive("request_timeout", c.RequestTimeout)
	positive("facts_max_age", c.FactsMaxAge)
	if c.Replicas < 1 || c.Replicas > 5 {
		errs = append(errs, fmt.Errorf("replicas: must be 1 to 5, is %d", c.Replicas))
	}
	if c.CredentialsFile != "" {
		if _, err := os.Stat(c.CredentialsFile); err != nil {
			errs = append(errs, fmt.Errorf("credentials_file: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Deps is what a Bus is given.
type Deps struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	// Source goes into every envelope: /tidegate/SERVICE/INSTANCE.
	Source string
	// Retry keeps trying when the server cannot be reached at first; the
	// Bus is then returned unconnected.
	Retry bool
	Now   func() time.Time
}

// OnRestored calls f, on the connection's own goroutine, each time the
// connection has come back; f must return at once. What core subscriptions
// missed meanwhile is gone, so whoever depends on them asks again. The
// returned function ends it.
func (b *Bus) OnRestored(f func()) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nextHook++
	id := b.nextHook
	b.restored[id] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.restored, id)
	}
}

// ErrNoResponders: nobody serves the subject of a request.
var ErrNoResponders = nats.ErrNoResponders

// RemoteError is an answer that says no. Codes follow HTTP.
type RemoteError struct {
	Code int
	Text string
}

func (e *RemoteError) Error() string { return fmt.Sprintf("remote error %d: %s", e.Code, e.Text) }

// Bus is one connection to NATS. Its methods are safe for concurrent use.
type Bus struct {
	cfg     Config
	log     *slog.Logger
	nc      *nats.Conn
	js      jetstream.JetStream
	metrics *metrics
	source  string
	now     func() time.Time
	closed  chan struct{}

	mu       sync.Mutex
	nextHook int
	restored map[int]func()
}

// Connect dials NATS and keeps the connection alive: reconnection never
// gives up, and what is published in between is buffered up to 8 MiB.
func Connect(ctx context.Context, cfg Config, deps Deps) (*Bus, error) {
	b := &Bus{
		cfg: cfg, log: deps.Log, source: deps.Source, now: deps.Now,
		metrics: newMetrics(deps.Registry), closed: make(chan struct{}),
		restored: map[int]func(){},
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.now == nil {
		b.now = time.Now
	}
	opts := []nats.Option{
		nats.Name(deps.Source), nats.Timeout(cfg.ConnectTimeout), nats.ReconnectWait(cfg.ReconnectWait),
		nats.ReconnectJitter(cfg.ReconnectWait/2, cfg.ReconnectWait), nats.MaxReconnects(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(deps.Retry),
		nats.ConnectHandler(func(*nats.Conn) { b.metrics.connected.Set(1) }),
		nats.DisconnectErrHandler(b.onDisconnect), nats.ReconnectHandler(b.onReconnect),
		nats.ErrorHandler(b.onError), nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	}
	if cfg.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(cfg.CredentialsFile))
	}
	if cfg.User != "" {
		opts = append(opts, nats.UserInfo(cfg.User, cfg.Password.Reveal()))
	}
	nc, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", addresses(cfg.URL), err)
	}
	b.nc = nc
	if nc.IsConnected() {
		b.metrics.connected.Set(1)
	}
	if b.js, err = jetstream.New(nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("JetStream: %w", err)
	}
	return b, ctx.Err()
}

func (b *Bus) onDisconnect(_ *nats.Conn, err error) {
	b.metrics.connected.Set(0)
	if err != nil {
		b.log.Warn("NATS connection lost", "error", err)
	}
}

func (b *Bus) onReconnect(*nats.Conn) {
	b.metrics.connected.Set(1)
	b.metrics.reconnects.Inc()
	b.log.Info("NATS connection restored")
	b.mu.Lock()
	hooks := slices.Collect(maps.Values(b.restored))
	b.mu.Unlock()
	for _, f := range hooks {
		f()
	}
}

func (b *Bus) onError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		b.metrics.slow.Inc()
	}
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	b.log.Warn("NATS error", "subject", subject, "error", err)
}

// Connected says whether the server is reached at this moment.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Ready is nil while connected.
func (b *Bus) Ready() error {
	if b.Connected() {
		return nil
	}
	return errors.New("NATS is not connected")
}

// Source is what envelopes from here name as their source.
func (b *Bus) Source() string { return b.source }

// Close ends the connection at once and waits for its goroutines.
func (b *Bus) Close() error {
	b.nc.Close()
	<-b.closed
	return nil
}

// Drain lets subscriptions finish what they hold, flushes, and closes.
func (b *Bus) Drain(ctx context.Context) error {
	if b.nc.IsClosed() {
		return nil
	}
	if !b.nc.IsConnected() {
		return b.Close()
	}
	if err := b.nc.Drain(); err != nil {
		return errors.Join(err, b.Close())
	}
	select {
	case <-b.closed:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), b.Close())
	}
}

// Flush waits until the server has everything published so far, as long as
// ctx or else the configured time limit allows.
func (b *Bus) Flush(ctx context.Context) error {
	ctx, cancel := b.limited(ctx)
	defer cancel()
	return b.nc.FlushWithContext(ctx)
}

// limited gives ctx the configured time limit if it has none of its own.
func (b *Bus) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, b.cfg.RequestTimeout)
}

func (b *Bus) encode(data any, opts []schemas.Option) (schemas.Envelope, []byte, error) {
	e, err := schemas.Wrap(b.source, b.now(), data, opts...)
	if err != nil {
		return e, nil, err
	}
	raw, err := marshalEnvelope(e)
	return e, raw, err
}

// Publish sends data on a subject: at most once, without waiting.
func (b *Bus) Publish(subject string, data any, opts ...schemas.Option) error {
	_, raw, err := b.encode(data, opts)
	if err != nil {
		return err
	}
	b.metrics.published.WithLabelValues("core").Inc()
	return b.nc.Publish(subject, raw)
}

// Request sends data and waits for one answer, as long as ctx or else the
// configured time limit allows.
func (b *Bus) Request(ctx context.Context, subject string, data any, opts ...schemas.Option) (Message, error) {
	ctx, cancel := b.limited(ctx)
	defer cancel()
	_, raw, err := b.encode(data, opts)
	if err != nil {
		return Message{}, err
	}
	b.metrics.published.WithLabelValues("request").Inc()
	m, err := b.nc.RequestWithContext(ctx, subject, raw)
	if err != nil {
		return Message{}, fmt.Errorf("request %s: %w", subject, err)
	}
	if re := remoteError(m.Header); re != nil {
		return Message{}, fmt.Errorf("request %s: %w", subject, re)
	}
	return b.decode(m.Subject, m.Data)
}

// addresses are servers' URLs as people may see them: a URL may hold a name,
// a password or a token.
func addresses(urls string) string {
	var out []string
	for _, one := range strings.Split(urls, ",") {
		if one = strings.TrimSpace(one); !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		if u, err := url.Parse(one); err == nil {
			out = append(out, u.Scheme+"://"+u.Host)
		}
	}
	return strings.Join(out, ", ")
}
