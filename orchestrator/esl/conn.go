package esl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/percipia/eslgo"
)

// Errors of a command.
var (
	// ErrClosed: the connection is gone, and with it the control over the call or node.
	ErrClosed = errors.New("event socket connection closed")
	// ErrRefused: the switch answered -ERR or -USAGE; the connection stays usable.
	ErrRefused = errors.New("switch refused the command")
)

// RefusedError carries the switch's words. errors.Is(err, ErrRefused) holds for it.
type RefusedError struct {
	Kind string // which command
	Text string // as answered, without the line end
}

func (e *RefusedError) Error() string        { return "switch refused " + e.Kind + ": " + e.Text }
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// conn is one event-socket connection: one command in flight, always a deadline, any error closes it.
type conn struct {
	esl     *eslgo.Conn
	framed  *framedConn
	ctx     context.Context
	end     context.CancelCauseFunc
	turn    chan struct{}
	timeout time.Duration
	metrics *metrics
	log     *slog.Logger

	delivered atomic.Uint64 // events that came out of eslgo
	closeOnce sync.Once
	leave     sync.Once
	leaveWait time.Duration
	authAsked chan struct{}
	onRead    func()
}

// drainTime bounds how long the end of a connection waits for events that were read already.
const drainTime = 250 * time.Millisecond

type connOptions struct {
	outbound  bool
	maxBody   int
	timeout   time.Duration
	leaveWait time.Duration
	metrics   *metrics
	log       *slog.Logger
	onEvent   func(*eslgo.Event)
	onRead    func()
}

func newConn(parent context.Context, c net.Conn, o connOptions) *conn {
	ctx, cancel := context.WithCancelCause(parent)
	cn := &conn{
		ctx: ctx, end: cancel, turn: make(chan struct{}, 1),
		timeout: o.timeout, leaveWait: o.leaveWait, metrics: o.metrics, log: o.log,
		authAsked: make(chan struct{}), onRead: o.onRead,
	}
	f := newFramedConn(c, o.maxBody)
	var asked sync.Once
	f.onAuth = func() { asked.Do(func() { close(cn.authAsked) }) }
	f.onLeave = cn.onLeave
	f.onRead = o.onRead
	f.onEnd = cn.ended
	cn.framed = f
	// The reader starts inside newConnection; events only come after a subscription, which is ours to send.
	cn.esl = newConnection(f, o.outbound, eslgo.Options{
		Context: ctx, Logger: wireLog{conn: cn}, ExitTimeout: time.Second,
	})
	if o.onEvent != nil {
		cn.esl.RegisterEventListener(eslgo.EventListenAll, func(e *eslgo.Event) {
			o.onEvent(e)
			cn.delivered.Add(1)
		})
	}
	context.AfterFunc(ctx, cn.shut)
	return cn
}

// ended is called from eslgo's receive loop when reading fails.
func (c *conn) ended(err error) {
	// What was read before is still on its way through eslgo's goroutines, which would drop it: often it is
	// CHANNEL_HANGUP_COMPLETE, right before the switch closes.
	for until := time.Now().Add(drainTime); c.delivered.Load() < c.framed.events && time.Now().Before(until); {
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		c.fail(fmt.Errorf("%w by the switch", ErrClosed))
	case errors.Is(err, net.ErrClosed):
		c.fail(ErrClosed)
	default:
		if errors.Is(err, ErrMalformed) || errors.Is(err, ErrOversized) {
			c.metrics.malformed.Inc()
			c.log.Warn("event socket message refused", "error", err)
		}
		c.fail(fmt.Errorf("%w: %w", ErrClosed, err))
	}
}

// onLeave hears FreeSWITCH announce its going. With linger it still owes CHANNEL_HANGUP_COMPLETE; should
// that not come, the connection must not stay for ever.
func (c *conn) onLeave(linger bool) {
	if !linger {
		return // the closing of the socket follows
	}
	c.leave.Do(func() {
		t := time.AfterFunc(c.leaveWait, func() {
			c.fail(fmt.Errorf("%w: hang-up without completion", ErrClosed))
		})
		context.AfterFunc(c.ctx, func() { t.Stop() })
	})
}

