package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate/tidegate/schemas"
)

// Headers of dead letters.
const (
	HeaderDeadError    = "Tidegate-Error"
	HeaderDeadAttempts = "Tidegate-Attempts"
	HeaderDeadSubject  = "Tidegate-Subject"
	HeaderDeadConsumer = "Tidegate-Consumer"
	HeaderDeadID       = "Tidegate-Message-Id"
)

// ConsumerConfig names a durable consumer and its patience. Instances with
// the same Durable share the work.
type ConsumerConfig struct {
	Stream         string
	Durable        string
	FilterSubjects []string
	AckWait        time.Duration   // default 30 s
	MaxAttempts    int             // default 10; then the dead-letter stream; -1 never gives up
	Backoff        []time.Duration // pause after the n-th failure; the last repeats
	MaxInFlight    int             // handled at the same time; default 16
	// New leaves out what the stream held before the consumer was made, for
	// work that would be wrong to begin with the past.
	New bool
	// Recheck is how often a work queue is looked through for what a restarted
	// server left in it; default 10 s.
	Recheck time.Duration
	// Refused is called for a message that cannot be decoded, before it goes
	// to the dead letters, so that whoever asked can be told. When it fails,
	// the message is tried again. nil is that nobody waits for an answer.
	Refused func(context.Context, Refusal) (Told, error)
}

type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// Permanent marks an error that no retry can mend: the message goes to the
// dead-letter stream at once.
func Permanent(err error) error { return permanentError{err} }

var defaultBackoff = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Consumer delivers durable messages to a handler.
type Consumer struct {
	bus      *Bus
	cfg      ConsumerConfig
	handle   func(context.Context, Message) error
	slots    chan struct{}
	inFlight sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc

	stop    sync.Once
	ending  chan struct{}
	keeping sync.WaitGroup
	mu      sync.Mutex
	consume jetstream.ConsumeContext
}

// Consume delivers messages to h until Drain or Stop, up to MaxInFlight at a
// time. A message is acknowledged after h returned nil. On an error it is
// delivered again after a pause; on a Permanent error, when its attempts are
// spent, or when it cannot be decoded, it moves to the dead-letter stream.
func (b *Bus) Consume(ctx context.Context, cfg ConsumerConfig, h func(context.Context, Message) error) (*Consumer, error) {
	if cfg.AckWait <= 0 {
		cfg.AckWait = 30 * time.Second
	}
	if cfg.MaxAttempts == 0 {
		cfg.MaxAttempts = 10
	}
	if cfg.MaxInFlight <= 0 {
		cfg.MaxInFlight = 16
	}
	if cfg.Recheck <= 0 {
		cfg.Recheck = recheckPause
	}
	if len(cfg.Backoff) == 0 {
		cfg.Backoff = defaultBackoff
	}
	c := &Consumer{bus: b, cfg: cfg, handle: h, slots: make(chan struct{}, cfg.MaxInFlight), ending: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.begin(ctx); err != nil {
		c.cancel()
		return nil, err
	}
	c.keeping.Go(c.keep)
	c.keeping.Go(c.recheck)
	return c, nil
}

// begin makes the durable consumer if it is not there, and has its messages
// delivered.
func (c *Consumer) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiLimit)
	defer cancel()
	deliver := jetstream.DeliverAllPolicy
	if c.cfg.New {
		deliver = jetstream.DeliverNewPolicy
	}
	jc, err := c.bus.js.CreateOrUpdateConsumer(ctx, c.cfg.Stream, jetstream.ConsumerConfig{
		Durable: c.cfg.Durable, FilterSubjects: c.cfg.FilterSubjects, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: c.cfg.AckWait, MaxDeliver: -1, DeliverPolicy: deliver, MaxAckPending: c.cfg.MaxInFlight * 16,
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", c.cfg.Durable, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.ending:
		return nil
	default:
	}
	consume, err := jc.Consume(c.take, jetstream.PullMaxMessages(c.cfg.MaxInFlight*2), jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			c.bus.log.Warn("consumer error", "consumer", c.cfg.Durable, "error", err)
		}))
	if err != nil {
		return fmt.Errorf("consume %s: %w", c.cfg.Durable, err)
	}
	c.consume = consume
	return nil
}

const (
	// pullExpiry is how long one request for messages stands. Its heartbeat is
	// half of it, and a request that a restarting server forgot is noticed
	// after two of them.
	pullExpiry = 10 * time.Second
	// resumePause is between attempts to begin again.
	resumePause = 500 * time.Millisecond
)

// keep begins again when the consuming has ended by itself: the client gives
// up for good on some answers of a server that restarts, or when somebody
// deleted the consumer; without this, the worker would look well and do
// nothing.
func (c *Consumer) keep() {
	for {
		select {
		case <-c.ending:
			return
		case <-c.current().Closed():
		}
		for again := true; again; {
			select {
			case <-c.ending:
				return
			case <-c.bus.closed:
				return
			case <-time.After(resumePause):
			}
			ctx, cancel := context.WithTimeout(c.ctx, c.bus.cfg.RequestTimeout)
			err := c.begin(ctx)
			cancel()
			if again = err != nil; again {
				c.bus.log.Warn("consumer cannot begin again", "consumer", c.cfg.Durable, "error", err)
			}
		}
		c.bus.metrics.resumed.Inc()
		c.bus.log.Warn("consumer had ended and begins again", "consumer", c.cfg.Durable)
	}
}

