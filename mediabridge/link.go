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
)

// Buffers of a link's websocket: sound that comes is read past them, and
// sound that goes is a frame of at most 640 bytes with its head.
const (
	linkReadBuffer  = 512
	linkWriteBuffer = 768
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
// when its worker dies or the caller's dialect changes. It is one goroutine at
// a time: one that seeks a worker, or one that reads what the worker in hand
// says. Each of them begins with a small stack of its own. Beside it one may
// look for a worker of another dialect.
type link struct {
	component   string // asr or tts
	subject     string
	subprotocol string
	start       schemas.SpeechMessage
	acquire     schemas.SlotAcquire
	in          *mailbox

	cfg         *Config
	bus         *bus.Bus
	log         *slog.Logger
	outDrops    prometheus.Counter
	failures    prometheus.Counter
	lost        prometheus.Counter
	writeErrors prometheus.Counter
	replaced    prometheus.Observer
	dialects    *prometheus.CounterVec // nil for synthesis

	ctx   context.Context // the call's
	group *sync.WaitGroup // of all of the link's goroutines

	// Of the goroutine that seeks or reads.
	pause  time.Duration // before asking again
	second bool          // a second attempt at the first worker was made
	gone   time.Time     // when the last worker was lost, until there is another
	short  int           // workers in a row that did not live for long

	// gate is held while something is passed on to the session, and while
	// another worker becomes the one whose messages pass. It comes before mu.
	gate    sync.Mutex
	current *held

	mu      sync.Mutex
	dialect string // wanted
	newer   bool   // and nobody has looked for it yet
	hand    *held  // the worker in hand
	looking bool   // for another one
	orphan  error  // how the one in hand was lost meanwhile
}

// held is a worker's connection that is ready.
type held struct {
	conn  *ws.Conn
	ready schemas.SpeechMessage
	// served is the dialect whose subject the worker answered on; "" is all
	// others.
	served string

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	began  time.Time
}

// want asks for a worker of another dialect, from any goroutine while the
// session goes on; the newest wish counts.
func (l *link) want(dialect string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialect, l.newer = dialect, true
	l.lookOut()
}

// lookOut begins to look for what is wanted beside the worker in hand. It
// needs mu.
func (l *link) lookOut() {
	if l.hand == nil || l.looking || !l.newer {
		return
	}
	l.looking, l.newer = true, false
	dialect, h := l.dialect, l.hand
	l.group.Go(func() { l.look(dialect, h) })
}

// run keeps the link up until ctx ends, in goroutines of the group.
func (l *link) run(ctx context.Context, group *sync.WaitGroup) {
	l.ctx, l.group, l.pause = ctx, group, l.cfg.SlotRetry
	group.Go(l.seek)
}

// seek asks for a worker until there is one.
func (l *link) seek() {
	for l.ctx.Err() == nil {
		h, err := l.obtain()
		if err == nil {
			l.gate.Lock()
			l.take(h)
			l.gate.Unlock()
			return
		}
		if l.ctx.Err() != nil {
			return
		}
		l.failures.Inc()
		l.warn("no speech slot", err)
		l.in.pushWait(l.ctx.Done(), letterValue, nil, linkDown{downReason(err)})
		l.rest()
	}
}

func (l *link) warn(text string, err error) {
	l.log.Warn(text, "component", l.component, "error", err)
}

// rest is the pause before asking again; the next one is longer.
func (l *link) rest() {
	sleep(l.ctx, l.pause)
	l.pause = min(2*l.pause, 16*l.cfg.SlotRetry)
}

// obtain gets a worker. After a loss it keeps asking for the time of grace:
// a worker that is started again has what the caller says meanwhile. At the
// beginning of a call a worker that is slow gets a second chance.
func (l *link) obtain() (*held, error) {
	first := l.gone.IsZero()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		l.mu.Lock()
		dialect := l.dialect
		l.newer = false
		l.mu.Unlock()
		h, err := l.connect(l.ctx, dialect, nil)
		if err == nil && !l.gone.IsZero() {
			l.replaced.Observe(time.Since(l.gone).Seconds())
			l.gone = time.Time{}
		}
		switch {
		case err == nil:
			return h, nil
		case first && !l.second && !errors.Is(err, bus.ErrNoResponders):
			l.second = true
		case first || time.Since(l.gone) > l.cfg.SlotGrace:
			return nil, err
		}
		if !sleep(l.ctx, pause) {
			return nil, l.ctx.Err()
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

// take has a worker in hand from here on; nothing more passes of the one
// before. It needs the gate.
func (l *link) take(h *held) {
	h.ctx, h.cancel = context.WithCancel(l.ctx)
	h.began = time.Now()
	l.current = h
	l.mu.Lock()
	l.hand = h
	l.lookOut()
	l.mu.Unlock()
	l.group.Go(func() { l.hold(h) })
}

// hold moves the messages of one worker until its connection ends.
func (l *link) hold(h *held) {
	stop := context.AfterFunc(h.ctx, func() { _ = h.conn.Close(ws.CloseNormal, "") })
	out := newCarriedMailbox(linkOutSize, l.outDrops, func(m *letter) bool { return l.write(h.conn, m) })
	err := h.ctx.Err()
	up := linkUp{h.ready.Engine, h.ready.Partials, h.ready.Synthetic, out, h.conn.Abort}
	if l.pass(h, letterValue, nil, up) {
		err = l.read(h)
	}
	stop()
	h.cancel()
	h.conn.Abort()
	out.end()
	if l.letGo(h, err) {
		l.loss(h, err)
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

func (l *link) read(h *held) error {
	for {
		kind, b, err := h.conn.Read()
		if err != nil {
			return err
		}
		k := letterBinary
		if kind == ws.Text {
			k = letterText
		}
		if !l.pass(h, k, b, nil) {
			return h.ctx.Err()
		}
	}
}

// pass hands on what the worker says while it is the one that counts; false
// says that the call is over.
func (l *link) pass(h *held, kind letterKind, data []byte, value any) bool {
	l.gate.Lock()
	defer l.gate.Unlock()
	return l.current != h || l.in.pushWait(h.ctx.Done(), kind, data, value)
}

// letGo notes that a connection has ended; true says that another worker has
// to be sought. One that made way is not missed, and while another one is
// looked for, that may be it.
func (l *link) letGo(h *held, err error) bool {
	l.gate.Lock()
	defer l.gate.Unlock()
	if l.current != h {
		return false
	}
	l.current = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hand = nil
	if l.looking {
		l.orphan = err
	}
	return !l.looking && l.ctx.Err() == nil
}

// loss seeks another worker at once: the caller may be in the middle of a
// word. Only what dies again and again is asked for more slowly.
func (l *link) loss(h *held, err error) {
	l.gone = time.Now()
	l.lost.Inc()
	l.warn("speech worker lost", err)
	l.in.pushWait(l.ctx.Done(), letterValue, nil, linkLost{})
	l.short++
	if l.gone.Sub(h.began) > stableAfter {
		l.pause, l.short = l.cfg.SlotRetry, 0
	}
	if l.short > 1 {
		l.rest()
	}
	l.seek()
}

// look looks for a worker of a dialect that is better than the one in hand,
// and takes it. When the one in hand is lost meanwhile, the search ends with
// what it has.
func (l *link) look(dialect string, h *held) {
	next, err := l.connect(h.ctx, dialect, h)
	if err != nil && h.ctx.Err() == nil {
		l.dialects.WithLabelValues(dialectKept).Inc()
		l.log.Warn("no recogniser for the dialect", "dialect", dialect, "error", err)
	}
	if next != nil && l.ctx.Err() != nil {
		next.conn.Abort()
		next = nil
	}
	l.gate.Lock()
	l.mu.Lock()
	orphan := l.orphan
	l.orphan, l.looking = nil, false
	if next == nil {
		l.lookOut() // for what was wanted meanwhile
	}
	l.mu.Unlock()
	if next != nil {
		l.take(next)
	}
	l.gate.Unlock()
	switch {
	case next != nil && orphan == nil:
		_ = h.conn.Close(ws.CloseNormal, "")
	case next != nil:
		l.lost.Inc()
	case orphan != nil && l.ctx.Err() == nil:
		l.loss(h, orphan)
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
