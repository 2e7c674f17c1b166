// Package ws is websockets (RFC 6455) as Tidegate uses them: bounded reads
// into one buffer, writes from any goroutine with a deadline, pings, endings
// that are polite and idempotent. It is the only importer of
// gorilla/websocket; none of its types leave this package.
package ws

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Kind is what a message holds.
type Kind int

// The kinds of messages.
const (
	Unknown Kind = iota
	Text
	Binary
)

// Close codes of RFC 6455 section 7.4.1.
const (
	CloseNormal    = websocket.CloseNormalClosure
	CloseGoingAway = websocket.CloseGoingAway
	CloseProtocol  = websocket.CloseProtocolError
	CloseInvalid   = websocket.CloseInvalidFramePayloadData
	ClosePolicy    = websocket.ClosePolicyViolation
	CloseTooBig    = websocket.CloseMessageTooBig
	CloseInternal  = websocket.CloseInternalServerErr
	CloseTryLater  = websocket.CloseTryAgainLater
)

// closeGrace is how long a closed connection waits for the peer's close
// frame, so that what was sent last is not lost to a reset.
const closeGrace = time.Second

// Options are for both sides. Zero values mean the defaults named.
type Options struct {
	Subprotocols []string // offered, or supported in order of preference; when given, one must be agreed
	// AnySubprotocol lets Dial take a server that chooses none of those
	// offered, as RFC 6455 section 4.1 allows.
	AnySubprotocol bool
	TLS            *tls.Config // of Dial to wss://; nil trusts what the system does
	ReadLimit      int64       // bytes of one message; 1 MiB
	// ReadBuffer and WriteBuffer are sizes in bytes; 4 KiB. Longer messages
	// pass, in more calls to the system; a client sends them in several frames.
	ReadBuffer, WriteBuffer int
	// WritePool lends write buffers to connections that all have the same
	// size of it and write seldom; nil: each has its own.
	WritePool *sync.Pool
	// System bounds what the system holds of each direction, in bytes, for a
	// side that does not read; 0 leaves it to the system, which may hold
	// megabytes. It bounds how long writes go on to a peer that has stopped
	// to read, and how far a reader that is held up falls behind.
	System int
	// PingInterval sends pings to a peer of which nothing came in that time;
	// 0 none. PongTimeout ends the connection when nothing at all, pong or
	// message, came for so long; 0 never. A side with the one has to have the
	// other: the peer does not ping while it hears enough.
	PingInterval, PongTimeout time.Duration
	WriteTimeout              time.Duration // one write; 5 s
	HandshakeTimeout          time.Duration // 5 s
	Header                    http.Header   // sent with the handshake
	// AllowOrigins are the Origin headers that Upgrade takes; browsers send
	// one, and no part of Tidegate that speaks this way is a browser.
	AllowOrigins []string
}

func (o Options) withDefaults() Options {
	if o.ReadLimit <= 0 {
		o.ReadLimit = 1 << 20
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 5 * time.Second
	}
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = 5 * time.Second
	}
	return o
}

// Conn is one websocket. One goroutine may read; any may write and close.
type Conn struct {
	ws      *websocket.Conn
	opts    Options
	buf     []byte
	longest int // message that was longer than what is kept

	writing sync.Mutex // held by whoever writes a message

	closing atomic.Bool  // set under mu
	until   atomic.Int64 // the read deadline, in nanoseconds since began
	began   time.Time

	mu    sync.Mutex
	timer *time.Timer // the next ping, or the end of the closing grace
}

// What a connection keeps for its next message. One that is used to longer
// ones makes a buffer for each.
const (
	firstBuffer = 512
	keepBuffer  = 1 << 10
)

func newConn(c *websocket.Conn, o Options) *Conn {
	conn := &Conn{ws: c, opts: o, began: time.Now()}
	if tcp, ok := c.NetConn().(*net.TCPConn); ok && o.System > 0 {
		_ = tcp.SetReadBuffer(o.System) // fails only on a dead socket, which Read tells
		_ = tcp.SetWriteBuffer(o.System)
	}
	c.SetReadLimit(o.ReadLimit)
	c.SetPongHandler(func(string) error { conn.heard(); return nil })
	answer := c.PingHandler()
	c.SetPingHandler(func(s string) error { conn.heard(); return answer(s) })
	conn.heard()
	if o.PingInterval > 0 {
		conn.timer = time.AfterFunc(o.PingInterval, conn.ping)
	}
	return conn
}