// fail ends the connection with its first cause.
func (c *conn) fail(err error) {
	c.end(err)
}

func (c *conn) shut() {
	c.closeOnce.Do(func() {
		_ = c.framed.Conn.Close()
		c.esl.Close()
	})
}

func (c *conn) cause() error {
	if err := context.Cause(c.ctx); err != nil {
		if errors.Is(err, ErrClosed) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// text is a command as eslgo takes one.
type text string

func (t text) BuildMessage() string { return string(t) }

// send writes one command and waits for its reply. The caller's context bounds the wait for the turn only:
// once written, the reply is awaited for the connection's own time, as a reply left behind would answer the
// next command.
func (c *conn) send(ctx context.Context, w wire) (*eslgo.RawResponse, error) {
	began := time.Now()
	if err := ctx.Err(); err != nil {
		c.metrics.command(w.kind, resultQueued, 0)
		return nil, fmt.Errorf("waiting for the turn of %s: %w", w.kind, err)
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		c.metrics.command(w.kind, resultQueued, 0)
		return nil, fmt.Errorf("waiting for the turn of %s: %w", w.kind, ctx.Err())
	case <-c.ctx.Done():
		c.metrics.command(w.kind, resultClosed, 0)
		return nil, c.cause()
	}
	defer func() { <-c.turn }()
	if err := c.cause(); err != nil {
		c.metrics.command(w.kind, resultClosed, 0)
		return nil, err
	}
	limit, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	r, err := c.esl.SendCommand(limit, text(w.text))
	took := time.Since(began)
	if err != nil {
		result := resultClosed
		if errors.Is(err, context.DeadlineExceeded) {
			result = resultTimeout
		}
		c.metrics.command(w.kind, result, took)
		c.fail(fmt.Errorf("%w: %s: %w", ErrClosed, w.kind, err))
		return nil, c.cause()
	}
	// A reply of the wrong class belongs to another command: from here on every answer would be another's.
	if got := r.GetHeader("Content-Type"); (got == typeAPI) != w.api && !refusal(r.GetReply()) {
		c.metrics.command(w.kind, resultClosed, took)
		c.fail(fmt.Errorf("%w: %s was answered by %s", ErrClosed, w.kind, ErrMalformed))
		return nil, c.cause()
	}
	return r, c.judge(w, r, took)
}

func (c *conn) judge(w wire, r *eslgo.RawResponse, took time.Duration) error {
	answer := strings.TrimRight(r.GetReply(), "\r\n")
	if refusal(answer) && !(w.usage && strings.HasPrefix(answer, "-USAGE")) {
		c.metrics.command(w.kind, resultRefused, took)
		return &RefusedError{Kind: w.kind.String(), Text: bounded(answer, 256)}
	}
	c.metrics.command(w.kind, resultOK, took)
	return nil
}

func refusal(answer string) bool {
	return strings.HasPrefix(answer, "-ERR") || strings.HasPrefix(answer, "-USAGE")
}

func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

// wireLog takes eslgo's printf lines. Their arguments hold whole messages, numbers and names of callers, so
// only the fixed part goes to the log.
type wireLog struct{ conn *conn }

func (l wireLog) Debug(string, ...any) {}
func (l wireLog) Info(string, ...any)  {}
func (l wireLog) Warn(format string, _ ...any) {
	if strings.HasPrefix(format, "Error parsing event") {
		l.conn.delivered.Add(1)
		l.conn.metrics.malformed.Inc()
		l.conn.log.Warn("event could not be parsed")
	}
}
func (l wireLog) Error(format string, _ ...any) {
	l.conn.log.Error("eslgo reported an error", "line", bounded(format, 80))
}
