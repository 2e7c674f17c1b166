package mediabridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidegate/tidegate/internal/bus"
	"github.com/tidegate/tidegate/internal/dialect"
	"github.com/tidegate/tidegate/internal/ws"
	"github.com/tidegate/tidegate/schemas"
)

// What came of asking for a recogniser of a dialect; the values of a label.
const (
	dialectServed   = "served"   // a worker for it, or for a wider one
	dialectFallback = "fallback" // one for Mandarin instead
	dialectKept     = "kept"     // none: the call keeps the one that it has
)

// errWorkerRefused is a worker that answers start with an error.
var errWorkerRefused = errors.New("speech worker refused the call")

// connect gets a slot for a dialect, of a wider one that includes it, or, for
// want of those, of Mandarin, opens its websocket and waits until it is ready.
// With a worker in hand it looks for a better one only: without an error and
// without a worker, the one in hand will do.
func (l *link) connect(ctx context.Context, spoken string, have *held) (*held, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SlotTimeout)
	defer cancel()
	chain := dialect.Chain(spoken)
	for _, d := range chain {
		if have != nil && have.served == d {
			return nil, nil
		}
		// Nobody, or nobody in time: a caller in mid-sentence cannot wait for
		// the best one.
		h, err := l.tryBriefly(ctx, schemas.SubjectSlotDialect(d), spoken)
		if err == nil {
			h.served = d
			l.dialects.WithLabelValues(dialectServed).Inc()
			return h, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
	if have != nil && have.served == "" {
		if len(chain) > 0 {
			l.dialects.WithLabelValues(dialectKept).Inc()
		}
		return nil, nil
	}
	for tries := 1; ; tries++ {
		h, err := l.try(ctx, l.subject, spoken)
		if err == nil {
			if len(chain) > 0 {
				l.dialects.WithLabelValues(dialectFallback).Inc()
			}
			return h, nil
		}
		// A place that could not be taken, or a request that reached a worker
		// which has died: another one may answer.
		if !again(err) || tries == maxTries || !sleep(ctx, time.Duration(tries)*10*time.Millisecond) {
			return nil, err
		}
	}
}

// maxTries bounds how often one attempt at a slot asks for a place: with the
// default limits, as often as there is time for when nobody answers.
const maxTries = 4

// again says whether another try may find another worker.
func again(err error) bool {
	var remote *bus.RemoteError
	return !errors.Is(err, bus.ErrNoResponders) && !errors.As(err, &remote)
}

// tryBriefly is try with half of the time that there is.
func (l *link) tryBriefly(ctx context.Context, subject, spoken string) (*held, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SlotTimeout/2)
	defer cancel()
	return l.try(ctx, subject, spoken)
}

// try asks once on a subject, and takes the place that is granted.
func (l *link) try(ctx context.Context, subject, spoken string) (*held, error) {
	slot, err := l.ask(ctx, subject, spoken)
	if err != nil {
		return nil, err
	}
	conn, err := ws.Dial(ctx, slot.URL, ws.Options{
		Subprotocols: []string{l.subprotocol}, ReadLimit: 1 << 20,
		PingInterval: l.cfg.SpeechPing, PongTimeout: l.cfg.SpeechPong, WriteTimeout: l.cfg.WriteTimeout,
		ReadBuffer: linkReadBuffer, WriteBuffer: linkWriteBuffer,
	})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, conn.Abort)
	defer stop()
	ready, err := l.greet(conn, spoken)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Abort()
		return nil, err
	}
	if ready.Engine == "" {
		ready.Engine = slot.Engine
	}
	return &held{conn: conn, ready: ready}, nil
}

// ask asks for a slot. Workers answer at once or not at all, so a request
// without an answer has gone to one that is dead and not known to be.
func (l *link) ask(ctx context.Context, subject, spoken string) (*schemas.SlotGranted, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SlotAnswer)
	defer cancel()
	acquire := l.acquire
	acquire.Dialect = spoken
	m, err := l.bus.Request(ctx, subject, acquire, schemas.ForCall(acquire.CallID))
	if err != nil {
		return nil, err
	}
	slot, ok := m.Data.(*schemas.SlotGranted)
	if !ok {
		return nil, fmt.Errorf("slot answer is %s: %w", m.Envelope.Type, schemas.ErrUnknownType)
	}
	return slot, nil
}

func (l *link) greet(conn *ws.Conn, spoken string) (schemas.SpeechMessage, error) {
	var m schemas.SpeechMessage
	start := l.start
	start.Dialect = spoken
	if err := conn.WriteJSON(start); err != nil {
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
