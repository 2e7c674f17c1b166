package mediabridge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
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
	linkBuffer  = 1 << 10 // a frame and its head
)

// stableAfter is how long a worker must have lived for its loss to be no
// reason to ask more slowly.
const stableAfter = 5 * time.Second

// linkUp, linkLost and linkDown are put into the session's mailbox between
// the worker's messages, in the order in which things happened. A linkUp after
// another one, without a loss between, is another worker in the first one's
// place: nothing more comes of the first.
type (
	linkUp struct {
		engine              string
		partials, synthetic bool
		out                 *mailbox
		drop                func() // ends this worker's connection, for a worker that hangs
	}
	linkLost struct{}                // the worker is gone; another is asked for
	linkDown struct{ reason string } // none could be had; asked for again later
)

// link holds one speech slot for the duration of a call, and gets another
// when its worker dies or the caller's dialect changes.
type link struct {
	component   string // asr or tts
	subject     string
	subprotocol string
	start       schemas.SpeechMessage
	acquire     schemas.SlotAcquire
	in          *mailbox
	wants       chan string // the newest dialect that is wanted

	cfg         Config
	bus         *bus.Bus
	log         *slog.Logger
	outDrops    prometheus.Counter
	failures    prometheus.Counter
	lost        prometheus.Counter
	writeErrors prometheus.Counter
	replaced    prometheus.Observer
	dialects    *prometheus.CounterVec // nil for synthesis

	second  bool   // a second attempt at the first worker was made
	dialect string // of the link's goroutine
	gate    sync.Mutex
	current *held // whose messages pass the gate
	retired sync.WaitGroup
}

// held is a worker's connection that is ready.
type held struct {
	conn  *ws.Conn
	ready schemas.SpeechMessage
	// served is the dialect whose subject the worker answered on; "" is all
	// others.
	served string
}

// want asks for a worker of another dialect, from any goroutine; the newest
// wish counts.
func (l *link) want(dialect string) {
	for {
		select {
		case l.wants <- dialect:
			return
		default:
		}
		select {
		case <-l.wants:
		default:
		}
	}
}

// run lives until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.retired.Wait()
	pause := l.cfg.SlotRetry
	var gone time.Time // when the last worker was lost, until there is another
	short := 0         // workers in a row that did not live for long
	for ctx.Err() == nil {
		h, err := l.obtain(ctx, gone)
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
		if !gone.IsZero() {
			l.replaced.Observe(time.Since(gone).Seconds())
			gone = time.Time{}
		}
		began := time.Now()
		err = l.serve(ctx, h)
		if ctx.Err() != nil {
			return
		}
		gone = time.Now()
		l.lost.Inc()
		l.log.Warn("speech worker lost", "component", l.component, "error", err)
		l.in.pushWait(ctx.Done(), letterValue, nil, linkLost{})
		// The next one is asked for at once: the caller may be in the middle
		// of a word. Only what dies again and again is asked for more slowly.
		if gone.Sub(began) > stableAfter {
			pause, short = l.cfg.SlotRetry, 0
			continue
		}
		if short++; short == 1 {
			continue
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, 16*l.cfg.SlotRetry)
	}
}

