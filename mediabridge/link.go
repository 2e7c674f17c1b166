package mediabridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// Sizes of the mailboxes of a link: out holds 5 s of frames, in what a fast
// synthesiser sends before its reader is made to wait.
const (
	linkOutSize = 256
	linkInSize  = 64
)

// stableAfter is how long a worker must have lived for its loss to be no
// reason to ask more slowly.
const stableAfter = 5 * time.Second

// linkUp, linkLost and linkDown are put into the session's mailbox between
// the worker's messages, in the order in which things happened.
type (
	linkUp struct {
		engine              string
		partials, synthetic bool // of a recogniser
		out                 *mailbox
		drop                func() // ends this worker's connection, for a worker that hangs
	}
	linkLost struct{}                // the worker is gone; another is asked for
	linkDown struct{ reason string } // none could be had; asked for again later
)

// errWorkerRefused is a worker that answers start with an error.
var errWorkerRefused = errors.New("speech worker refused the call")

// link holds one speech slot for the duration of a call, and gets another
// when its worker dies.
type link struct {
	component   string // asr or tts
	subject     string
	subprotocol string
	start       schemas.SpeechMessage
	acquire     schemas.SlotAcquire
	in          *mailbox

	cfg         Config
	bus         *bus.Bus
	log         *slog.Logger
	outDrops    prometheus.Counter
	failures    prometheus.Counter
	lost        prometheus.Counter
	writeErrors prometheus.Counter
}

// run lives until ctx ends.
func (l *link) run(ctx context.Context) {
	pause := l.cfg.SlotRetry
	for ctx.Err() == nil {
		conn, ready, err := l.connect(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			l.failures.Inc()
			l.log.Warn("no speech slot", "component", l.component, "error", err)
			l.in.pushWait(ctx.Done(), letterValue, nil, linkDown{downReason(err)})
			if !sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, 16*l.cfg.SlotRetry)
			continue
		}
		began := time.Now()
		err = l.serve(ctx, conn, ready)
		if ctx.Err() != nil {
			return
		}
		l.lost.Inc()
		l.log.Warn("speech worker lost", "component", l.component, "error", err)
		l.in.pushWait(ctx.Done(), letterValue, nil, linkLost{})
		if time.Since(began) > stableAfter {
			pause = l.cfg.SlotRetry
			continue
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, 16*l.cfg.SlotRetry)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect gets a slot, opens its websocket and waits until it is ready.
func (l *link) connect(ctx context.Context) (*ws.Conn, schemas.SpeechMessage, error) {
	var ready schemas.SpeechMessage
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SlotTimeout)
	defer cancel()
	m, err := l.bus.Request(ctx, l.subject, l.acquire, schemas.ForCall(l.acquire.CallID))
	if err != nil {
		return nil, ready, err
	}
	slot, ok := m.Data.(*schemas.SlotGranted)
	if !ok {
		return nil, ready, fmt.Errorf("slot answer is %s: %w", m.Envelope.Type, schemas.ErrUnknownType)
	}
	conn, err := ws.Dial(ctx, slot.URL, ws.Options{
		Subprotocols: []string{l.subprotocol}, ReadLimit: 1 << 20,
		PingInterval: l.cfg.PingInterval, PongTimeout: l.cfg.PongTimeout, WriteTimeout: l.cfg.WriteTimeout,
	})
	if err != nil {
		return nil, ready, err
	}
	stop := context.AfterFunc(ctx, conn.Abort)
	defer stop()
	ready, err = l.greet(conn)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Abort()
		return nil, ready, err
	}
	if ready.Engine == "" {
		ready.Engine = slot.Engine
	}
	return conn, ready, nil
}

func (l *link) greet(conn *ws.Conn) (schemas.SpeechMessage, error) {
	var m schemas.SpeechMessage
	if err := conn.WriteJSON(l.start); err != nil {
		return m, err
	}
	kind, b, err := conn.Read()
	if err != nil {
		return m, err
	}
	if kind != ws.Text {
		return m, fmt.Errorf("%w: sound before ready", schemas.ErrSyntax)
	}
	if err := schemas.DecodeStrict(schemas.SchemaSpeech, b, &m); err != nil {
		return m, err
	}
	if m.Type != schemas.SpeechReady {
		return m, fmt.Errorf("%w: %s %s", errWorkerRefused, m.Type, m.Code)
	}
	return m, nil
}

// serve moves messages until the websocket or ctx ends.
func (l *link) serve(ctx context.Context, conn *ws.Conn, ready schemas.SpeechMessage) error {
	ctx, cancel := context.WithCancel(ctx)
	out := newMailbox(linkOutSize, newWake(), l.outDrops)
	writer := make(chan struct{})
	go func() {
		defer close(writer)
		if pump(ctx, conn, out) != nil {
			l.writeErrors.Inc()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close(ws.CloseNormal, "") })
	defer func() { stop(); cancel(); conn.Abort(); <-writer }()
	if !l.in.pushWait(ctx.Done(), letterValue, nil, linkUp{ready.Engine, ready.Partials, ready.Synthetic, out, conn.Abort}) {
		return ctx.Err()
	}
	for {
		kind, b, err := conn.Read()
		if err != nil {
			return err
		}
		k := letterBinary
		if kind == ws.Text {
			k = letterText
		}
		if !l.in.pushWait(ctx.Done(), k, b, nil) {
			return ctx.Err()
		}
	}
}

// pump writes what a mailbox gets to a websocket until a close letter, an
// error or the end of ctx.
func pump(ctx context.Context, conn *ws.Conn, out *mailbox) error {
	var l letter
	for {
		for out.pop(&l) {
			var err error
			switch l.kind {
			case letterBinary:
				err = conn.WriteBinary(l.data)
			case letterText:
				err = conn.WriteText(l.data)
			default:
				return conn.Close(ws.CloseNormal, string(l.data))
			}
			if err != nil {
				if errors.Is(err, ws.ErrClosed) {
					return nil // the reader tells why
				}
				return err
			}
		}
		select {
		case <-out.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func downReason(err error) string {
	var h *ws.HandshakeError
	switch {
	case errors.Is(err, bus.ErrNoResponders):
		return "no worker"
	case errors.As(err, &h):
		return "worker unreachable"
	case errors.Is(err, errWorkerRefused):
		return "worker refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "no free worker in time"
	default:
		return "worker failed"
	}
}

// speech encodes a message of the speech protocol.
func speech(m schemas.SpeechMessage) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	return b
}