// heard moves the time after which a silent peer counts as gone; moving it by
// less than a sixteenth of the time-out would cost more than it tells. A
// connection that is closing has a deadline of its own.
func (c *Conn) heard() {
	limit := c.opts.PongTimeout
	if limit <= 0 {
		return
	}
	until := time.Since(c.began) + limit
	if until-time.Duration(c.until.Load()) < limit/16 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing.Load() {
		c.until.Store(int64(until))
		_ = c.ws.SetReadDeadline(c.began.Add(until)) // fails only on a dead socket, which Read tells
	}
}

// recent says that the peer has been heard within the interval of pings, as
// far as heard keeps count: of one that sends fifty messages a second there
// is nothing to ask.
func (c *Conn) recent() bool {
	limit := c.opts.PongTimeout
	return limit > 0 && time.Since(c.began)-(time.Duration(c.until.Load())-limit) < c.opts.PingInterval
}

func (c *Conn) ping() {
	if c.recent() {
		c.nextPing()
		return
	}
	if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.opts.WriteTimeout)); err != nil {
		c.Abort()
		return
	}
	c.nextPing()
}

func (c *Conn) nextPing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing.Load() {
		c.timer.Reset(c.opts.PingInterval)
	}
}

// Read returns the next message. Its bytes are valid until the next Read.
// Every error is final and one of this package's: *CloseError, ErrTooLarge,
// ErrTimeout, ErrProtocol, ErrClosed (we closed) or ErrLost.
func (c *Conn) Read() (Kind, []byte, error) {
	for {
		if cap(c.buf) > keepBuffer { // the last message is not used any more
			c.longest = len(c.buf) + 1
			c.buf = nil
		}
		typ, r, err := c.ws.NextReader()
		if err == nil {
			c.heard()
			if c.buf == nil {
				c.buf = make([]byte, 0, max(firstBuffer, min(c.longest, 1<<20)))
			}
			c.buf, err = readAll(c.buf[:0], r)
		}
		if err != nil {
			err = c.readError(err)
			switch {
			case errors.Is(err, ErrTooLarge):
				c.linger(CloseTooBig)
			case errors.Is(err, ErrProtocol):
				c.linger(CloseProtocol)
			default:
				c.Abort()
			}
			return Unknown, nil, err
		}
		if c.isClosing() {
			continue // said to the peer already: only its close frame counts
		}
		if typ == websocket.TextMessage {
			return Text, c.buf, nil
		}
		return Binary, c.buf, nil
	}
}

// linger ends a connection whose peer did something wrong, with the code that
// says so, unless the library has sent one already. To close the socket over
// what still comes would reset it, and the peer might never see why.
func (c *Conn) linger(code int) {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeGrace))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing.Store(true)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = time.AfterFunc(closeGrace, c.Abort)
	raw := c.ws.NetConn()
	if half, ok := raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // a socket that is gone has nothing to tell
	}
	go func() {
		_, _ = io.Copy(io.Discard, raw) // until the peer ends it, or Abort does
		c.Abort()
	}()
}

// readAll is io.ReadAll into a buffer that is kept.
func readAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// WriteBinary sends one binary message; b is free again when it returns. A
// write that fails ends the connection.
func (c *Conn) WriteBinary(b []byte) error { return c.write(websocket.BinaryMessage, b) }

// WriteText sends one text message, which must be UTF-8.
func (c *Conn) WriteText(b []byte) error { return c.write(websocket.TextMessage, b) }

// WriteJSON sends v as one text message.
func (c *Conn) WriteJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.WriteText(b)
}

func (c *Conn) write(typ int, b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(c.opts.WriteTimeout)) // always nil
	err := c.ws.WriteMessage(typ, b)
	if err == nil {
		return nil
	}
	err = c.writeError(err)
	if !c.isClosing() {
		c.Abort() // half a frame may be out: nothing can follow it
	}
	return err
}

// Close says goodbye with a code and a reason of at most 123 bytes, then
// waits in the background for the peer's answer; a Read in progress discards
// what still comes. Further calls do nothing.
func (c *Conn) Close(code int, reason string) error {
	c.mu.Lock()
	if c.closing.Load() {
		c.mu.Unlock()
		return nil
	}
	c.closing.Store(true)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = time.AfterFunc(closeGrace, c.Abort)
	_ = c.ws.SetReadDeadline(time.Now().Add(closeGrace))
	c.mu.Unlock()
	if len(reason) > 123 {
		reason = reason[:123]
	}
	err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(closeGrace))
	if err != nil {
		c.Abort()
		return c.writeError(err)
	}
	return nil
}

// Abort ends the connection at once, without a close frame.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing.Store(true)
	if c.timer != nil {
		c.timer.Stop()
	}
	_ = c.ws.Close() // closing a closed socket is no news
}

func (c *Conn) isClosing() bool { return c.closing.Load() }

// Subprotocol is what both sides agreed on, or "".
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.ws.RemoteAddr() }