// obtain gets a worker. After a loss it keeps asking for the time of grace:
// a worker that is started again has what the caller says meanwhile. At the
// beginning of a call a worker that is slow gets a second chance.
func (l *link) obtain(ctx context.Context, gone time.Time) (*held, error) {
	first := gone.IsZero()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		select {
		case l.dialect = <-l.wants:
		default:
		}
		h, err := l.connect(ctx, l.dialect, nil)
		switch {
		case err == nil:
			return h, nil
		case first && !l.second && !errors.Is(err, bus.ErrNoResponders):
			l.second = true
		case first || time.Since(gone) > l.cfg.SlotGrace:
			return nil, err
		}
		if !sleep(ctx, pause) {
			return nil, ctx.Err()
		}
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

// serve moves messages until a worker is lost or ctx ends. A worker that
// makes way for another one is not lost.
func (l *link) serve(ctx context.Context, h *held) error {
	for {
		next, err := l.hold(ctx, h)
		if next == nil {
			return err
		}
		h = next
	}
}

// hold moves the messages of one worker until it is lost, or until another
// one for the dialect that is wanted by then has taken its place.
func (l *link) hold(call context.Context, h *held) (*held, error) {
	ctx, cancel := context.WithCancel(call)
	out := newCarriedMailbox(linkOutSize, l.outDrops, func(m *letter) bool { return l.write(h.conn, m) })
	end := func() { // all that belongs to this worker
		cancel()
		h.conn.Abort()
		out.end()
	}
	up := linkUp{h.ready.Engine, h.ready.Partials, h.ready.Synthetic, out, h.conn.Abort}
	l.gate.Lock()
	l.current = h
	passed := l.in.pushWait(ctx.Done(), letterValue, nil, up)
	l.gate.Unlock()
	if !passed {
		end()
		return nil, ctx.Err()
	}
	ended := make(chan error, 1)
	go func() { ended <- l.read(ctx, h) }()
	found := make(chan *held, 1)
	looking := false // for a worker of another dialect
	for {
		wants := l.wants
		if looking {
			wants = nil
		}
		select {
		case l.dialect = <-wants:
			looking = true
			go func(dialect string) { found <- l.look(ctx, dialect, h) }(l.dialect)
		case next := <-found:
			looking = false
			if next == nil {
				continue
			}
			l.retired.Go(func() {
				_ = h.conn.Close(ws.CloseNormal, "")
				<-ended
				end()
			})
			return next, nil
		case <-ctx.Done():
			_ = h.conn.Close(ws.CloseNormal, "")
			err := <-ended
			end()
			if looking {
				l.drop(<-found)
			}
			return nil, err
		case err := <-ended:
			end()
			if !looking {
				return nil, err
			}
			// Another one may be ready by now, and then none has to be asked for.
			next := <-found
			if next == nil || call.Err() != nil {
				return l.drop(next), err
			}
			l.lost.Inc()
			return next, nil
		}
	}
}

// write sends one message to the worker; false: no more can be sent.
func (l *link) write(conn *ws.Conn, m *letter) bool {
	var err error
	if m.kind == letterBinary {
		err = conn.WriteBinary(m.data)
	} else {
		err = conn.WriteText(m.data)
	}
	if err != nil && !errors.Is(err, ws.ErrClosed) { // the reader tells why
		l.writeErrors.Inc()
	}
	return err == nil
}

// drop ends a connection that nobody wants any more.
func (l *link) drop(h *held) *held {
	if h != nil {
		_ = h.conn.Close(ws.CloseNormal, "")
		h.conn.Abort()
	}
	return nil
}

// read passes on what the worker says while it is the one that counts.
func (l *link) read(ctx context.Context, h *held) error {
	for {
		kind, b, err := h.conn.Read()
		if err != nil {
			return err
		}
		k := letterBinary
		if kind == ws.Text {
			k = letterText
		}
		l.gate.Lock()
		passed := l.current != h || l.in.pushWait(ctx.Done(), k, b, nil)
		l.gate.Unlock()
		if !passed {
			return ctx.Err()
		}
	}
}

// look looks for a worker of a dialect, and closes the gate before the one in
// hand when there is a better one; nil when there is none.
func (l *link) look(ctx context.Context, dialect string, h *held) *held {
	next, err := l.connect(ctx, dialect, h)
	switch {
	case err == nil && next == nil: // the one in hand will do
	case err == nil:
		l.gate.Lock()
		l.current = next
		l.gate.Unlock()
		return next
	case ctx.Err() == nil:
		l.dialects.WithLabelValues(dialectKept).Inc()
		l.log.Warn("no recogniser for the dialect", "dialect", dialect, "error", err)
	}
	return nil
}

// speech encodes a message of the speech protocol.
func speech(m schemas.SpeechMessage) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	return b
}