func (c *Consumer) current() jetstream.ConsumeContext {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.consume
}

// end keeps the consumer from beginning again and ends the delivery.
func (c *Consumer) end(how func(jetstream.ConsumeContext)) {
	c.stop.Do(func() {
		c.mu.Lock()
		close(c.ending)
		c.mu.Unlock()
		how(c.current())
	})
	c.keeping.Wait()
}

// take runs on the consumer's goroutine; it blocks while MaxInFlight
// messages are being handled, which stops the pulling.
func (c *Consumer) take(m jetstream.Msg) {
	c.slots <- struct{}{}
	c.inFlight.Go(func() {
		defer func() { <-c.slots }()
		if c.ctx.Err() != nil { // it waited behind what was cancelled
			_ = m.Nak()
			return
		}
		c.one(m)
	})
}

func (c *Consumer) one(m jetstream.Msg) {
	b := c.bus
	b.metrics.received.WithLabelValues("durable").Inc()
	attempt := 1
	if md, err := m.Metadata(); err == nil {
		attempt = int(md.NumDelivered)
	}
	msg, err := b.decode(m.Subject(), m.Data())
	if err != nil {
		c.refuse(m, attempt, err)
		return
	}
	msg.Attempt = attempt
	err = c.handle(c.ctx, msg)
	var permanent permanentError
	switch {
	case err == nil:
		b.metrics.consumed.WithLabelValues("ok").Inc()
		if err := m.Ack(); err != nil {
			b.log.Warn("acknowledgement failed", "consumer", c.cfg.Durable, "error", err)
		}
	case c.ctx.Err() != nil:
		// Stopped in the middle: not this message's fault.
		_ = m.Nak()
	case errors.As(err, &permanent) || (c.cfg.MaxAttempts > 0 && attempt >= c.cfg.MaxAttempts):
		c.dead(m, attempt, err)
	default:
		c.retry(m, attempt, err)
	}
}

func (c *Consumer) retry(m jetstream.Msg, attempt int, cause error) {
	if c.ctx.Err() != nil {
		_ = m.Nak()
		return
	}
	c.bus.metrics.consumed.WithLabelValues("retry").Inc()
	pause := c.cfg.Backoff[min(attempt, len(c.cfg.Backoff))-1]
	c.bus.log.Warn("message will be tried again", "consumer", c.cfg.Durable, "attempt", attempt, "pause", pause, "error", cause)
	_ = m.NakWithDelay(pause)
}

// dead moves a message to the dead letters; false when it stays for now.
func (c *Consumer) dead(m jetstream.Msg, attempt int, cause error) bool {
	b := c.bus
	letter := &nats.Msg{
		Subject: schemas.SubjectDead(m.Subject()), Data: m.Data(),
		Header: nats.Header{
			HeaderDeadError: {headerValue(cause.Error())}, HeaderDeadAttempts: {strconv.Itoa(attempt)},
			HeaderDeadSubject: {m.Subject()}, HeaderDeadConsumer: {c.cfg.Durable},
		},
	}
	if id := cmp.Or(m.Headers().Get(HeaderDeadID), m.Headers().Get(nats.MsgIdHdr)); id != "" {
		letter.Header.Set(HeaderDeadID, id)
	}
	if md, err := m.Metadata(); err == nil {
		letter.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s:%s:%d", c.cfg.Durable, md.Stream, md.Sequence.Stream))
	}
	if err := b.publishRaw(c.ctx, letter); err != nil {
		// The letter must not be lost: the message stays where it was.
		b.log.Error("dead letter could not be kept", "consumer", c.cfg.Durable, "error", err)
		_ = m.NakWithDelay(c.cfg.Backoff[len(c.cfg.Backoff)-1])
		return false
	}
	b.metrics.consumed.WithLabelValues("dead").Inc()
	b.metrics.deadLetter.Inc()
	b.log.Error("message moved to dead letters", "consumer", c.cfg.Durable, "subject", m.Subject(), "attempt", attempt, "error", cause)
	if err := m.TermWithReason("dead letter"); err != nil {
		b.log.Warn("acknowledgement failed", "consumer", c.cfg.Durable, "error", err)
	}
	return true
}

// headerValue keeps a header on one line and short.
func headerValue(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r < ' ' {
			r = ' '
		}
		if out = append(out, r); len(out) == 300 {
			break
		}
	}
	return string(out)
}

// Drain takes no more messages and waits for those in hand.
func (c *Consumer) Drain(ctx context.Context) error {
	c.end(jetstream.ConsumeContext.Drain)
	done := make(chan struct{})
	go func() {
		<-c.current().Closed()
		c.inFlight.Wait()
		close(done)
	}()
	select {
	case <-done:
		c.cancel()
		return nil
	case <-ctx.Done():
		c.cancel()
		<-done
		return ctx.Err()
	}
}

// Stop cancels the handlers' context and waits for them; what they did not
// finish is delivered again.
func (c *Consumer) Stop() {
	c.cancel()
	c.end(jetstream.ConsumeContext.Stop)
	<-c.current().Closed()
	c.inFlight.Wait()
}
